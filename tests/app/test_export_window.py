"""Export from the real window: another process writes, and the files are read back."""

from __future__ import annotations

import contextlib
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import draw_frame, true_box
from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtGui import QDesktopServices
from PyQt5.QtWidgets import QFileDialog, QMessageBox, QToolButton

from app.canvas.overlays import OVERLAY_NAMES, OverlayModel
from app.dialogs.export import ExportDialog
from app.dialogs.export_options import BOXES, GIF, IMAGES, MOTION, VIDEO, ExportOptions, ShownOptions
from app.dialogs.export_path import ExportPath
from app.jobs.jobs import CANCELLED, Job, Jobs
from app.panels.written_bar import WrittenBar
from tracker_core.rendering.overlays import OVERLAYS
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.formats import read_boxes
from tracker_core.sources.opening import open_source

COUNT = 40


@pytest.fixture
def clip(tmp_path) -> Path:
    """A video of the drawn square, with ground truth beside it."""
    path = tmp_path / "square.mp4"
    with VideoWriter(path, 30) as writer:
        for index in range(COUNT):
            writer.write(draw_frame(index))
    rows = [",".join(f"{v:g}" for v in true_box(i) + np.array([1, 1, 0, 0])) for i in range(COUNT)]
    (tmp_path / "square_groundtruth_rect.txt").write_text("\n".join(rows) + "\n")
    return path


def tracked(drive, clip):
    """A window that has tracked the clip to its end."""
    driver = drive(lambda spec: open_source(spec))
    driver.open(str(clip))
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == COUNT - 1 and not driver.player.is_playing, timeout=20_000)
    return driver


def export(driver, options) -> None:
    driver.window.exports.export(options)
    driver.qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=30_000)


def test_video_boxes_and_images_are_what_was_tracked(drive, clip, tmp_path):
    driver = tracked(drive, clip)
    expected = np.array([driver.results()[i].box_xywh for i in range(5, 25)])

    export(driver, ExportOptions(VIDEO, str(tmp_path / "out.mp4"), 5, 24, 0.5))
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (160, 120)
        assert sum(1 for _ in container.decode(stream)) == 20

    export(driver, ExportOptions(BOXES, str(tmp_path / "boxes.csv"), 5, 24, box_format="csv"))
    boxes = read_boxes(tmp_path / "boxes.csv", "csv")
    assert list(boxes.frame_indices) == list(range(5, 25))
    np.testing.assert_allclose(boxes.targets[0].boxes_xywh, expected, atol=1e-3)

    (tmp_path / "frames").mkdir()
    export(driver, ExportOptions(IMAGES, str(tmp_path / "frames"), 5, 7, overlays=()))
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == ["000005.png", "000006.png", "000007.png"]
    assert not driver.failures


def test_an_export_that_cannot_be_written_is_one_sentence(drive, clip, tmp_path):
    driver = tracked(drive, clip)
    failures = []
    driver.window.exports.failed.disconnect()
    driver.window.exports.failed.connect(lambda *what: failures.append(what))
    export(driver, ExportOptions(VIDEO, str(tmp_path / "out.webm"), 0, 5))
    assert len(failures) == 1
    assert "out.webm" in failures[0][1] and "\n" not in failures[0][1]


def test_the_dialog_offers_the_range_and_says_the_codec(qtbot, tmp_path):
    dialog = ExportDialog("clip", (3, 90), (10, 20), tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    options = dialog.options()
    assert (options.kind, options.first, options.last) == (VIDEO, 10, 20)
    assert options.overlays == ("prediction", "labels", "ghost", "runs")  # there is no ground truth to draw
    assert "H.264" in dialog.codec.text()
    dialog.range.setCurrentIndex(0)
    assert (dialog.options().first, dialog.options().last) == (3, 90)
    dialog.kind.setCurrentIndex(dialog.kind.findData(BOXES))
    dialog.box_format.setCurrentText("json")
    assert dialog.options().path.endswith("clip-json.json")


def test_the_dialog_names_files_after_the_source_without_its_ending(qtbot, tmp_path):
    dialog = ExportDialog("take.2.mp4", (0, 9), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    assert dialog.options().path == str(tmp_path / "take.2-tracked.mp4")
    dialog.kind.setCurrentIndex(dialog.kind.findData(BOXES))
    for box_format, name in (("coco", "take.2-coco.json"), ("csv", "take.2-csv.csv"), ("otb", "take.2-otb.txt")):
        dialog.box_format.setCurrentText(box_format)
        assert dialog.options().path == str(tmp_path / name)


def test_of_a_live_source_only_boxes_are_offered(qtbot, tmp_path):
    dialog = ExportDialog("rtsp://host/a", (0, 9), None, tmp_path, has_truth=False, is_live=True)
    qtbot.addWidget(dialog)
    assert [dialog.kind.itemData(place) for place in range(dialog.kind.count())] == [BOXES, MOTION]
    assert dialog.options().kind == BOXES
    assert dialog.options().path == str(tmp_path / "rtsp_host_a-otb.txt")


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.is_file() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
def test_cancel_leaves_no_process_and_no_file(qtbot, tmp_path, drive, clip):
    driver = tracked(drive, clip)
    # so large that it takes long enough to be stopped in the middle
    options = ExportOptions(VIDEO, str(tmp_path / "out" / "large.mp4"), 0, COUNT - 1, 4.0)
    (tmp_path / "out").mkdir()
    driver.window.exports.export(options)
    qtbot.waitUntil(lambda: bool(driver.window.jobs.running), timeout=5000)
    job = driver.window.jobs.running[0]
    codes = []
    job.finished.connect(lambda code, sentence: codes.append((code, sentence)))
    with qtbot.waitSignal(job.message, timeout=20_000):
        pass
    pid = job.pid
    job.cancel()
    qtbot.waitUntil(lambda: bool(codes), timeout=15_000)
    assert codes == [(CANCELLED, "")]
    assert not is_alive(pid)
    assert not [p for p in (tmp_path / "out").iterdir() if p.name != "large.mp4"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
def test_closing_in_the_middle_asks_once_and_ends_the_job(qtbot, drive, monkeypatch):
    driver = drive()
    answers = [QMessageBox.No, QMessageBox.Yes]
    asked = []

    def question(*arguments):
        asked.append(arguments[2])
        return answers[len(asked) - 1]

    monkeypatch.setattr(QMessageBox, "question", question)
    job = Job("Benchmark", ["bench", "--frames", "100000", "--progress", "json"])
    driver.window.jobs.start(job)
    qtbot.waitUntil(lambda: job.pid > 0, timeout=5000)
    pid = job.pid
    assert not driver.window.close() and driver.window.isVisible() and is_alive(pid)
    assert driver.window.close()
    assert len(asked) == 2 and "Benchmark" in asked[0]
    assert not is_alive(pid)


@pytest.mark.parametrize("is_at_work", [False, True], ids=["starting", "at work"])
def test_a_job_ends_with_its_window(qtbot, is_at_work):
    """The process notices that nobody holds its standard input any more."""
    jobs = Jobs()
    job = Job("Benchmark", ["bench", "--frames", "100000", "--progress", "json"])
    with contextlib.ExitStack() as stack:
        if is_at_work:
            stack.enter_context(qtbot.waitSignal(job.progress, timeout=60_000))
        jobs.start(job)
    with qtbot.waitSignal(job.finished, timeout=30_000) as ended:
        job.release()
    assert ended.args[0] == CANCELLED and "Traceback" not in job.details


def test_what_is_tracked_while_the_dialog_opens_is_offered(drive, clip, monkeypatch):
    """Tracking goes on: the dialog offers all frames so far, not those of when tracking began."""
    driver = drive(lambda spec: open_source(spec))
    driver.open(str(clip))
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    spans = []
    monkeypatch.setattr(ExportDialog, "exec_", lambda self: spans.append(self._span))
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: (driver.index or 0) >= 10, timeout=20_000)
    shown = driver.index
    driver.window.exports.ask()
    assert spans[0][0] == 0 and spans[0][1] >= shown


def combo(field, data) -> None:
    """Choose an entry by its data."""
    place = field.findData(data)
    assert place >= 0
    field.setCurrentIndex(place)


def test_the_dialog_draws_what_the_window_shows(qtbot, tmp_path):
    overlays = OverlayModel()
    overlays.show("prediction", False)
    overlays.show_target(4, False)
    overlays.show("heat_map", True)
    overlays.set_value("heat_map", "mode", "raw")
    overlays.set_choices("heat_map", "anchor", [("-1", "best of all"), ("0", "1:3"), ("1", "1:1")])
    overlays.set_value("heat_map", "anchor", "1")
    titles = [(2, "Jürgen"), (4, "Target 4")]
    dialog = ExportDialog("clip", (3, 90), None, tmp_path, has_truth=True, overlays=overlays, active=2, targets=titles)
    qtbot.addWidget(dialog)
    assert set(dialog.options().overlays) == {"ground_truth", "ghost", "runs", "heat_map"}
    words = " ".join(dialog.options().arguments("run.json"))
    for option in ("--heat-map raw", "--heat-map-anchor 1", "--explain 2", "--targets 2"):
        assert option in words
    assert "--frames" not in words and "--whole" not in words, "all that is tracked until the export begins"
    combo(dialog.range, "own")
    dialog.last.setValue(80)
    assert "--frames 3:81" in " ".join(dialog.options().arguments("run.json"))
    combo(dialog.range, "whole")
    words = " ".join(dialog.options().arguments("run.json"))
    assert "--whole" in words and "--frames" not in words


def test_every_overlay_of_the_window_can_be_exported(qtbot, tmp_path):
    """But those of the mouse, and of what is not in the run."""
    dialog = ExportDialog("clip", (3, 90), None, tmp_path, has_truth=True)
    qtbot.addWidget(dialog)
    assert set(dialog.draw.boxes) == set(OVERLAYS)
    assert set(OVERLAY_NAMES) - set(OVERLAYS) <= {"anchors_at_mouse", "ghost", "runs"}


def test_targets_are_hidden_followed_and_ticked(qtbot, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *what: said.append(what[2]))
    titles = [(1, "Target 1"), (3, "Jürgen")]
    dialog = ExportDialog("clip", (0, 9), None, tmp_path, has_truth=False, targets=titles)
    qtbot.addWidget(dialog)
    combo(dialog.effect.effect, "blur")
    dialog.effect.strength.setValue(9)
    dialog.effect.targets.item(0).setCheckState(Qt.Unchecked)
    dialog.follow.follows.setChecked(True)
    combo(dialog.follow.aspect, "9:16")
    words = " ".join(dialog.options().arguments("run.json"))
    assert "--effect blur --strength 9 --effect-targets 3" in words
    assert "--follow all --aspect 9:16" in words
    dialog.effect.targets.item(1).setCheckState(Qt.Unchecked)
    dialog.buttons.accepted.emit()
    assert "No target is ticked" in said[0] and not dialog.result()


PATHS = {
    # typed or chosen by hand, and what becomes of it: kind, format, path
    "video to boxes": ("mine.mp4", BOXES, "csv", "mine.csv"),
    "video to GIF": ("mine.v2.MP4", GIF, "otb", "mine.v2.gif"),
    "video to images": ("mine.mkv", IMAGES, "otb", "mine"),
    "video to motion": ("mine.mov", MOTION, "otb", "mine.csv"),
    "no ending": ("mine", GIF, "otb", "mine.gif"),
    "a dot in the name": ("take.7", BOXES, "json", "take.7.json"),
}


@pytest.mark.parametrize("way", ["typed", "chosen"])
@pytest.mark.parametrize("case", PATHS)
def test_the_users_own_path_gets_the_ending_of_what_is_exported(qtbot, tmp_path, monkeypatch, way, case):
    text, kind, box_format, expected = PATHS[case]
    dialog = ExportDialog("clip", (0, 9), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    if way == "typed":
        dialog.path.field.clear()
        qtbot.keyClicks(dialog.path.field, str(tmp_path / text))
    else:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *what, **more: (str(tmp_path / text), ""))
        qtbot.mouseClick(dialog.path.findChild(QToolButton), Qt.LeftButton)
    combo(dialog.kind, kind)
    dialog.box_format.setCurrentText(box_format)
    assert dialog.options().path == str(tmp_path / expected)
    combo(dialog.kind, VIDEO)
    assert dialog.options().path.startswith(str(tmp_path / "mine")) or "take.7" in dialog.options().path
    assert dialog.options().path.endswith((".mp4", ".mkv", ".mov"))


def test_files_of_single_targets_are_not_replaced_unasked(qtbot, tmp_path):
    """OTB's boxes of several targets go into name-1.txt, name-2.txt, …, of which none has the name in the field."""
    path = ExportPath("clip.mp4", tmp_path)
    qtbot.addWidget(path)
    path.set_kind(BOXES, "otb")
    assert path.question() == ""
    (tmp_path / "clip-otb-2.txt").write_text("")
    assert "clip-otb-2.txt' already exists" in path.question()
    path.set_kind(BOXES, "csv")  # all targets in one file
    (tmp_path / "clip-csv-2.csv").write_text("")
    assert path.question() == ""


def test_a_folder_that_cannot_be_written_to_is_said_at_once(qtbot, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *what: said.append(what[2]))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    dialog = ExportDialog("clip", (0, 9), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    dialog.buttons.accepted.emit()
    assert said == [f"The folder '{tmp_path}' cannot be written to; choose another."]


def test_a_folder_that_can_be_written_to_is_proposed(drive, tmp_path, monkeypatch):
    """The folder of the last export has become read-only, say on a card that was locked."""
    locked = tmp_path / "card"
    locked.mkdir()
    kept = QSettings(str(tmp_path / "kept.ini"), QSettings.IniFormat)
    kept.setValue("export/folder", str(locked))
    exports = drive().window.exports
    exports._kept = kept
    assert exports._folder() == locked
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != locked)
    assert exports._folder().is_dir() and exports._folder() != locked


def test_a_wrong_length_is_said_at_once(qtbot, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *what: said.append(what[2]))
    dialog = ExportDialog("clip", (0, 9), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    combo(dialog.kind, MOTION)
    dialog.length_scale.setText("far")
    dialog.buttons.accepted.emit()
    assert "120 px = 1.8 m" in said[0]
    dialog.length_scale.setText("10 px = 2 m")
    words = " ".join(dialog.options().arguments("run.json"))
    assert "--format motion --length-scale 10 px = 2 m" in words and "--overlays" not in words


def test_what_was_written_can_be_opened(drive, clip, tmp_path, monkeypatch):
    """A short GIF, hidden and followed; the bar names it with the remarks, and its buttons open file and folder."""
    opened, knows_program = [], True
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toLocalFile()) or knows_program)
    )
    driver = tracked(drive, clip)
    shown = ShownOptions(effect="pixelate", follow=(), aspect="1:1")
    path = tmp_path / "out.gif"
    export(driver, ExportOptions(GIF, str(path), 5, 9, overlays=("prediction",), shown=shown))
    bar = driver.window.panels.written
    assert (
        not driver.failures
        and bar.isVisible()
        and bar.text.text() == "Wrote out.gif."
        and bar.text.toolTip() == str(path)
    )
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 5 and frames[0].shape[0] == frames[0].shape[1]
    driver.qtbot.mouseClick(bar.open, Qt.LeftButton)
    driver.qtbot.mouseClick(bar.show_in_folder, Qt.LeftButton)
    assert opened == [str(path), str(tmp_path)]
    knows_program = False  # as where xdg-open is missing: a click that does nothing needs a word
    driver.qtbot.mouseClick(bar.open, Qt.LeftButton)
    assert bar.remarks.isVisible() and "no program" in bar.remarks.text()
    path.unlink()
    driver.qtbot.mouseClick(bar.open, Qt.LeftButton)
    assert "no longer there" in bar.remarks.text() and len(opened) == 3


def test_remarks_on_what_was_written_are_seen_beside_a_long_name(qtbot):
    bar = WrittenBar()
    qtbot.addWidget(bar)
    bar.resize(640, 40)
    name = "car park north, 27 November 2026, camera 3, the part with the red car-tracked.mp4"
    bar.show_written([f"/films/{name}"], ["The sound is left out."])
    bar.show()
    assert "…" in bar.text.text() and bar.text.text().endswith("tracked.mp4.") and name in bar.text.toolTip()
    assert bar.remarks.isVisible() and bar.remarks.text() == "The sound is left out."
    bar.show_written(["/films/a/000000.png", "/films/a/000001.png"], [])
    assert bar.text.text() == "Wrote 000000.png and 1 more to a." and not bar.remarks.isVisible()


def test_what_cannot_be_hidden_is_said_before_the_dialog_closes(qtbot, tmp_path, monkeypatch):
    """The memory shows images of the targets; the export would refuse it when the dialog is gone."""
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *what: said.append(what[2]))
    dialog = ExportDialog("clip", (0, 9), None, tmp_path, has_truth=False)
    qtbot.addWidget(dialog)
    dialog.draw.boxes["memory"].setChecked(True)
    combo(dialog.effect.effect, "blur")
    dialog.buttons.accepted.emit()
    assert "'memory'" in said[0] and not dialog.result()
    combo(dialog.effect.effect, "spotlight")
    dialog.buttons.accepted.emit()
    assert len(said) == 1 and dialog.result()
