"""Means are means of images, and no export lets a name break out of it."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from bench.data.published import everything, published
from bench.quality.summary import Row, export, rows, tables, with_published
from bench.records import Score
from bench.registry.upscalers import UPSCALERS
from bench.tables import FORMATS, terminal
from bench.text import escape_latex

NASTY = "a|b_<img src=x>&%$#{}~^\\\n.png"


def score(model: str, image: str, metric: str, value: float) -> Score:
    return Score(
        model=model,
        model_hash="",
        dataset="set5",
        image=image,
        image_sha256="",
        scale=4,
        protocol="johnson2016",
        protocol_hash="0123456789",
        metric=metric,
        metric_version="1",
        value=value,
    )


def written(name: str, table: list[Row]) -> str:
    return FORMATS[name](export(table))


@pytest.fixture
def table() -> list[Row]:
    scores = [
        score("bicubic", "b", "psnr", 20.0),
        score("bicubic", "a", "psnr", 30.0),
        score("nearest", "a", "psnr", math.inf),
        score("bicubic", "a", "ssim", 0.5),
    ]
    return rows(scores, ["nearest", "bicubic"], ["psnr", "ssim"])


def test_rows_come_in_the_order_asked_for_with_images_by_name(table: list[Row]) -> None:
    assert [(r.model, r.metric, r.n) for r in table] == [
        ("nearest", "psnr", 1),
        ("bicubic", "psnr", 2),
        ("bicubic", "ssim", 1),
    ]
    assert list(table[1].values) == ["a", "b"]
    assert table[1].mean == 25.0


def test_the_mean_does_not_depend_on_the_order_of_images() -> None:
    values = [0.1 * i for i in range(100)]
    one = rows([score("m", str(i), "psnr", v) for i, v in enumerate(values)], ["m"], ["psnr"])
    other = rows([score("m", str(i), "psnr", v) for i, v in enumerate(values[::-1])], ["m"], ["psnr"])
    assert one[0].mean == other[0].mean


def test_json_is_strict_and_infinity_is_a_string(table: list[Row]) -> None:
    def refuse(token: str) -> float:
        raise AssertionError(token)

    back = json.loads(written("json", table), parse_constant=refuse)
    assert back[0]["mean"] == "inf"
    assert back[1]["values"] == {"a": 30.0, "b": 20.0}


def test_csv_has_every_raw_value(table: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(written("csv", table))))
    assert len(lines) == 4
    assert {"model": "bicubic", "image": "b", "metric": "psnr", "value": "20.0"}.items() <= lines[2].items()


def test_a_nasty_name_stays_one_cell_in_every_export() -> None:
    table = rows([score(NASTY, NASTY, "psnr", 1.0)], [NASTY], ["psnr"])
    markdown = next(line for line in written("markdown", table).splitlines() if "img src" in line)
    assert markdown.startswith(r"| a\|b\_\<img src=x\>&%$\#")
    assert "<img" not in written("markdown", table).replace(r"\<", "")
    assert r"a|b\_<img src=x>\&\%\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} .png" in written(
        "latex", table
    )
    assert next(csv.DictReader(io.StringIO(written("csv", table))))["model"] == NASTY
    assert json.loads(written("json", table))[0]["model"] == NASTY


def test_latex_is_balanced(table: list[Row]) -> None:
    text = written("latex", table)
    assert text.count("\\begin{tabular}{lrrr}") == text.count("\\end{tabular}") == 1
    body = [line for line in text.splitlines() if line.startswith(("nearest", "bicubic"))]
    assert all(line.count("&") == 3 for line in body)


def test_latex_escapes_every_special_character() -> None:
    assert escape_latex("50%_x") == r"50\%\_x"


def test_the_terminal_table_shows_counts_protocol_and_what_was_published(table: list[Row]) -> None:
    from rich.console import Console

    block = tables(table)[0]
    others = published(dataset="set5", scale=4, channel="y", models=["bicubic"])
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal(with_published(block, others)))
    text = console.export_text()
    assert block.title == "set5 x4, protocol johnson2016 (01234567)"
    assert "2/1" in text
    assert "28.43" in text
    assert "Johnson 2016" in text


def test_published_values_are_for_known_models_and_plausible() -> None:
    for value in everything():
        assert value.model in UPSCALERS
        assert all(text for text in value.values.values())
        if "psnr" in value.values:
            assert 20 < float(value.values["psnr"]) < 40


def test_a_published_row_that_nobody_can_get_says_so() -> None:
    found = {
        (p.model, p.scale): p.cannot
        for p in everything()
        if p.source == "Johnson 2016" and p.dataset == "set5"
    }
    assert "no known variant of bicubic" in found["bicubic", 8]
    assert found["bicubic", 4] == found["sr-pixel", 8] == ""


def test_infinite_values_are_counted_named_and_left_out_of_what_is_printed() -> None:
    scores = [
        score("m", image, "psnr", value) for image, value in (("a", 20.0), ("b", math.inf), ("c", 30.0))
    ]
    scores += [score("copy", image, "psnr", math.inf) for image in "abc"]
    table = rows(scores, ["m", "copy"], ["psnr"])
    assert [row.text() for row in table] == ["25.00*", "inf*"]
    assert (table[0].mean, table[0].mean_of_finite, table[0].infinite) == (math.inf, 25.0, ("b",))
    assert table[1].mean_of_finite is None
    (block,) = tables(table)
    assert block.notes == (
        "* psnr of m: mean of the 2 others; infinite on 1 of 3 images, where sr is hr to the last bit: 'b'",
        "* psnr of copy: no mean; infinite on 3 of 3 images, where sr is hr to the last bit: 'a', 'b', 'c'",
    )
    first, second = json.loads(written("json", table))
    assert (first["mean"], first["mean_of_finite"], first["infinite"]) == ("inf", 25.0, ["b"])
    assert (second["mean_of_finite"], second["infinite"]) == (None, ["a", "b", "c"])
    for text in (written("markdown", table), written("latex", table)):
        assert "25.00" in text
        assert "infinite on 1 of 3 images" in text
    assert "mean_of_finite" not in written("json", rows([score("m", "a", "psnr", 1.0)], ["m"], ["psnr"]))
