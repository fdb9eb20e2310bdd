"""All runs of the source that is open: the active one grows, the others stay; and undo and redo of every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from app.session.frame_view import OtherRun
from app.session.history import Change, History
from app.session.live_run import LiveRun
from tracker_core.errors import InputError
from tracker_core.rendering.drawing import RUN_COLORS
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder

SETTLING_FRAMES = 25  # a slider that is drawn while tracking changes parameters many times; all of it is one run


class Runs:
    """The runs of one source by number, of which one is active: it is shown, explained, continued and exported.

    Another tracker or other parameters never replace what was found: `continue_with` starts another run, and the one
    before stays as it was. What a person changes goes through `edit` and the methods here, which `history` can take
    back and do again.
    """

    def __init__(self, source: SourceIdentity) -> None:
        self.source = source
        self.history = History()
        self.hidden: set[int] = set()  # runs whose eye is closed; looking is not a change
        self.length_scale = ""  # of the source, and so of all its runs; see `set_length_scale`
        self._runs: dict[int, LiveRun] = {1: LiveRun(source)}
        self._active, self._next = 1, 2
        self._last_color = 0  # that of the newest run
        self._edits = 0

    def __iter__(self) -> Iterator[LiveRun]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        return len(self._runs)

    def __getitem__(self, number: int) -> LiveRun:
        if number not in self._runs:
            raise InputError(f"There is no run {number}; it was deleted.")
        return self._runs[number]

    @property
    def active(self) -> LiveRun:
        """The run that is shown, explained, continued and exported."""
        return self._runs[self._active]

    @property
    def is_touched(self) -> bool:
        """Whether anything was found or changed here, beyond what was taken over from saved runs."""
        return bool(self._edits) or any(run.has_grown for run in self)

    def others_at(self, index: int) -> tuple[OtherRun, ...]:
        """Return what the visible runs beside the active one found in frame `index`."""
        return tuple(
            OtherRun(run.number, run.recorder.title, found, run.color)
            for run in self
            if run.number not in (self._active, *self.hidden) and (found := run.results_at(index))
        )

    # --- changes of the active run ------------------------------------------------------------------------

    @contextmanager
    def edit(self, text: str) -> Iterator[LiveRun]:
        """Change the active run inside a `with` block, as one change called `text` that can be taken back.

        Where the block raises, the run is as it was before.
        """
        run, before = self.active, self.active.copy()
        try:
            yield run
        except BaseException:
            self._runs[run.number] = before
            raise
        self._push(text, {run.number: before}, self._active, before.count)

    def push(self, text: str, undo: Callable[[], None], redo: Callable[[], None], weight: int = 0) -> None:
        """Take note of a change that was made already, and of how it is taken back and done again."""
        self._edits += 1
        self.history.push(Change(text, undo, redo, weight))

    def describe_target(self, number: int, name: str, color: str) -> None:
        """Give a target of the active run a name and a colour ("#rrggbb"), "" for none; blanks are made single."""
        run, name = self.active.number, " ".join(name.split())
        record = self.active.recorder.targets.get(number)
        if record is None or (record.name, record.color) == (name, color):
            return
        before, what = (record.name, record.color), "name" if record.name != name else "colour"
        self._describe(run, number, name, color)
        self.push(
            f"{what} of target {number}",
            lambda: self._describe(run, number, *before),
            lambda: self._describe(run, number, name, color),
        )

    def set_length_scale(self, text: str) -> None:
        """Say how long a pixel of the source is, as `parse_length_scale` reads it, "" for pixels."""
        before = self.length_scale
        if text != before:
            self.take_length_scale(text)
            self.push("length scale", lambda: self.take_length_scale(before), lambda: self.take_length_scale(text))

    def take_length_scale(self, text: str) -> None:
        """Use the scale that was saved for the source; no change that can be taken back."""
        self.length_scale = text
        for run in self:
            if run.recorder.length_scale != text:
                run.recorder.length_scale = text
                run.touch()

    # --- further runs -------------------------------------------------------------------------------------

    def continue_with(self, producer: Producer, index: int) -> bool:
        """Let `producer` find what follows frame `index`, in a run of its own where another made the active one.

        The new run begins with what was found up to that frame. True if one was started. Right after such a start
        further changes stay in the new run: they replace nothing.
        """
        run = self.active
        if not run.is_of_another(producer):
            return False
        is_settling = run.begins_at is not None and run.frames_since_change < SETTLING_FRAMES
        if is_settling and index >= run.last_index:
            return False
        self._start("new run", producer, index)
        return True

    def restart(self, producer: Producer) -> int | None:
        """Start a run for `producer` with the boxes of the active one and nothing else; return its first key frame.

        None, and no new run, where there is no box.
        """
        keys = [key for record in self.active.recorder.targets.values() for key in record.key_frames]
        if keys:
            self._start("re-run", producer, -1)
        return min(keys, default=None)

    def add(self, recorder: RunRecorder, ghost: RunRecorder | None = None, is_scored_anyway: bool = False) -> None:
        """Show what was recorded elsewhere as a further run, the active one; an empty run gives way to it."""
        if not self.active.recorder.targets:
            del self._runs[self._active]
        run = LiveRun.from_recorder(recorder, ghost, self._new_number())
        run.is_scored_anyway = is_scored_anyway
        self._take(run)

    def take_in(self, recorder: RunRecorder, text: str) -> None:
        """Add what was found elsewhere as a further run, the active one, as one change called `text`."""
        before, run = self._active, LiveRun.from_recorder(recorder, None, self._new_number())
        self._take(run)
        self._push(text, {run.number: None}, before, 0)

    def restore(self, runs: Iterable[LiveRun], active: int) -> None:
        """Take over runs that were saved, with the numbers that they have."""
        self._runs = {run.number: run for run in runs}
        self._active, self._next = active, max(self._runs) + 1
        self._last_color = self._runs[max(self._runs)].color

    def remember_deleted(self, run: LiveRun) -> None:
        """Let undo bring back a run that was deleted before the source was opened this time."""
        number, after = run.number, self._active
        kept: dict[int, LiveRun | None] = {number: run}
        undo, redo = (lambda: self._exchange(kept, number)), (lambda: self._exchange(kept, after))
        self.history.push(Change(f"deletion of run {number}", undo, redo, run.count))
        self._next = max(self._next, number + 1)

    def activate(self, number: int) -> None:
        """Make run `number` the one that is shown, explained, continued and exported."""
        self._active = self[number].number
        self.hidden.discard(number)

    def show(self, number: int, is_visible: bool) -> None:
        """Open or close the eye of a run: whether it is shown beside the active one."""
        (self.hidden.discard if is_visible else self.hidden.add)(self[number].number)

    def delete(self, number: int) -> None:
        """Delete a run; of the others the nearest becomes active."""
        run, before = self[number], self._active
        snapshot: dict[int, LiveRun | None] = {number: run}
        del self._runs[number]
        if not self._runs:
            empty = LiveRun(self.source, self._new_number(), color=self._free_color())
            self._runs[empty.number], snapshot[empty.number] = empty, None
        if before == number:
            self._active = min(self._runs, key=lambda other: abs(other - number))
        self._push(f"deletion of run {number}", snapshot, before, run.count)

    def rename(self, number: int, title: str) -> None:
        """Call a run by a name, "" for none."""
        before = self[number].recorder.title
        if title != before:
            self._name(number, title)
            self.push(f"name of run {number}", lambda: self._name(number, before), lambda: self._name(number, title))

    def score_anyway(self, number: int, is_scored: bool) -> None:
        """Measure a run against the ground truth although it did not start on it, or no longer."""
        if self[number].is_scored_anyway != is_scored:
            self._score(number, is_scored)
            text = f"scoring of run {number}"
            self.push(text, lambda: self._score(number, not is_scored), lambda: self._score(number, is_scored))

    def _start(self, text: str, producer: Producer, index: int) -> None:
        before = self._active
        run = self.active.branch(self._new_number(), index, producer)
        self._take(run)
        self._push(text, {run.number: None}, before, 0)

    def _take(self, run: LiveRun) -> None:
        run.color = self._free_color()
        run.recorder.length_scale = run.recorder.length_scale or self.length_scale
        self.length_scale = self.length_scale or run.recorder.length_scale
        self._runs[run.number] = run
        self._active = run.number

    def _free_color(self) -> int:
        """Return the next colour that no run has, or that the fewest have: two are told apart wherever they can be."""
        used = Counter(run.color for run in self)
        after = [(self._last_color + step) % len(RUN_COLORS) for step in range(1, len(RUN_COLORS) + 1)]
        self._last_color = min(after, key=lambda color: used[color])
        return self._last_color

    def _new_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _name(self, number: int, title: str) -> None:
        self[number].recorder.title = title
        self[number].touch()

    def _describe(self, run: int, number: int, name: str, color: str) -> None:
        record = self[run].recorder.targets[number]
        record.name, record.color = name, color
        self[run].touch()

    def _score(self, number: int, is_scored: bool) -> None:
        self[number].is_scored_anyway = is_scored
        self[number].touch()

    def _push(self, text: str, before: Mapping[int, LiveRun | None], active: int, weight: int) -> None:
        """Note a change of whole runs: `before` is what stood under their numbers, None where nothing did."""
        kept, after = dict(before), self._active
        self.push(text, lambda: self._exchange(kept, active), lambda: self._exchange(kept, after), weight)

    def _exchange(self, kept: dict[int, LiveRun | None], active: int) -> None:
        """Put runs in their places, and keep what stood there for the way back."""
        self._edits += 1
        for number, run in list(kept.items()):
            kept[number] = self._runs.pop(number, None)
            if run is not None:
                run.recorder.length_scale = self.length_scale
                self._runs[number] = run
        self._runs = dict(sorted(self._runs.items()))
        self._active = active
