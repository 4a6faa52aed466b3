"""A large image, from an array or a file to its scores, in a process whose memory is looked at: a line of JSON.

python -m tests.bench.quality.large_run array|file MODEL WIDTHxHEIGHT [...]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from skimage import data

from bench.data import images
from bench.protocols import johnson2016
from bench.quality.strips import degrade_large, psnr_ssim, upscale_large
from bench.registry import catalog
from bench.tiling.seams import seam_score
from bench.tiling.tiles import Tiled

SCALE = 4
TILE = 100


def peak_bytes() -> int:
    """The most that this process has had resident so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def photograph(width: int, height: int) -> np.ndarray:
    """Photographs beside and below each other, as many as it takes."""
    tile = np.concatenate([data.astronaut(), data.astronaut()[:, ::-1]], axis=1)
    tile = np.concatenate([tile, tile[::-1]], axis=0)
    hr = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, len(tile)):
        for left in range(0, width, len(tile)):
            part = hr[top : top + len(tile), left : left + len(tile)]
            part[...] = tile[: part.shape[0], : part.shape[1]]
    return hr


def read_back(hr: np.ndarray) -> np.ndarray:
    """The image by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        images.write(Path(folder) / "hr.png", hr)
        del hr
        return images.read(Path(folder) / "hr.png")


def run(source: str, model: str, width: int, height: int) -> dict[str, object]:
    """One image degraded, upscaled in tiles and scored."""
    hr = read_back(photograph(width, height)) if source == "file" else photograph(width, height)
    began, before = time.monotonic(), peak_bytes()
    upscaler = catalog.load_upscaler(model, SCALE, Path, torch.device("cpu"))
    tiles = Tiled(upscaler=upscaler, tile="auto" if model != "bicubic" else TILE)
    lr = degrade_large(hr, johnson2016(SCALE))
    sr = upscale_large(lr, tiles)
    scores, tiling = psnr_ssim(sr, hr, johnson2016(SCALE)), tiles.last
    assert tiling is not None
    seams = seam_score(sr, tiling.rows, tiling.columns, SCALE) if tiling.tile is not None else None
    return {
        "pixels": width * height,
        "seconds": time.monotonic() - began,
        "peak_bytes_after_reading": before,
        "peak_bytes": peak_bytes(),
        "array_bytes": hr.nbytes + sr.nbytes + hr.nbytes // SCALE**2,
        "psnr": scores.psnr,
        "ssim": scores.ssim,
        "tiling": tiling.description,
        "seams": None if seams is None else (seams.score, seams.noise),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([run(sys.argv[1], sys.argv[2], *map(int, size.split("x"))) for size in sys.argv[3:]]))
