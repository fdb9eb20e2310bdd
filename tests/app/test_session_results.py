"""The session without Qt: what is computed, what is replayed, what is kept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker, true_box

from app.session.session import Session
from app.session.trackers import TrackerChoice
from tracker_core.boxes import iou_xywh
from tracker_core.errors import InputError, SourceError
from tracker_core.results.formats import write_boxes
from tracker_core.results.run import BoxOrigin
from tracker_core.trackers.following import Followers


@pytest.fixture
def session():
    session = Session(lambda choice: MatchingTracker())
    session.open(DrawnSource(40), "drawn")
    yield session
    session.close_source()


def start(session, index=0, box=None, number=None):
    view = session.seek(index)
    number = session.begin(view.frame, true_box(index) if box is None else box, number)
    session.is_tracking = True
    return number


def run(session):
    views = []
    while (view := session.read_next()) is not None:
        views.append(view)
    return views


def updates(session):
    return sum(r.tracker.updates for r in session.trackers.chosen._followers.values())


def test_tracking_follows_the_drawn_object_and_stores_every_frame(session):
    number = start(session)
    run(session)
    target = session.targets[number]
    assert sorted(target.results) == list(range(40))
    assert min(iou_xywh(target.results[i].box_xywh, true_box(i)) for i in range(40)) > 0.9
    assert all(result.debug is None for result in target.results.values())


def test_replay_computes_nothing(session):
    start(session)
    run(session)
    before = updates(session)
    session.seek(0)
    views = run(session)
    assert updates(session) == before
    assert [view.frame.index for view in views] == list(range(1, 40))
    assert all(view.targets[0].result is not None for view in views)


def test_a_new_box_in_mid_video_keeps_all_before_and_turns_the_rest_into_a_ghost(session):
    number = start(session)
    run(session)
    old = dict(session.targets[number].results)
    start(session, 20, true_box(20) + np.array([1, 1, -2, -2]), number)
    target = session.targets[number]
    assert sorted(target.results) == list(range(21))
    assert all(target.results[i] is old[i] for i in range(20))
    assert sorted(target.ghost) == list(range(20, 40))
    run(session)
    assert sorted(target.results) == list(range(40))
    assert sorted(target.key_frames) == [0, 20]


def test_a_correction_before_a_later_key_frame_leaves_what_follows_that_one(session):
    number = start(session)
    run(session)
    start(session, 30, number=number)
    run(session)
    kept = {i: session.targets[number].results[i] for i in range(30, 40)}
    start(session, 10, number=number)
    assert sorted(session.targets[number].results) == [*range(11), *range(30, 40)]
    run(session)
    assert sorted(session.targets[number].results) == list(range(40))
    assert all(session.targets[number].results[i] is kept[i] for i in kept)


def test_going_on_after_a_look_back_gives_what_going_straight_on_gives(session):
    number = start(session)
    run(session)
    straight = {i: r.box_xywh for i, r in session.targets[number].results.items()}
    other = Session(lambda choice: MatchingTracker())
    other.open(DrawnSource(40), "drawn")
    number = start(other)
    for _ in range(10):
        other.read_next()
    other.wants_debug = True
    other.seek(4)  # explains frame 4, which moves the tracker
    other.wants_debug = False
    other.seek(10)
    run(other)
    for index, result in other.targets[number].results.items():
        np.testing.assert_array_equal(result.box_xywh, straight[index])


def test_debug_of_a_stored_frame_is_computed_on_request_and_changes_no_result(session):
    number = start(session)
    run(session)
    stored = dict(session.targets[number].results)
    session.wants_debug = True
    view = session.seek(12)
    result = view.target(number).result
    assert result.debug is not None and result.debug.best == int(np.argmax(result.debug.scores_windowed))
    np.testing.assert_array_equal(result.box_xywh, stored[12].box_xywh)
    assert session.targets[number].results == stored
    assert view.remark == ""
    assert session.seek(0).target(number).result.debug is None  # nothing was computed on a key frame


def test_frames_that_were_not_tracked_have_no_result_and_tracking_goes_on_from_the_frontier(session):
    number = start(session)
    for _ in range(5):
        session.read_next()
    view = session.seek(20)
    assert view.target(number).result is None
    assert session.read_next().target(number).result is None  # a gap is not jumped
    assert session.frontier() == 5


def test_targets_start_at_different_frames_and_keep_their_numbers(session):
    first = start(session)
    second = start(session, 10)
    run(session)
    session.seek(0)
    session.is_tracking = True
    run(session)
    assert sorted(session.targets[first].results) == list(range(40))
    assert min(session.targets[second].results) == 10
    session.remove([first])
    assert start(session, 5) == 3  # numbers are not used again


def test_undo_brings_back_box_by_box(session):
    number = start(session)
    run(session)
    full = dict(session.targets[number].results)
    start(session, 20, number=number)
    assert session.undo() == f"box of target {number}"
    assert session.targets[number].results == full and not session.targets[number].ghost
    assert session.undo()
    assert session.targets == {}
    assert not session.undo()


def test_another_tracker_that_cannot_be_built_leaves_the_present_one(session):
    number = start(session)
    run(session)

    def refuse(choice):
        raise InputError("There is no such tracker.")

    session.trackers._factory = refuse
    with pytest.raises(InputError):
        session.choose_tracker(TrackerChoice("nonsense"))
    session.trackers._factory = lambda choice: MatchingTracker()
    assert session.build_tracker().name == "matching" and len(session.targets[number].results) == 40


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 1, 1),  # too small
        (1000, 1000, 50, 50),  # outside
        (float("nan"), 0, 10, 10),
        (0, 0, -5, 10),
    ],
)
def test_a_box_that_cannot_be_tracked_changes_nothing(session, box):
    frame = session.seek(3).frame
    with pytest.raises(InputError):
        session.begin(frame, box)
    assert session.targets == {} and not session.runs.history.undo_text


def test_a_source_that_fails_keeps_the_results(session):
    session.close_source()
    source = DrawnSource(40, fails_at=20)
    session.open(source, "drawn")
    number = start(session)
    with pytest.raises(SourceError):
        run(session)
    assert sorted(session.targets[number].results) == list(range(20))
    source.fails_at = None
    run(session)
    assert sorted(session.targets[number].results) == list(range(40))


def test_frames_that_cannot_be_read_are_no_gap(session):
    session.close_source()
    session.open(DrawnSource(40, missing={7, 8}), "drawn")
    number = start(session)
    run(session)
    assert sorted(session.targets[number].results) == [i for i in range(40) if i not in (7, 8)]
    session.seek(0)
    assert session.frontier() == 39


def test_a_live_source_is_caught_up_from_its_ring():
    source = LiveDrawing()
    session = Session(lambda choice: MatchingTracker())
    frozen = session.open(source, "live").frame
    source.capture(10)
    number = session.begin(frozen, true_box(frozen.index))
    session.is_tracking = True
    assert session.catch_up() == 10
    for _ in range(10):
        session.read_next()
    assert sorted(session.targets[number].results) == list(range(11))
    source.capture(1)
    session.read_next()
    assert session.position == 11
    with pytest.raises(SourceError):
        session.seek(3)


def test_a_seek_past_the_end_shows_the_last_frame(session):
    assert session.seek(10_000).frame.index == 39
    session.source.frame_count = 60  # an estimate that is too high
    session.source.corrects_count = True
    assert session.seek(50).frame.index == 39


def test_nothing_open_is_a_clear_error():
    session = Session(lambda choice: MatchingTracker())
    with pytest.raises(SourceError, match="Nothing is open"):
        session.read_next()
    session.close_source()


def test_results_are_exported_with_key_frames_and_numbers(session):
    first = start(session)
    run(session)
    start(session, 20, number=first)
    run(session)
    start(session, 25)
    run(session)
    tracked = session.build_run()
    assert len(tracked) == 40 and [target.number for target in tracked.targets] == [1, 2]
    assert [[key.index for key in target.key_frames] for target in tracked.targets] == [[0, 20], [25]]
    assert not tracked.targets[1].has_box[:25].any() and tracked.targets[1].has_box[25:].all()
    np.testing.assert_array_equal(tracked.targets[0].boxes_xywh[20], true_box(20))
    assert tracked.select(10, 12).frame_indices.tolist() == [10, 11, 12]


class LateCount(DrawnSource):
    """Knows its length for certain only once its end was seen, as a video does."""

    is_count_exact = False

    def read(self):
        frame = super().read()
        self.is_count_exact |= frame is None
        return frame


def test_what_is_exported_knows_how_long_the_source_is_once_its_end_was_seen(session, tmp_path):
    session.open(LateCount(40), "late")
    start(session, 5)
    session.read_next()
    assert session.build_run().source.frame_count is None  # nobody knows it yet
    run(session)
    tracked = session.build_run()
    assert tracked.source.frame_count == 40
    (path,) = write_boxes(tmp_path / "boxes.txt", "otb", tracked.select(5, 6))
    assert len(path.read_text().splitlines()) == 40  # a line for each frame of the source, as OTB has them
    (path,) = write_boxes(tmp_path / "boxes.xml", "cvat", tracked)
    assert 'frame="40"' not in path.read_text()  # CVAT refuses a file with a frame that is not there


# how many frames the packets tell, where the video is, how long the exported run's source is said to be
@pytest.mark.parametrize(
    ("packets", "place", "count"),
    [
        (40, "/films/late.mp4", 40),
        (None, "/films/late.mp4", None),  # they cannot be trusted
        (40, "http://films/late.mp4", None),  # it would be fetched as a whole
    ],
)
def test_what_is_exported_of_a_part_counts_the_rest_by_packets(session, packets, place, count):
    source = LateCount(40, paths=())
    source.count_frames = lambda: packets
    session.open(source, "late")
    source.paths = (place,)
    start(session, 5)
    session.read_next()
    assert session.build_run().source.frame_count == count


class FewerFrames(DrawnSource):
    """Says 60 frames until the end was seen; there are 40, as where a file was cut short."""

    def __init__(self):
        super().__init__(40)
        self.frame_count = 60

    def seek(self, index):
        if index >= 40:
            self.frame_count = 40
            raise SourceError(f"'drawn' has 40 frames; frame {index} does not exist.")
        super().seek(index)


@pytest.mark.parametrize("index", [45, 59, 2**62])
def test_a_seek_past_the_real_end_shows_the_last_frame_and_no_error(session, index):
    session.open(FewerFrames(), "cut")
    assert session.seek(index).frame.index == 39


def test_a_seek_to_the_end_of_missing_frames_shows_the_last_one_there_is(session):
    session.open(DrawnSource(40, missing={38, 39}), "damaged")
    assert session.seek(39).frame.index == 37


# --- whose results ------------------------------------------------------------------------------------------


class OtherTracker(MatchingTracker):
    name = "other"

    def fork(self):
        return OtherTracker(self._tracking)


def two_trackers():
    """A session that has tracked frames 0 to 20 with one tracker and is at frame 20 with another."""
    session = Session(lambda choice: OtherTracker() if choice.name == "other" else MatchingTracker())
    session.open(DrawnSource(40), "drawn")
    start(session)
    run(session)
    session.seek(20)
    session.choose_tracker(TrackerChoice("other"))
    return session


def producers(tracked, number=1):
    return [tracked.producer_of(index, number).tracker for index in tracked.frame_indices.tolist()]


def test_each_result_keeps_the_tracker_that_found_it():
    session = two_trackers()
    run(session)
    assert producers(session.build_run()) == ["matching"] * 21 + ["other"] * 19
    session.begin(session.seek(25).frame, true_box(25), 1)
    assert producers(session.run.ghost.build()) == ["other"] * 15, "the results that were replaced keep theirs too"


def test_a_tracker_chosen_after_tracking_is_not_named_in_the_run():
    session = two_trackers()
    assert producers(session.build_run()) == ["matching"] * 40
    other = Session(lambda choice: OtherTracker() if choice.name == "other" else MatchingTracker())
    other.open(DrawnSource(40), "drawn")
    start(other)
    run(other)
    other.is_tracking = False
    other.choose_tracker(TrackerChoice("other"))
    assert producers(other.build_run()) == ["matching"] * 40


def test_results_of_a_tracker_that_is_not_here_say_that_they_cannot_be_explained():
    session = two_trackers()
    run(session)
    session.wants_debug = True
    view = session.seek(10)  # found by the tracker that was replaced, and which has no weights to be built from
    assert view.targets[0].result.debug is None
    assert "cannot be explained" in view.remark and "matching" in view.remark
    view = session.seek(30)
    assert view.targets[0].result.debug is not None and view.remark == ""


def test_results_of_earlier_parameters_are_explained_with_those(session):
    start(session)
    run(session)
    earlier = session.build_tracker().tracking
    session.seek(20)
    session.set_tracking_config(dataclasses.replace(earlier, window_influence=0.9))
    run(session)
    tracked = session.build_run()
    before, after = tracked.producer_of(10).config, tracked.producer_of(30).config
    assert after == {**before, "tracking": {**before["tracking"], "window_influence": 0.9}}
    assert before["tracking"]["window_influence"] == earlier.window_influence != 0.9
    explained = {}
    stand = Followers.stand_before

    def note(followers, target, index):
        explained[index] = followers.base.tracking.window_influence
        return stand(followers, target, index)

    session.wants_debug = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Followers, "stand_before", note)
        assert session.seek(10).targets[0].result.debug is not None
        assert session.seek(30).targets[0].result.debug is not None
    assert explained == {10: earlier.window_influence, 30: 0.9}


def test_a_run_keeps_the_times_of_its_frames_and_whose_its_boxes_are(session):
    session.open(DrawnSource(10, fps=4.0), "drawn")
    frame = session.seek(2).frame
    session.begin(frame, true_box(2), by=BoxOrigin.GROUND_TRUTH)
    session.is_tracking = True
    run(session)
    tracked = session.build_run()
    np.testing.assert_allclose(tracked.times_s, np.arange(2, 10) / 4.0)
    (key,) = tracked.targets[0].key_frames
    assert (key.index, key.by) == (2, BoxOrigin.GROUND_TRUTH)


def test_running_again_with_another_tracker_leaves_nothing_of_the_first_in_the_run():
    session = two_trackers()
    session.run_again()
    session.seek(0)
    run(session)
    tracked = session.build_run()
    assert [producer.tracker for producer in tracked.producers] == ["other"]
    assert producers(tracked) == ["other"] * 40
    session.change_runs(lambda runs: runs.activate(1))
    assert producers(session.build_run()) == ["matching"] * 40
