"""The cache folder: the manifest's files, verified before use and downloaded where they are missing."""

from __future__ import annotations

import importlib
import os
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Literal

from bench.atomic import atomic_write
from bench.data import digest, manifest
from bench.data.download import Bar, ByteBar, DownloadError, download
from bench.data.manifest import TRUNK, ManifestFile
from bench.data.trunks import sources
from bench.errors import MissingFile, run_fetch

State = Literal["present", "missing", "damaged"]

VARIABLE = "PERCEPTUAL_BENCH_DATA"

_locks: dict[str, threading.Lock] = {}


def folder() -> Path:
    """`$PERCEPTUAL_BENCH_DATA`, or `perceptual-bench` in the user's cache directory. It need not exist."""
    # read at each call: tests and notebooks set it in a running process
    value = os.environ.get(VARIABLE)
    if value:
        return Path(value).expanduser()
    import pooch

    return Path(pooch.os_cache("perceptual-bench"))


def find(name: str, *, verify: bool = True) -> Path:
    """The local copy of the manifest's file `name`; downloaded if there is none.

    A copy in the cache is used only if size and sha256 are right; torchvision's weights are also taken from
    torch.hub's folder, and a trunk's from any of its sources (:mod:`bench.data.trunks.sources`). A file is hashed once
    per process, and again when it changes. `verify=False` leaves the hash to a caller that reads the bytes anyway
    (:func:`wrong` compares it).

    Raises:
        MissingFile: damaged (it is left alone), unreadable, or missing and not to be had by download.
        UserError: the manifest has no such file.
    """
    file = manifest.file(name)
    own = folder() / file.name
    try:
        there = own.exists()  # asked first: another thread may be about to put it there
        found = _right_copy(file, verify=verify)
        if found is None and there:
            raise MissingFile(damage(file))
    except OSError as error:
        raise MissingFile(f"{str(own)!r} cannot be read: {error.strerror or error}") from error
    return found or fetch(name)


def fetch(name: str, *, bar: Bar | None = None) -> Path:
    """As :func:`find`, but a damaged file is downloaded too, and replaced if what comes is right.

    Args:
        bar: told the bytes that have come; without one, a large file has a bar of its own.
    """
    file = manifest.file(name)
    # a lock per file: threads that want one file download it once, others do not wait (setdefault is atomic)
    with _locks.setdefault(name, threading.Lock()):
        # asked again under the lock: the thread before may have put it there
        found = _right_copy(file, verify=True)
        if found is not None:
            return found
        if bar is not None:
            return _download(file, bar)
        with closing(ByteBar(file.name.rpartition("/")[2])) as own_bar:
            return _download(file, own_bar)


def state(name: str, *, verify: bool = False) -> State:
    """Whether the file `name` is in the cache, by its size; with `verify` also by its hash. No download.

    A trunk is present, too, where a file lies that it is made of when it is first needed.
    """
    file = manifest.file(name)
    if _right_copy(file, verify=verify) is not None:
        return "present"
    if (folder() / file.name).exists():
        return "damaged"
    here = file.address.startswith(TRUNK) and sources.convertible(file, folder(), verify=verify)
    return "present" if here else "missing"


def used_name(name: str) -> str:
    """What the file that :func:`find` gives for `name` is called: not the manifest's name where another stands in."""
    file = manifest.file(name)
    found = _right_copy(file, verify=False)
    return (found or (folder() / file.name)).name


def damage(file: ManifestFile, sha256: str | None = None) -> str:
    """What is wrong with the copy in the cache, and what to do; `sha256` of it where it is known already."""
    own = folder() / file.name
    return (
        f"{file.name} in the cache is damaged: {_difference(file, own, sha256)}; delete {str(own)!r}, or replace it. "
        f"{run_fetch(file.group)}"
    )


def hash_differs(file: ManifestFile, sha256: str) -> bool:
    """Whether a computed hash differs from the manifest's, of which eight digits may be known."""
    # torchvision's file names hold the first eight digits, and nothing pins more
    return not sha256.startswith(file.sha256)


def _torch_hub() -> Path:
    """As torch.hub.get_dir() has it, which would load torch for a listing."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    return Path(os.environ.get("TORCH_HOME", caches / "torch")).expanduser() / "hub" / "checkpoints"


def _right_copy(file: ManifestFile, *, verify: bool) -> Path | None:
    own = folder() / file.name
    if _is_right(file, own, verify=verify):
        return own
    if file.address.startswith(manifest.TORCHVISION):
        other = _torch_hub() / own.name
        return other if _is_right(file, other, verify=verify) else None
    # a damaged file is named, not passed over for another copy
    if file.address.startswith(TRUNK) and not own.exists():
        return sources.other_copy(file, folder(), verify=verify)
    return None


def _is_right(file: ManifestFile, path: Path, *, verify: bool) -> bool:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    # an empty file is what a full disk or a killed program leaves: wrong even where no size is pinned
    if not stat.S_ISREG(found.st_mode) or found.st_size != (file.bytes or found.st_size) or not found.st_size:
        return False
    return not verify or not hash_differs(file, digest.sha256(path))


def _difference(file: ManifestFile, path: Path, sha256: str | None = None) -> str:
    if not path.is_file():
        return "it is not a file"
    found = path.stat()
    if found.st_size != (file.bytes or found.st_size) or not found.st_size:
        return f"it has {found.st_size} bytes; must be {file.bytes or 'more'}"
    return f"its sha256 is {sha256 or digest.sha256(path)}; must be {file.sha256}"


def _download(file: ManifestFile, bar: Bar) -> Path:
    own, trunk = folder() / file.name, file.address.startswith(TRUNK)
    address = sources.about(file) if trunk else manifest.address(file)
    try:
        if trunk:
            # what parses an index and converts arrays is imported when a trunk is made: parsers need this module
            return importlib.import_module("bench.data.trunks.make").make(file, folder(), bar)
        # checked under its temporary name: what lies under its own is right, or was there before
        with atomic_write(own) as part:
            download(address, part, size=file.bytes, bar=bar)
            _check(file, part)
    except DownloadError as error:
        raise _unavailable(file, address, str(error)) from error
    except OSError as error:
        reason = f"the cache folder {str(folder())!r} cannot be written ({error.strerror or error})"
        raise _unavailable(file, address, reason) from error
    return own


def _unavailable(file: ManifestFile, address: str, reason: str) -> MissingFile:
    own = folder() / file.name
    size = f"{file.bytes} bytes, " if file.bytes else ""
    what = "damaged" if own.exists() else "missing"
    by_hand = f"to put it in by hand: {size}sha256 {file.sha256}, as {str(own)!r}"
    if file.address.startswith(TRUNK):
        by_hand = sources.by_hand(file, folder())
    return MissingFile(
        f"{file.name} is {what} and could not be downloaded from {address}: {reason}; {by_hand}",
        group=file.group,
        reason=reason,
    )


def _check(file: ManifestFile, part: Path) -> None:
    """Refuse what was downloaded unless it is the file, and say what it is instead."""
    if _is_right(file, part, verify=True):
        return
    size = part.stat().st_size
    with part.open("rb") as stream:
        # behind a byte order mark and blanks; a proxy's login page comes with status 200
        head = stream.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<") and (b"<html" in head or b"<!doctype html" in head):
        raise DownloadError("the server answered with an HTML page instead of the file")
    if file.bytes and size < file.bytes:
        raise DownloadError(f"the server sent {size} bytes; must be {file.bytes} (truncated)")
    if file.bytes and size > file.bytes:  # no more is read, so that an endless answer ends
        raise DownloadError(f"the server sent something else: more than {file.bytes} bytes")
    raise DownloadError(f"the server sent something else: {_difference(file, part)}")
