"""Opening sources: files, folders, cameras, addresses, what is dropped, and data sets of many sequences."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QMimeData, QObject
from PyQt5.QtWidgets import QFileDialog, QWidget

from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.recording import RecordingControls
from app.controls.several import SeveralSources
from app.dialogs.asking import ask_choice, ask_text
from app.worker.player import Player
from tracker_core.sources.cameras import Camera


class SourceControls(QObject):
    """Asks the user what to open, and the player to open it."""

    def __init__(self, player: Player, window: QWidget, bundled_clip: Path | None = None) -> None:
        super().__init__(window)
        self._player, self._window = player, window
        self.bundled_clip = bundled_clip
        self.recording = RecordingControls(player, self.open, self)
        self.several = SeveralSources(self.open, window)
        self._folder = ""
        self._cameras: list[Camera] = []
        player.worker.cameras_found.connect(self._keep_cameras)

    def commands(self) -> list[Command]:
        """Return what can be opened, and closing it."""
        has_source = Conditions(self._player).has_source
        return [
            Command("open_file", "file", "&Open video…", self.ask_file, "Ctrl+O", "Open a video file or a saved run",
                    icon="open", short="Open"),
            Command("open_folder", "file", "Open &folder or sequence…", self.ask_folder, "Ctrl+Shift+O",
                    "Open images or sequences", icon="folder"),
            Command("open_camera", "file", "Open &camera…", self.ask_camera, "Ctrl+K", "Open a camera",
                    icon="camera", short="Camera"),
            Command("open_url", "file", "Open &address…", self.ask_address, "Ctrl+U",
                    "Open a network stream (RTSP, HTTP)", icon="url"),
            Command("open_clip", "file", "Open the &bundled clip", self.open_clip, "",
                    "The clip that comes with the program", lambda: self.bundled_clip is not None, icon="clip"),
            Command("close_source", "file", "C&lose", self._player.close_source, "Ctrl+W", "Close what is open",
                    has_source),
            *self.recording.commands(),
        ]  # fmt: skip

    def open(self, spec: str) -> None:
        """Open what the user named: a path, an address or a camera; a data set's sequences are listed."""
        if spec:
            self._player.open(spec)

    def open_clip(self) -> None:
        """Open the clip that comes with the program."""
        if self.bundled_clip is not None:
            self.open(str(self.bundled_clip))

    def ask_file(self) -> None:
        """Ask for a video file or a saved run, or several."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._window,
            self.tr("Open video"),
            self._folder,
            self.tr(
                "Videos (*.mp4 *.mkv *.avi *.mov *.webm *.m4v *.mpg *.mpeg *.ts *.wmv);;"
                "Saved runs (*.json *.jsonl);;All files (*)"
            ),
        )
        self._open_from_dialog(paths)

    def ask_folder(self) -> None:
        """Ask for a folder of images, a sequence or a data set."""
        path = QFileDialog.getExistingDirectory(self._window, self.tr("Open folder or sequence"), self._folder)
        self._open_from_dialog([path] if path else [])

    def ask_address(self) -> None:
        """Ask for the address of a stream."""
        question = self.tr("Address (rtsp://, http://, …):")
        address = ask_text(self._window, self.tr("Open address"), question, "http://")
        if address is not None:
            self.open(address.strip())

    def ask_camera(self) -> None:
        """Ask for a camera: one of those that were found, or any number."""
        names = [f"{camera.index}: {camera.name}".rstrip(": ") for camera in self._cameras] or ["0"]
        question = self.tr("Camera (a number; 'Find cameras' in the sources panel lists them):")
        text = ask_choice(self._window, self.tr("Open camera"), question, names, is_editable=True) or ""
        number = text.split(":")[0].strip()
        if number:
            self.open(f"camera:{number}")

    def _keep_cameras(self, cameras: list[Camera]) -> None:
        self._cameras = cameras

    def can_drop(self, data: QMimeData | None) -> bool:
        """Tell whether something dragged in can be opened."""
        return data is not None and data.hasUrls()

    def drop(self, data: QMimeData | None) -> None:
        """Open what was dropped; of several things, what the user chooses."""
        urls = data.urls() if data is not None else []
        self.several.open([url.toLocalFile() if url.isLocalFile() else url.toString() for url in urls])

    def _open_from_dialog(self, paths: list[str]) -> None:
        if paths:
            self._folder = str(Path(paths[0]).parent)
            self.several.open(paths)
