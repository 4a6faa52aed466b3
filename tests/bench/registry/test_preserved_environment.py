"""A callable may do what it likes: the run goes on as if it had not."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import sr_quality
from bench.data import images
from bench.registry.adapters.preserved_environment import preserved_environment


def values(file: Path) -> dict[tuple[str, str], float]:
    """Scores by model and image."""
    with sqlite3.connect(file) as db:
        return {
            (model, image): value
            for model, image, value in db.execute("select model, image, value from scores")
        }


MODELS = """
import os, random, sys
import torch
import torch.nn.functional as F

def large(x):
    return F.interpolate(x, scale_factor=4, mode="bilinear")

def plain():
    return large

def wild():
    def enlarge(x):
        y = large(x)
        os.chdir("/"); os.environ["WILD"] = "1"; sys.stdout = sys.stderr = None
        random.seed(1); torch.manual_seed(1); torch.set_num_threads(1); torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float64); torch.set_default_device("meta")
        x.zero_()
        return y
    return enlarge

def later(action):
    def make():
        calls = []
        def enlarge(x):
            calls.append(x)
            return large(x) if len(calls) == 1 else action(large(x))
        return enlarge
    return make

class Odd(BaseException):
    def __str__(self):
        raise ValueError("no words")

def throws(error):
    def action(y):
        raise error
    return action

quantized = later(lambda y: torch.quantize_per_tensor(y, 0.1, 0, torch.quint8))
complex_ = later(lambda y: y * 1j)
sparse = later(lambda y: y.to_sparse())
meta = later(lambda y: y.to("meta"))
generator = later(throws(GeneratorExit("g")))
odd = later(throws(Odd()))
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder with a data set and models."""
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        images.write(Path(f"set/p{i}.png"), pixels)
    Path("m.py").write_text(MODELS)
    return tmp_path


def run(*models: str) -> int:
    return sr_quality.main(["./set", "--models", *models, "--metrics", "psnr", "--device", "cpu"])


def test_what_a_callable_changes_of_the_process_is_put_back(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("m.py:wild", "m.py:plain") == 0
    assert Path.cwd() == here
    assert "WILD" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(1).device.type == "cpu"
    assert "results:" in capsys.readouterr().out
    assert (here / "results.db").is_file()
    assert len(list((here / "results" / "images").rglob("*.png"))) == 4 * 3
    scores = values(here / "results.db")
    assert [scores["wild", f"p{i}"] for i in range(3)] == [scores["plain", f"p{i}"] for i in range(3)]


@pytest.mark.parametrize("name", ["quantized", "complex_", "sparse", "meta", "generator", "odd"])
def test_whatever_a_callable_returns_or_raises_is_its_own_failure(
    here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"m.py:{name}", "bicubic") == 0
    err = capsys.readouterr().err
    assert f"({name.rstrip('_')}): not scored: the model " in err
    assert "defect" not in err
    assert len([key for key in values(here / "results.db") if key[0] == "bicubic"]) == 3


def test_every_state_is_put_back_also_when_the_block_raises(here: Path) -> None:
    random.seed(0)
    torch.manual_seed(0)
    expected = (random.random(), float(torch.rand(1)), float(np.random.rand()))
    random.seed(0)
    torch.manual_seed(0)
    state, stdout = np.random.get_state(), sys.stdout
    with pytest.raises(RuntimeError), preserved_environment(), preserved_environment():  # noqa: PT012
        random.random()
        torch.rand(1)
        np.random.seed(3)
        os.chdir("/")
        sys.stdout = None  # type: ignore[assignment]
        torch.use_deterministic_algorithms(True)
        raise RuntimeError
    assert (random.random(), float(torch.rand(1))) == expected[:2]
    assert all(np.all(a == b) for a, b in zip(state, np.random.get_state(), strict=True))
    assert Path.cwd() == here
    assert sys.stdout is stdout
    assert not torch.are_deterministic_algorithms_enabled()
