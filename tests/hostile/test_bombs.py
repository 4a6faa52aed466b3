"""Small files that claim to be large: refused at once, with little memory."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.data import images
from bench.data.images import jpeg_scans
from bench.data.whole_file import read_whole
from bench.errors import ImageError
from tests.hostile import hostile_images

ROOT = Path(__file__).parents[2]
SAID = {
    "png": "must have at most 178956970 pixels (got 50000x50000)",
    "zTXt": "Decompressed data too large",
    "iTXt": "Decompressed data too large",
    "iCCP": "Decompressed data too large",
    "gif canvas": "pixels (got 65535x65535)",
    "gif frames": "has several frames; must be a single image",
    "tiff strips": "",
    "tiff directories": "has several frames; must be a single image",
    "jpeg scans": "must have at most 64 scans (got",
    "deflated.pth": "unpacked, more than the file; must be parts that are not compressed",
    "claimed.pth": "is damaged or no checkpoint",
    "bytearray.pth": "",
    "header.safetensors": "must be a safetensors file",
    "array.safetensors": "must be a safetensors file",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of every bomb, in a process that may grow by a gibibyte and is given two minutes for all."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux, whose processes can be given a limit of memory")
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.hostile.bombs",
        str(tmp_path_factory.mktemp("bombs")),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return {each["name"]: each for each in json.loads(ran.stdout)}


@pytest.mark.parametrize("name", SAID)
def test_a_bomb_is_refused_within_seconds_and_little_memory(
    found: dict[str, dict[str, Any]], name: str
) -> None:
    bomb = found[name]
    assert SAID[name] in bomb["said"]
    assert bomb["seconds"] < 30  # the longest takes 2 s; without the limits in bench/ it is minutes to hours
    assert bomb["mebibytes"] < 300


def test_every_bomb_is_looked_at(found: dict[str, dict[str, Any]]) -> None:
    assert found.keys() == SAID.keys()


def test_a_bomb_would_go_off_where_nothing_limits_it() -> None:
    """The header alone is refused: the same file with a true header inflates to what it says."""
    data = hostile_images.png(500, 500, colour=0, data=hostile_images.zeros(500 * 501))
    assert images.decode(data, "x").shape == (500, 500, 1)
    assert len(data) < 4000


def test_scans_of_ordinary_jpegs_are_counted_as_they_are() -> None:
    picture = hostile_images.pixels(size=(64, 48))
    baseline, progressive = (hostile_images.saved(picture, "JPEG", progressive=p) for p in (False, True))
    assert jpeg_scans(baseline) == 1
    assert 6 <= jpeg_scans(progressive) <= 12
    assert jpeg_scans(baseline + progressive) == 1  # a phone's second picture, or a film, behind the first
    thumbnail = io.BytesIO()
    exif = Image.Exif()
    exif[0x9286] = b"ASCII\0\0\0" + progressive * 9  # in the EXIF of the first
    picture.save(thumbnail, "JPEG", exif=exif)
    assert jpeg_scans(thumbnail.getvalue()) == 1
    restarts = hostile_images.saved(picture, "JPEG", restart_marker_blocks=1)
    assert jpeg_scans(restarts) == 1
    assert np.array_equal(images.decode(restarts, "x"), np.asarray(Image.open(io.BytesIO(restarts))))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    (tmp_path / "terminal.png").symlink_to("/dev/tty")
    for name in ("pipe.png", "zeros.png", "terminal.png"):
        with pytest.raises(
            ImageError, match=r"pipe or a device, must be a file|No such device|cannot be read"
        ):
            images.read(tmp_path / name)


def test_a_file_larger_than_any_image_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.png").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ImageError, match=r"must have at most 2147483648 bytes \(got 1099511627776\)"):
        images.read(tmp_path / "sparse.png")
    with pytest.raises(OSError, match=r"must have at most 5 bytes \(got 1099511627776\)"):
        read_whole(tmp_path / "sparse.png", most=5)
