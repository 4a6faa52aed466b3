"""Pareto fronts of many models: who is on them, what their steps rest on, and which count predicts the time."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.stats import kendalltau

from bench.records import Environment, Run
from bench.statistics import mean_interval, mean_intervals
from bench.storage.reader import read
from bench.storage.store import Store, now
from bench.timing.rows import network_row
from reports.figures import fronts, plane, predictors
from reports.figures.drawing import Drawing
from reports.figures.labels import Box, label, usual
from reports.figures.style import canvas, style
from reports.load.costs import COSTS, MEMORY, TIME, costs, gains, prediction_sentence, predictions
from reports.load.gather import gather
from reports.load.results import Results
from reports.load.speeds import machines
from reports.load.standings import leading_groups, standings
from reports.load.timings import common
from reports.parts import Figure
from reports.tables.leaderboard import leaderboard_table, steps_tables
from tests.reports.many_models import GPU, many_models, timed_row
from tests.stores import MACHINE

MODELS = 24


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    file = tmp_path_factory.mktemp("many") / "results.db"
    many_models(file, models=MODELS, images=30, machine=GPU, warned=["e25_05_lightnet"])
    return gather(read([file]))


def drawn(made: object) -> Drawing:
    assert isinstance(made, Drawing)
    return made


def record(made: Drawing | Figure) -> Figure:
    return made.record if isinstance(made, Drawing) else made


def test_a_model_is_on_the_front_where_no_other_is_as_good_and_cheaper(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    assert known
    assert {front.title for front in known.fronts} >= {"psnr against time", "niqe against memory"}
    for front in known.fronts:
        sign = 1 if front.metric.higher_is_better else -1
        on = {place.model for place in front.on}
        for place in front.places:
            beaten = any(
                (other.cost <= place.cost and sign * other.value >= sign * place.value)
                and (other.cost, other.value) != (place.cost, place.value)
                for other in front.places
            )
            assert (place.model in on) == (not beaten), (front.title, place.model)


def test_of_two_machines_with_as_many_times_the_newest_are_shown(tmp_path: Path) -> None:
    """The name of a machine decides nothing: the second one comes first by the alphabet."""
    file, names = tmp_path / "r.db", ("Z", "A", "M")
    many_models(file, models=MODELS, images=10, timed=False)
    models = ["bicubic", "srcnn-955"]
    with Store(file) as store:
        for cpu in names:
            environment = Environment(facts={**MACHINE, "cpu": {"model": cpu, "cores_allowed": 2}})
            run = store.start(Run(program="speed", command=(), started=now(), environment=environment))
            rows = [timed_row(name, 1.0 + i, {"parameters": 1}, environment) for i, name in enumerate(models)]
            store.add(run, timings=rows)
            store.finish(run)
    results = gather(read([file]))
    (group,) = leading_groups(results)
    shared = common(machines(results, ()), group)
    assert shared
    assert shared.machine.startswith("M, ")


def test_a_model_stands_against_the_best_that_costs_no_more(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    assert known
    front = next(each for each in known.fronts if each.title == "psnr against time")
    for i, place in enumerate(front.places):
        before = front.places[:i]
        best = max(before, key=lambda other: other.value).model if before else ""
        assert place.against == best


def test_a_gain_is_the_paired_interval_of_the_two_models(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    assert known
    mine = [front for front in known.fronts if front.metric.name == "psnr"]
    for (model, against), gain in list(gains(group, mine).items())[:5]:
        paired = (group.column(model, "psnr") - group.column(against, "psnr")).tolist()
        assert gain == pytest.approx(mean_interval(paired), abs=1e-12)


@pytest.mark.parametrize("n", [2, 4, 5, 30, 101])
def test_intervals_of_many_columns_are_those_of_each(n: int) -> None:
    values = np.random.default_rng(n).normal(0.1, 1, (n, 6))
    alone = [mean_interval(column.tolist(), resamples=1000) for column in values.T]
    together = mean_intervals(values, resamples=1000)
    assert [pair and pytest.approx(pair, abs=1e-12) for pair in alone] == list(together)


def test_what_is_no_number_above_zero_is_no_cost() -> None:
    environment = Environment(facts=GPU)
    odd = {"parameters": 0, "flops": "many", "activations": True}
    row = network_row(timed_row("m", 0.5, odd, environment))
    values = {cost.name: cost.of(row) for cost in COSTS}
    assert values == {
        "time": pytest.approx(0.5, rel=0.02),
        "parameters": None,
        "FLOPs": None,
        "activations": None,
        "memory": pytest.approx(128),
    }


def test_memory_ranks_nothing_on_a_cpu_where_it_is_a_lower_bound() -> None:
    row = network_row(timed_row("m", 0.5, {}, Environment(facts=MACHINE)))
    assert row.peak_memory_bytes == 2**27
    assert MEMORY.of(row) is None


def test_memory_on_a_cpu_is_that_of_the_tensors_of_a_call() -> None:
    row = network_row(timed_row("m", 0.5, {"peak_tensor_bytes": 2**24}, Environment(facts=MACHINE)))
    assert MEMORY.of(row) == pytest.approx(16)


def test_taus_are_scipys_of_the_counts_and_the_times(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    assert known
    for each in predictions(known.common):
        rows = known.common.rows
        pairs = [(v, s) for m in rows if (v := each.cost.of(rows[m])) and (s := TIME.of(rows[m]))]
        assert len(pairs) == MODELS - 1  # bicubic has no parameters
        assert each.tau == pytest.approx(kendalltau(*zip(*pairs, strict=True)).statistic)
    words = prediction_sentence(predictions(known.common))
    assert words.startswith("Kendall's tau against the measured time: activations 0.")
    assert "(23 models)" in words


def test_each_metric_has_a_figure_with_a_panel_for_each_cost(found: Results) -> None:
    with style():
        made = [drawn(item) for item in fronts.drawings(found)]
    assert [item.record.title.partition(":")[0] for item in made] == [
        f"Pareto fronts of {name}" for name in ("PSNR", "LPIPS (alex)", "niqe")
    ]
    for item in made:
        caption = item.record.caption
        assert "to the neighbour on the front that costs less" in caption
        assert "Hollow: the time was measured with a warning" in caption
        assert "Far from all others and off the axis: bicubic" in caption
        assert re.search(rf"Time: \d+ of {MODELS} models on the front, \d+ of \d+ steps told apart", caption)
        shown = [axes for axes in item.canvas.axes if axes.get_visible()]
        assert len(shown) == len(COSTS)


def test_names_cover_no_point_and_no_other_name(found: Results) -> None:
    with style():
        items = [*fronts.drawings(found), *plane.drawings(found), *predictors.drawings(found)]
    for made in map(drawn, items):
        renderer = made.canvas.canvas.get_renderer()  # type: ignore[attr-defined]
        for axes in made.canvas.axes:
            if not axes.get_visible():
                continue
            boxes = [Box(*text.get_window_extent(renderer).extents) for text in axes.texts]
            assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
            (cloud,) = [each for each in axes.collections if len(each.get_offsets()) > 2][:1]
            for x, y in axes.transData.transform(cloud.get_offsets()):
                assert not [box for box in boxes if box.overlaps(Box(x - 1, y - 1, x + 1, y + 1))]


def test_a_point_with_a_warning_is_hollow(found: Results) -> None:
    with style():
        made = drawn(next(iter(fronts.drawings(found))))
    (cloud,) = [each for each in made.canvas.axes[0].collections if len(each.get_offsets()) > 2][:1]
    white = [tuple(colour[:3]) == (1, 1, 1) for colour in cloud.get_facecolors()]
    assert sum(white) == 1


def test_without_times_a_front_is_absent_with_one_line_and_the_command(found: Results) -> None:
    bare = replace(found, timings=())
    with style():
        items = [*fronts.drawings(bare), *predictors.drawings(bare)]
    assert len(items) == 4
    for item in items:
        made = record(item)
        assert made.svg is None
        assert "\n" not in made.reason
        assert made.command.startswith("python -m bench.speed --card --models bicubic srcnn-955")


def test_cards_that_lack_a_count_leave_its_panel_out(tmp_path: Path) -> None:
    file = tmp_path / "results.db"
    many_models(file, models=12, images=8)
    whole = gather(read([file]))
    timings = tuple(
        (replace(result, certificate={**result.certificate, "card": {}}), certificate)
        for result, certificate in whole.timings
    )
    with style():
        made = drawn(next(iter(fronts.drawings(replace(whole, timings=timings)))))
    assert "have parameters, FLOPs and activations: bench.speed --card counts" in made.record.caption
    assert "No front of memory" in made.record.caption
    assert len([axes for axes in made.canvas.axes if axes.get_visible()]) == 1


def test_the_table_has_the_costs_and_which_rows_are_on_a_front(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    ranked = [each for info in group.metrics if (each := standings(group, info))]
    table = leaderboard_table(group, ranked, known)
    heads = [head.text for head in table.heads]
    assert heads[-6:] == ["seconds", "parameters, k", "FLOPs, G", "activations, M", "MiB", "fronts"]
    assert table.choices
    assert known
    assert [title for title, _ in table.choices.sets] == [
        *(front.title for front in known.fronts),
        "psnr against lpips-alex",
        "psnr against niqe",
    ]
    for (_, lines), front in zip(table.choices.sets, known.fronts, strict=False):
        assert {table.rows[line][1].text for line in lines} == {place.model for place in front.on}
    warned = next(row for row in table.rows if row[1].text == "e25_05_lightnet")
    assert warned[heads.index("seconds")].text.endswith("*")
    assert "IQR is 30%" in warned[heads.index("seconds")].note
    assert [row[heads.index("seconds")].text for row in table.rows].count("") == 0
    assert [row[heads.index(MEMORY.title)].sort for row in table.rows if row[1].text == "bicubic"] != [None]


def test_the_steps_along_a_front_are_paired_differences_to_the_row_above(found: Results) -> None:
    (group,) = leading_groups(found)
    known = costs(found, group)
    assert known
    (table,) = steps_tables(known)
    starts = (0, *table.rules, len(table.rows))
    assert len(table.rules) == 2
    for first, last in pairwise(starts):
        rows = table.rows[first:last]
        assert [cell.text for cell in rows[0][5:]] == ["", ""]
        for above, row in pairwise(rows):
            metric = {"PSNR, dB": "psnr"}.get(row[0].text)
            assert row[2].sort > above[2].sort  # type: ignore[operator]
            assert row[3].sort == pytest.approx(row[2].sort / above[2].sort)  # type: ignore[operator]
            if metric:
                paired = group.column(row[1].text, metric) - group.column(above[1].text, metric)
                assert row[5].sort == pytest.approx(paired.mean())
                low, high = map(float, row[6].text.split(" to "))
                assert low <= paired.mean().round(3) <= high


def test_a_card_of_null_is_none() -> None:
    made = timed_row("m", 0.5, {}, Environment(facts=MACHINE))
    row = network_row(replace(made, certificate={**made.certificate, "card": None, "form": None}))
    assert row.card == row.variant_facts == {}


def test_what_is_far_from_all_others_is_outside_the_usual_range() -> None:
    assert usual([1.0, 27.4, 27.5, 27.6, 27.5, 27.7, 27.45]) == (27.4, 27.7)
    assert usual([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert usual([1.0, 2.0]) == (1.0, 2.0)


def test_a_crowd_is_labelled_without_overlaps_and_what_finds_no_place_is_returned() -> None:
    chance = np.random.default_rng(0)
    points = {f"model_{k:03}": tuple(chance.normal(0, 1, 2)) for k in range(150)}
    with style():
        card = canvas(3.3, 2.6)
        axes = card.subplots()
        axes.scatter(*zip(*points.values(), strict=True), s=12)
        card.draw_without_rendering()
        missing = label(axes, points, list(points))
        written = [text for text in axes.texts if isinstance(text, Text)]
        renderer = card.canvas.get_renderer()  # type: ignore[attr-defined]
        boxes = [Box(*text.get_window_extent(renderer).extents) for text in written]
    assert 10 < len(written) < 150
    assert len(written) + len(missing) == 150
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
