"""When commands can be used: what is open and tracked now."""

from __future__ import annotations

from app.worker.player import Player


class Conditions:
    """Facts about a player's source and targets, as the `when` of commands."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def has_source(self) -> bool:
        """Whether something is open."""
        return self._player.source is not None

    def is_seekable(self) -> bool:
        """Whether something is open that has a first and a last frame."""
        return self._player.source is not None and self._player.source.is_seekable

    def is_live(self) -> bool:
        """Whether a camera or stream is open."""
        return self._player.source is not None and self._player.source.is_live

    def has_truth(self) -> bool:
        """Whether the ground truth of what is open is known."""
        return self._player.source is not None and self._player.source.has_ground_truth

    def has_targets(self) -> bool:
        """Whether there is a target."""
        return bool(self._player.summary.targets)

    def has_several_targets(self) -> bool:
        """Whether there are at least two targets."""
        return len(self._player.summary.targets) > 1

    def can_run_again(self) -> bool:
        """Whether what was tracked can be tracked once more."""
        return self.has_targets() and self.is_seekable()

    def can_redo(self) -> bool:
        """Whether something was taken back that can be done again."""
        return bool(self._player.summary.redo_text)
