"""One table in every format: nothing breaks out of its cell, and what is infinite is a string."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from bench.tables import (
    FORMATS,
    Column,
    Export,
    Table,
    columns,
    fitted,
    print_table,
    to_csv,
    to_json,
    to_latex,
    to_markdown,
    to_text,
)
from bench.text import escape_latex

NASTY = "a|b_<img src=x>&%$#{}~^\\\x1b[2J"
TABLE = Table(
    title="numbers",
    columns=(Column(head="model", align="left"), Column(head="psnr", better="higher"), Column(head="n")),
    rows=((NASTY, "25.00", "2"), ("other", "", "10")),
    rules=(1,),
    muted=(1,),
    notes=("* a note",),
    layout="boxed",
)


def shown(table: Table, *, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    print_table(table, console)
    return console.export_text()


def test_a_row_must_have_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match=r"each row must have 2 cells \(got 1: \('x',\)\)"):
        Table(columns=columns(("a", "b")), rows=(("x",),))


def test_a_terminal_is_given_no_control_characters_title_rule_and_notes() -> None:
    text = shown(TABLE)
    assert text.isprintable() or all(line.isprintable() for line in text.splitlines())
    title, *grid, note = text.splitlines()
    assert (title, note) == ("numbers", "* a note")
    assert r"\x1b[2J" in grid[3]
    assert set(grid[4]) == {"├", "─", "┼", "┤"}
    assert "psnr ↑" in grid[1]


def test_markup_of_rich_is_text() -> None:
    assert "[bold]x[/bold]" in shown(Table(columns=columns(("m",)), rows=(("[bold]x[/bold]",),)))


def test_a_long_head_is_broken_behind_its_hyphens_on_a_terminal_alone() -> None:
    table = Table(columns=columns(("one-two-three", "b")), rows=(("1", "2"),), longest_head=5)
    assert "one-two-three" not in shown(table)
    assert "one-two-three" in to_text(table)


def test_markdown_is_a_pipe_table_with_notes_below() -> None:
    assert to_markdown([TABLE]).splitlines() == [
        "**numbers**",
        "",
        "| model | psnr ↑ | n |",
        "| --- | ---: | ---: |",
        r"| a\|b\_\<img src=x\>&%$\#{}~^\\\\x1b\[2J | 25.00 | 2 |",
        "| other |  | 10 |",
        "",
        r"\* a note",
    ]


def test_latex_has_a_column_and_a_midrule_for_each() -> None:
    assert to_latex([TABLE]).splitlines() == [
        "% numbers",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"\multicolumn{3}{l}{numbers} \\",
        r"\midrule",
        r"model & psnr $\uparrow$ & n \\",
        r"\midrule",
        rf"{escape_latex(NASTY)} & 25.00 & 2 \\",
        r"\midrule",
        r"other &  & 10 \\",
        r"\midrule",
        r"\multicolumn{3}{l}{\footnotesize * a note} \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_text_is_as_wide_as_it_is_without_blanks_at_its_ends() -> None:
    table = Table(
        title="files",
        columns=columns(("image", "n", "file"), left={0, 2}),
        rows=(("a", "10", "x" * 200), ("bc", "1", "y")),
    )
    assert to_text(table).splitlines() == [
        *("files", "image   n  file", f"a      10  {'x' * 200}", "bc      1  y")
    ]


def test_csv_keeps_numbers_and_defuses_formulas() -> None:
    text = to_csv(("name", "value"), [("=1+1", 0.1), ("-1.5", math.inf)])
    assert list(csv.reader(io.StringIO(text))) == [["name", "value"], ["'=1+1", "0.1"], ["-1.5", "inf"]]


def test_json_says_what_is_not_finite_as_a_string_at_any_depth() -> None:
    text = to_json({"a": [1.5, -math.inf, (math.inf,)], "b": {"c": math.nan, "d": None, "e": True, "f": 2}})
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "a": [1.5, "-inf", ["inf"]],
        "b": {"c": "nan", "d": None, "e": True, "f": 2},
    }


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_writes_an_export_of_nothing(name: str) -> None:
    assert FORMATS[name](Export(tables=(), heads=("model",), values=(), records=())).strip() in {
        "",
        "[]",
        "model",
    }


def at_terminal(table: Table, width: int) -> list[str]:
    file = io.StringIO()
    print_table(table, Console(width=width, file=file, force_terminal=True, color_system=None))
    return [line.rstrip() for line in file.getvalue().splitlines()]


WIDE = Table(
    title="set5 x4",
    columns=(
        Column(head="model", align="left"),
        Column(head="psnr", better="higher"),
        Column(head="feature-vgg19-relu2_2", short="feat-19", better="lower"),
        Column(head="lpips-alex", short="LPIPS-A", better="lower"),
        Column(head="n"),
    ),
    rows=(
        ("sr-feature (Johnson 2016)", "28.43", "7095.1230", "0.1234", "5"),
        ("bicubic", "26.26", "", "0.3407", "5"),
    ),
    notes=("* a note that is longer than a narrow terminal has columns, so that it is broken",),
    layout="boxed",
    longest_head=10,
)


def test_a_terminal_with_room_shows_every_head_whole() -> None:
    lines = at_terminal(WIDE, 120)
    assert any("feature-vgg19-relu2_2 ↓" in line and "lpips-alex ↓" in line for line in lines)


@pytest.mark.parametrize("width", [80, 60, 50, 40])
def test_a_narrow_terminal_breaks_no_word_and_no_number(width: int) -> None:
    lines = at_terminal(WIDE, width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for cell in (*(cell for row in WIDE.rows for cell in row), "psnr ↑", "feat-19 ↓", "LPIPS-A ↓"):
        assert cell in text
    assert "…" not in text
    assert "feat-19: feature-vgg19-relu2_2, LPIPS-A: lpips-alex" in " ".join(text.split())


def test_columns_that_do_not_fit_come_below_beside_their_rows_names_with_the_notes_at_the_end() -> None:
    lines = at_terminal(WIDE, 50)
    assert sum("sr-feature (Johnson 2016)" in line for line in lines) > 1
    assert sum(line.startswith("* a note") for line in lines) == 1
    assert lines.index("set5 x4") == 0


def test_a_text_column_is_broken_between_words_and_takes_what_is_left() -> None:
    table = Table(
        columns=(*columns(("claim", "n")), Column(head="outcome", align="left", overflow="fold")),
        rows=(("a-claim-of-a-paper", "1", "off by 0.12 under every protocol and convention " * 3),),
        layout="open",
    )
    lines = at_terminal(table, 60)
    assert max(map(len, lines)) <= 60
    assert {word for line in lines for word in line.split()} <= {
        *["claim", "n", "outcome", "a-claim-of-a-paper", "1"]
    } | {*table.rows[0][2].split()}


@pytest.mark.parametrize("layout", ["boxed", "tight", "ruled", "open", "grid"])
def test_the_width_that_is_computed_is_the_width_that_is_printed(layout: Any) -> None:
    table = replace(WIDE, layout=layout, columns=tuple(replace(c, short="") for c in WIDE.columns), notes=())
    widest = max(map(len, at_terminal(table, 200)[1:]))
    assert len(at_terminal(table, widest + 1)) == len(at_terminal(table, 200))
    if layout not in {"boxed"}:
        assert len(at_terminal(table, widest - 1)) > len(at_terminal(table, 200))


def test_what_is_no_terminal_gets_lines_as_long_as_before() -> None:
    text = shown(WIDE, width=200)
    assert "\n* a note that is longer than a narrow terminal has columns, so that it is broken\n" in text
    assert "feat-19" not in text


def test_below_a_row_has_no_line_without_a_value() -> None:
    table = replace(WIDE, rows=(*WIDE.rows, ("hr", "", "", "", "7")), rules=(2,), muted=(2,))
    parts = [part for part, _ in fitted(table, 44)]
    assert [row[0] for row in parts[0].rows] == ["sr-feature (Johnson 2016)", "bicubic"]
    last = parts[-1]
    assert [row[0] for row in last.rows][-1] == "hr"
    assert (last.rules, last.muted) == ((2,), (2,))
    assert parts[0].rules == parts[0].muted == ()
