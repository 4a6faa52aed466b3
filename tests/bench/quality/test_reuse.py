"""Results are keyed by content: what changed is scored anew, what did not is never scored twice."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench import protocols
from bench.data import images
from bench.metrics import METRICS
from bench.registry.upscalers import UPSCALERS
from bench.sr_quality import main
from tests.bench.registry.conftest import compact

ARGUMENTS = ["./set", "--models", "bicubic", "net.py:make", "--metrics", "psnr", "ssim", "--json", "r.json"]
STALE = 12345.0
NET = """
import torch
import torch.nn.functional as F

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.load("gain.pt", weights_only=True))
    def forward(self, lr):
        return F.interpolate(lr, scale_factor=4) * self.gain

def make(): return Net()
"""
Key = tuple[str, ...]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images and a network of one weight, scored, every stored value then made a number that no run gives."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        images.write(tmp_path / "set" / f"{name}.png", random.integers(0, 256, (32, 36, 3), dtype=np.uint8))
    (tmp_path / "net.py").write_text(NET)
    torch.save(torch.tensor(0.9), tmp_path / "gain.pt")
    assert main(ARGUMENTS) == 0
    make_stale(tmp_path)
    return tmp_path


def make_stale(here: Path) -> None:
    with sqlite3.connect(here / "results.db") as db:
        db.execute("update scores set value = ?", (STALE,))
    db.close()


def fresh(here: Path) -> list[Key]:
    """(image, model, metric) of what was scored since."""
    with sqlite3.connect(here / "results.db") as db:
        found = db.execute(
            "select image, model, metric from scores where value != ? order by 1, 2, 3", (STALE,)
        ).fetchall()
    db.close()
    return found


def printed(here: Path) -> dict[Key, float | str]:
    table = json.loads((here / "r.json").read_text())
    return {
        (image, row["model"], row["metric"]): value for row in table for image, value in row["values"].items()
    }


def everything(
    images: tuple[str, ...] = ("a", "b"),
    models: tuple[str, ...] = ("bicubic", "make"),
    metrics: tuple[str, ...] = ("psnr", "ssim"),
) -> list[Key]:
    return [(i, model, metric) for i in images for model in models for metric in metrics]


def other_pixels(here: Path, _: pytest.MonkeyPatch) -> None:
    images.write(here / "set" / "a.png", 255 - images.read(here / "set" / "a.png"))


def other_pixels_of_the_same_length_and_time(here: Path, _: pytest.MonkeyPatch) -> None:
    file = here / "set" / "a.bmp"
    written = file.stat().st_mtime_ns
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    file.write_bytes(data)
    os.utime(file, ns=(written, written))


def other_bytes(here: Path, _: pytest.MonkeyPatch) -> None:
    Image.open(here / "set" / "a.png").save(here / "set" / "a.png", compress_level=9)


def other_metric(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(METRICS, "ssim", replace(METRICS["ssim"], version="2"))


def other_code_of_ours(_: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(UPSCALERS, "bicubic", replace(UPSCALERS["bicubic"], version="2"))


def other_code(here: Path, _: pytest.MonkeyPatch) -> None:
    (here / "net.py").write_text(NET.replace("* self.gain", "* self.gain + 0.05"))


def other_weights(here: Path, _: pytest.MonkeyPatch) -> None:
    torch.save(torch.tensor(0.8), here / "gain.pt")
    os.utime(here / "net.py")  # in this process an unchanged FILE.py is opened once


def other_protocol(_: Path, patch: pytest.MonkeyPatch) -> None:
    wider = lambda scale: replace(protocols.johnson2016(scale), shave=5)  # noqa: E731
    patch.setitem(protocols.PROTOCOLS, "johnson2016", wider)


@pytest.mark.parametrize(
    ("change", "scored"),
    [
        (other_pixels, everything(images=("a",))),
        (other_bytes, everything(images=("a",))),
        (other_metric, everything(metrics=("ssim",))),
        (other_code_of_ours, everything(models=("bicubic",))),
        (other_code, everything(models=("make",))),
        (other_weights, everything(models=("make",))),
        (other_protocol, everything()),
    ],
)
def test_what_changed_is_scored_and_nothing_else_and_that_once(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, pytest.MonkeyPatch], None],
    scored: list[Key],
) -> None:
    change(here, monkeypatch)
    for expected in (scored, []):
        assert main(ARGUMENTS) == 0
        assert fresh(here) == expected
        assert sorted(key for key, value in printed(here).items() if value != STALE) == expected
        assert set(printed(here)) == set(everything())
        make_stale(here)


def test_other_bytes_of_the_same_length_and_time_are_other_content(here: Path) -> None:
    Image.open(here / "set" / "b.png").save(here / "set" / "a.bmp")
    (here / "set" / "a.png").unlink()
    assert main(ARGUMENTS) == 0
    make_stale(here)
    other_pixels_of_the_same_length_and_time(here, pytest.MonkeyPatch())
    assert main(ARGUMENTS) == 0
    assert fresh(here) == everything(images=("a",))


def test_what_was_changed_back_is_known(here: Path) -> None:
    before = (here / "set" / "a.png").read_bytes()
    other_pixels(here, pytest.MonkeyPatch())
    assert main(ARGUMENTS) == 0
    make_stale(here)
    (here / "set" / "a.png").write_bytes(before)
    assert main(ARGUMENTS) == 0
    assert fresh(here) == []


def test_a_checkpoint_with_other_numbers_is_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images.write(tmp_path / "set" / "a.png", np.random.default_rng(0).integers(0, 256, (32, 36, 3), np.uint8))
    arguments = ["./set", "--models", "net.pth", "--metrics", "psnr", "--json", "r.json"]
    state = compact().state_dict()
    for gain, expected in ((1.0, [("a", "net", "psnr")]), (1.0, []), (1.5, [("a", "net", "psnr")])):
        torch.save({key: value * gain for key, value in state.items()}, tmp_path / "net.pth")
        assert main(arguments) == 0
        assert fresh(tmp_path) == expected
        make_stale(tmp_path)
