"""From curves to Figure 5: crossings, means and times by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.records import Curve
from bench.styling.summary import TERMS, Comparison, comparisons, crossing, moments, shortened, summaries


def curve(
    subject: str, image: str, total: Sequence[float], *, seconds: float = 1.0, subject_hash: str = "h"
) -> Curve:
    return Curve(
        subject=subject,
        subject_hash=f"sha of {image}" if subject == "content" else subject_hash,
        dataset="set",
        image=image,
        image_sha256=f"sha of {image}",
        protocol_hash="p",
        terms=dict.fromkeys(TERMS, tuple(total)),
        seconds=seconds,
        batch=1,
    )


def of(*curves: Curve) -> Comparison:
    (found,) = comparisons(curves)
    return found


@pytest.mark.parametrize(
    ("values", "level", "expected"),
    [
        ([10, 6, 2, 1], 4, 1.5),
        ([10, 6, 2, 1], 6, 1.0),
        ([10, 6, 2, 1], 1, 3.0),
        ([10, 6, 2, 1], 0.5, None),
        ([10, 6, 2, 1], 10, 0.0),
        ([10, 6, 2, 1], 11, 0.0),
        ([10, 3, 8, 1], 5, 5 / 7),
        ([3], 5, 0.0),
        ([8], 5, None),
        ([math.inf, 1], 5, 1.0),
    ],
)
def test_a_crossing_is_where_the_line_first_meets_the_level(
    values: list[float], level: float, expected: float | None
) -> None:
    assert crossing(values, level) == (None if expected is None else pytest.approx(expected))


def test_mean_and_standard_deviation_are_those_of_a_sample() -> None:
    assert moments([2.0, 4.0, 9.0]).mean == 5.0
    assert moments([2.0, 4.0, 9.0]).sd == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    assert moments([3.0]).sd is None


def test_the_overtaking_is_the_median_and_that_of_the_means() -> None:
    found = of(
        curve("content", "a", [40], seconds=0),
        curve("content", "b", [60], seconds=0),
        curve("net", "a", [10], seconds=0.5),
        curve("net", "b", [8], seconds=0.7),
        curve("gatys", "a", [30, 20, 10], seconds=8),
        curve("gatys", "b", [32, 16, 0], seconds=12),
    )
    (over,) = found.crossovers
    assert over.crossings == {"a": 2.0, "b": 1.5}
    assert over.median == 1.75
    assert over.of_mean == pytest.approx(1 + (18 - 9) / (18 - 5))
    assert over.seconds_per_iteration == 5.0
    assert over.seconds_to_match == 8.75
    assert over.times_faster == pytest.approx(8.75 / 0.6)
    (net,), (gatys,) = found.networks, found.baselines
    assert found.content is not None
    assert found.content.n == 2
    assert found.below_content(net) == pytest.approx(50 / 9)
    assert found.below_content(gatys, 1) == pytest.approx(50 / 18)


def test_a_median_that_half_of_the_contents_do_not_reach_is_none() -> None:
    found = of(
        curve("net", "a", [10]),
        curve("net", "b", [1]),
        curve("gatys", "a", [30, 5]),
        curve("gatys", "b", [30, 5]),
    )
    (over,) = found.crossovers
    assert over.crossings == {"a": 0.8, "b": None}
    assert over.median is over.seconds_to_match is over.times_faster is None
    assert over.of_mean is not None


def test_only_contents_that_both_have_are_compared() -> None:
    found = of(
        curve("content", "a", [40]),
        curve("content", "b", [60]),
        curve("net", "b", [6]),
        curve("net", "c", [1]),
        curve("gatys", "a", [9, 1]),
        curve("gatys", "b", [9, 3]),
    )
    (over,) = found.crossovers
    assert over.crossings == {"b": 0.5}
    assert found.below_content(found.networks[0]) == 10.0
    assert of(curve("net", "a", [1]), curve("gatys", "b", [2, 1])).crossovers == ()


def test_curves_are_cut_to_the_shortest_with_their_share_of_the_time() -> None:
    long, short = curve("gatys", "a", [4, 3, 2, 1], seconds=6), curve("gatys", "b", [4, 2], seconds=2)
    (summary,) = summaries([long, short])
    assert [c.total for c in summary.curves] == [(4, 3), (4, 2)]
    assert [c.seconds for c in summary.curves] == [2.0, 2.0]
    assert summary.iterations == 1
    assert shortened(long, 3) is long
    (cut,) = summaries([long], iterations=2)
    assert cut.curves[0].total == (4, 3, 2)
    assert [m.mean for m in cut.course()] == [4, 3, 2]


def test_settings_of_the_optimisation_stay_apart_and_the_later_of_a_content_counts() -> None:
    found = of(
        curve("net", "a", [5]),
        curve("gatys", "a", [9, 1], subject_hash="noise"),
        curve("gatys", "a", [9, 5], subject_hash="noise"),
        curve("gatys", "a", [7, 3], subject_hash="content"),
    )
    assert {o.baseline_hash: o.median for o in found.crossovers} == {"noise": 1.0, "content": 0.5}


def test_it_loads_no_torch() -> None:
    code = "import sys, bench.styling.summary; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
