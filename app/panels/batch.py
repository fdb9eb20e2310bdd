"""The batch panel: a folder of videos, the first box of each, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import ComboBox, PathField, with_browse
from app.panels.number_table import Column, NumberTable, Row
from app.panels.parts import enable_buttons, scrolled
from tracker_core.batch.box_table import FirstBox
from tracker_core.results.formats import BOX_FORMATS

MISSING, READY = "missing", "ready"


@dataclass(frozen=True)
class BatchOptions:
    """What the user wants; `boxes` is the file of first boxes, "" for those beside the videos."""

    folder: str
    boxes: str
    results: str
    box_format: str
    writes_video: bool
    uses_truth: bool

    def arguments(self, only_list: bool = False) -> list[str]:
        """Return the command that carries it out, or only lists the videos."""
        command = ["batch", self.folder, "--out", self.results, "--format", self.box_format]
        command += ["--boxes", self.boxes] if self.boxes else []
        command += ["--init-from-gt"] if self.uses_truth else []
        command += [] if self.writes_video else ["--no-video"]
        return [*command, *(["--list"] if only_list else []), "--progress", "json"]


class BatchPanel(QWidget):
    """What to track on the left, the videos with their first boxes and results on the right."""

    list_requested = pyqtSignal(object)  # BatchOptions
    start_requested = pyqtSignal(object)
    stop_requested = pyqtSignal()
    open_requested = pyqtSignal(str)  # a video, or the run of a finished one
    box_requested = pyqtSignal(str)  # the video that shall get the boxes of the window

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("batch_panel")
        self._videos: dict[str, dict[str, Any]] = {}  # by output
        self._outcomes: dict[str, Mapping[str, Any]] = {}
        self._is_running = False
        self.table = NumberTable(1, self.tr("Videos"), widest=34)
        self.table.setToolTip(self.tr("Double-click a video, or press Return: a finished one opens with its results"))
        self.table.row_activated.connect(lambda _output: self._open())
        self.table.row_chosen.connect(self._explain)
        self.status = QLabel(self.tr("Choose a folder of videos."))
        self.status.setWordWrap(True)
        self.status.setAccessibleName(self.tr("State of the batch"))
        form = self._make_form()
        form.addRow(self._make_actions())
        holder = QWidget()
        holder.setLayout(form)
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(scrolled(holder))
        splitter.addWidget(self._make_list())
        splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(splitter)
        self._show_state()

    def _make_list(self) -> QWidget:
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.status)
        return holder

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look into the folder of the last time when the panel is seen first."""
        super().showEvent(event)
        if not self._videos:
            self._ask_list()

    @property
    def options(self) -> BatchOptions:
        """What the user wants."""
        return BatchOptions(
            self.folder.path, self.boxes.path, self.results.path, self.box_format.currentText(),
            self.video.isChecked(), self.truth.isChecked(),
        )  # fmt: skip

    def set_folder(self, folder: str) -> None:
        """Propose a folder of videos, and one for the results beside it."""
        self.folder.set_path(folder)
        self.results.set_path(Path(folder).parent / f"{Path(folder).name}-tracked" if folder else "")

    def show_folder(self, folder: str) -> None:
        """Propose a folder of videos, and look into it."""
        self.set_folder(folder)
        self._ask_list()

    # --- what is shown ------------------------------------------------------------------------------------

    def set_videos(self, videos: Sequence[Mapping[str, Any]]) -> None:
        """Show what `batch --list` says."""
        self._videos = {str(video["output"]): dict(video) for video in videos}
        self._outcomes = {}
        self._fill()
        self._choose_missing()

    def set_boxes(self, name: str, boxes: Sequence[FirstBox]) -> None:
        """Give a video its first boxes, instead of those that it had."""
        same = [output for output, video in self._videos.items() if video["name"] == name and video["path"]]
        for output in same[1:]:
            del self._videos[output]
        if same:
            shown = [{"box": box.box_xywh.tolist(), "target": box.target} for box in boxes]
            self._videos[same[0]] |= {"boxes": shown, "frame": boxes[0].frame, "problem": ""}
            self._outcomes.pop(same[0], None)
        self._fill()
        self._choose_missing()

    def first_boxes(self) -> list[FirstBox]:
        """Return the first boxes of all videos that have some."""
        return [
            FirstBox(video["name"], np.array(entry["box"], np.float64), video["frame"], entry["target"])
            for video in self._videos.values()
            for entry in video["boxes"]
        ]

    def take(self, message: Mapping[str, Any]) -> None:
        """Take what came of a video."""
        output = str(message["output"])
        self._outcomes[output] = message
        self._videos.setdefault(output, {"name": message["name"], "path": "", "frame": 0, "boxes": [], "problem": ""})
        self._fill()
        self.table.choose(output)

    def set_running(self, is_running: bool, text: str) -> None:
        """Show whether something is in progress, and what."""
        self._is_running = is_running
        self.status.setText(text)
        self._show_state()

    def name_of(self, spec: str) -> str:
        """Return the name of the video that `spec` opens, "" if it is none of these."""
        places = {str(Path(video["path"]).resolve()): str(video["name"]) for video in self._videos.values()}
        return places.get(str(Path(spec).resolve()), "") if spec else ""

    @property
    def missing(self) -> list[str]:
        """The names of the videos that have no first box."""
        return [video["name"] for video in self._videos.values() if video["problem"] and video["path"]]

    @property
    def failed_count(self) -> int:
        """How many videos failed."""
        return sum(outcome["status"] == "failed" for outcome in self._outcomes.values())

    # --- building -----------------------------------------------------------------------------------------

    def _make_form(self) -> QFormLayout:
        self.folder, self.boxes, self.results, self.box_format = PathField(), PathField(), PathField(), ComboBox()
        self.video, self.truth = (
            QCheckBox(self.tr("Write tracked videos")),
            QCheckBox(self.tr("Start from ground truth")),
        )
        self.truth.setToolTip(self.tr("Start sequences without a box from their ground truth"))
        self.boxes.setPlaceholderText(self.tr("beside the videos"))
        self.boxes.setToolTip(
            self.tr("CSV or JSON; empty: boxes.csv or boxes.json in the folder, or a text file beside each video")
        )
        self.box_format.addItems(list(BOX_FORMATS))
        self.box_format.setCurrentText("csv")
        self.box_format.setAccessibleName(self.tr("Format of the boxes"))
        self.box_format.setToolTip(self.tr("In which form the boxes of each video are written"))
        self.video.setToolTip(self.tr("Beside the boxes, a video of each with the boxes drawn in"))
        self.folder.editingFinished.connect(self._take_folder)
        self.boxes.editingFinished.connect(self._ask_list)
        self.truth.toggled.connect(lambda _is_on: self._ask_list())
        form = QFormLayout()
        form.setContentsMargins(4, 4, 4, 4)
        form.setVerticalSpacing(3)
        form.addRow(self.tr("Videos:"), with_browse(self.folder, self.tr("Folder of the videos")))
        form.addRow(self.tr("First boxes:"), with_browse(self.boxes, self.tr("File of first boxes"), _browse_boxes))
        form.addRow(self.tr("Results:"), with_browse(self.results, self.tr("Folder of the results")))
        form.addRow(self.tr("Format:"), self.box_format)
        form.addRow(self.video)
        form.addRow(self.truth)
        return form

    def _make_actions(self) -> QVBoxLayout:
        self.open_video, self.take_box = QPushButton(self.tr("Open")), QPushButton(self.tr("Take box from the image"))
        self.start, self.stop = QPushButton(self.tr("Start")), QPushButton(self.tr("Stop"))
        self.start.setToolTip(self.tr("Track the videos that have a first box and are not finished"))
        self.stop.setToolTip(self.tr("Stop; what was tracked is kept"))
        self.open_video.setToolTip(self.tr("Open the chosen video, to draw its first box or to see its results"))
        self.take_box.setToolTip(self.tr("The boxes that the image shows now become the first boxes of its video"))
        self.open_video.clicked.connect(self._open)
        self.take_box.clicked.connect(lambda: self.box_requested.emit(self._chosen("name")))
        self.start.clicked.connect(lambda: self.start_requested.emit(self.options))
        self.stop.clicked.connect(self.stop_requested)
        lines = QVBoxLayout()
        lines.setSpacing(3)
        for buttons in ((self.open_video, self.take_box), (self.start, self.stop)):
            line = QHBoxLayout()
            for button in buttons:
                line.addWidget(button)
            lines.addLayout(line)
        return lines

    # --- state --------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        names = [self.tr("video"), self.tr("first box"), self.tr("status")]
        columns = [
            Column(self.tr("frames"), 0), Column(self.tr("lost (%)"), 0), Column(self.tr("score"), 2),
            Column(self.tr("success"), 3), Column(self.tr("seconds"), 1),
        ]  # fmt: skip
        self.table.set_rows(names, columns, [self._row(output, video) for output, video in self._videos.items()])
        self._show_state()

    def _row(self, output: str, video: Mapping[str, Any]) -> Row:
        outcome = self._outcomes.get(output, {})
        problem = str(outcome.get("error") or video["problem"])
        notes = " ".join(outcome.get("notes") or ())
        status = str(outcome.get("status") or (MISSING if video["problem"] else READY))
        shown = {
            "missing": self.tr("no first box") if video["path"] else self.tr("no video"), "ready": self.tr("ready"),
            "tracked": self.tr("tracked"), "present": self.tr("finished before"), "failed": self.tr("failed"),
            "stopped": self.tr("stopped"),
        }.get(status, status)  # fmt: skip
        texts = (video["name"], self._describe_boxes(video), f"{shown} ⚠" if problem or notes else shown)
        tip = "\n".join(filter(None, (video["name"], problem, notes)))
        return Row(texts, _numbers(outcome), output, tip)

    def _describe_boxes(self, video: Mapping[str, Any]) -> str:
        if not video["boxes"]:
            return "–" if video["problem"] else self.tr("ground truth")
        first = ", ".join(f"{round(value, 1):g}" for value in video["boxes"][0]["box"])
        if len(video["boxes"]) > 1:
            return self.tr("{} targets, frame {}").format(len(video["boxes"]), video["frame"])
        return self.tr("{} (frame {})").format(first, video["frame"]) if video["frame"] else first

    def _show_state(self) -> None:
        chosen = self._videos.get(str(self.table.chosen or ""))
        is_there = chosen is not None and bool(chosen["path"])
        self.open_video.setEnabled(is_there)
        self.take_box.setEnabled(is_there and not self._is_running)
        enable_buttons({self.start: bool(self._videos) and not self._is_running, self.stop: self._is_running})
        for field in (self.folder, self.boxes, self.results, self.box_format, self.video, self.truth):
            field.setEnabled(not self._is_running)

    def _explain(self, output: str) -> None:
        """Say what is wrong with a video that was chosen."""
        self._show_state()
        problem = self._outcomes.get(output, {}).get("error") or self._videos.get(output, {}).get("problem")
        if problem:
            self.status.setText(str(problem))

    def _chosen(self, key: str) -> str:
        return str(self._videos.get(str(self.table.chosen or ""), {}).get(key, ""))

    def _choose_missing(self) -> None:
        without = [output for output, video in self._videos.items() if video["problem"] and video["path"]]
        if without:
            self.table.choose(without[0])

    def _open(self) -> None:
        files = self._outcomes.get(str(self.table.chosen or ""), {}).get("files") or ()
        place = files[0] if files else self._chosen("path")
        if place:
            self.open_requested.emit(str(place))

    def _take_folder(self) -> None:
        if self.folder.path:
            self.show_folder(self.folder.path)

    def _ask_list(self) -> None:
        if self.folder.path and not self._is_running:
            self.list_requested.emit(self.options)


def _browse_boxes(parent: QWidget, title: str, path: str) -> str:
    return QFileDialog.getOpenFileName(parent, title, path, "CSV, JSON (*.csv *.json *.txt)")[0]


def _numbers(outcome: Mapping[str, Any]) -> tuple[float, ...]:
    targets, frames = outcome.get("targets") or (), outcome.get("frames") or 0
    lost = max((target["lost_frames"] for target in targets), default=math.nan)
    return (
        float(frames) if outcome else math.nan,
        100 * lost / frames if frames else math.nan,
        _mean([target["mean_score"] for target in targets]),
        _mean([target["success_auc"] for target in targets]),
        float(outcome.get("seconds", math.nan)),
    )


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan
