"""Running trackers on drawn benchmarks: files in the usual places, resumed, several at a time, killed, two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from evaluation_sequences import (
    FRAMES,
    BrokenTracker,
    DyingTracker,
    LosingTracker,
    SlowTracker,
    TemplateTracker,
    make_got10k,
    make_otb,
    make_vot,
    path_of_target,
    write_frames,
    write_rows,
)

from tracker_core.errors import DataSetError, InputError
from tracker_core.evaluation import benchmarks
from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.runner import Candidate, Evaluation, Plan, choose_jobs
from tracker_core.evaluation.workers import BUSY, FAILED, PRESENT, TRACKED, Outcome, run_here
from tracker_core.sources.sequences import catalogue

LENGTHS = {"Deer": FRAMES, "Own": FRAMES + 3, "Short": 6}
SCRIPT = Path(__file__).parent / "evaluation_sequences.py"


def evaluate(
    evaluation: Evaluation, make: Callable[[], TemplateTracker] = TemplateTracker, jobs: int = 1, again: bool = False
) -> tuple[Plan, list[Outcome], dict[str, str]]:
    outcomes: list[Outcome] = []
    plan = evaluation.plan(Candidate("template", make), make(), again=again)
    failed = evaluation.carry_out(plan, jobs=jobs, on_outcome=outcomes.append)
    return plan, outcomes, failed


@pytest.fixture
def otb(tmp_path: Path) -> Evaluation:
    return Evaluation(open_benchmark("otb", make_otb(tmp_path / "data", LENGTHS)), tmp_path / "results")


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.task.info.name: outcome.status for outcome in outcomes}


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():  # the time limit is the test's own
        time.sleep(0.02)


def start_script(*arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def test_one_pass_results_lie_where_toolkits_look(otb: Evaluation) -> None:
    plan, outcomes, failed = evaluate(otb)
    assert statuses(outcomes) == dict.fromkeys(LENGTHS, TRACKED) and not failed
    folder = otb.folder / "template"
    assert folder.parts[-2:] == ("otb", "template")
    rows = np.loadtxt(folder / "Deer.txt", delimiter=",")
    # 1-based like the annotation that the first line repeats
    assert rows == pytest.approx(path_of_target(0) + np.array([1, 1, 0, 0]), abs=1e-3)
    seconds = np.loadtxt(folder / "times" / "Deer_time.txt")
    assert seconds.shape == (FRAMES,) and seconds[0] == 0 and (seconds[1:] > 0).all()
    score = otb.score(plan.store)
    # overlap 1 is not greater than the last of the 21 thresholds
    assert score.overall.success_auc == pytest.approx(20 / 21)
    assert score.overall.fps is not None and score.overall.fps > 0
    assert not list(folder.rglob("*.lock"))


def test_got10k_results_lie_in_folders_and_the_first_frame_does_not_count(tmp_path: Path) -> None:
    make_got10k(tmp_path / "data" / "val", ("GOT-10k_Val_000001", "GOT-10k_Val_000002"))
    evaluation = Evaluation(open_benchmark("got10k", tmp_path / "data"), tmp_path / "results")
    plan, _, _ = evaluate(evaluation)
    name = "GOT-10k_Val_000001"
    folder = evaluation.folder / "template" / name
    assert {path.name for path in folder.iterdir()} == {f"{name}_001.txt", f"{name}_time.txt"}
    assert np.loadtxt(folder / f"{name}_001.txt", delimiter=",")[0] == pytest.approx(path_of_target(0)[0])  # 0-based
    score = evaluation.score(plan.store)
    assert score.overall.frames == 2 * (FRAMES - 1) and score.overall.overlap == pytest.approx(1.0)
    assert score.total == 180 and not score.is_complete


def test_frames_without_a_visible_target_do_not_count_in_got10k(tmp_path: Path) -> None:
    cover = [8] * FRAMES
    cover[3] = cover[4] = 0
    make_got10k(tmp_path / "data", ("One",), cover)
    evaluation = Evaluation(open_benchmark("got10k", tmp_path / "data"), tmp_path / "results")
    plan, _, _ = evaluate(evaluation)
    score = evaluation.score(plan.store)
    assert score.sequences[0].frames == FRAMES - 3


def test_supervised_runs_restart_five_frames_after_a_failure(tmp_path: Path) -> None:
    evaluation = Evaluation(open_benchmark("vot", make_vot(tmp_path / "data", {"ants": 20})), tmp_path / "results")
    plan, _, _ = evaluate(evaluation, LosingTracker)
    path = evaluation.folder / "template" / "baseline" / "ants" / "ants_001.txt"
    lines = path.read_text().split()
    codes = [line if len(line) == 1 else "r" for line in lines]
    #                 start, fails in the fourth frame after it, four skipped, start again
    assert codes == [*"1rrr2", *"0000", *"1rrr2", *"0000", *"1r"]
    assert lines[1].count(",") == 3 and len(path.with_name("ants_time.txt").read_text().split()) == 20
    score = evaluation.score(plan.store)
    assert score.to_json()["failures"] == 2 and score.to_json()["robustness"] == pytest.approx(10.0)
    assert score.to_json()["accuracy"] is None  # every frame is within ten of a start
    assert score.to_json()["attributes"]["occlusion"]["failures"] == 0


def test_supervised_trackers_start_on_the_upright_box_of_the_polygon(tmp_path: Path) -> None:
    starts = []

    class Noting(TemplateTracker):
        def init(self, image: np.ndarray, box_xywh: np.ndarray) -> None:
            starts.append(np.array(box_xywh))
            super().init(image, box_xywh)

    evaluation = Evaluation(open_benchmark("vot", make_vot(tmp_path / "data", {"ants": 12})), tmp_path / "results")
    evaluate(evaluation, Noting)
    x, y, w, h = path_of_target(0)[0]
    side = np.sqrt(w * h / 2) + 1  # the turned square has half the area of the box around it; one pixel is added
    assert starts[0] == pytest.approx([x + w / 2 - side / 2, y + h / 2 - side / 2, side, side])
    make_vot(tmp_path / "upright", {"ants": 12}, turned=False)
    evaluate(Evaluation(open_benchmark("vot", tmp_path / "upright"), tmp_path / "others"), Noting)
    assert starts[1] == pytest.approx([x, y, w, h])


def test_finished_sequences_are_not_tracked_again(otb: Evaluation) -> None:
    evaluate(otb)
    path = otb.folder / "template" / "Deer.txt"
    path.write_text(path.read_text() + "\n\n")  # our mark; trailing blank lines are harmless
    (otb.folder / "template" / "Short.txt").unlink()
    plan, outcomes, _ = evaluate(otb)
    assert statuses(outcomes) == {"Short": TRACKED} and plan.present == ("Deer", "Own")
    assert path.read_text().endswith("\n\n")
    _, outcomes, _ = evaluate(otb, again=True)
    assert len(outcomes) == 3 and not path.read_text().endswith("\n\n")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("1,2,3,4\n", "1 lines for 6 frames"),  # cut short
        ("", "empty"),  # made and never written
        ("1,2,3,4\nx\n", "not a list of numbers"),  # damaged
    ],
)
def test_results_that_are_not_whole_are_tracked_again_and_named(otb: Evaluation, text: str, flaw: str) -> None:
    evaluate(otb)
    (otb.folder / "template" / "Short.txt").write_text(text)
    plan, outcomes, _ = evaluate(otb)
    assert flaw in plan.replaced["Short"] and statuses(outcomes) == {"Short": TRACKED}


def test_results_of_other_settings_are_not_mixed_with_these(otb: Evaluation) -> None:
    evaluate(otb)
    with pytest.raises(InputError, match=r"another tracker.*--name"):
        evaluate(otb, LosingTracker)
    evaluate(otb, LosingTracker, again=True)


class RoughTracker(TemplateTracker):
    """One whose network computes in eight bits."""

    precision = "int8"


@pytest.mark.parametrize(("first", "then"), [(TemplateTracker, RoughTracker), (RoughTracker, TemplateTracker)])
def test_results_of_another_precision_are_not_mixed_with_these(
    otb: Evaluation, first: type[TemplateTracker], then: type[TemplateTracker]
) -> None:
    evaluate(otb, first)
    (otb.folder / "template" / "Deer.txt").unlink()
    with pytest.raises(InputError, match="another precision"):
        evaluate(otb, then)


def test_some_sequences_run_again_are_not_mixed_with_the_others(otb: Evaluation, tmp_path: Path) -> None:
    """A part that runs again with other settings would leave the rest of the old ones, and a mean of neither."""
    evaluate(otb)
    before = (otb.folder / "template" / "Deer.txt").read_text()
    part = Evaluation(open_benchmark("otb", tmp_path / "data", sequences=["Deer"]), tmp_path / "results")
    with pytest.raises(InputError, match="run all sequences again with --again"):
        evaluate(part, LosingTracker, again=True)
    assert (otb.folder / "template" / "Deer.txt").read_text() == before, "what is refused has removed nothing"
    _, outcomes, _ = evaluate(part, again=True)
    assert statuses(outcomes) == {"Deer": TRACKED}, "with the same settings it can be"


def test_results_of_unknown_settings_are_not_mixed_with_these(otb: Evaluation) -> None:
    evaluate(otb)
    (otb.folder / "template/settings.json").unlink()
    (otb.folder / "template/Deer.txt").unlink()
    with pytest.raises(InputError, match="not known what made the results beside it"):
        evaluate(otb)


class RoundingTracker(TemplateTracker):
    """The same tracker in eight-bit integers: other boxes, from the same settings and weights."""

    precision = "int8"


def test_results_of_two_precisions_are_not_mixed(otb: Evaluation) -> None:
    evaluate(otb)
    with pytest.raises(InputError, match="made with another precision; give these another name"):
        evaluate(otb, RoundingTracker)
    settings = otb.folder / "template/settings.json"
    noted = json.loads(settings.read_text())
    del noted["precision"]
    settings.write_text(json.dumps(noted))
    assert not evaluate(otb)[1], "results from before precisions were noted are in single precision"
    with pytest.raises(InputError, match="another precision"):
        evaluate(otb, RoundingTracker)


def test_results_of_another_second_network_are_not_mixed(otb: Evaluation) -> None:
    """A pair is known by both of its networks."""

    def pair(second: float) -> type[TemplateTracker]:
        networks = [torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)]
        for network, value in zip(networks, (1.0, second), strict=True):
            torch.nn.init.constant_(network.weight, value)
            torch.nn.init.zeros_(network.bias)
        return type("Pair", (TemplateTracker,), {"runners": [SimpleNamespace(network=network) for network in networks]})

    evaluate(otb, pair(2.0))
    assert not evaluate(otb, pair(2.0))[1]
    with pytest.raises(InputError, match="made with another weights"):
        evaluate(otb, pair(3.0))


@pytest.mark.parametrize("changed", ["ground truth", "images"])
def test_results_of_other_images_or_another_ground_truth_are_made_again(
    otb: Evaluation, tmp_path: Path, changed: str
) -> None:
    """The same names and lengths, corrected or from another folder; old boxes would be scored against new truth."""
    evaluate(otb)
    place = tmp_path / "data" / "Own"
    if changed == "images":
        write_frames(tmp_path / "other", 9, path_of_target(1, LENGTHS["Own"]))
        (tmp_path / "other" / "00000004.png").replace(place / "img" / "00000004.png")
    else:
        write_rows(place / "groundtruth_rect.txt", path_of_target(1, LENGTHS["Own"]) + np.array([2, 1, 0, 0]))
    again = Evaluation(open_benchmark("otb", tmp_path / "data"), tmp_path / "results")
    plan, outcomes, _ = evaluate(again)
    assert statuses(outcomes) == {"Own": TRACKED} and "other images or another" in plan.replaced["Own"]
    assert not evaluate(again)[1], "and once is enough"


def test_results_whose_settings_are_damaged_are_not_mixed_with_these(otb: Evaluation) -> None:
    evaluate(otb)
    (otb.folder / "template/settings.json").write_text('{"tracker": "templ')
    with pytest.raises(InputError, match=r"settings\.json' cannot be read.*--again"):
        evaluate(otb)
    evaluate(otb, again=True)


def test_several_at_a_time_give_the_same(otb: Evaluation, tmp_path: Path) -> None:
    evaluate(otb)
    other = Evaluation(otb.benchmark, tmp_path / "others")
    frames = []
    plan = other.plan(Candidate("template", TemplateTracker), TemplateTracker())
    other.carry_out(plan, jobs=2, on_frames=frames.append)
    assert sum(frames) == sum(LENGTHS.values())
    for name in LENGTHS:
        assert (other.folder / f"template/{name}.txt").read_text() == (otb.folder / f"template/{name}.txt").read_text()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_tracker_that_breaks_costs_one_sequence(otb: Evaluation, jobs: int) -> None:
    plan, outcomes, failed = evaluate(otb, BrokenTracker, jobs)
    assert statuses(outcomes) == {"Deer": TRACKED, "Own": FAILED, "Short": TRACKED}
    assert "index 7 is out of bounds" in failed["Own"]
    score = otb.score(plan.store, failed=failed)
    assert score.total == 3 and len(score.sequences) == 2
    assert any("index 7" in line for line in score.remarks.describe(2, 3))
    assert score.to_json()["complete"] is False


def test_a_worker_that_dies_costs_one_sequence(otb: Evaluation) -> None:
    _, outcomes, failed = evaluate(otb, DyingTracker, jobs=2)
    assert statuses(outcomes) == {"Deer": TRACKED, "Own": FAILED, "Short": TRACKED}
    assert "ended unexpectedly (exit code 9)" in failed["Own"]


def test_a_tracker_that_workers_cannot_make_is_one_error(otb: Evaluation) -> None:
    plan = otb.plan(Candidate("template", refuse), TemplateTracker())
    with pytest.raises(InputError, match="no such weights"):
        otb.carry_out(plan, jobs=2)


def refuse() -> TemplateTracker:
    raise InputError("There are no such weights.")


def test_a_image_that_cannot_be_read_costs_its_sequence(otb: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "data" / "Own" / "img" / "00000004.png").write_bytes(b"no image")
    plan, outcomes, failed = evaluate(otb)
    assert statuses(outcomes)["Own"] == FAILED and "00000004.png" in failed["Own"]
    assert len(otb.score(plan.store, failed=failed).sequences) == 2


def test_killed_it_loses_the_sequence_in_progress_only(otb: Evaluation, tmp_path: Path) -> None:
    """The first sequence (12 frames) ends, the second hangs in its thirteenth: then the process is killed."""
    process = start_script(tmp_path / "data", tmp_path / "results", 1, FRAMES)
    lock = otb.folder / "template" / ".locks" / "Own.lock"
    wait_until(lambda: (otb.folder / "template" / "Deer.txt").exists() and lock.exists())
    process.kill()
    process.communicate()
    whole = (otb.folder / "template" / "Deer.txt").read_text()
    assert sorted(path.name for path in (otb.folder / "template").glob("*.txt")) == ["Deer.txt"]
    assert lock.exists()  # left behind, but held by nobody
    plan, outcomes, _ = evaluate(otb)
    assert plan.present == ("Deer",) and statuses(outcomes) == {"Own": TRACKED, "Short": TRACKED}
    assert (otb.folder / "template" / "Deer.txt").read_text() == whole
    assert len(otb.score(plan.store).sequences) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="the pipe does not tell it there")
def test_workers_end_when_the_evaluation_is_killed(otb: Evaluation, tmp_path: Path) -> None:
    make_otb(tmp_path / "long", {"A": 40, "B": 40})
    process = start_script(tmp_path / "long", tmp_path / "more", 2)
    locks = tmp_path / "more" / "otb" / "template" / ".locks"
    wait_until(lambda: len(list(locks.glob("*.lock"))) == 2 if locks.is_dir() else False)
    process.kill()
    process.communicate()  # returns when the workers, which hold the other end of the pipe, are gone too


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_at_once_share_the_work(otb: Evaluation, tmp_path: Path, jobs: int) -> None:
    both = [start_script(tmp_path / "data", tmp_path / "results", jobs) for _ in range(2)]
    lines = [process.communicate()[0].split("\n") for process in both]
    assert [process.returncode for process in both] == [0, 0]
    told = [line for part in lines for line in part if line.startswith(TRACKED)]
    assert sorted(told) == [f"{TRACKED} {name}" for name in sorted(LENGTHS)]  # each by one of the two
    for part in lines:
        planned = next(int(line.split()[1]) for line in part if line.startswith("planned"))
        assert sum(line.startswith((TRACKED, PRESENT)) for line in part) == planned  # and both end with all
    plan, outcomes, _ = evaluate(otb)
    assert not outcomes and len(plan.present) == 3
    assert not [path for path in otb.folder.rglob("*") if ".part" in path.name]


def test_a_sequence_that_is_busy_elsewhere_is_waited_for(otb: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = otb.plan(Candidate("template", TemplateTracker), TemplateTracker())
    outcomes: list[Outcome] = []
    with plan.store.claim("Own") as claimed:
        assert claimed
        with plan.store.claim("Own") as second:
            assert not second

        def release_later(seconds: float) -> None:
            assert statuses(outcomes) == {"Deer": TRACKED, "Short": TRACKED}  # the others come first
            raise KeyboardInterrupt

        monkeypatch.setattr("tracker_core.evaluation.workers.time.sleep", release_later)
        with pytest.raises(KeyboardInterrupt):
            run_here(plan.tasks, TemplateTracker, outcomes.append, lambda count: None)
    monkeypatch.undo()
    run_here(plan.tasks, TemplateTracker, outcomes.append, lambda count: None)
    assert statuses(outcomes[2:]) == {"Deer": PRESENT, "Own": TRACKED, "Short": PRESENT}
    assert BUSY not in statuses(outcomes).values()


def test_interrupted_it_keeps_what_is_done(otb: Evaluation) -> None:
    def stop(outcome: Outcome) -> None:
        raise KeyboardInterrupt

    plan = otb.plan(Candidate("template", SlowTracker), SlowTracker())
    with pytest.raises(KeyboardInterrupt):
        otb.carry_out(plan, jobs=2, on_outcome=stop)
    plan, outcomes, _ = evaluate(otb)
    assert 1 <= len(plan.present) <= 2 and len(outcomes) == 3 - len(plan.present)


def test_sequences_are_chosen_by_name(tmp_path: Path) -> None:
    root = make_otb(tmp_path, {"Deer": 4, "Jogging": 4})
    (root / "Jogging" / "groundtruth_rect.txt").rename(root / "Jogging" / "groundtruth_rect.1.txt")
    text = (root / "Jogging" / "groundtruth_rect.1.txt").read_text()
    (root / "Jogging" / "groundtruth_rect.2.txt").write_text(text)

    def chosen(*names: str) -> list[str]:
        return [info.name for info in open_benchmark("otb", root, sequences=names).infos]

    assert chosen() == ["Deer", "Jogging-1", "Jogging-2"]
    assert chosen("Jogging") == ["Jogging-1", "Jogging-2"]  # a clip is all its targets
    assert chosen("jogging.2", "Deer") == ["Deer", "Jogging-2"]
    with pytest.raises(DataSetError, match=r"no sequence 'Dear'.*Did you mean 'Deer'"):
        chosen("Dear")
    benchmark = open_benchmark("otb", root, sequences=["Deer"])
    assert benchmark.total == 100 and benchmark.is_partial and "Basketball" in benchmark.absent
    assert open_benchmark("otb2013", root).total == 51


def test_own_sequences_are_a_benchmark_of_their_own(tmp_path: Path) -> None:
    benchmark = open_benchmark("otb", make_otb(tmp_path, {"Deer": 3, "Mine": 3}))
    assert benchmark.total == 2 and not benchmark.is_partial
    with pytest.raises(DataSetError, match="none of OTB-50"):
        open_benchmark("otb50", make_otb(tmp_path / "own", {"Mine": 3}))


def test_dtb70_has_neither_attributes_nor_frame_ranges_of_otb(tmp_path: Path) -> None:
    root = make_otb(tmp_path / "data", {"Basketball": 4, "Yacht2": 4})
    evaluation = Evaluation(open_benchmark("dtb70", root), tmp_path / "results")
    plan, _, _ = evaluate(evaluation)
    score = evaluation.score(plan.store)
    assert score.to_json()["attributes"] == {} and score.total == 70


def test_a_sequence_without_ground_truth_in_any_frame_is_named(tmp_path: Path) -> None:
    root = make_otb(tmp_path / "data", {"Deer": 4, "Gone": 4})
    (root / "Gone" / "groundtruth_rect.txt").write_text("nan,nan,nan,nan\n" * 4)
    evaluation = Evaluation(open_benchmark("otb", root), tmp_path / "results")
    plan, outcomes, failed = evaluate(evaluation)
    assert statuses(outcomes) == {"Deer": TRACKED, "Gone": FAILED}
    score = evaluation.score(plan.store, failed=failed)
    assert len(score.sequences) == 1 and score.total == 2
    assert "no box in any frame" in score.remarks.left_out["Gone"]


def test_a_ground_truth_that_does_not_fit_is_named(tmp_path: Path) -> None:
    root = make_otb(tmp_path / "data", {"Deer": 4, "Wrong": 4})
    (root / "Wrong" / "groundtruth_rect.txt").write_text("1,2,3,4\n" * 3)
    evaluation = Evaluation(open_benchmark("otb", root), tmp_path / "results")
    plan, _, _ = evaluate(evaluation)
    score = evaluation.score(plan.store)
    assert "3 lines, 4 frames" in score.remarks.left_out["Wrong"] and not score.is_complete


def test_a_data_set_is_added_as_the_page_on_the_architecture_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (SCRIPT.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    (block,) = (block for block in blocks if "class FlatLayout" in block)
    monkeypatch.setattr(catalogue, "LAYOUTS", list(catalogue.LAYOUTS))
    monkeypatch.setattr(benchmarks, "BENCHMARKS", dict(benchmarks.BENCHMARKS))
    exec(compile(block, "architecture.md", "exec"), {})
    for seed, name in enumerate(("One", "Two")):
        write_frames(tmp_path / "data" / name, seed, path_of_target(seed))
        write_rows(tmp_path / "data" / f"{name}.boxes", path_of_target(seed))
    assert catalogue.detect_layout(tmp_path / "data") == "flat"
    evaluation = Evaluation(open_benchmark("flat", tmp_path / "data"), tmp_path / "results")
    plan, _, failed = evaluate(evaluation)
    assert not failed and evaluation.score(plan.store).overall.success_auc == pytest.approx(20 / 21)
    truth = evaluation.benchmark.protocol.read_truth(tmp_path / "data")
    assert truth["Two"].boxes_xywh.tolist() == path_of_target(1).tolist()


def test_jobs_are_at_least_one_and_at_most_the_sequences() -> None:
    assert choose_jobs(8, "cpu", 3) == 3
    assert choose_jobs(None, "cpu", 1) == 1
    with pytest.raises(InputError, match="--jobs 0"):
        choose_jobs(0, "cpu", 3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_the_command_ends_with_the_signal_and_tells_what_was_done(tmp_path: Path) -> None:
    """With the published layout of events: the first finished sequence ends the run."""
    root = make_otb(tmp_path / "data", {"A": 30, "B": 400})
    command = [sys.executable, "-m", "tracker_core.cli", "eval", "--dataset", "otb", "--root", str(root)]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "results"), "--jobs", "1", "--progress", "json", "--device", "cpu"],
        stdout=subprocess.PIPE, cwd=SCRIPT.parents[1], text=True,
    )  # fmt: skip
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "sequence":
            process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    sequence = next(event for event in events if event["event"] == "sequence")
    assert sequence["sequence"] == "A" and len(sequence["so_far"]["curves"]["precision"]) == 51
    assert events[-1]["event"] == "result" and events[-1]["interrupted"]
    (numbers,) = events[-1]["trackers"].values()
    assert numbers["sequences"] == 1 and numbers["complete"] is False
    assert not list(tmp_path.rglob("B.txt"))
