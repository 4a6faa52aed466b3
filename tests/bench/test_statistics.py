"""Intervals cover what they say, tests agree with enumeration and with SciPy, verdicts follow the rule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bench.statistics import (
    Interval,
    RankTest,
    Verdict,
    differences,
    holm,
    mean,
    mean_interval,
    paired_interval,
    quantile,
    rank_sum,
    ratio_interval,
    signed_rank,
    verdict,
)

INF = math.inf
# PSNR of bicubic and of SRCNN 9-5-5 on Set5 x4 as the literature rounds them, and differences as on Set14.
BICUBIC, SRCNN = (31.78, 30.18, 22.10, 31.59, 26.46), (33.01, 32.50, 24.90, 32.91, 29.10)
CHANGES = (0.31, 1.94, 0.12, 0.75, 1.08, 0.4, 2.25, 1.37, -0.06, 1.61, 0.93, 3.4, 1.19, 1.52)

Draw = Callable[[np.random.Generator, int], np.ndarray]


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(0.3, 1, n)


def heavy_tailed(rng: np.random.Generator, n: int) -> np.ndarray:
    return 0.3 + rng.standard_t(3, n)


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.exponential(0.3, n)


def coverage(draw: Draw, n: int, *, plain: bool = False, trials: int = 2000) -> float:
    """Share of intervals that hold 0.3, the true mean."""
    rng, hits = np.random.default_rng(n), 0
    for trial in range(trials):
        values = draw(rng, n)
        if plain:
            drawn = np.random.default_rng(trial).integers(0, n, (2000, n))
            low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
        else:
            low, high = mean_interval(tuple(values), seed=trial, resamples=2000) or (INF, -INF)
        hits += low <= 0.3 <= high
    return hits / trials


@pytest.mark.parametrize(
    ("draw", "n", "least"),
    [
        (normal, 5, 0.90),
        (normal, 14, 0.93),
        (heavy_tailed, 5, 0.90),
        (heavy_tailed, 14, 0.93),
        (skewed, 14, 0.90),
    ],
)
def test_an_interval_covers_the_mean_about_as_often_as_it_says(draw: Draw, n: int, least: float) -> None:
    assert least <= coverage(draw, n) <= 0.975


def test_plain_percentiles_of_five_values_cover_far_too_little() -> None:
    assert coverage(normal, 5, plain=True) < 0.87


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_an_interval_is_scipys_percentile_interval_at_the_expanded_level(confidence: float) -> None:
    n = len(CHANGES)
    tail = stats.norm.cdf(stats.t.ppf((1 - confidence) / 2, n - 1) * math.sqrt(n / (n - 1)))
    theirs = stats.bootstrap(
        (CHANGES,),
        np.mean,
        confidence_level=1 - 2 * tail,
        n_resamples=40_000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    ours = paired_interval(CHANGES, resamples=40_000, confidence=confidence)
    assert ours == pytest.approx(tuple(theirs), abs=0.02)


def test_for_many_values_it_is_students_interval() -> None:
    values = np.random.default_rng(0).normal(5, 2, 1000)
    theirs = stats.t.interval(0.95, 999, loc=values.mean(), scale=stats.sem(values))
    assert mean_interval(tuple(values)) == pytest.approx(theirs, abs=0.01)


def test_the_same_values_and_seed_give_the_same_interval() -> None:
    assert paired_interval(CHANGES) == paired_interval(CHANGES) == mean_interval(list(CHANGES))
    assert paired_interval(CHANGES) != paired_interval(CHANGES, seed=1)


def test_an_interval_turns_round_with_its_values() -> None:
    low, high = paired_interval(CHANGES) or (0, 0)
    assert paired_interval([-value for value in CHANGES]) == pytest.approx((-high, -low))


def test_resamples_in_many_pieces_are_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mean_interval(CHANGES)
    monkeypatch.setattr("bench.statistics.DRAWS_AT_ONCE", 1000)
    assert mean_interval(CHANGES) == whole


@pytest.mark.parametrize(("n", "confidence", "there"), [(1, 0.95, False), (4, 0.95, False), (5, 0.95, True)])
def test_there_is_no_interval_for_fewer_than_five_values(n: int, confidence: float, there: bool) -> None:
    assert (mean_interval(CHANGES[:n], confidence=confidence) is not None) is there


def test_surer_intervals_need_more_values() -> None:
    assert mean_interval(CHANGES[:6], confidence=0.99) is None
    assert mean_interval(CHANGES[:7], confidence=0.99) is not None


def test_values_that_are_all_the_same_have_an_interval_of_no_width() -> None:
    assert mean_interval([2.5] * 7) == (2.5, 2.5)


def test_identical_images_on_both_sides_differ_by_nothing() -> None:
    assert differences([INF, 30.0, INF], [INF, 31.0, 30.0]) == (0.0, 1.0, -INF)


def test_infinite_values_of_one_sign_give_infinite_bounds_and_never_nan() -> None:
    assert mean([1.0, INF]) == INF
    low, high = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0, INF]) or (0, 0)
    assert 1 <= low < high == INF
    assert mean_interval([-INF] * 6) == (-INF, -INF)


def test_infinite_values_of_both_signs_have_no_mean_and_no_interval() -> None:
    assert mean([INF, 1.0, -INF]) is None
    assert mean_interval([INF, 1.0, -INF, 2.0, 3.0, 4.0]) is None


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_no_values_and_nan_are_refused(values: list[float]) -> None:
    for function in (mean, mean_interval, paired_interval, signed_rank):
        with pytest.raises(ValueError, match="needs at least one and no NaN"):
            function(values)
    with pytest.raises(ValueError, match="needs at least one and no NaN"):
        rank_sum(values, [1.0])


def test_unequal_numbers_of_values_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 values, must be equally many"):
        differences([1, 2, 3], [1, 2])


def test_a_confidence_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"confidence must be between 0 and 1 \(got 1\)"):
        mean_interval(CHANGES, confidence=1)


def enumerated(values: tuple[float, ...]) -> float:
    """p of the signed-rank test from all 2**n signs."""
    ranks = stats.rankdata(np.abs(values))
    seen = abs((np.sign(values) * ranks).sum())
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=len(values))]
    return float(np.mean([total >= seen - 1e-9 for total in sums]))


def test_the_signed_rank_p_is_that_of_all_signs() -> None:
    assert signed_rank(CHANGES).p == pytest.approx(enumerated(CHANGES))
    assert signed_rank(CHANGES).p == pytest.approx(stats.wilcoxon(CHANGES).pvalue)
    assert signed_rank(CHANGES).direction == 1
    assert signed_rank([-value for value in CHANGES]).direction == -1


def test_with_ties_too_the_signed_rank_p_is_that_of_all_signs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        values = tuple(float(value) for value in rng.integers(-2, 4, 9) if value)
        assert signed_rank(values).p == pytest.approx(enumerated(values))


def test_fifty_differences_are_tested_exactly_as_by_scipy() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 50)
    assert signed_rank(tuple(values)).p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_five_images_cannot_give_a_small_p() -> None:
    assert signed_rank(differences(BICUBIC, SRCNN)) == RankTest(p=0.0625, direction=1)
    assert signed_rank([1.0] * 5).p == 0.0625


def test_zeros_are_left_out_of_the_signed_ranks() -> None:
    assert signed_rank([*CHANGES, 0.0, 0.0]) == signed_rank(CHANGES)
    assert signed_rank([0.0] * 9) == RankTest(p=1.0, direction=0)


def test_an_infinite_difference_has_the_highest_rank() -> None:
    assert signed_rank([1.0, 2.0, -INF, 3.0]) == signed_rank([1.0, 2.0, -9.0, 3.0])


def test_many_differences_are_tested_by_the_normal_approximation() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 100)
    assert signed_rank(tuple(values)).p == pytest.approx(stats.wilcoxon(values, method="asymptotic").pvalue)


def test_the_rank_sum_p_is_that_of_all_splits() -> None:
    a, b = (0.15, 0.16, 0.151, 0.17), (0.14, 0.141, 0.155, 0.139, 0.138)
    ranks = stats.rankdata(a + b)
    seen = abs(ranks[:4].sum() - 20)
    splits = [abs(sum(split) - 20) for split in itertools.combinations(ranks, 4)]
    assert rank_sum(a, b).p == pytest.approx(np.mean([split >= seen for split in splits]))
    assert (rank_sum(a, b).direction, rank_sum(b, a).direction) == (-1, 1)


def test_times_that_are_all_equal_do_not_differ() -> None:
    assert rank_sum([0.1] * 3, [0.1] * 4) == RankTest(p=1.0, direction=0)


def test_the_ratio_of_times_lies_in_its_interval_whatever_the_seed() -> None:
    rng = np.random.default_rng(0)
    a, b = (tuple(rng.normal(level, 0.01, 20)) for level in (0.3, 0.2))
    low, high = ratio_interval(b, a) or (0, 0)
    assert ratio_interval(b, a, seed=0) == pytest.approx((low, high), rel=0.01)
    assert low < quantile(a, 0.5) / quantile(b, 0.5) < high
    assert ratio_interval(a[:5], b) is None


def test_holms_adjustment_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@pytest.mark.parametrize(
    ("interval", "p", "direction", "tolerance", "expected"),
    [
        ((0.1, 0.5), 0.01, 1, 0.0, "BETTER"),
        ((-0.5, -0.1), 0.01, -1, 0.0, "WORSE"),
        ((-0.1, 0.5), 0.01, 1, 0.0, "UNCLEAR"),
        ((0.1, 0.5), 0.05, 1, 0.0, "UNCLEAR"),
        ((0.1, 0.5), 0.01, -1, 0.0, "UNCLEAR"),
        ((0.1, 0.5), 0.01, 1, 0.1, "UNCLEAR"),
        ((0.1, 0.5), 0.01, 1, 0.5, "SAME"),
        ((-0.1, 0.1), 1.0, 0, 0.2, "SAME"),
        ((-INF, -3.0), 0.01, -1, 0.0, "WORSE"),
        (None, 0.01, 1, 0.0, "UNCLEAR"),
    ],
)
def test_the_verdict_follows_interval_test_and_tolerance(
    interval: Interval | None, p: float, direction: int, tolerance: float, expected: Verdict
) -> None:
    def judged(higher_is_better: bool) -> Verdict:
        return verdict(
            unchanged=False,
            interval=interval,
            test=RankTest(p=p, direction=direction),
            higher_is_better=higher_is_better,
            tolerance=tolerance,
        )

    turned = {"BETTER": "WORSE", "WORSE": "BETTER"}
    assert judged(True) == expected
    assert judged(False) == turned.get(expected, expected)


def test_unchanged_values_are_the_same_whatever_their_number() -> None:
    nothing = RankTest(p=1.0, direction=0)
    assert verdict(unchanged=True, interval=None, test=nothing, higher_is_better=True) == "SAME"
