"""The program: scores, times and a report of one file; it resumes, and survives models that fail."""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.commands import leaderboard as run
from bench.commands import sr_quality
from bench.data.datasets import dataset
from bench.leaderboard import main
from bench.leaderboards.config import read
from bench.leaderboards.table import published, ranking
from bench.quality.summary import Row as ScoreRow
from bench.timing import peak
from bench.timing import run as timing_run
from bench.timing.rows import Row

NETS = """
import torch

class Shuffle(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 48, 3, padding=1)
        self.shuffle = torch.nn.PixelShuffle(4)

    def forward(self, lr):
        return self.shuffle(self.conv(lr)).clamp(0, 1)

class Fussy(Shuffle):
    def forward(self, lr):
        if lr.shape[-1] != 48:  # the size that it is probed with
            raise RuntimeError("only 48 pixels")
        return super().forward(lr)

def broken():
    raise RuntimeError("no weights")
"""
BOARD = """
title = "A trial"

[[quality]]
datasets = ["samples"]
metrics = ["psnr", "ssim"]

[speed]
sizes = [64]
time_limit = 0.1
baseline = "shuffle"

[[models]]
model = "bicubic"

[[models.published]]
dataset = "samples"
scale = 4
metric = "psnr"
value = "1.0"

[[models]]
model = "nets.py:Shuffle"
label = "shuffle"
source = "https://example.org/shuffle"
"""
FAILING = """
[[models]]
model = "nets.py:broken"
label = "broken"

[[models]]
model = "nets.py:Fussy"
label = "fussy"

[[models]]
model = "missing.py:make"
label = "missing"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fixed = peak.Peak(flops_per_second=1e11, size=1, dtype="float32", device="cpu", threads=1, tf32=False)
    monkeypatch.setattr(peak, "peak", lambda device, dtype: fixed)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "board.toml").write_text(BOARD)
    return tmp_path


def made() -> dict[str, Any]:
    return json.loads(Path("leaderboard/leaderboard.json").read_text())


def leaderboard(*options: str) -> int:
    return main(["board.toml", "--limit", "2", "--device", "cpu", *options])


def test_scores_times_and_models_come_out_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert leaderboard("--only", "quality", "speed") == 0
    out = capsys.readouterr().out
    assert "challenge score" in out
    assert "7.389" in out
    assert "Published values beside the measured ones" in out
    found = made()
    assert found["title"] == "A trial"
    assert found["problems"] == []
    assert found["command"] == "python -m bench.leaderboard board.toml --only quality speed --limit 2"
    assert [(row["model"], row["metric"], row["n"]) for row in found["scores"]] == [
        ("bicubic", "psnr", 2),
        ("bicubic", "ssim", 2),
        ("shuffle", "psnr", 2),
        ("shuffle", "ssim", 2),
    ]
    for row in found["scores"]:
        assert row["mean"] == pytest.approx(sum(row["values"].values()) / 2)
    bicubic, shuffle = found["models"]
    assert bicubic["published"] == [{"dataset": "samples", "scale": 4, "metric": "psnr", "value": "1.0"}]
    assert shuffle["source"] == "https://example.org/shuffle"
    assert set(shuffle["hashes"]) == {"4"}
    card = found["timings"][1]["certificate"]["card"]
    assert card["multiply_adds"] == 16 * 16 * 48 * 27
    assert card["flops"] == 2 * card["multiply_adds"]
    assert (card["activations"], card["convolutions"], card["receptive_field"]) == (16 * 16 * 48, 1, 3)
    assert str(Path.cwd()) not in Path("leaderboard/leaderboard.json").read_text()


def test_a_round_is_of_all_models(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, BOARD.replace("time_limit = 0.1", "time_limit = 0.1\nrounds = 6") + FAILING)
    order: list[str] = []
    real = timing_run.network_rows

    def noted(bench: Any, model: Any, size: int, turn: int) -> Any:
        order.append(model.name)
        return real(bench, model, size, turn)

    monkeypatch.setattr(timing_run, "network_rows", noted)
    assert leaderboard("--only", "speed") == 1  # some cannot be opened
    assert order == ["bicubic", "shuffle", "fussy", *(5 * ["bicubic", "shuffle"])]  # fussy fails in the first
    assert {row["n"] for row in made()["timings"]} == {6}


def test_times_are_measured_before_anything_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring keeps freed memory, which makes a network faster: a time would depend on what was scored before it."""
    order: list[str] = []
    time_models, reuse = run.time_models, sr_quality.reuse_memory

    def timed(*arguments: Any) -> list[Row]:
        order.append("times")
        return time_models(*arguments)

    def kept() -> None:
        order.append("memory is kept")
        reuse()

    monkeypatch.setattr(run, "time_models", timed)
    monkeypatch.setattr(sr_quality, "reuse_memory", kept)
    assert leaderboard("--only", "quality", "speed") == 0
    assert order == ["times", "memory is kept"]


def test_a_second_run_measures_nothing_again_and_writes_the_same() -> None:
    assert leaderboard("--only", "quality", "speed") == 0
    first = made()
    with sqlite3.connect("results.db") as db:
        before = db.execute("select count(*), max(run) from scores").fetchone()
    assert leaderboard("--only", "quality", "speed") == 0
    with sqlite3.connect("results.db") as db:
        assert db.execute("select count(*), max(run) from scores").fetchone() == before
    assert made() == first


def test_what_fails_is_named_and_everything_else_is_done(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = BOARD.replace('["psnr", "ssim"]', '["psnr", "lpips-squeeze"]') + FAILING
    (here / "board.toml").write_text(text)
    assert leaderboard("--only", "quality", "speed") == 1
    out = capsys.readouterr().out
    found = made()
    said = "\n".join(found["problems"])
    assert "models[3] (broken): broken of" in said
    assert "no weights" in said
    assert "models[4] (fussy): 0 of 2 images of samples x4 were scored" in said
    assert "models[4] (fussy): cannot be timed" in said
    assert "models[5] (missing): there is no file 'missing.py'" in said
    assert "metric lpips-squeeze cannot run" in said
    assert "models[5] (missing)" in out
    assert {row["model"] for row in found["scores"]} == {"bicubic", "shuffle"}
    assert {row["method"] for row in found["timings"]} == {"bicubic", "shuffle"}


def test_a_part_without_a_usable_metric_is_skipped_and_not_scored_by_the_default_ones(here: Path) -> None:
    (here / "board.toml").write_text(BOARD.replace('["psnr", "ssim"]', '["lpips-squeeze"]'))
    assert leaderboard("--only", "quality") == 1
    found = made()
    assert found["scores"] == []
    assert "none of its metrics can be used; nothing is scored" in found["problems"][-1]


def test_the_report_is_written_by_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def started(command: list[str], check: bool) -> Any:
        asked.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(run, "subprocess", SimpleNamespace(run=started))
    assert leaderboard("--only", "quality", "report") == 0
    assert asked[0][1:] == ["-m", "reports", "results.db", "--out", "leaderboard", "--force"]


def scored(model: str, **values: float) -> ScoreRow:
    return ScoreRow(
        model=model,
        dataset="samples",
        scale=4,
        protocol="johnson2016",
        protocol_hash="h",
        metric="psnr",
        values=values,
    )


def test_a_mean_over_a_part_of_the_images_is_marked_and_not_ranked(here: Path) -> None:
    models = "".join(
        f'[[models]]\nmodel = "nets.py:Shuffle"\nlabel = "{name}"\n' for name in ("part", "best", "inf")
    )
    board = read(write(here, BOARD + models))
    rows = [
        scored("bicubic", a=20.0, b=21.0),
        scored("part", b=40.0),
        scored("inf", a=20.0, b=math.inf),
        scored("best", a=22.0, b=23.0),
    ]
    found = ranking(board, rows, [])
    assert [row[:3] for row in found.rows] == [
        ("1", "best", "22.50"),
        ("2", "bicubic", "20.50"),
        ("", "part", "40.00 (1 of 2)"),
        ("", "inf", "20.00*"),
    ]
    assert found.rules == (2,)
    assert "not ranked: models without a finite psnr of all 2 images of samples x4" in found.notes[0]


def test_a_published_mean_is_not_compared_with_one_over_a_part(here: Path) -> None:
    board = read(write(here, BOARD))
    names = [image.stem for image in dataset("samples").images]
    (whole,) = published(board, [scored("bicubic", **dict.fromkeys(names, 1.5))]).rows
    assert whole[3:6] == ("1.0", "1.5", "+0.5")
    (part,) = published(board, [scored("bicubic", **dict.fromkeys(names[:2], 1.5))]).rows
    assert part[3:6] == ("1.0", f"1.5 (2 of {len(names)})", "over a part")


def write(folder: Path, text: str) -> Path:
    file = folder / "board.toml"
    file.write_text(text)
    return file


def test_a_file_that_cannot_be_used_is_bad_usage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "board.toml").write_text("title = ")
    assert leaderboard() == 2
    assert "cannot be read as TOML" in capsys.readouterr().err
    assert not Path("leaderboard").exists()
