"""Two timing runs of the same models, by data made by hand."""

from __future__ import annotations

import pytest

from bench.timing.repeat import Measured, repeat


def run(**seconds: float) -> dict[str, Measured]:
    """Each model with an interval of 10 % to both sides."""
    return {model: Measured(value, 0.9 * value, 1.1 * value) for model, value in seconds.items()}


def test_runs_of_one_order_agree_whatever_their_times_are() -> None:
    found = repeat(run(a=1.0, b=2.0, c=4.0), run(a=1.5, b=2.5, c=9.0))
    assert found is not None
    assert (found.tau, found.models, found.disjoint, found.changed) == (1.0, 3, 3, ())
    assert found.sentence == (
        "Two timing runs of 3 models: Kendall's tau 1.000; of 3 pairs with disjoint 95 % intervals in both "
        "none changes order."
    )


def test_a_pair_that_changes_order_within_its_intervals_is_not_counted() -> None:
    # a and b overlap in the first run: that they swap says nothing
    found = repeat(run(a=1.0, b=1.1, c=4.0), run(a=2.0, b=1.0, c=4.0))
    assert found is not None
    assert found.tau == pytest.approx(1 / 3)
    assert (found.disjoint, found.changed) == (2, ())


def test_a_pair_with_disjoint_intervals_that_changes_order_is_named() -> None:
    found = repeat(run(a=1.0, b=2.0, c=4.0), run(a=1.0, b=8.0, c=4.0))
    assert found is not None
    assert (found.disjoint, found.changed) == (3, (("b", "c"),))
    assert "1 change order: b and c" in found.sentence


def test_only_models_of_both_runs_count_and_there_must_be_two() -> None:
    found = repeat(run(a=1.0, b=2.0, x=9.0), run(b=2.0, a=1.0, y=0.1))
    assert found is not None
    assert found.models == 2
    assert repeat(run(a=1.0, b=2.0), run(a=1.0, c=1.0)) is None
    assert repeat(run(a=1.0, b=1.0), run(a=1.0, b=2.0)) is None
