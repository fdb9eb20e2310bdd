"""Centre, speed and path: against motion that is known, at uneven times, across everything that is not a way."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.results.motion import LengthScale, measure_motion, parse_length_scale
from tracker_core.results.provenance import SourceIdentity, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.results.run_file import save_run
from tracker_core.results.visibility import Visibility
from tracker_core.types import ResultOrigin, TrackingState, TrackResult

TIMES = [0.0, 0.1, 0.3, 0.4, 0.9, 1.0, 1.1, 1.3]


def make_run(
    lost: tuple[int, ...] = (),
    without: tuple[int, ...] = (),
    key: int | None = None,
    kind: SourceKind = SourceKind.VIDEO,
) -> Run:
    """A target at 30 pixels per second to the right and 40 down, its box breathing about its centre."""
    recorder = RunRecorder(SourceIdentity("film.mp4", kind=kind, size=(640, 480)))
    for index, time_s in enumerate(TIMES):
        if index in without:
            continue
        w, h = 20 + 4 * (index % 3), 10 + 6 * (index % 2)
        box = np.array([100 + 30 * time_s - w / 2, 50 + 40 * time_s - h / 2, w, h])
        recorder.note_frame(index, time_s)
        recorder.put(index, 1, TrackResult(box, 0.9, TrackingState.LOST if index in lost else TrackingState.TRACKING))
    if key is not None:
        recorder.set_key_frame(1, key, recorder.targets[1].results[key].box_xywh)
    return recorder.build()


GAPS: dict[str, tuple[dict[str, object], list[int], float]] = {
    # what is missing, frames without a speed, seconds on the way (of 1.3)
    "nothing": ({}, [0], 1.3),
    "lost in the middle": ({"lost": (3,)}, [0, 3, 4], 0.7),  # from 0.3 to 0.9 it is not known where it was
    "lost at the end": ({"lost": (6, 7)}, [0, 6, 7], 1.0),
    "a frame without a box": ({"without": (4,)}, [0, 4], 0.7),  # row 4 is frame 5; from 0.4 to 1.0
    "drawn again": ({"key": 5}, [0, 5], 1.2),
    "a live source that dropped one": ({"without": (4,), "kind": SourceKind.CAMERA}, [0], 1.3),
}


@pytest.mark.parametrize("kind", GAPS)
@pytest.mark.parametrize("smooth_s", [0.0, 0.15])  # even motion stays what it is when it is smoothed
def test_speeds_follow_the_real_times_and_cross_no_gap(kind: str, smooth_s: float) -> None:
    change, unknown, seconds = GAPS[kind]
    run = make_run(**change)  # type: ignore[arg-type]
    motion = measure_motion(run, run.targets[0], smooth_s)
    assert np.flatnonzero(~np.isfinite(motion.speeds)).tolist() == unknown
    known = np.isfinite(motion.speeds)
    np.testing.assert_allclose(motion.speeds[known], 50.0, rtol=1e-6)
    np.testing.assert_allclose(motion.velocities[known], np.tile([30.0, 40.0], (known.sum(), 1)), rtol=1e-6)
    assert np.nanmax(motion.path) == pytest.approx(50 * seconds)


def test_what_was_tracked_backwards_has_speeds_up_to_its_seam() -> None:
    """Forwards from 0 to 3, backwards from the key frame 6 to 4: only the step onto 4 joins two answers."""
    run = make_run(key=6)
    recorder = RunRecorder.from_run(run)
    for index in (4, 5):
        result = recorder.targets[1].results[index]
        recorder.put(index, 1, replace(result, origin=ResultOrigin.BACKWARDS))
    built = recorder.build()
    assert np.flatnonzero(~np.isfinite(measure_motion(built, built.targets[0]).speeds)).tolist() == [0, 4]


def test_nothing_moves_outside_of_the_image() -> None:
    recorder = RunRecorder.from_run(make_run(lost=(5,)))
    recorder.targets[1].marks = {2: Visibility.OUTSIDE, 5: Visibility.VISIBLE}
    built = recorder.build()
    motion = measure_motion(built, built.targets[0])
    assert np.flatnonzero(~np.isfinite(motion.speeds)).tolist() == [0, 2, 3]  # frame 5 is not lost, somebody says
    assert not np.isfinite(motion.centers[2]).any()


def test_smoothing_takes_jitter_away() -> None:
    rng = np.random.default_rng(0)
    recorder = RunRecorder(SourceIdentity("film.mp4"))
    for index in range(200):
        recorder.note_frame(index, index / 30)
        x, y = np.array([index, 0]) + rng.normal(0, 1, 2)
        box = np.array([x, y, 10, 10])
        recorder.put(index, 1, TrackResult(box, 0.9))
    run = recorder.build()
    rough, calm = (measure_motion(run, run.targets[0], s).speeds[1:] for s in (0.0, 0.3))
    assert np.abs(rough - 30).mean() > 20 and np.abs(calm - 30).mean() < 3


@pytest.mark.parametrize(
    ("text", "per_pixel", "unit"),
    [
        ("120 px = 1.8 m", 0.015, "m"),
        ("10=5cm", 0.5, "cm"),
        (" 4 pixels = 2 body lengths ", 0.5, "body lengths"),
        ("200000 px = 1 km", 5e-6, "km"),
        ("120 px = 1,8 m", 0.015, "m"),  # as it is written in many languages
        ("0,125 px = ,25 m", 2.0, "m"),
    ],
)
def test_a_scale_is_read(text: str, per_pixel: float, unit: str) -> None:
    scale = parse_length_scale(text)
    assert scale.per_pixel == pytest.approx(per_pixel) and scale.unit == unit
    assert parse_length_scale(str(scale)) == scale and not str(LengthScale())
    digits = "".join(re.findall(r"[\d.]+", text.replace(",", ".")))
    assert "".join(re.findall(r"[\d.]+", str(scale))) == digits, "it is shown as it was given"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "3 px",
        "0 px = 1 m",
        "3 px = 0 m",
        "3 px = m",
        "3 px = 4",
        "1.2.3 px = 1 m",
        "1,000 px = 2 m",
        "1.000,5 px = 2 m",
    ],
)
def test_a_scale_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"120 px = 1\.8 m"):
        parse_length_scale(text)


def test_the_table_and_the_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_run(tmp_path / "run.json", make_run(lost=(3,)))
    command = ["export", "--run", str(tmp_path / "run.json"), "--format", "motion", "--progress", "none", "--out"]
    assert main([*command, str(tmp_path / "m"), "--length-scale", "100 px = 2 m"]) == 0
    with (tmp_path / "m.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["time_s"] for row in rows] == [f"{time_s:.6f}" for time_s in TIMES]
    assert (rows[2]["centre_x"], rows[2]["centre_y"]) == ("109.0000", "62.0000")
    assert (rows[2]["speed_px_per_s"], rows[2]["speed_m_per_s"], rows[2]["path_m"]) == ("50.0000", "1.0000", "0.3000")
    assert (
        rows[3]["state"] == "lost"
        and rows[3]["centre_x"] == rows[3]["speed_px_per_s"] == rows[4]["speed_m_per_s"] == ""
    )
    for name, start in (("m.png", b"\x89PNG"), ("m.svg", b"<?xml"), ("m.pdf", b"%PDF")):
        assert main([*command, str(tmp_path / name), "--length-scale", "100 px = 2 $m$"]) == 0
        assert (tmp_path / name).read_bytes().startswith(start)
    capsys.readouterr()
    assert main([*command, str(tmp_path / "n.csv"), "--smooth-speed", "-1"]) == 2
    assert "--smooth-speed -1 is outside 0 to 10" in capsys.readouterr().err
