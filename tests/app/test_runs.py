"""All runs of a source: nothing that was computed is replaced by a slip, and every change can be taken back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker, drawn, true_box

from app.session.frame_view import STATES, Scoring, Stale
from app.session.history import MOST_CHANGES, MOST_RESULTS, Change, History
from app.session.journal import Journal
from app.session.runs import SETTLING_FRAMES
from app.session.session import Session
from app.session.summary import summarise
from app.session.trackers import TrackerChoice
from tracker_core.results.visibility import Visibility
from tracker_core.types import TrackingState, TrackResult

COUNT = 60


class OtherTracker(MatchingTracker):
    name = "other"

    def fork(self):
        return OtherTracker(self._tracking)


def make_session(source=None):
    session = Session(lambda choice: OtherTracker() if choice.name == "other" else MatchingTracker())
    session.open(source or DrawnSource(COUNT), "drawn")
    return session


@pytest.fixture
def session():
    session = make_session()
    yield session
    session.close_source()


def start(session, index=0, box=None, number=None):
    number = session.begin(session.seek(index).frame, true_box(index) if box is None else box, number)
    session.is_tracking = True
    return number


def track(session, count=COUNT):
    for _ in range(count):
        if session.read_next() is None:
            break


def tune(session, value):
    session.set_tracking_config(replace(session.build_tracker().tracking, window_influence=value))


def frames(session):
    return {run.number: sorted(run.targets[1].results) for run in session.runs}


def moved(pixels):
    box = true_box(0)
    box[0] += pixels
    return box


EVERYTHING = list(range(COUNT))


class TestNothingIsReplaced:
    def test_other_parameters_alone_touch_no_result(self, session):
        start(session)
        track(session)
        session.seek(10)
        for value in (0.1, 0.2, 0.3):  # a wheel over a slider
            tune(session, value)
        assert frames(session) == {1: EVERYTHING}

    def test_tracking_on_with_other_parameters_is_another_run_from_that_frame(self, session):
        start(session)
        track(session)
        old = dict(session.targets[1].results)
        session.seek(10)
        tune(session, 0.1)
        track(session, 3)
        assert frames(session) == {1: EVERYTHING, 2: list(range(14))} and session.run.number == 2
        assert session.runs[1].targets[1].results == old
        assert all(session.targets[1].results[index] is old[index] for index in range(11))
        assert session.run.begins_at == 11

    def test_another_tracker_is_another_run_too(self, session):
        start(session)
        track(session)
        session.seek(10)
        session.choose_tracker(TrackerChoice("other"))
        assert frames(session) == {1: EVERYTHING}
        track(session)
        assert frames(session) == {1: EVERYTHING, 2: EVERYTHING}
        made_by = [session.build_run().producer_of(index).tracker for index in EVERYTHING]
        assert made_by == ["matching"] * 11 + ["other"] * (COUNT - 11)

    def test_looking_at_the_run_again_is_no_change(self, session):
        start(session)
        track(session)
        session.seek(10)
        tune(session, 0.1)
        track(session)
        session.seek(3)  # found by the parameters of before, which are in this run
        track(session, 20)
        assert len(session.runs) == 2

    def test_parameters_that_go_back_to_what_they_were_change_nothing(self, session):
        start(session)
        track(session, 10)
        before = session.build_tracker().tracking
        tune(session, 0.1)
        session.set_tracking_config(before)
        track(session)
        assert frames(session) == {1: EVERYTHING}

    def test_a_slider_drawn_while_tracking_is_one_run(self, session):
        start(session)
        track(session, 5)
        for step in range(5):
            tune(session, 0.1 + step / 20)
            track(session, 1)
        assert frames(session) == {1: list(range(6)), 2: list(range(11))}
        track(session, SETTLING_FRAMES)
        tune(session, 0.9)
        track(session, 1)
        assert len(session.runs) == 3, "once it has settled, a change is another run"

    def test_a_box_for_another_tracker_is_another_run(self, session):
        start(session)
        track(session)
        session.choose_tracker(TrackerChoice("other"))
        start(session, 20, number=1)
        assert frames(session) == {1: EVERYTHING, 2: list(range(21))}
        assert sorted(session.targets[1].key_frames) == [0, 20]

    def test_a_box_drawn_again_stays_in_the_run(self, session):
        start(session)
        track(session)
        start(session, 20, number=1)
        assert frames(session) == {1: list(range(21))} and session.run.ghost.frames() == list(range(20, COUNT))

    def test_tracking_again_is_another_run_from_the_same_boxes(self, session):
        start(session)
        start(session, 30)
        session.seek(0)
        track(session)
        assert session.run_again() == 0
        assert {n: sorted(t.results) for n, t in session.targets.items()} == {1: [0], 2: [30]}
        session.seek(0)
        track(session)
        assert frames(session) == {1: EVERYTHING, 2: EVERYTHING}

    def test_live_frames_are_found_by_what_is_chosen_now_in_another_run(self):
        source = LiveDrawing()
        session = make_session(source)
        session.begin(session.frame, true_box(0))
        session.is_tracking = True
        for step in range(20):
            source.capture(1)
            if step == 10:
                tune(session, 0.1)
            session.read_next()
        assert frames(session) == {1: list(range(11)), 2: list(range(21))}


class TestHistory:
    def test_changes_are_taken_back_and_done_again_in_order(self, session):
        start(session)
        track(session)
        start(session, 20, number=1)
        start(session, 25)
        session.remove([1])
        texts = [session.undo() for _ in range(4)]
        assert texts == ["removal of target 1", "box of target 2", "box of target 1", "box of target 1"]
        assert not session.targets and not session.undo()
        assert [session.redo() for _ in range(2)] == ["box of target 1"] * 2
        assert sorted(session.targets[1].key_frames) == [0, 20] and sorted(session.targets[1].results) == list(
            range(21)
        )

    def test_what_was_computed_before_an_undo_comes_back_with_redo(self, session):
        start(session)
        track(session)
        start(session, 20, box=true_box(20) + 1, number=1)
        track(session)
        after = dict(session.targets[1].results)
        session.undo()
        assert session.targets[1].results[30] is not after[30]
        session.redo()
        assert session.targets[1].results == after

    def test_a_run_that_was_started_goes_and_comes_again(self, session):
        start(session)
        track(session)
        session.run_again()
        session.seek(0)
        track(session, 10)
        session.undo()
        assert frames(session) == {1: EVERYTHING} and session.run.number == 1
        session.redo()
        assert frames(session) == {1: EVERYTHING, 2: list(range(11))} and session.run.number == 2

    def test_a_deleted_run_comes_back_and_another_one_is_active_meanwhile(self, session):
        start(session)
        track(session)
        session.run_again()
        session.change_runs(lambda runs: runs.delete(1))
        assert [run.number for run in session.runs] == [2] and session.run.number == 2
        session.change_runs(lambda runs: runs.delete(2))
        assert not session.targets and not summarise(session).runs
        session.undo()
        session.undo()
        assert frames(session) == {1: EVERYTHING, 2: [0]} and session.run.number == 2

    def test_a_name_is_taken_back_without_the_results_that_came_since(self, session):
        start(session)
        track(session, 5)
        session.runs.rename(1, "first try")
        track(session, 5)
        assert session.undo() == "name of run 1"
        assert session.run.recorder.title == "" and frames(session) == {1: list(range(11))}
        session.redo()
        assert session.run.recorder.title == "first try"

    def test_a_change_that_fails_leaves_no_trace(self, session):
        start(session)
        with pytest.raises(KeyError), session.runs.edit("nonsense") as run:
            run.remove([1, 7])
        assert list(session.targets) == [1] and summarise(session).undo_text == "box of target 1"

    def test_a_tracker_continues_after_an_undo_as_if_nothing_had_been(self, session):
        start(session)
        track(session, 30)
        straight = {index: result.box_xywh for index, result in session.targets[1].results.items()}
        other = make_session()
        start(other)
        track(other, 15)
        start(other, 10, box=true_box(10) + 8, number=1)
        track(other, 2)
        other.undo()
        other.seek(15)
        track(other, 15)
        for index, result in other.targets[1].results.items():
            np.testing.assert_array_equal(result.box_xywh, straight[index])

    def test_a_new_change_ends_what_could_be_done_again(self):
        history, done = History(), []
        for text in "ab":
            history.push(Change(text, lambda text=text: done.append(text), lambda: None))
        history.undo()
        history.push(Change("c", lambda: done.append("c"), lambda: None))
        assert (history.redo(), history.undo_text, history.redo_text) == ("", "c", "")
        assert done == ["b"]

    @pytest.mark.parametrize(
        ("weights", "left"),
        [
            ([0] * (MOST_CHANGES + 5), MOST_CHANGES),
            ([MOST_RESULTS // 2] * 4, 2),  # as much as two of them may be held
            ([MOST_RESULTS * 2], 1),  # the last change can always be taken back
        ],
    )
    def test_the_oldest_changes_are_forgotten(self, weights, left):
        history = History()
        for place, weight in enumerate(weights):
            history.push(Change(f"change {place}", lambda: None, lambda: None, weight))
        assert sum(bool(history.undo()) for _ in weights) == left


class TestScores:
    """A run is measured against the ground truth only where it started on it."""

    @pytest.mark.parametrize(
        ("box", "scoring"),
        [
            (true_box(0), Scoring.ON_TRUTH),
            (moved(10), Scoring.ON_TRUTH),  # overlap 30/50
            (moved(20), Scoring.ELSEWHERE),  # overlap 20/60
            (np.array([20.0, 20.0, 40.0, 30.0]), Scoring.ELSEWHERE),  # another object
        ],
    )
    def test_the_box_at_the_start_decides(self, session, box, scoring):
        start(session, box=box)
        track(session)
        (summary,) = summarise(session).runs
        assert summary.scoring is scoring
        assert np.isfinite(summary.success) == (scoring is Scoring.ON_TRUTH)
        assert (np.isfinite(session.curves()[1].ious) == (scoring is Scoring.ON_TRUTH)).all()

    def test_a_run_is_scored_anyway_if_the_user_says_so_and_no_longer_after_undo(self, session):
        start(session, box=np.array([20.0, 20.0, 40.0, 30.0]))
        track(session)
        session.runs.score_anyway(1, True)
        (summary,) = summarise(session).runs
        assert summary.scoring is Scoring.ANYWAY and np.isfinite(summary.success)
        session.undo()
        assert np.isnan(summarise(session).runs[0].success)

    def test_the_second_target_is_scored_where_that_is_the_one_on_the_truth(self, session):
        start(session, box=np.array([20.0, 20.0, 40.0, 30.0]))
        start(session, 5)
        track(session)
        first, second = session.curves().values()
        assert np.isfinite(second.ious).all() and 20 in second.frames and np.isnan(first.ious).all()

    @pytest.mark.parametrize("is_live", [False, True])
    def test_a_curve_says_of_each_frame_what_its_own_line_says(self, is_live):
        session = make_session(LiveDrawing() if is_live else DrawnSource(COUNT))
        seen = range(1, 61, 2) if is_live else range(1, 31)  # of a live source not all that is captured is tracked
        session.begin(drawn(1), true_box(1))
        session.is_tracking = True
        for index in seen[1:]:
            session.take(drawn(index))
            if index == seen[20]:
                session.begin(drawn(index), true_box(index))
        run = session.run
        run.mark(1, [seen[5]], Visibility.OUTSIDE)
        run.recorder.put(seen[8], 1, TrackResult(true_box(3), 0.1, TrackingState.LOST))
        curves = session.curves()
        assert [len(curve) for curve in curves.values()] == [30, 10]
        assert np.isfinite(curves[1].speeds).sum() == 25, "not at the start, around the mark and around the loss"
        for target in run.targets.values():
            lines = [session.truth.row(run, target, index, target.results[index]) for index in sorted(target.results)]
            curve = curves[target.number]
            assert curve.frames.tolist() == [line.index for line in lines]
            for column, name in (("scores", "score"), ("ious", "iou"), ("center_errors", "center_error")):
                np.testing.assert_allclose(getattr(curve, column), [getattr(line, name) for line in lines])
            np.testing.assert_allclose(curve.speeds, [line.speed for line in lines], err_msg="speeds")
            np.testing.assert_array_equal(curve.boxes_xywh, [line.box_xywh for line in lines])
            assert [STATES[place] for place in curve.states] == [line.state for line in lines]
        assert session.curves() is curves, "nothing changed"
        session.take(drawn(seen[-1] + 1))
        assert session.curves() is not curves and len(session.curves()[1]) == len(curves[1]) + 1
        session.close_source()

    def test_a_box_drawn_on_something_else_ends_the_scoring(self, session):
        start(session)
        track(session)
        start(session, 30, box=np.array([20.0, 20.0, 40.0, 30.0]), number=1)
        track(session)
        curve = session.curves()[1]
        assert (np.isfinite(curve.ious) == (curve.frames < 30)).all() and len(curve) == COUNT

    def test_numbers_are_stale_where_the_tracker_was_changed_but_nothing_tracked_since(self, session):
        start(session)
        track(session)
        assert summarise(session).runs[0].stale is Stale.NO
        tune(session, 0.123)
        assert summarise(session).runs[0].stale is Stale.TRACKER
        session.run_again()
        session.seek(0)
        track(session)
        old, new = summarise(session).runs
        assert (old.stale, new.stale) == (Stale.NO, Stale.NO)
        (change,) = new.changes
        assert (change[0], change[2]) == ("window_influence", 0.123) and not old.changes

    def test_numbers_are_stale_where_the_ground_truth_it_started_from_has_changed(self, session):
        from tracker_core.results.run import BoxOrigin

        session.begin(session.seek(0).frame, true_box(0), by=BoxOrigin.GROUND_TRUTH)
        assert summarise(session).runs[0].stale is Stale.NO
        session.truth.sequence.boxes_xywh[0] += [2, 0, 0, 0]
        assert summarise(session).runs[0].stale is Stale.TRUTH


class TestList:
    def test_runs_are_summed_up_side_by_side(self, session):
        start(session)
        track(session)
        session.choose_tracker(TrackerChoice("other"))
        session.run_again()
        session.seek(0)
        track(session, 9)
        first, second = summarise(session).runs
        assert (first.tracker, second.tracker) == ("matching", "other")
        assert (first.frame_count, second.frame_count) == (COUNT, 10)
        assert (first.is_active, second.is_active) == (False, True)
        assert sorted(first.curves) == [1] and not second.curves
        assert first.curves[1].frames.tolist() == EVERYTHING and np.nanmin(first.curves[1].ious) > 0.9

    def test_what_other_visible_runs_found_is_shown_beside(self, session):
        start(session)
        track(session)
        session.run_again()
        view = session.seek(7)
        (other,) = view.others
        assert view.targets[0].result is None and other.number == 1
        np.testing.assert_array_equal(other.results[1].box_xywh, session.runs[1].targets[1].results[7].box_xywh)
        session.runs.show(1, False)
        assert not session.seek(7).others and not summarise(session).runs[0].curves

    def test_a_run_that_is_chosen_is_shown_and_continued_as_it_was(self, session):
        start(session)
        track(session, 20)
        stored = dict(session.targets[1].results)
        session.run_again()
        session.change_runs(lambda runs: runs.activate(1))
        session.seek(20)
        session.is_tracking = True
        track(session)
        assert frames(session) == {1: EVERYTHING, 2: [0]}
        assert all(session.targets[1].results[index] is stored[index] for index in stored)


class TestSaved:
    """All runs come back with the source."""

    def save_and_restore(self, session, folder):
        Journal(folder).save(session.runs)
        other = make_session(DrawnSource(COUNT, paths=[str(self.clip)]))
        other.runs.source = session.runs.source
        saved = Journal(folder).restore(session.runs.source)
        other.runs.restore(saved.runs, saved.active)
        return other, saved

    @pytest.fixture
    def session(self, tmp_path):
        self.clip = tmp_path / "clip.mp4"
        self.clip.write_bytes(b"stands for a video")
        session = Session(lambda choice: OtherTracker() if choice.name == "other" else MatchingTracker())
        session.open(DrawnSource(COUNT, paths=[str(self.clip)]), str(self.clip))
        start(session)
        track(session)
        tune(session, 0.2)
        session.run_again()
        session.seek(0)
        track(session, 9)
        return session

    def test_all_runs_with_names_and_the_active_one(self, session, tmp_path):
        session.runs.rename(1, "as tuned")
        session.runs.score_anyway(2, True)
        session.change_runs(lambda runs: runs.activate(1))
        other, saved = self.save_and_restore(session, tmp_path / "state")
        assert frames(other) == frames(session) == {1: EVERYTHING, 2: list(range(10))}
        assert saved.active == 1 and other.runs[1].recorder.title == "as tuned" and other.runs[2].is_scored_anyway
        assert other.runs[2].recorder.producer.config["tracking"]["window_influence"] == 0.2

    def test_a_run_that_is_deleted_goes_and_one_that_comes_back_is_saved_again(self, session, tmp_path):
        journal = Journal(tmp_path / "state")
        journal.save(session.runs)
        session.change_runs(lambda runs: runs.delete(1))
        journal.save(session.runs)
        source = session.runs.source
        assert [run.number for run in Journal(tmp_path / "state").restore(source).runs] == [2]
        session.undo()
        journal.save(session.runs)
        assert [run.number for run in Journal(tmp_path / "state").restore(source).runs] == [1, 2]

    def test_results_added_after_undo_and_redo_are_saved(self, session, tmp_path):
        journal = Journal(tmp_path / "state")
        journal.save(session.runs)
        session.undo()
        journal.save(session.runs)
        session.redo()
        session.seek(9)
        session.is_tracking = True
        track(session, 5)
        journal.save(session.runs)
        saved = Journal(tmp_path / "state").restore(session.runs.source)
        assert {run.number: len(run.targets[1].results) for run in saved.runs} == {1: COUNT, 2: 15}

    def test_a_list_that_cannot_be_read_costs_no_run(self, session, tmp_path):
        Journal(tmp_path / "state").save(session.runs)
        (path,) = (tmp_path / "state").glob("*.runs.json")
        path.write_text("{")
        saved = Journal(tmp_path / "state").restore(session.runs.source)
        assert [run.number for run in saved.runs] == [1, 2]
