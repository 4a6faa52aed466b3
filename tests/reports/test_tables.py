"""Tables: ranks, intervals and differences by second routes; the paper's own form; every text format."""

from __future__ import annotations

import csv
import io
import math
import random
import re
from collections.abc import Sequence

import numpy as np
import pytest

from bench.protocols import protocol
from reports.content import build, place
from reports.formatting import fixed, listed, seconds
from reports.load.speeds import machines, published_runs
from reports.parts import Cell, Figure, Head, Mark, Table
from reports.protocol_captions import protocol_caption
from reports.tables.paper import figure_5_table, figure_table, table_1
from reports.tables.quality import against_table, difference, marks, quality_table
from reports.tables.speed import measurement_tables, sweep_tables
from reports.tables.verdicts import preference_tables, verdict_tables
from reports.verdicts.judging import judge
from reports.verdicts.rows import counts
from reports.writers.text_tables import to_csv, to_latex, to_markdown
from tests.reports.results import group, results, timing

NASTY = "a|b_<img src=x>&%$#{}~^\\[*]\n.png"
IMAGES = tuple(f"i{n:03d}" for n in range(100))


def column(table: Table, head: str) -> list[Cell]:
    position = next(i for i, h in enumerate(table.heads) if h.text.startswith(head))
    return [row[position] for row in table.rows]


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ([1.0, 3.0, 2.0], True, ["", "best", "second"]),
        ([1.0, 3.0, 2.0], False, ["best", "", "second"]),
        ([3.001, 3.002, 2.0], True, ["best", "best", "second"]),
        ([3.0, 2.0, 2.0], True, ["best", "second", "second"]),
        ([None, 2.0, 1.0], True, ["", "best", "second"]),
        ([math.inf, 2.0], True, ["best", "second"]),
        ([2.0], True, [""]),
        ([None, 2.0], True, ["", ""]),
        ([2.0, 2.0], True, ["best", "best"]),
    ],
)
def test_ranks_are_of_what_is_printed_and_ties_share(
    values: Sequence[float | None], higher: bool, expected: Sequence[Mark]
) -> None:
    assert list(marks(values, 2, higher_is_better=higher)) == expected


def test_ranks_agree_with_counting_the_better_ones() -> None:
    """Best: none is better. Second: everything better than it is one and the same number."""
    draw = random.Random(0)
    for _ in range(200):
        values = [draw.randint(0, 4) / 10 for _ in range(draw.randint(2, 6))]
        for value, mark in zip(values, marks(values, 1, higher_is_better=True), strict=True):
            better = {other for other in values if other > value}
            assert mark == {0: "best", 1: "second"}.get(len(better), "")


def test_a_quality_table_holds_means_counts_and_provenance() -> None:
    made = group({("bicubic", "psnr"): [20, 22, 24, 26, None], ("other", "psnr"): [21, 23, 25, 27, 29]})
    table = quality_table(made, "bicubic")
    assert [c.text for c in column(table, "PSNR")[:2]] == ["23.00", "25.00"]
    # Means of 4 and of 5 images are not ranked against each other.
    assert [c.mark for c in column(table, "PSNR")[:2]] == ["", ""]
    assert [c.text for c in column(table, "n")[:2]] == ["4", "5"]
    assert column(table, "PSNR")[0].certificate == "c-bicubic-psnr"
    assert made.title in table.caption
    assert table.heads[1] == Head(text="PSNR, dB", better="higher")


def test_the_interval_of_many_values_is_students() -> None:
    """The second route: normal theory, which holds for the mean of a hundred values."""
    values = np.random.default_rng(0).normal(30, 2, 100)
    table = quality_table(group({("m", "psnr"): list(values)}, images=IMAGES), None)
    low, high = map(float, re.findall(r"interval ([\d.]+) to ([\d.]+)", column(table, "PSNR")[0].note)[0])
    half = 1.984 * values.std(ddof=1) / 10
    assert low == pytest.approx(values.mean() - half, abs=0.06)
    assert high == pytest.approx(values.mean() + half, abs=0.06)


def test_differences_are_paired_and_their_interval_is_students() -> None:
    base = np.random.default_rng(1).normal(30, 5, 100)
    gain = np.random.default_rng(2).normal(0.5, 1, 100)
    made = group({("bicubic", "psnr"): list(base), ("m", "psnr"): list(base + gain)}, images=IMAGES)
    found = difference(made, "m", "bicubic", "psnr")
    assert found is not None
    assert found.interval is not None
    assert found.mean == pytest.approx(gain.mean())
    half = 1.984 * gain.std(ddof=1) / 10
    assert found.interval == pytest.approx((gain.mean() - half, gain.mean() + half), abs=0.03)
    assert not found.unclear


def test_only_images_that_both_have_are_paired() -> None:
    made = group({("bicubic", "psnr"): [20, 22, 24, 26, None], ("m", "psnr"): [21, 23, 25, None, 99]})
    found = difference(made, "m", "bicubic", "psnr")
    assert found is not None
    assert (found.mean, found.n) == (1.0, 3)


def test_what_spans_zero_is_muted_and_said_to_be_not_significant() -> None:
    made = group(
        {("bicubic", "psnr"): [20, 22, 24, 26, 28], ("m", "psnr"): [21, 21, 25, 25, 28.1]},
    )
    cell = column(quality_table(made, "bicubic"), "PSNR")[1]
    assert cell.muted
    assert cell.note.endswith(": not significant")
    other = column(against_table(made, "bicubic"), "PSNR")[0]
    assert other.text.endswith("≈")
    assert other.muted
    assert not column(quality_table(made, None), "PSNR")[1].muted


def test_a_clear_difference_is_neither() -> None:
    made = group({("bicubic", "psnr"): [20, 22, 24, 26, 28], ("m", "psnr"): [21, 23.1, 25, 26.9, 29]})
    assert not column(quality_table(made, "bicubic"), "PSNR")[1].muted
    assert column(against_table(made, "bicubic"), "PSNR")[0].text.startswith("+1.00 (+0.")


def test_identical_images_have_an_infinite_psnr_and_no_false_interval() -> None:
    made = group({("bicubic", "psnr"): [20.0] * 5, ("hr", "psnr"): [math.inf] * 5})
    table = quality_table(made, "bicubic")
    assert column(table, "PSNR")[1].text == "inf"
    assert against_table(made, "bicubic").rows[0][1].text == "+inf"


def test_printed_numbers_stand_below_a_rule_under_their_own_definition_alone() -> None:
    table = quality_table(group({("bicubic", "psnr"): [20.0] * 5}), "bicubic")
    assert table.rules == (1,)
    below = {row[0].text: row[1] for row in table.rows[1:]}
    assert below["Bicubic (Johnson 2016)"].text == "28.43"
    assert below["RCAN (RCAN 2018)"].text == "32.63"
    assert "SRCNN (Johnson 2016)" not in below
    assert all(cell.muted for cell in below.values())
    luma = quality_table(group({("bicubic", "psnr"): [20.0] * 5}, rule=protocol("srcnn2014", 4)), None)
    assert {row[0].text for row in luma.rows[1:]} == {
        "SRCNN (Johnson 2016)",
        "Bicubic (RCAN 2018)",
        "SRCNN (RCAN 2018)",
    }


def test_a_misprint_is_marked_and_sorts_as_what_it_means() -> None:
    images = tuple(f"i{n}" for n in range(14))
    table = quality_table(group({("bicubic", "ssim"): [0.7] * 14}, dataset="set14", images=images), None)
    cell = next(row[1] for row in table.rows if row[0].text == "Bicubic (Johnson 2016)")
    assert (cell.text, cell.sort) == ("0.7301 (sic)", 0.7031)


def test_table_1_has_the_papers_line_and_one_for_each_machine() -> None:
    rows = [timing("gatys", 512, [0.1] * 8), timing("style-paper", 512, [0.05] * 8)]
    table = table_1(machines(results(timings=rows), ()))
    assert [row[1].text for row in table.rows[:2]] == [
        "GTX Titan X (2016)",
        "invented, 2 cores, torch 2.15.0",
    ]
    assert table.rules == (2, 4)
    texts = [cell.text for cell in table.rows[2]]
    assert texts == ["512", "GTX Titan X (2016)", "10.97", "32.91", "54.85", "0.05", "205", "615", "1026"]
    assert [cell.text for cell in table.rows[3]][2:] == [
        "10.0*",
        "30.0*",
        "50.0*",
        "0.0500",
        "200*",
        "600*",
        "1000*",
    ]


def test_table_1_without_times_is_the_papers() -> None:
    assert len(table_1(()).rows) == 3


def test_figure_8_as_a_table_has_ours_below_the_papers() -> None:
    found = results(group({("bicubic", m): [v] * 5 for m, v in (("psnr", 28.431), ("ssim", 0.8113))}))
    table = figure_table("figure8", 8, judge(found, ()))
    assert [h.text for h in table.heads][2:] == ["Bicubic", "l_pixel", "SRCNN", "l_feat"]
    by_place = {(row[0].text, row[1].text): [cell.text for cell in row[2:]] for row in table.rows}
    assert by_place["Set5 x4", "Johnson 2016"] == [
        "28.43 / 0.8114",
        "28.40 / 0.8205",
        "30.48 / 0.8628",
        "27.09 / 0.7680",
    ]
    assert by_place["Set5 x4", "this run"] == ["28.43 / 0.8113", "", "", ""]
    assert by_place["BSD100 x4", "Johnson 2016"][3] == "24.95 / 63.17 (sic)"
    assert by_place["Set14 x4, comic", "Johnson 2016"][2] == "22.53 / 0.6524"


def test_a_figure_says_which_model_of_ours_stands_for_the_papers() -> None:
    found = results(group({("sr-pixel+match", m): [v] * 5 for m, v in (("psnr", 30.0), ("ssim", 0.85))}))
    notes = figure_table("figure8", 8, judge(found, ())).notes
    assert "l_pixel: sr-pixel+match: with the paper's post-processing." in notes


def test_figure_9_as_a_table_has_the_papers_columns() -> None:
    table = figure_table("figure9", 9, judge(results(), ()))
    assert [h.text for h in table.heads][2:] == ["Bicubic", "l_pixel", "l_feat"]
    assert len(table.rows) == 8


def test_figure_5_as_a_table_is_in_units_of_100000() -> None:
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in figure_5_table().rows}
    assert rows["content image"] == ["40", "47", "59"]
    assert rows["L-BFGS, 200 iterations"] == ["2.7", "2.7", "3.05"]
    assert rows["L-BFGS iterations to match it"] == ["75", "80", "77"]


def test_a_sweep_names_the_fastest_variant_that_is_right() -> None:
    right = {"admissible": True, "max_abs_error": 1e-4, "psnr": 93.8, "build_seconds": 0.2}
    wrong = {"admissible": False, "max_abs_error": 0.5, "psnr": 20.0, "build_seconds": 0.2}
    rows = [
        timing("style-paper", 512, [0.4] * 8, form={**right, "psnr": "inf"}),
        timing("style-paper", 512, [0.2] * 8, variant="channels_last", form=right),
        timing("style-paper", 512, [0.1] * 8, variant="bfloat16", form=wrong),
    ]
    (table,) = sweep_tables(machines(results(timings=rows), ()))
    assert [c.text for c in column(table, "variant")] == ["eager", "channels_last", "bfloat16"]
    assert [c.mark for c in column(table, "seconds")] == ["", "best", ""]
    assert [c.text for c in column(table, "speed-up")] == ["1.00", "2.00", "4.00"]
    assert [c.text for c in column(table, "PSNR")] == ["inf", "93.8", "20.0"]
    assert column(table, "MiB")[0].text == "3"


def test_measurements_leave_the_variants_of_a_sweep_out() -> None:
    rows = [timing("style-paper", 512, [0.4] * 8), timing("style-paper", 512, [0.2] * 8, variant="folded")]
    (table,) = measurement_tables(machines(results(timings=rows), ()))
    assert [c.text for c in column(table, "seconds")] == ["0.400"]


def test_every_cell_is_in_the_verdict_tables_once() -> None:
    verdicts = judge(results(), published_runs())
    listed_ids = [row[0].text for table in verdict_tables(verdicts) for row in table.rows]
    assert listed_ids == [verdict.cell.id for verdict in verdicts]
    assert sum(counts(verdicts).values()) == len(verdicts)


def test_a_preference_study_is_two_tables() -> None:
    pair = {
        "a": "x",
        "b": "y",
        "images": 10,
        "prefer_a": 6,
        "prefer_b": 3,
        "ties": 1,
        "share_a": 0.6,
        "share_b": 0.3,
        "votes": 50,
        "votes_a": 31,
        "vote_share_a": 0.62,
        "vote_share_a_interval": (0.48, 0.74),
        "alpha": None,
        "agreement": 0.7,
    }
    study = {
        "dataset": "bsd100",
        "scale": 4,
        "protocol": "johnson2016",
        "protocol_hash": protocol("johnson2016", 4).hash,
        "n_workers": 5,
        "n_votes": 50,
        "n_dropped": 1,
        "n_refused": 0,
        "least_right": 0.8,
        "contradictions": 0,
        "pairs": [pair],
        "ranking": [{"model": "x", "strength": 0.25, "interval": (0.1, 0.4)}],
    }
    pairs, ranking = preference_tables(1, study)
    assert [c.text for c in pairs.rows[0]] == [
        *("x", "y", "10", "60%", "1", "30%", "50", "62%", "48% to 74%", "70%", "")
    ]
    assert [c.text for c in ranking.rows[0]] == ["x", "+0.25", "+0.10 to +0.40"]
    assert "1 worker dropped" in pairs.notes[0]


def sample() -> Table:
    return Table(
        id="quality-x",
        title=f"Title {NASTY}",
        caption=NASTY,
        heads=(Head(text=NASTY, numeric=False), Head(text="PSNR, dB", better="higher")),
        rows=(
            (Cell(text=NASTY), Cell(text="28.43", sort=28.4305191, mark="best")),
            (Cell(text="[optional]"), Cell(text="27.00", sort=27.0, mark="second")),
            (Cell(text="printed", muted=True), Cell(text="0.7301 (sic)", sort=0.7031, muted=True)),
        ),
        rules=(2,),
        notes=(NASTY,),
    )


def test_markdown_keeps_a_nasty_name_in_its_cell() -> None:
    text = to_markdown(sample())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 6
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    assert not re.search(r"(?<!\\)<(?!/?u>)", text)
    assert "**28.43**" in text
    assert "<u>27.00</u>" in text
    assert "*0.7301 (sic)*" in text
    assert rows[4] == "|  |  |"


def test_latex_is_balanced_and_every_line_has_its_cells() -> None:
    text = to_latex(sample())
    plain = re.sub(r"\\[\\{}&%$#_]", "", text)
    assert plain.count("{") == plain.count("}")
    assert text.count("\\begin{") == text.count("\\end{") == 2
    body = text[text.index("\\toprule") : text.index("\\bottomrule")]
    lines = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert len(lines) == 4
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 for line in lines)
    assert lines[2].startswith("{[optional]}")
    assert "\\textbf{28.43}" in text
    assert "\\underline{27.00}" in text
    assert "PSNR, dB $\\uparrow$" in text
    assert "\\label{tab:quality-x}" in text
    assert text.count("\\midrule") == 2
    assert "%" not in re.sub(r"\\%", "", text[text.index("\\begin{table}") :])


def test_csv_has_all_digits_and_every_name_as_it_is() -> None:
    header, first, *rest = csv.reader(io.StringIO(to_csv(sample())))
    assert header == [NASTY, "PSNR, dB"]
    assert first == [NASTY, "28.4305191"]
    assert rest[0] == ["[optional]", "27.00"]
    assert rest[1] == ["printed", "0.7301 (sic)"]


@pytest.mark.parametrize(
    ("identity", "section"),
    [
        ("table1", "speed"),
        ("figure3", "style"),
        ("figure3-vgg19-conv3-1-256", "style"),
        ("figure5-candy", "style"),
        ("figure7", "style"),
        ("figure8", "quality"),
        ("figure9", "quality"),
        ("pareto-set5-x4-0", "speed"),
        ("fronts-psnr-set5-x4-0", "leaderboard"),
        ("predictors-set5-x4-0", "leaderboard"),
        ("differences-set5-x4-0", "images"),
        ("crops-set5-x4-0", "images"),
        ("ladder", "speed"),
        ("figure80", "further"),
        ("anything", "further"),
    ],
)
def test_a_figure_has_its_place_and_none_is_lost(identity: str, section: str) -> None:
    figure = Figure(id=identity, title="t", caption="", reason="r")
    assert place(figure) == section
    report = build(results(), [figure])
    assert [s.id for s in report.sections if figure in s.figures] == [section]


def test_what_was_measured_comes_first_and_ids_are_unique() -> None:
    made = group({(m, "psnr"): [20.0 + i, 22, 24, 26, 28] for i, m in enumerate(("bicubic", "other"))})
    rows = [timing("gatys", 512, [0.1] * 8), timing("style-paper", 512, [0.05] * 8)]
    report = build(results(made, timings=rows), [Figure(id="figure3", title="t", caption="", reason="r")])
    ids = [section.id for section in report.sections]
    assert ids == ["quality", "speed", "style", "images", "protocols"]
    assert [section.id for section in report.sections if section.folded] == ["images", "protocols"]
    everything = ids + [t.id for s in report.sections for t in s.tables]
    everything += [f.id for s in report.sections for f in s.figures]
    assert len(everything) == len(set(everything))
    assert sum(report.counts.values()) == len(report.verdicts)
    assert report.summary[0].startswith("Of 121 numbers printed by Johnson")


def test_without_its_reference_a_group_has_no_differences() -> None:
    made = group({("m", "psnr"): [20.0] * 5, ("o", "psnr"): [21.0] * 5})
    ids = [t.id for s in build(results(made), []).sections for t in s.tables]
    assert f"quality-{made.id}" in ids
    assert f"against-{made.id}" not in ids
    chosen = [t.id for s in build(results(made), [], reference="o").sections for t in s.tables]
    assert f"against-{made.id}" in chosen


def test_a_protocol_is_said_in_words_that_differ_where_it_does() -> None:
    johnson, srcnn = protocol_caption(protocol("johnson2016", 4)), protocol_caption(protocol("srcnn2014", 4))
    assert "hr is RGB" in johnson
    assert "rounded to 8 bits after each pass" in johnson
    assert "never rounded" in srcnn
    assert "4 pixels cut" in johnson


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0152, "0.0152"),
        (3.2663, "3.27"),
        (51.19, "51.2"),
        (6356.4, "6356"),
        (0.0500, "0.0500"),
        (99.97, "100"),
        (9.996, "10.0"),
        (0.9999, "1.00"),
        (1e-5, "0.0000100"),
        (0.0, "0.00"),
        (math.inf, "inf"),
    ],
)
def test_seconds_have_three_digits(value: float, text: str) -> None:
    assert seconds(value) == text


def test_no_zero_is_negative() -> None:
    assert fixed(-0.001, 2) == "0.00"
    assert fixed(-0.001, 2, sign=True) == "+0.00"
    assert fixed(-0.01, 2, sign=True) == "-0.01"


def test_lists_read_as_sentences() -> None:
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_a_mean_over_a_part_of_the_images_is_not_ranked() -> None:
    made = group(
        {
            ("whole", "psnr"): [20.0, 21.0, 22.0, 23.0, 24.0],
            ("other", "psnr"): [19.0, 20.0, 21.0, 22.0, 23.0],
            ("part", "psnr"): [None, None, None, None, 24.0],
        }
    )
    table = quality_table(made, reference="whole")
    assert [
        (row[0].text, row[1].text, row[1].mark) for row in table.rows if row[0].certificate or row[1].mark
    ] == [
        ("whole", "22.00", "best"),
        ("other", "21.00", "second"),
    ]
    summary = " ".join(build(results(made), []).summary)
    assert "Highest mean PSNR: whole on set5 x4 22.00 dB" in summary


def test_an_infinite_value_is_named_and_never_ranked() -> None:
    from reports.summary import summary

    psnr = {
        "bicubic": [math.inf, 28.0, 30.0],
        "nearest": [math.inf, 26.0, 25.0],
        "copy": [math.inf, math.inf, 20.0],
    }
    found = group({(model, "psnr"): values for model, values in psnr.items()}, images=("a", "b", "c"))
    cells = {row[0].text: row[1] for row in quality_table(found, "nearest").rows}
    assert {name: (cell.text, cell.mark) for name, cell in cells.items() if name in psnr} == {
        "bicubic": ("29.00*", "best"),
        "nearest": ("25.50*", "second"),
        "copy": ("20.00*", ""),
    }
    assert "infinite for 2 images: a and b" in cells["copy"].note
    assert any(
        note.startswith("* infinite for some images") for note in quality_table(found, "nearest").notes
    )
    (line,) = (line for line in summary([found], [], []) if line.startswith("Highest"))
    assert "bicubic" in line
    assert "inf dB" not in line
    assert "2 images with an infinite value skipped" in line
