"""Between image and widget, and what of a box lies under the mouse: pure functions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.box_editing import (
    MINIMUM_SIDE,
    Handle,
    box_from_corners,
    drag_handle,
    handle_points,
    hit_boxes,
    hit_test,
    is_large_enough,
)
from app.canvas.box_editor import BoxEditor
from app.canvas.view_transform import ViewTransform, fit_view, keep_in_sight, visible_pixels

coordinates = st.floats(-5000, 5000)
scales = st.floats(0.02, 64)
views = st.builds(ViewTransform, scales, coordinates, coordinates)
sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))


@given(views, coordinates, coordinates)
def test_there_and_back_is_the_same_point(view, x, y):
    back = view.to_image(*view.to_widget(x, y))
    assert back == pytest.approx((x, y), abs=1e-5)


@given(views, st.floats(0.1, 10), st.floats(0, 2000), st.floats(0, 2000))
def test_zooming_keeps_the_point_under_the_mouse(view, factor, x, y):
    before = view.to_image(x, y)
    after = view.zoomed(factor, x, y).to_image(x, y)
    assert after == pytest.approx(before, abs=1e-4 * (1 + abs(before[0]) + abs(before[1])))


@given(sizes, sizes)
def test_a_fitted_image_is_centred_and_touches_two_edges(image, widget):
    view = fit_view(image, widget)
    left, top, w, h = view.box_to_widget((0, 0, *image))
    assert left + w / 2 == pytest.approx(widget[0] / 2) and top + h / 2 == pytest.approx(widget[1] / 2)
    if 0.02 < view.scale < 64:
        assert max(w / widget[0], h / widget[1]) == pytest.approx(1)


@given(views, sizes, sizes)
def test_a_image_kept_in_sight_is_in_sight(view, image, widget):
    kept = keep_in_sight(view, image, widget)
    left, top, w, h = kept.box_to_widget((0, 0, *image))
    assert left < widget[0] and top < widget[1] and left + w > 0 and top + h > 0
    assert keep_in_sight(kept, image, widget) == kept


@given(views, sizes, sizes)
def test_visible_pixels_cover_the_widget_and_stay_in_the_image(view, image, widget):
    x0, y0, x1, y1 = visible_pixels(view, image, widget)
    assert 0 <= x0 <= x1 <= image[0] and 0 <= y0 <= y1 <= image[1]
    left, _ = view.to_widget(x0, y0)
    assert x0 == 0 or x0 == image[0] or left <= 1e-3


BOX = (100.0, 50.0, 40.0, 20.0)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((100, 50), Handle.TOP_LEFT),
        ((142, 72), Handle.BOTTOM_RIGHT),  # a little outside the corner
        ((120, 50), Handle.TOP),
        ((120, 70), Handle.BOTTOM),
        ((100, 60), Handle.LEFT),
        ((140, 60), Handle.RIGHT),
        ((120, 60), Handle.INSIDE),
        ((110, 48), Handle.TOP),  # on the side, between two grips
        ((90, 60), None),  # outside
        ((120, 90), None),
    ],
)
def test_what_of_a_box_lies_under_a_point(point, expected):
    assert hit_test(BOX, *point, 4.0) is expected


@given(st.tuples(coordinates, coordinates, st.floats(30, 500), st.floats(30, 500)))
def test_each_grip_is_hit_at_its_own_place(box):
    for handle, (x, y) in handle_points(box).items():
        assert hit_test(box, x, y, 5.0) is handle


def test_of_boxes_inside_each_other_the_smallest_is_hit():
    boxes = [(1, (0.0, 0.0, 100.0, 100.0)), (2, (20.0, 20.0, 30.0, 30.0)), (3, (200.0, 0.0, 10.0, 10.0))]
    assert hit_boxes(boxes, 30, 30) == 2
    assert hit_boxes(boxes, 90, 90) == 1
    assert hit_boxes(boxes, 150, 150) is None


def test_a_box_can_be_drawn_in_any_direction_and_is_clipped_to_the_image():
    assert box_from_corners(30, 40, 10, 20, (100, 100)) == (10, 20, 20, 20)
    assert box_from_corners(-20, 50, 50, 300, (100, 100)) == (0, 50, 50, 50)


def test_a_box_smaller_than_the_minimum_is_refused():
    assert is_large_enough((0, 0, MINIMUM_SIDE, MINIMUM_SIDE))
    assert not is_large_enough((0, 0, MINIMUM_SIDE - 0.5, 100))


@given(st.sampled_from(list(Handle)), st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_no_drag_makes_a_box_too_small_or_pushes_it_out(handle, dx, dy):
    x, y, w, h = drag_handle(BOX, handle, dx, dy, (320, 240))
    assert w >= MINIMUM_SIDE and h >= MINIMUM_SIDE
    assert x >= -1e-9 and y >= -1e-9 and x + w <= 320 + 1e-9 and y + h <= 240 + 1e-9
    if handle is Handle.INSIDE:
        assert (w, h) == BOX[2:]


def test_a_side_that_is_dragged_moves_alone():
    assert drag_handle(BOX, Handle.LEFT, 10, 99, (320, 240)) == pytest.approx((110, 50, 30, 20))
    assert drag_handle(BOX, Handle.BOTTOM_RIGHT, 5, 6, (320, 240)) == pytest.approx((100, 50, 45, 26))


def test_a_box_over_the_edge_is_not_pulled_in_by_another_side():
    x, _, w, _ = drag_handle((-10.0, 10.0, 50.0, 50.0), Handle.RIGHT, 5, 0, (320, 240))
    assert (x, w) == (-10, 55)


class TestEditor:
    size = (320, 240)

    def drag(self, editor, start, end):
        assert editor.press(*start, 5.0)
        editor.move(*end, self.size)
        return editor.release()

    def test_an_unarmed_editor_without_a_box_leaves_the_press_to_others(self):
        assert not BoxEditor().press(10, 10, 5)

    def test_draw_adjust_nudge_and_undo(self):
        editor = BoxEditor()
        editor.arm()
        assert self.drag(editor, (10, 10), (60, 50))
        assert editor.box == (10, 10, 50, 40)
        assert self.drag(editor, (60, 50), (70, 60))  # the bottom right grip
        assert editor.box == (10, 10, 60, 50)
        editor.nudge(1, 0, False, self.size)
        editor.nudge(0, -10, True, self.size)
        assert editor.box == (11, 10, 60, 40)
        assert editor.undo() and editor.undo() and editor.box == (10, 10, 60, 50)
        assert editor.undo() and editor.undo() and editor.box is None and editor.is_armed
        assert not editor.undo()

    def test_a_new_box_that_is_too_small_leaves_the_one_before(self):
        editor = BoxEditor()
        editor.offer((10.0, 10.0, 50.0, 40.0))
        assert not self.drag(editor, (200, 200), (201, 201))
        assert editor.box == (10, 10, 50, 40) and editor.is_offered

    def test_drawing_elsewhere_replaces_an_offer(self):
        editor = BoxEditor()
        editor.offer((10.0, 10.0, 50.0, 40.0))
        assert self.drag(editor, (200, 100), (250, 150))
        assert editor.box == (200, 100, 50, 50) and not editor.is_offered

    def test_a_drag_that_is_cancelled_changes_nothing(self):
        editor = BoxEditor()
        editor.offer((10.0, 10.0, 50.0, 40.0))
        editor.press(30, 30, 5)
        editor.move(100, 100, self.size)
        assert editor.cancel_drag() and editor.box == (10, 10, 50, 40)
        assert not editor.cancel_drag()

    @given(st.lists(st.tuples(st.sampled_from("pmrnuc"), st.floats(-50, 400), st.floats(-50, 300)), max_size=40))
    def test_whatever_is_done_the_box_stays_finite_and_inside(self, steps):
        editor = BoxEditor()
        editor.arm()
        for what, x, y in steps:
            if what == "p":
                editor.press(x, y, 5)
            elif what == "m":
                editor.move(x, y, self.size)
            elif what == "r":
                editor.release()
            elif what == "n":
                editor.nudge(x, y, x > 0, self.size)
            elif what == "u":
                editor.undo()
            else:
                editor.cancel_drag()
            if editor.box is not None:
                assert all(math.isfinite(value) for value in editor.box)
                left, top, w, h = editor.box
                assert left >= -1e-9 and top >= -1e-9 and left + w <= 320 + 1e-6 and top + h <= 240 + 1e-6
                assert editor.is_dragging or is_large_enough(editor.box, MINIMUM_SIDE - 1e-6)
