"""A trunk's file, made from the first of its sources (:mod:`bench.data.trunks.sources`) that has it."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from pathlib import Path

from bench.atomic import atomic_write, scratch
from bench.data import digest, manifest
from bench.data.download import Bar, DownloadError, check_online, download
from bench.data.manifest import TRUNK, ManifestFile
from bench.data.trunks import pins
from bench.data.trunks.convert import from_sdist, from_state_dict, to_safetensors
from bench.data.trunks.index import sdist_file
from bench.data.trunks.sources import convertible, other_name, trunk_of
from bench.errors import UserError
from bench.text import log

_one_at_a_time = threading.Lock()
# Why the index gave nothing: asked once per process, since each time may cost a minute of waiting.
_no_index: list[str] = []


def make(file: ManifestFile, folder: Path, bar: Bar | None = None) -> Path:
    """The trunk's file, made from the first source that has it. What comes with it, the other trunk, is kept too.

    Raises:
        DownloadError: no source has it; says why for each.
        OSError: the cache folder cannot be written.
    """
    reasons = []
    with _one_at_a_time:  # both trunks wanted at once are one download
        own = folder / file.name
        # another thread may have made it while this one waited for the lock
        if own.is_file() and digest.sha256(own) == file.sha256:
            return own
        for source in (_from_here, partial(_from_index, bar), partial(_from_torchvision, bar)):
            try:
                found = source(file, folder)
            except DownloadError as error:
                reasons.append(str(error))
                continue
            if found is not None:
                return found
    raise DownloadError("; ".join(dict.fromkeys(reasons)))


def _from_here(file: ManifestFile, folder: Path) -> Path | None:
    source = convertible(file, folder, verify=True)
    if source is None:
        return None
    return (_of_sdist if source.name == pins.SDIST.file else _of_whole)(source, file, folder)


def _from_index(bar: Bar | None, file: ManifestFile, folder: Path) -> Path:
    check_online()
    if _no_index:
        raise DownloadError(f"{_no_index[0]} (not tried again)")
    trunks = [other for other in manifest.files().values() if other.address.startswith(TRUNK)]
    # one archive holds both trunks: the other is kept too where it is missing
    wanted = [other for other in trunks if other == file or not (folder / other.name).exists()]
    # before anything is asked: half a download helps nobody
    _check_free_space(folder, pins.SDIST.bytes + (file.bytes or 0))
    say_size = partial(_say_size, wanted, pins.SDIST.bytes, "the package index")
    with scratch((folder / file.name).with_name(pins.SDIST.file)) as part:
        try:
            sdist = sdist_file(pins.SDIST, part, bar, say_size)
            made = _of_sdist(sdist, file, folder)
        except DownloadError as error:
            _no_index.append(f"package index: {error}")
            raise DownloadError(_no_index[0]) from error
        for other in wanted:
            if other != file:
                _keep_too(sdist, other, folder)
    return made


def _keep_too(sdist: Path, other: ManifestFile, folder: Path) -> None:
    """The other trunk of the same download, where there is room for it; its absence is no failure."""
    try:
        _check_free_space(folder, other.bytes or 0)
        _of_sdist(sdist, other, folder)
    except (DownloadError, OSError) as error:
        log(f"{other.name} is not kept from the same download: {error}")


def _from_torchvision(bar: Bar | None, file: ManifestFile, folder: Path) -> Path:
    trunk = trunk_of(file)
    check_online()
    try:
        address = manifest.torchvision_address(trunk.enum, trunk.full)
    except UserError as error:
        raise DownloadError(str(error)) from error
    # its exact size is not pinned: a tenth more is read, then it is another file
    most = trunk.full_bytes * 11 // 10
    _check_free_space(folder, trunk.full_bytes + (file.bytes or 0))
    with scratch(folder / "weights/torchvision" / trunk.full) as part:
        try:
            say_size = partial(_say_size, [file], trunk.full_bytes, "torchvision")
            download(address, part, size=None, most=most, bar=bar, before=say_size)
            sha256 = digest.sha256(part)
            if not sha256.startswith(trunk.full_sha256):
                size = part.stat().st_size
                raise DownloadError(
                    f"{trunk.full} must have a sha256 that begins with {trunk.full_sha256} (got {sha256}, {size} bytes)"
                )
            # inside of `scratch`: the 244 or 553 MB are gone when the trunk is made
            return _of_whole(part, file, folder)
        except DownloadError as error:
            raise DownloadError(f"torchvision: {error}") from error


def _of_sdist(sdist: Path, file: ManifestFile, folder: Path) -> Path:
    """The trunk out of the pinned source distribution, which gives the pinned bytes or nothing."""
    content = to_safetensors(from_sdist(sdist, trunk_of(file)))
    sha256 = digest.of_bytes(content)
    if sha256 != file.sha256:
        raise DownloadError(
            f"{pins.SDIST.file} gives a {file.name} with sha256 {sha256}, must have {file.sha256}"
        )
    return _written(content, folder / file.name)


def _of_whole(whole: Path, file: ManifestFile, folder: Path) -> Path:
    """The trunk out of torchvision's whole file, under a name of its own if its values are not the pinned ones."""
    trunk, own = trunk_of(file), folder / file.name
    content = to_safetensors(from_state_dict(whole, trunk))
    sha256 = digest.of_bytes(content)
    if sha256 != file.sha256:
        # never under the pinned name: results must say which weights they are of
        own = own.with_name(other_name(file, trunk, sha256[:8]))
        log(
            f"{trunk.full} has other values than the pinned trunk: kept as {own.name}, which results will name"
        )
    return _written(content, own)


def _written(content: bytes, own: Path) -> Path:
    with atomic_write(own) as part:
        part.write_bytes(content)
    return own


def _say_size(kept: list[ManifestFile], download_bytes: int, source: str) -> None:
    names = " and ".join(trunk_of(file).name for file in kept)
    mebibytes = sum(file.bytes or 0 for file in kept) / (1 << 20)
    trunks = "trunk" if len(kept) == 1 else "trunks"
    log(f"{names} {trunks}: {download_bytes / 1e6:.0f} MB download from {source}, {mebibytes:.0f} MiB kept")


def _check_free_space(folder: Path, needed: int) -> None:
    # the cache folder need not exist yet
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(nearest).free
    if free < needed:
        raise DownloadError(
            f"{str(folder)!r} must have {needed / 1e6:.0f} MB free for the download (got {free / 1e6:.0f} MB)"
        )
