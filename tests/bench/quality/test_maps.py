"""Maps of a run: the mean of a map of SSIM is the score, and a report takes those of the very pictures that it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench import sr_quality
from bench.metrics.ssim import LOST, local_ssim, ssim
from bench.quality.maps import LONGEST, encoded, shrunk_by
from bench.records import map_file
from bench.storage.reader import read
from reports.load.gather import gather
from reports.load.results import Group
from tests.bench.metrics.conftest import pair

SHAVE = 4


@pytest.mark.parametrize("size", [(11, 11), (40, 48), (90, 33), (75, 131)])
def test_the_mean_over_windows_is_ssim(size: tuple[int, int]) -> None:
    sr, hr = pair(2, 3, *size)
    found = local_ssim(sr, hr)
    assert found.shape == (2, 3, size[0] - LOST, size[1] - LOST)
    torch.testing.assert_close(found.mean((1, 2, 3)), ssim(sr, hr), rtol=1e-12, atol=1e-12)


def test_a_difference_is_where_it_was_made() -> None:
    hr = torch.rand(1, 1, 60, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sr = hr.clone()
    sr[..., 30, 40] = 1 - sr[..., 30, 40]
    error = 1 - local_ssim(sr, hr)[0, 0]
    reach = LOST // 2
    changed = error.abs() > 1e-9
    rows, columns = (changed.any(dim).nonzero().flatten() + reach for dim in (1, 0))
    assert (rows.min(), rows.max()) == (30 - reach, 30 + reach)
    assert (columns.min(), columns.max()) == (40 - reach, 40 + reach)


def test_levels_stand_for_errors_from_0_to_1_and_the_border_for_nothing() -> None:
    error = torch.tensor([[0.0, 0.5, 1.0], [1.7, -0.2, 0.1]])
    found = encoded(error, shave=2)
    assert found.shape == (6, 7, 1)
    assert found[2:4, 2:5, 0].tolist() == [[0, 128, 255], [255, 0, 26]]
    assert found.sum() == found[2:4, 2:5].sum()


def test_a_large_map_holds_means_of_squares() -> None:
    error = torch.zeros(LONGEST + 1, 21)
    error[-1, -1] = 1
    found = encoded(error, shave=0)
    assert shrunk_by(*error.shape) == 2
    assert found.shape == ((LONGEST + 2) // 2, 11, 1)
    assert found[-1, -1, 0] == 255  # of the one pixel that is there
    error[0, 0] = 1
    assert encoded(error, shave=0)[0, 0, 0] == 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two models on one image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((80, 64), Image.Resampling.BICUBIC).save(tmp_path / "set" / "a.png")
    run()
    return tmp_path


def run(*more: str, images: tuple[str, ...] = ("--images", "i", "--maps")) -> None:
    command = ["set", "--models", "nearest", "bicubic", "--metrics", "psnr", "ssim", "--db", "r.db"]
    assert sr_quality.main([*command, *images, *more]) == 0


def group() -> Group:
    (found,) = gather(read([Path("r.db")])).groups
    return found


def test_a_run_keeps_a_map_of_each_picture_by_ssim_and_none_by_psnr(folder: Path) -> None:
    found = group()
    assert set(found.maps) == {("a", model, "ssim") for model in ("nearest", "bicubic")}
    for model in ("nearest", "bicubic"):
        file = found.maps["a", model, "ssim"]
        assert file == map_file(found.pictures["a", model], "ssim")
        with Image.open(file) as picture:
            levels = np.asarray(picture, dtype=float) / 255
        inner = levels[SHAVE + 5 : -SHAVE - 5, SHAVE + 5 : -SHAVE - 5]
        assert 1 - inner.mean() == pytest.approx(found.column(model, "ssim")["a"], abs=2e-3)
        assert levels.shape == (64, 80)


def test_without_pictures_there_are_no_maps(folder: Path) -> None:
    shutil.rmtree("i")
    run("--force", "--maps", images=("--no-images",))
    assert sorted(folder.rglob("*.png")) == [folder / "set" / "a.png"]


def test_without_the_option_there_are_no_maps(folder: Path) -> None:
    shutil.rmtree("i")
    run("--force", images=("--images", "i"))
    assert group().maps == {}
    assert group().pictures


def test_a_map_of_other_pixels_is_not_shown(folder: Path) -> None:
    maps = group().maps
    maps["a", "nearest", "ssim"].write_bytes(maps["a", "bicubic", "ssim"].read_bytes())
    maps["a", "bicubic", "ssim"].write_bytes(b"\x89PNG\r\n\x1a\nno more")
    assert group().maps == {}
