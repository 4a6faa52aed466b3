"""Training images as one small file: a crop of each, as PNG files in a ZIP archive.

python -m tests.gpu.pack FOLDER ... --out crops.zip
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

SIDE = 288  # a patch of the paper's super-resolution
MOST_MEGABYTES = 20.0
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp"}
SEED = 0


def pack(folders: Sequence[Path], out: Path, *, side: int = SIDE, most_bytes: int) -> int:
    """Write one crop of each image that is large enough, in an order of the seed, until the file would be too large.

    Returns:
        How many crops there are.

    Raises:
        ValueError: not one.
    """
    written, size = 0, 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # PNG files are compressed already
        for crop in crops(folders, side):
            data = encoded(crop)
            name = f"{written:05}.png"
            size += len(data) + 200 + 2 * len(name)  # the archive's own headers and its directory
            if size > most_bytes:
                break
            archive.writestr(name, data)
            written += 1
    if not written:
        out.unlink()
        raise ValueError(
            f"no image has sides of at least {side}, must be one in {', '.join(map(str, folders))}"
        )
    return written


def crops(folders: Sequence[Path], side: int) -> Iterator[UInt8[np.ndarray, "side side 3"]]:
    """Of each image, from a place of the seed; what cannot be read or is too small is passed over."""
    files = sorted(
        file for folder in folders for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES
    )
    rng = np.random.default_rng(SEED)
    for index in rng.permutation(len(files)):
        corner = rng.random(2)
        try:
            with Image.open(files[index]) as opened:
                pixels = np.asarray(opened.convert("RGB"))
        except (OSError, ValueError):
            continue
        room = np.array(pixels.shape[:2]) - side
        if (room >= 0).all():
            top, left = (corner * (room + 1)).astype(int)
            yield pixels[top : top + side, left : left + side]


def encoded(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def unpack(file: Path, folder: Path) -> Path:
    """The PNG files of an archive, in a new folder.

    Raises:
        ValueError: it is not one that :func:`pack` writes.
    """
    folder.mkdir()
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if not name.removesuffix(".png").isdigit():
                    raise ValueError(f"{str(file)!r} holds {name!r}; must be an archive of tests.gpu.pack")
                (folder / name).write_bytes(archive.read(name))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{str(file)!r} cannot be read; must be an archive of tests.gpu.pack") from error
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m tests.gpu.pack", description=(__doc__ or "").partition("\n")[0]
    )
    p.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="of images, searched whole")
    p.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .zip file")
    p.add_argument("--side", type=int, default=SIDE, metavar="N", help=f"of a crop (default: {SIDE})")
    p.add_argument(
        "--megabytes", type=float, default=MOST_MEGABYTES, metavar="N", help="at most (default: 20)"
    )
    args = p.parse_args(argv)
    try:
        written = pack(args.folders, args.out, side=args.side, most_bytes=int(args.megabytes * 1e6))
    except ValueError as error:
        p.error(str(error))
    print(f"{written} crops, {args.out.stat().st_size / 1e6:.1f} MB: {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
