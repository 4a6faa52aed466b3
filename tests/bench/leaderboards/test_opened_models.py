"""A finished run resumes without opening models whose files are as they were; whatever changed is opened again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.leaderboard import main
from bench.quality import engine
from bench.registry import external

NETS = """
import os
from pathlib import Path

import torch

HERE = Path(os.environ["SHUFFLE"])


class Shuffle(torch.nn.Module):
    def __init__(self):
        super().__init__()
        with open("made.log", "a") as log:
            log.write("x")
        self.conv = torch.nn.Conv2d(3, 48, 3, padding=1)
        self.conv.load_state_dict(torch.load(HERE / "weights.pth", weights_only=True))
        self.shuffle = torch.nn.PixelShuffle(4)

    def forward(self, lr):
        return self.shuffle(self.conv(lr)).clamp(0, 1)


class Stated(Shuffle):
    def __init__(self):
        super().__init__()
        self.source_files = [__file__, HERE / "weights.pth"]


class Odd(Shuffle):
    source_files = 3
"""
BOARD = """
[[quality]]
datasets = ["samples"]
metrics = ["psnr"]

[[models]]
model = "nets.py:Stated"
label = "net"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHUFFLE", str(tmp_path))
    # files of a test are younger than the grain of a file system's clock
    monkeypatch.setattr(engine, "GRAIN_NANOSECONDS", 0)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "board.toml").write_text(BOARD)
    weights(tmp_path, 0)
    return tmp_path


def weights(folder: Path, seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    torch.save(torch.nn.Conv2d(3, 48, 3).state_dict(), folder / "weights.pth")


def made_by(*options: str) -> int:
    """How often the network was made by one run, which must succeed. Each run is a process of its own."""
    external._opened.cache_clear()
    external._REMEMBERED.clear()
    log = Path("made.log")
    log.unlink(missing_ok=True)
    assert main(["board.toml", "--limit", "1", "--device", "cpu", "--only", "quality", *options]) == 0
    return len(log.read_text()) if log.is_file() else 0


def scores() -> list[float]:
    return [row["mean"] for row in json.loads(Path("leaderboard/leaderboard.json").read_text())["scores"]]


def test_a_finished_run_makes_no_network_again() -> None:
    assert made_by() > 0
    first = scores()
    before = Path("leaderboard/leaderboard.json").read_text()
    assert made_by() == 0
    assert scores() == first
    assert Path("leaderboard/leaderboard.json").read_text() == before
    assert made_by("--force") > 0


def test_new_weights_are_opened_and_scored(here: Path) -> None:
    made_by()
    first = scores()
    weights(here, 1)
    assert made_by() > 0
    assert scores() != first


def test_an_edited_file_is_opened_again(here: Path) -> None:
    made_by()
    (here / "nets.py").write_text(f"{NETS}\n# edited\n")
    assert made_by() > 0


def test_a_variable_that_leads_elsewhere_counts(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by()
    first = scores()
    other = here / "other"
    other.mkdir()
    weights(other, 1)
    monkeypatch.setenv("SHUFFLE", str(other))
    assert made_by() > 0
    assert scores() != first


def test_a_model_that_states_no_files_is_opened_each_time_and_loaded_only_once(here: Path) -> None:
    (here / "board.toml").write_text(BOARD.replace("Stated", "Shuffle"))
    opened_and_loaded = made_by()
    assert 0 < made_by() < opened_and_loaded


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', '{"format": "FORMAT", "models": {"nets.py:Stated,name=net": 3}}']
)
def test_a_file_that_is_none_is_no_error(text: str) -> None:
    made_by()
    file = Path("leaderboard/opened-models.json")
    stated = json.loads(file.read_text())
    file.write_text(text.replace("FORMAT", stated["format"]))
    assert made_by() > 0
    assert json.loads(file.read_text()) == stated


def test_paths_that_are_none_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "board.toml").write_text(BOARD.replace("Stated", "Odd"))
    assert main(["board.toml", "--limit", "1", "--device", "cpu", "--only", "quality"]) == 1
    assert "its attribute source_files must be a list of paths (got 3)" in capsys.readouterr().out
