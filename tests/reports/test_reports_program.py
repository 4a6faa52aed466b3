"""`python -m reports` from a results file to a folder, and everything that it refuses."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.records import Environment, Run
from bench.storage.store import Store, now
from reports.__main__ import main, parser
from tests.reports.results import timing
from tests.stores import MACHINE, fill

ROOT = Path(__file__).parents[2]
NASTY = "<img src=x onerror=alert(1)>&%$#_{}|*`~^\\"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report without a PDF of a data set with a nasty model, beside a file that is not the report's."""
    place = tmp_path_factory.mktemp("program")
    levels = {"bicubic": 0.0, "sr-pixel": 1.0, NASTY: 0.5}
    images = ("baby", "bird", "butterfly", "head", "woman")
    fill(place / "results.db", levels=levels, images=images)
    out = place / "report"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert main([str(place / "results.db"), "--out", str(out), "--no-pdf", "--force"]) == 0
    return out


def refuse(token: str) -> float:
    raise AssertionError(token)


@pytest.fixture(scope="module")
def data(folder: Path) -> dict[str, Any]:
    """report.json, read strictly."""
    return json.loads((folder / "report.json").read_text(), parse_constant=refuse)


def test_everything_is_there(folder: Path) -> None:
    assert {"index.html", "report.json", "tables", "figures"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "report.pdf").exists()
    assert not list(folder.rglob("*.part"))


def test_each_table_is_there_in_three_formats(folder: Path, data: dict[str, Any]) -> None:
    wanted = {f"{table['id']}.{suffix}" for table in data["tables"] for suffix in ("md", "tex", "csv")}
    assert {path.name for path in (folder / "tables").iterdir()} == wanted
    assert {"figure8-numbers.md", "verdicts-figure8.csv"} <= wanted


def test_a_file_of_somebody_else_stays(folder: Path) -> None:
    assert (folder / "mine.txt").read_text() == "mine"


def test_the_data_hold_every_verdict_and_a_provenance_record_for_each_of_ours(data: dict[str, Any]) -> None:
    assert data["format"] == "perceptual-bench report"
    assert sum(data["counts"].values()) == len(data["verdicts"]) == 318
    ours = [v for v in data["verdicts"] if v["ours"] is not None and v["id"].startswith("figure8")]
    assert len(ours) == 8
    assert all(v["certificate"] in data["certificates"] for v in ours)


def test_a_nasty_name_is_in_the_data_as_it_is_and_nowhere_a_tag(folder: Path, data: dict[str, Any]) -> None:
    quality = next(t for t in data["tables"] if t["id"].startswith("quality-"))
    assert NASTY in [row[0]["text"] for row in quality["rows"]]
    assert "<img src=x" not in (folder / "index.html").read_text()
    assert "<img" not in (folder / "tables" / f"{quality['id']}.md").read_text().replace(r"\<", "")


def test_a_folder_that_is_not_empty_needs_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main([str(folder.parent / "results.db"), "--out", str(folder)]) == 2
    assert "is not empty; must be an empty or new one, or --force" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report"
    file.write_text("x")
    assert main([str(tmp_path / "r.db"), "--out", str(file), "--force"]) == 2
    assert "is a file; must be a folder" in capsys.readouterr().err


def test_a_missing_results_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.db"), "--out", str(tmp_path / "out")]) == 1
    assert "there is no results file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_damaged_results_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "r.db"
    file.write_bytes(b"SQLite format 3\0" + b"no database" * 100)
    assert main([str(file), "--out", str(tmp_path / "out")]) == 1
    assert "r.db" in capsys.readouterr().err


def test_a_results_file_of_a_newer_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "r.db"
    fill(file, levels={"bicubic": 0.0})
    with sqlite3.connect(file) as db:
        db.execute("pragma user_version = 99")
    db.close()
    assert main([str(file), "--out", str(tmp_path / "out")]) == 1
    assert "newer perceptual-bench" in capsys.readouterr().err


def test_an_empty_results_file_says_what_fills_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "r.db"):
        pass
    assert main([str(tmp_path / "r.db"), "--out", str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err
    assert "holds no scores, no times and no objectives; needs at least one" in message
    assert "bench.sr_quality" in message


def test_a_reference_that_was_not_scored_is_refused_with_those_that_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0, "mine": 1.0})
    asked = [str(tmp_path / "r.db"), "--out", str(tmp_path / "out"), "--reference", "nobody"]
    assert main(asked) == 2
    assert "no scores of a model called 'nobody'; there are: bicubic, mine" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_preference_result_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.json").write_text('{"format": "something else"}')
    asked = [str(tmp_path / "r.db"), "--out", str(tmp_path / "out"), "--preference", str(tmp_path / "p.json")]
    assert main(asked) == 2
    assert "p.json" in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, reports.__main__ as m; m.parser().format_help(); "
        "sys.exit(bool({'torch', 'pandas', 'numpy', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_report_loads_no_torch(tmp_path: Path) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0, "sr-pixel": 1.0}, images=("baby", "bird"))
    code = (
        "import sys; from reports.__main__ import main; "
        f"status = main([{str(tmp_path / 'r.db')!r}, '--out', {str(tmp_path / 'out')!r}]); "
        "sys.exit(status or ('torch' in sys.modules) * 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_the_default_is_results_db_into_report() -> None:
    args = parser().parse_args([])
    assert (args.stores, args.out) == ([Path("results.db")], Path("report"))


def test_a_results_file_of_times_alone_makes_a_report(tmp_path: Path) -> None:
    machine = Environment(facts=MACHINE)
    with Store(tmp_path / "r.db") as store:
        run = store.start(
            Run(program="speed", command=("--sizes", "512"), started=now(), environment=machine)
        )
        rows = [timing("gatys", 512, [0.1] * 8), timing("style-paper", 512, [0.05] * 8)]
        store.add(run, timings=[replace(row, environment_hash=machine.hash) for row in rows])
    out = tmp_path / "out"
    assert main([str(tmp_path / "r.db"), "--out", str(out), "--no-pdf"]) == 0
    document = json.loads((out / "report.json").read_text())
    verdict = next(v for v in document["verdicts"] if v["id"] == "table1.512.ours")
    assert verdict["ours"] == 0.05
    assert verdict["certificate"] in document["certificates"]
