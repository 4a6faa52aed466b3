"""`bench.perturb`: copies whose error is known, scored like the images of a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import sr_quality
from bench.commands.perturb import perturbed
from bench.data import images
from bench.perturb import main

SIDE = 48


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for stem in ("a", "b"):
        images.write(
            tmp_path / "hr" / f"{stem}.png", rng.integers(0, 256, (SIDE, SIDE + 4, 3), dtype=np.uint8)
        )
    return tmp_path


def test_a_shift_repeats_the_left_column_and_keeps_the_size() -> None:
    pixels = np.arange(2 * 5 * 1, dtype=np.uint8).reshape(2, 5, 1)
    assert perturbed(pixels, "shift", 2, seed=0)[0, :, 0].tolist() == [0, 0, 0, 1, 2]
    assert np.array_equal(perturbed(pixels, "shift", 0, seed=0), pixels)


def test_noise_has_the_deviation_that_was_asked_for_and_is_the_seeds() -> None:
    pixels = np.full((200, 200, 3), 128, dtype=np.uint8)
    noisy = perturbed(pixels, "noise", 5, seed=1)
    assert noisy.std() == pytest.approx(5, rel=0.02)
    assert np.array_equal(noisy, perturbed(pixels, "noise", 5, seed=1))
    assert not np.array_equal(noisy, perturbed(pixels, "noise", 5, seed=2))


def test_the_copies_are_scored_like_a_models_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "hr"), str(folder / "out"), "--kinds", "noise-5", "shift-1"]) == 0
    assert "Run: python -m bench.sr_quality" in capsys.readouterr().out
    named = [str(folder / "out" / kind) for kind in ("noise-5", "shift-1")]
    options = ["--metrics", "psnr", "--no-images", "--protocol", "rgb"]
    files = ["--db", str(folder / "r.db"), "--json", str(folder / "r.json")]
    assert sr_quality.main([str(folder / "hr"), "--models", *named, *options, *files]) == 0
    values = {row["model"]: row["mean"] for row in json.loads((folder / "r.json").read_text())}
    assert values["noise-5"] == pytest.approx(20 * np.log10(255 / 5), abs=0.3)  # clipping takes a little
    assert values["shift-1"] < 12


@pytest.mark.parametrize("kind", ["shift", "noise-", "noise-1.5", "shift--1", "blur-2", "noise-9999"])
def test_another_kind_is_refused(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "hr"), str(folder / "out"), "--kinds", kind]) == 2
    assert f"a kind must be shift-N or noise-N, N from 0 to 999 (got {kind!r})" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_folder_that_exists_is_never_written_into(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "out" / "shift-1").mkdir(parents=True)
    assert main([str(folder / "hr"), str(folder / "out")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert list((folder / "out").iterdir()) == [folder / "out" / "shift-1"]


def test_a_shift_wider_than_an_image_costs_that_image(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder / "hr"), str(folder / "out"), "--kinds", "shift-60"]) == 1
    assert "must be wider than the shift of 60" in capsys.readouterr().err
