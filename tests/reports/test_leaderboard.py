"""Ranks of many models: what the tests tell apart, what they leave open, who is beaten by none, which rankings agree."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

import numpy as np
import pytest

from bench.statistics import holm, signed_rank, signed_rank_each
from reports.content import build
from reports.figures.agreement import Agreement, selected
from reports.figures.draw import draw
from reports.load.results import Group
from reports.load.standings import Ranking, Standings, front, kendall, leading_groups, sentence, standings
from reports.tables.leaderboard import leaderboard_table
from tests.reports.results import group, results

IMAGES = tuple(f"i{n:03}" for n in range(60))


def many(models: int = 12, metrics: tuple[str, ...] = ("psnr", "lpips-alex")) -> Group:
    """Models m00, m01, ... in threes: within three the means differ by chance alone, from three to three by 1 dB."""
    values = {}
    for m in range(models):
        chance = random.Random(m)
        level = [20 + m // 3 + chance.gauss(0, 0.05) for _ in IMAGES]
        values[f"m{m:02}", "psnr"] = level
        if "lpips-alex" in metrics:
            values[f"m{m:02}", "lpips-alex"] = [1 - v / 80 for v in level]
    return group(values, dataset="bsd100", images=IMAGES)


def psnr(found: Group) -> Standings:
    made = standings(found, found.metrics[0])
    assert made is not None
    return made


def test_models_of_one_level_share_their_ranks_and_no_others() -> None:
    made = psnr(many())
    assert (made.images, made.tests) == (60, 66)
    by_name = {place.model: place for place in made.places}
    for m in range(12):
        three = 3 - m // 3  # from the best three
        place = by_name[f"m{m:02}"]
        assert (place.low, place.high) == (3 * three + 1, 3 * three + 3)
    assert made.ties == ((1, 3), (4, 6), (7, 9), (10, 12))
    assert sentence(made, many()) == "By psnr on bsd100, ranks 1 to 3 cannot be told apart."


def test_less_is_better_where_the_metric_says_so() -> None:
    found = many()
    made = standings(found, found.metrics[1])
    assert made is not None
    assert {place.model for place in made.places[:3]} == {"m09", "m10", "m11"}


def test_ranks_are_those_of_single_tests_with_holms_correction() -> None:
    found = many(4, ("psnr",))
    values = {model: found.column(model, "psnr").tolist() for model in found.models}
    names = [place.model for place in psnr(found).places]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    p = holm([signed_rank(np.subtract(values[b], values[a]).tolist()).p for a, b in pairs])
    apart = {pair for pair, value in zip(pairs, p, strict=True) if value < 0.05}
    for place in psnr(found).places:
        rank = names.index(place.model)
        assert place.low == 1 + sum((other, place.model) in apart for other in names[:rank])
        assert place.high == 4 - sum((place.model, other) in apart for other in names[rank + 1 :])


@pytest.mark.parametrize("n", [1, 5, 30, 50, 60, 100])
def test_many_tests_at_once_are_the_single_ones(n: int) -> None:
    chance = np.random.default_rng(n)
    plain = chance.normal(0.1, 1, (n, 7))
    twins = plain.copy()
    twins[:, 2] = 0  # two models that are one
    twins[0, 3] = 0
    for differences in (plain, plain.round(1), twins):
        each = signed_rank_each(differences)
        assert each == pytest.approx([signed_rank(column.tolist()).p for column in differences.T], rel=1e-12)
    assert signed_rank_each(np.zeros((n, 2))) == (1.0, 1.0)


def test_a_model_without_all_images_or_with_an_infinite_value_is_not_ranked() -> None:
    values: dict[tuple[str, str], list[float | None]] = {
        (f"m{m}", "psnr"): [20.0 + m + i / 100 for i in range(60)] for m in range(4)
    }
    values["m0", "psnr"][-1] = math.inf
    values["m3", "psnr"][-1] = None
    found = group(values, dataset="bsd100", images=IMAGES)
    assert {place.model for place in psnr(found).places} == {"m1", "m2"}
    alone = group({("m1", "psnr"): [1.0] * 60}, dataset="bsd100", images=IMAGES)
    assert standings(alone, alone.metrics[0]) is None


def test_models_with_as_many_but_other_images_are_not_paired() -> None:
    values: dict[tuple[str, str], list[float | None]] = {
        (f"m{m}", "psnr"): [20.0 + m + i / 100 for i in range(60)] for m in range(5)
    }
    # Of 59 images each: three models lack the last, two the first.
    for m in range(5):
        values[f"m{m}", "psnr"][-1 if m < 3 else 0] = None
    made = psnr(group(values, dataset="bsd100", images=IMAGES))
    assert [place.model for place in made.places] == ["m2", "m1", "m0"]
    assert (made.images, made.tests) == (59, 3)
    # The first 59 are i/100 with i from 0 to 58.
    assert made.places[0].mean == pytest.approx(22.29)


def test_who_is_beaten_by_none() -> None:
    points = {"a": (30.0, 0.2), "b": (31.0, 0.3), "c": (30.5, 0.35), "d": (31.0, 0.3), "e": (29.0, 0.1)}
    assert front(points, higher=(True, False)) == ("a", "b", "d", "e")


def test_kendalls_tau_of_four_models_by_hand() -> None:
    a = Ranking(title="a", means={"w": 1, "x": 2, "y": 3, "z": 4})
    b = Ranking(title="b", means={"w": 1, "x": 3, "y": 2, "z": 4, "other": 9})
    tau, n = kendall(a, b)
    assert tau == pytest.approx(4 / 6)  # 5 pairs agree, 1 does not
    assert n == 4
    assert math.isnan(kendall(a, Ranking(title="c", means={"w": 1}))[0])


def test_rankings_over_few_images_are_left_out_first_and_named() -> None:
    found = [
        Ranking(title=f"m{i}, {name}", means={"w": 1, "x": 2}, images=images)
        for name, images in (("set5", 5), ("bsd100", 100))
        for i in range(10)
    ]
    shown, left_out = selected(found)
    assert [each.title for each in left_out] == ["m8, set5", "m9, set5"]
    assert shown == [*found[:8], *found[10:]]
    agreement = Agreement(group=many(), rankings=shown, left_out=left_out)
    assert "No room for: m8, set5 and m9, set5." in agreement.caption()


def test_a_report_of_many_models_has_a_leaderboard_and_one_of_few_has_none(tmp_path: Path) -> None:
    found = results(many())
    assert leading_groups(found) == found.groups
    report = build(found, draw(found, tmp_path))
    (section,) = (s for s in report.sections if s.id == "leaderboard")
    names = [figure.id.partition("-")[0] for figure in section.figures]
    assert names == ["plane", "fronts", "fronts", "predictors", "agreement"]
    drawn = {figure.id.partition("-")[0] for figure in section.figures if figure.svg and figure.svg.is_file()}
    assert drawn == {"plane", "agreement"}  # nothing was timed
    assert section.page == "leaderboard.html"
    (table,) = section.tables
    assert table.rows[0][0].text == "1"
    assert table.rows[0][3].text == "1-3"
    assert "leaderboard" not in {s.id for s in build(results(many(9)), []).sections}


def test_data_sets_with_very_many_models_are_folded_and_have_no_strips(tmp_path: Path) -> None:
    found = results(many(24))
    drawn = draw(found, tmp_path)
    strips = next(figure for figure in drawn if figure.id.startswith("differences"))
    assert "the leaderboard ranks them" in strips.reason
    sections = {section.id: section for section in build(found, drawn).sections}
    assert sections["scores"].folded
    assert not [t for t in sections["quality"].tables if t.id.startswith("quality-")]


def test_a_leaderboard_of_a_hundred_models_takes_seconds() -> None:
    start = time.perf_counter()
    found = many(100)
    made = [standings(found, info) for info in found.metrics]
    leaderboard_table(found, [each for each in made if each])
    assert time.perf_counter() - start < 15
