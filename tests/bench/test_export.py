"""`bench.export`: long tables, the Hub's evaluation results, a block for a model card."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from bench import merge
from bench.export import main
from bench.protocols import protocol
from bench.storage.reader import read
from bench.storage.store import Store
from tests.schemas import schema
from tests.stores import MACHINE, fill

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `results.db`, in which the test works."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "results.db", levels={"bicubic": 0.0, "mine": 1.0})
    return tmp_path


def lines(file: str) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_holds_every_value_with_all_its_digits_and_what_it_depends_on(here: Path) -> None:
    assert main(["--to", "csv"]) == 0
    found = lines("export/scores.csv")
    stored = read([here / "results.db"]).scores
    assert len(found) == len(stored) == 2 * 8 * 2
    values = {(row["model"], row["image"], row["metric"]): float(row["value"]) for row in found}
    assert values == {(s.model, s.image, s.metric): s.value for s in stored.itertuples()}
    (row,) = [row for row in found if (row["model"], row["image"], row["metric"]) == ("mine", "a", "psnr")]
    rule = protocol("johnson2016", 4)
    assert (row["protocol"], row["protocol_hash"], row["unit"]) == ("johnson2016", rule.hash, "dB")
    assert (row["higher_is_better"], row["cpu"], row["gpu"], row["torch"]) == (
        "true",
        "invented",
        "",
        "2.15.0",
    )
    assert not Path("export/timings.csv").exists()


def test_timings_have_a_line_for_each_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = GOLDEN / "results.db"
    assert main([str(file), "--to", "csv", "--out", "tables"]) == 0
    found = [float(row["seconds"]) for row in lines("tables/timings.csv")]
    assert found == [s for stored in read([file]).timings for s in stored.result.seconds]
    assert main([str(file), "--to", "csv", "--metrics", "psnr", "--out", "other"]) == 0
    assert {row["metric"] for row in lines("other/scores.csv")} == {"psnr"}
    assert not Path("other/timings.csv").exists()


def test_names_that_a_spreadsheet_would_run_are_escaped(here: Path) -> None:
    fill(here / "results.db", levels={"=cmd|x": 0.0})
    assert main(["--to", "csv", "--model", "=cmd|x"]) == 0
    assert {row["model"] for row in lines("export/scores.csv")} == {"'=cmd|x"}


def test_parquet_holds_what_csv_holds(here: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra export")
    assert main(["--to", "parquet"]) == 0
    assert main(["--to", "csv"]) == 0
    frame = pd.read_parquet("export/scores.parquet")
    assert frame["value"].tolist() == [float(row["value"]) for row in lines("export/scores.csv")]
    assert frame["image"].tolist() == [row["image"] for row in lines("export/scores.csv")]


def test_parquet_without_pyarrow_says_what_to_install(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["--to", "parquet"]) == 2
    said = capsys.readouterr().err
    assert "--to parquet needs pyarrow, which is not installed (--to csv does not)" in said
    assert "Run: pip install 'perceptual-bench[export]'" in said


def test_evaluation_results_name_the_protocol_and_its_hash(here: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra docs brings")
    arguments = ["--to", "eval-results", "--model", "mine", "--hub-dataset", "set5=owner/Set5"]
    source = ["--source-url", "https://example.org/run", "--source-name", 'a "log": #1']
    assert main([*arguments, *source, "--out", ".eval_results"]) == 0
    (file,) = Path(".eval_results").iterdir()
    rule = protocol("johnson2016", 4)
    assert file.name == f"set5-x4-johnson2016-{rule.hash[:8]}.yaml"
    psnr, ssim = yaml.safe_load(file.read_text(encoding="utf-8"))
    stored = read([here / "results.db"]).scores
    own = stored[(stored["model"] == "mine") & (stored["metric"] == "psnr")]["value"]
    assert psnr["value"] == pytest.approx(own.mean(), abs=1e-12)
    assert psnr["dataset"] == {"id": "owner/Set5", "task_id": "psnr-x4"}
    assert ssim["dataset"]["task_id"] == "ssim-x4"
    assert psnr["source"] == {"url": "https://example.org/run", "name": 'a "log": #1'}
    assert rule.hash in psnr["notes"]
    assert "protocol johnson2016" in psnr["notes"]
    assert "mean of 8 images" in psnr["notes"]
    assert psnr["date"] == next(iter(read([here / "results.db"]).runs.values())).started[:10]


def test_a_model_card_has_metadata_and_a_table(here: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra docs brings")
    assert main(["--to", "model-card", "--model", "mine"]) == 0
    _, front, table = Path("export/model-card.md").read_text(encoding="utf-8").split("---\n", 2)
    (model,) = yaml.safe_load(front)["model-index"]
    assert model["name"] == "mine"
    (result,) = model["results"]
    assert result["task"]["type"] == "image-to-image"
    assert result["dataset"]["type"] == "set5"
    assert [metric["type"] for metric in result["metrics"]] == ["psnr", "ssim"]
    assert f"| psnr | {result['metrics'][0]['value']:.2f} | dB | higher | 8 |" in table
    assert "invented, torch 2.15.0" in table


def test_the_newest_version_of_a_model_is_what_is_told(here: Path) -> None:
    with Store(here / "results.db") as store:
        store._db.execute("update scores set model_hash = 'old', value = value - 20 where model = 'mine'")
    fill(here / "results.db", levels={"mine": 1.0}, images=("a", "b"))
    assert main(["--to", "model-card", "--model", "mine"]) == 0
    assert "| psnr | 26.5" in Path("export/model-card.md").read_text(encoding="utf-8")


def test_who_measured_what_on_which_machine_survives_merging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "a.db", levels={"bicubic": 0.0})
    fill(
        tmp_path / "b.db",
        levels={"mine": 1.0},
        machine=MACHINE | {"cpu": {"model": "other", "cores_allowed": 4}},
    )
    assert merge.main(["all.db", "a.db", "b.db", "--contributor", "Lab A", "Lab B"]) == 0
    assert merge.main(["more.db", "all.db", "--contributor", "Someone else"]) == 0
    assert main(["more.db", "--to", "csv"]) == 0
    about = {(row["model"], row["contributor"], row["cpu"]) for row in lines("export/scores.csv")}
    assert about == {("bicubic", "Lab A", "invented"), ("mine", "Lab B", "other")}
    assert merge.main(["all.db", "a.db", "b.db", "--contributor", "A", "B", "C"]) == 2
    assert "--contributor has 3 names for 2 files; must be one for each" in capsys.readouterr().err
    assert merge.main(["all.db", "a.db", "--contributor", "\x1b[2J"]) == 2
    assert "must be a name of 1 to 200 printable characters" in capsys.readouterr().err


def test_a_results_file_of_before_is_merged_with_a_contributor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = GOLDEN / "results.db"
    before = old.read_bytes()
    assert merge.main(["all.db", str(old), "--contributor", "Lab A"]) == 0
    assert {run.contributor for run in read([Path("all.db")]).runs.values()} == {"Lab A"}
    assert {run.contributor for run in read([old]).runs.values()} == {""}
    assert old.read_bytes() == before


@pytest.mark.parametrize("program", ["sr_quality", "preference"])
def test_a_schema_is_printed(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schema", program]) == 0
    assert json.loads(capsys.readouterr().out) == schema(program)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "--to is missing; must be one of: csv, parquet, eval-results, model-card"),
        ("--to model-card", "--to model-card is of one model; needs --model NAME"),
        ("--to csv --source-name x", "--source-name goes with --source-url"),
        ("--to csv --source-url x", "must be an address that begins with https://"),
        ("--to csv --hub-dataset set5", "must be NAME=ID"),
        ("--to csv --model none", "have no score and no timing"),
        ("--to model-card --model none", "they have scores of: bicubic, mine"),
        ("--to eval-results --model mine", "needs --hub-dataset set5=OWNER/NAME"),
        ("none.db --to csv", "there is no results file 'none.db'"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    line: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(line.split())
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == (1 if "none.db" in line else 2)
    assert message in capsys.readouterr().err
    assert not Path("export").exists()
