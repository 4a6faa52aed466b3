"""The leaderboard's own page: linked both ways, everything escaped, one file, gone where there is no leaderboard."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.reports.many_models import many_models
from tests.reports.test_page import Parsed
from tests.stores import fill

CODE = '"><script>alert(1)</script>'
MODELS = 30


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    many_models(folder / "results.db", models=MODELS, images=12, first=CODE)
    assert main([str(folder / "results.db"), "--out", str(folder / "out"), "--no-pdf"]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def page(out: Path) -> Parsed:
    return Parsed((out / "leaderboard.html").read_text(encoding="utf-8"))


def test_the_report_leads_to_the_leaderboard_and_back(out: Path, page: Parsed) -> None:
    report = Parsed((out / "index.html").read_text(encoding="utf-8"))
    assert "leaderboard.html" in report.values("href")
    assert "index.html" in page.values("href")


def test_every_link_leads_somewhere(out: Path, page: Parsed) -> None:
    anchors = page.values("id")
    assert len(anchors) == len(set(anchors))
    there = set(Parsed((out / "index.html").read_text(encoding="utf-8")).values("id"))
    for address in page.values("src", "href"):
        file, _, name = address.partition("#")
        if address.startswith("data:"):
            continue
        if not file:
            assert name in anchors
        elif file == "index.html":
            assert not name or name in there
        else:
            assert (out / file).is_file(), address


def test_numbers_lead_to_their_provenance(out: Path, page: Parsed) -> None:
    tables = json.loads((out / "report.json").read_text())["tables"]
    own = [table for table in tables if table["id"].startswith(("leaderboard", "steps"))]
    cells = [cell for table in own for row in table["rows"] for cell in row if cell["certificate"]]
    assert len(cells) > 4 * MODELS  # three metrics and the time, and the steps along the fronts
    assert sum(address.startswith("index.html#c") for address in page.values("href")) == len(cells)


def test_names_that_are_code_are_text(page: Parsed) -> None:
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert CODE in page.text
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_the_policy_allows_this_style_and_this_script_alone(page: Parsed) -> None:
    policy = next(str(a["content"]) for _, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for tag, _, text in page.inside:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_table_has_every_model_and_each_row_its_fronts(page: Parsed) -> None:
    rows = [attributes for tag, attributes in page.elements if tag == "tr" and "data-sets" in attributes]
    assert len(rows) == MODELS
    options = [attributes["value"] for tag, attributes in page.elements if tag == "option"]
    used = {number for row in rows for number in str(row["data-sets"]).split()}
    assert options[0] == ""
    assert used == set(options[1:])


def test_the_figures_are_on_it_with_their_sentences(page: Parsed) -> None:
    assert sum(tag == "figure" for tag, _ in page.elements) == 3 + 1 + 1 + 1
    assert "Kendall's tau against the measured time:" in page.text
    assert "Kendall's tau of PSNR against lpips-alex:" in page.text


def test_the_data_hold_the_fronts(out: Path) -> None:
    tables = json.loads((out / "report.json").read_text())["tables"]
    board = next(table for table in tables if table["id"].startswith("leaderboard"))
    assert board["choices"]["title"] == "Pareto fronts"
    assert all("choices" not in table for table in tables if table is not board)


def test_a_report_of_few_models_has_no_such_page_and_that_of_before_goes(tmp_path: Path) -> None:
    fill(tmp_path / "results.db", levels={"bicubic": 0.0, "net": 1.0})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "leaderboard.html").write_text("of an earlier report")
    (tmp_path / "out" / "index.html").write_text("of an earlier report")
    options = [str(tmp_path / "results.db"), "--out", str(tmp_path / "out"), "--no-pdf", "--force"]
    assert main(options) == 0
    assert not (tmp_path / "out" / "leaderboard.html").exists()
    assert "leaderboard.html" not in (tmp_path / "out" / "index.html").read_text()


def test_without_times_the_page_says_in_a_line_what_is_not_drawn(tmp_path: Path) -> None:
    many_models(tmp_path / "results.db", models=12, images=8, timed=False)
    assert main([str(tmp_path / "results.db"), "--out", str(tmp_path / "out"), "--no-pdf"]) == 0
    page = Parsed((tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8"))
    assert page.text.count("fewer than two of its models were timed") == 3
    assert page.text.count("fewer than three of its models have a time") == 1
