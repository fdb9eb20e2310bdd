"""Every command and every Python example in README and docs runs, on small data that is laid out as the text says.

A command that takes long is shortened by options of its own (`SHORTER`). What needs a network, a camera or published
files is parsed only (`PARSED_ONLY`, with the reason); other programs' commands are named in `OTHERS`. The examples of
docs/architecture.md are run by test_docs_recipes.py.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import evaluation_sequences as benchmarks
import pytest
import reference_answers
import torch
import training_samples
from cli_sources import BOX, make_images, make_video

import app.command_line
from tracker_core.cli.main import _make_parser
from tracker_core.packaged import CLIP, packaged
from tracker_core.results.run_file import load_run

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "weights" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

SHORTER = {
    "track": ["--frames", "100:104"],
    "-v track": ["--frames", "100:104"],
    "batch": ["--jobs", "1"],
    "eval": ["--jobs", "1"],
    "train": ["loop.steps=2", "loop.batch=2", "loop.workers=0", "loop.validate_every=0", "loop.initial="],
    "tune": ["--trials", "1"],
    "experiment": [
        "only=[siamfc]",
        "seeds=[0]",
        "benchmark.sequences=[Deer]",
        "training.loop.steps=1",
        "training.loop.batch=2",
        "training.loop.workers=0",
        "training.loop.initial=trunk:siamscope-light",
    ],
    "bench": ["--frames", "10"],
    "bench --memory": ["--memory", "10"],
}
PARSED_ONLY = {
    r"rtsp://": "needs a stream",
    r"bench .*(--network|--verify-device)": "runs large networks for minutes",
    r"camera:\d": "needs a camera",
    r"experiment holding": "needs clips of many data sets; tests/test_holding.py",
    r"track --run": "continues a longer run than is here; tests/test_cli_track_run.py",
    r"weights pair": "needs the weights of a training; tests/test_second_opinion.py",
    r"eval .*--weights mean\.safetensors": "needs results of these weights alone; tests/test_evaluation_runs.py",
    r"bench --window": "plays for half a minute; tests/app measure the window",
    r"--tracker siamrpn_alex_dwxcorr": "needs published weights",
    r"--peers (nanotrack|fear)": "needs files of others; tests/test_peers.py",
    r"loop\.initial=fear:": "needs FEAR-XS's file; tests/test_training_start.py",
}
# programs that are not this one
OTHERS = {
    r"make (run|test)": "tests/test_setup_packaging.py",
    r"py -3 |\.venv.Scripts": "Windows",
    r"\.venv/bin/python -m pip|\.venv/bin/pip|python -m venv vot": "installs packages",
    r"\.venv/bin/python -m tracker_core\.evaluation\.clients\.vot_toolkit": "tests/test_evaluation_vot_toolkit.py",
    r"vot/bin/vot": "the VOT toolkit",
    r"tensorboard --logdir": "serves until it is stopped",
}


def commands() -> list[str]:
    """Return every line of the pages' blocks of commands once, `python main.py` and `siamscope` alike."""
    lines: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"^```(?:sh|bat)\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M):
            for line in block.replace("\\\n", " ").splitlines():
                words = re.sub(r"^python main\.py ", "siamscope ", line.split(" #")[0].strip())
                if words and not words.startswith("#"):
                    lines[" ".join(words.split())] = None
    return list(lines)


COMMANDS = [line.removeprefix("siamscope ") for line in commands() if line.startswith("siamscope ")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with everything that the pages' commands name; the commands run in it one after the other."""
    folder = tmp_path_factory.mktemp("stage")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setattr("tracker_core.checkpoints.weights.user_weights_folder", lambda: folder / "imported")
    patch.setattr("tracker_core.training.throughput.WARM_UP_S", 0.1)
    patch.setattr("tracker_core.training.throughput.MEASURED_S", 0.4)
    # PNG and PDF take most of a report's time; tests/test_report_files.py reads them. The study's report has taken the
    # real function by then: loaded while the other one stands there, it would keep that one
    import tracker_core.experiments.correlation_study.report  # noqa: F401

    patch.setattr("tracker_core.evaluation.report.save_figure", lambda figure, path: None)
    (folder / "resources").symlink_to(packaged("resources"))
    shutil.copy(CLIP, "clip.mp4")
    clips = {"Deer": 6, "Jogging": 6}
    for root in ("OTB100", "OTB", "DATA/otb"):
        benchmarks.make_otb(Path(root), clips)
    benchmarks.make_vot(Path("vot2018"), {"ants1": 12, "ball1": 12})
    make_training_data(Path("DATA"))
    Path("videos").mkdir()
    Path("boxes.csv").write_text(f"{make_video(Path('videos/garden.mp4'), 4).name},{BOX}\n")
    torch.save(reference_answers.draw_state_dict("dasiamrpn_SiamRPNvot"), "SiamRPNVOT.model")
    run("track --source clip.mp4 --box 300,200,64,48 --no-video --progress none", "--frames", ":4")
    run("track --source resources/clip/siamscope_clip.mp4 --init-from-gt --no-video --progress none", "--frames", ":4")
    benchmarks.make_vot(Path("longterm"), {"ants1": 12}, turned=False)
    for dataset in ("otb --root OTB100", "vot --root vot2018", "votlt --root longterm"):
        run(f"eval --dataset {dataset} --jobs 1 --progress none")
    for protocol in ("vot", "votlt"):
        shutil.copytree(f"results/{protocol}", "workspace/results", dirs_exist_ok=True)
    write_ground_truth(Path("groundtruth.json"))
    Path("runs/light").mkdir()
    shutil.copy(packaged("weights/siamscope-light.safetensors"), "runs/light/best.safetensors")
    for copy in ("runs/taught/last.safetensors", "runs/plain/last.safetensors", "mean.safetensors"):
        Path(copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("runs/light/best.safetensors", copy)
    for results in ("downloads/SiamTri", "downloads/SiamRPN", "others/theirs"):
        shutil.copytree("results/otb/siamscope-base", results)
    yield folder
    patch.undo()


def make_training_data(root: Path) -> None:
    """Write what the default recipe names, each set as small as it can be."""
    clips = training_samples.make_got10k(root / "train" / "got10k", clips=3)
    (clips / "clip2").rename(clips / "DAVIS2016val_dog")  # one of those that the recipe holds out
    training_samples.make_got10k(root / "val", clips=1)
    coco = root / "train" / "coco"
    make_images(coco / "backgrounds", 2)
    make_images(coco / "images", 2)
    objects = [{"image_id": 1, "bbox": [10, 20, 24, 20]}, {"image_id": 2, "bbox": [11, 20, 24, 20]}]
    for name in ("human", "cutout", "pseudo"):
        made = training_samples.make_coco(coco / name, objects, ["0001.png", "0002.png"])
        made.rename(coco / f"instances_{name}.json")


def write_ground_truth(path: Path) -> None:
    """Write the boxes of OTB100 in the form that docs/evaluation.md describes."""
    rows = {
        clip.name: [[float(x) for x in line.split(",")] for line in (clip / "groundtruth_rect.txt").read_text().split()]
        for clip in Path("OTB100").iterdir()
    }
    path.write_text(json.dumps({name: {"groundtruth_rect": boxes} for name, boxes in rows.items()}))


def run(line: str, *more: str) -> int:
    """Run one command line in this process."""
    words = shlex.split(line)
    handler = signal.getsignal(signal.SIGINT)
    try:
        return app.command_line.main([*words, *more])
    finally:
        signal.signal(signal.SIGINT, handler)


def test_every_line_is_ours_or_known() -> None:
    others = [line for line in commands() if not line.startswith("siamscope ")]
    assert [line for line in others if not any(re.search(pattern, line) for pattern in OTHERS)] == []
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_runs(line: str, stage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line)
    reasons = [reason for pattern, reason in PARSED_ONLY.items() if re.search(pattern, line)]
    if reasons:
        args, rest = _make_parser(words).parse_known_args(words)
        assert args.command == words[0] and all("=" in word for word in rest)
        pytest.skip(reasons[0])
    key = max((key for key in SHORTER if line.startswith(key)), key=len, default="")
    if line.startswith("train") and "--resume" not in words:
        Path("runs/light/state.safetensors").unlink(missing_ok=True)
    code = run(line, *SHORTER.get(key, ()))
    assert code == 0, capfd.readouterr().err


EXAMPLES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    if page.name != "architecture.md"
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M), 1
    )
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_the_example_runs(block: str, stage: Path) -> None:
    code = compile(block, "example", "exec")
    if "got10k" in block:
        pytest.importorskip("got10k", reason="needs the got10k toolkit")
    torch.save(reference_answers.draw_state_dict("siamrpn_alex_dwxcorr"), "model.pth")
    exec(code, {})


def test_the_library_example_is_ten_lines_and_leaves_a_run(stage: Path) -> None:
    block = EXAMPLES[0].values[0]
    assert isinstance(block, str) and len(block.splitlines()) <= 10
    run_ = load_run("clip-run.json")
    assert len(run_) == 330 and run_.producer is not None and run_.producer.tracker == "siamscope-base"
