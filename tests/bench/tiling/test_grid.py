"""Where tiles lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tiling.grid import Span, spans, up_to

few = st.integers(1, 9)


@given(
    length=st.integers(1, 200), tile=st.integers(1, 60), overlap=st.integers(0, 30), multiple=few, minimum=few
)
def test_tiles_keep_every_pixel_once_and_have_their_margin_or_the_true_border(
    length: int, tile: int, overlap: int, multiple: int, minimum: int
) -> None:
    found = spans(length, tile, overlap, multiple=multiple, minimum=minimum)
    assert [span.start for span in found] == [0, *(span.stop for span in found[:-1])]
    assert found[-1].stop == length
    for span in found:
        assert 0 <= span.first <= max(span.start - overlap, 0)
        assert min(span.stop + overlap, length) <= span.last <= length
        assert span.first % multiple == 0
        assert span.last % multiple == 0 or span.last == length
        assert span.last - span.first >= min(minimum, length)
        assert span.stop - span.start <= up_to(tile, multiple) or len(found) == 1


@given(length=st.integers(50, 200), tile=st.integers(5, 30), overlap=st.integers(0, 8), multiple=few)
def test_all_pieces_have_one_size_but_for_what_is_over_at_the_end(
    length: int, tile: int, overlap: int, multiple: int
) -> None:
    sizes = [span.last - span.first for span in spans(length, tile, overlap, multiple=multiple)]
    assert len({*sizes[:-1]}) <= 2
    assert max(sizes) - min(sizes) < multiple


def test_tiles_by_hand() -> None:
    assert spans(10, 20, 3) == [Span(start=0, stop=10, first=0, last=10)]
    assert spans(100, 40, 3) == [
        Span(start=0, stop=34, first=0, last=40),
        Span(start=34, stop=68, first=31, last=71),
        Span(start=68, stop=100, first=60, last=100),
    ]


def test_a_side_that_fits_with_its_margins_is_one_tile() -> None:
    assert len(spans(26, 20, 3)) == 1
    assert len(spans(27, 20, 3)) == 2


@pytest.mark.parametrize("wrong", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_what_is_no_grid_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1, 1, 0 and 1"):
        spans(*wrong)
