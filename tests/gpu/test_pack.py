"""Packed crops: small enough to be carried, the same each time, and read back as they were."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.data import images
from tests.gpu.pack import main, pack, unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images, one too small, and a file that is none."""
    rng = np.random.default_rng(0)
    for index, side in enumerate((40, 48, 56, 40, 48, 20)):
        images.write(tmp_path / f"in/{index}.png", rng.integers(0, 256, (side, 50, 3), dtype=np.uint8))
    (tmp_path / "in/broken.jpg").write_bytes(b"no image")
    return tmp_path / "in"


def test_each_image_that_is_large_enough_gives_a_crop_of_it(folder: Path, tmp_path: Path) -> None:
    assert pack([folder], tmp_path / "a.zip", side=32, most_bytes=10**6) == 5
    whole = [images.read(file) for file in folder.glob("[0-4].png")]
    for file in unpack(tmp_path / "a.zip", tmp_path / "out").iterdir():
        crop = images.read(file)
        assert crop.shape == (32, 32, 3)
        windows = (np.lib.stride_tricks.sliding_window_view(each, crop.shape) for each in whole)
        assert any((each == crop).all((3, 4, 5)).any() for each in windows)


def test_the_file_is_the_same_each_time_and_not_larger_than_allowed(folder: Path, tmp_path: Path) -> None:
    names = [pack([folder], tmp_path / name, side=32, most_bytes=12_000) for name in ("a.zip", "b.zip")]
    assert 0 < names[0] < 5
    assert (tmp_path / "a.zip").stat().st_size <= 12_000
    crops = [zipfile.ZipFile(tmp_path / name).read("00000.png") for name in ("a.zip", "b.zip")]
    assert crops[0] == crops[1]


def test_the_program_says_how_many_and_refuses_where_there_are_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--out", str(tmp_path / "a.zip"), "--side", "32"]) == 0
    assert "5 crops" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main([str(folder), "--out", str(tmp_path / "b.zip"), "--side", "64"])
    assert "no image has sides of at least 64" in capsys.readouterr().err
    assert not (tmp_path / "b.zip").exists()


def test_what_is_no_such_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read; must be an archive of tests"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../evil.png", b"")
    with pytest.raises(ValueError, match=r"holds '\.\./evil\.png'"):
        unpack(tmp_path / "b.zip", tmp_path / "b")
