"""The small parts under video files: the clock, the display matrix, hidden frames."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.sources.display import apply_display_matrix
from tracker_core.sources.frame_clock import FrameClock
from tracker_core.sources.frame_table import is_hidden


@pytest.mark.parametrize(
    ("stamps", "closes_gaps", "want"),
    [
        ([5000, 5040, 5120], False, [0, 0.04, 0.12]),  # starts late, variable rate
        ([None, None, None], False, [0, 0.04, 0.08]),  # no times at all: the nominal rate
        ([0, None, 80], False, [0, 0.04, 0.08]),
        ([0, 40, 40, 80], False, [0, 0.04, 0.041, 0.08]),  # a repeated time is a tick later
        ([0, 40, 20, 80], False, [0, 0.04, 0.041, 0.08]),  # a small step back too
        ([0, 400, 0, 400], False, [0, 0.4, 0.44, 0.84]),  # the clock starts again
        ([0, 40, 60_000, 60_040], False, [0, 0.04, 60.0, 60.04]),  # a gap is real in a file with one clock
        ([0, 40, 60_000, 60_040], True, [0, 0.04, 0.08, 0.12]),  # FFmpeg closes it in a transport stream
        ([0, 40, 9_000], True, [0, 0.04, 9.0]),  # but not one of less than 10 s
        ([0, 20_000, 40_000], False, [0, 20, 40]),  # a time lapse
    ],
)
def test_times_always_increase(stamps: list[int | None], closes_gaps: bool, want: list[float]) -> None:
    clock = FrameClock(Fraction(1, 1000), 0.04, closes_gaps=closes_gaps)
    assert [clock.advance(stamp) for stamp in stamps] == pytest.approx(want)


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=20), st.integers(-(10**6), 10**6), st.booleans())
def test_a_table_of_times_is_what_reading_in_a_row_gives(steps: list[int], first: int, closes_gaps: bool) -> None:
    stamps = first + np.cumsum([0, *steps])
    clock = FrameClock(Fraction(1, 1000), 0.04, closes_gaps=closes_gaps)
    table = clock.times_of(stamps.astype(np.int64))
    assert [clock.advance(int(stamp)) for stamp in stamps] == pytest.approx(list(table), abs=1e-6)


@given(st.integers(0, 3), st.booleans(), st.floats(-40, 40))
def test_any_matrix_goes_to_the_nearest_of_the_eight_ways(quarters: int, is_mirrored: bool, degrees: float) -> None:
    """Turned clockwise by quarters after mirroring, and by up to 40 degrees more; see where one pixel goes."""
    angle = math.radians(90 * quarters + degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    flip = -1 if is_mirrored else 1
    matrix = tuple(round(value * (1 << 16)) for value in (flip * cosine, flip * sine, -sine, cosine))
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    want = np.rot90(image[:, ::-1] if is_mirrored else image, -quarters)
    np.testing.assert_array_equal(apply_display_matrix(image, matrix), want)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "content", "want"),
    [
        # RFC 6386, 9.1: bit 0 is 0 for a key frame, bits 1-3 the version, bit 4 show_frame
        ("vp8", [0b0001_0000, 0, 0], False),
        ("vp8", [0b0000_0001, 0, 0], True),
        # VP9 6.2: marker 10, profile 00, show_existing_frame, frame_type, show_frame, error_resilient
        ("vp9", [0b1000_0010, 0], False),
        ("vp9", [0b1000_0100, 0], True),
        ("vp9", [0b1000_1000, 0], False),  # shows a frame that was decoded before
        ("vp9", [0b1011_0001, 0], False),  # profile 3 has a reserved bit more
        ("vp9", [0b1011_0010, 0], True),
        ("vp9", [0b1000_0100, 0, 0b1100_0000], False),  # ends in the index of a superframe
        ("h264", [0, 0], False),
    ],
)
def test_hidden_frames_are_known_by_their_header(codec: str, content: list[int], want: bool) -> None:
    assert is_hidden(av.Packet(bytes(content)), codec) == want
