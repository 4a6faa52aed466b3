"""The cache folder: the manifest's files, verified before use and downloaded where they are missing."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from bench import manifest
from bench.errors import MissingFile
from bench.files.replacing import replacing
from bench.manifest import ManifestFile

if TYPE_CHECKING:
    from requests.exceptions import RequestException

State = Literal["present", "missing", "damaged"]

VARIABLE = "PERCEPTUAL_BENCH_DATA"
CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
CHUNK_BYTES = 1 << 18

_locks: dict[str, threading.Lock] = {}
_unreachable: dict[str, str] = {}


class DownloadError(Exception):
    """Why a download gave nothing that can be used."""


def folder() -> Path:
    """`$PERCEPTUAL_BENCH_DATA`, or `perceptual-bench` in the user's cache directory. It need not exist."""
    value = os.environ.get(VARIABLE)
    if value:
        return Path(value).expanduser()
    import pooch

    return Path(pooch.os_cache("perceptual-bench"))


def find(name: str, *, verify: bool = True) -> Path:
    """The local copy of the manifest's file `name`; downloaded if there is none.

    A copy in the cache is used only if size and sha256 are right; torchvision's weights are also taken from
    torch.hub's folder. A file is hashed once per process, and again when it changes. `verify=False` leaves
    the hash to a caller that reads the bytes anyway (:func:`wrong` compares it).

    Raises:
        MissingFile: damaged (it is left alone), unreadable, or missing and not to be had by download.
        UserError: the manifest has no such file.
    """
    file = manifest.file(name)
    try:
        there = _own(file).exists()  # before the look at it: another thread may be about to put it there
        found = _right_copy(file, verify=verify)
        if found is None and there:
            raise MissingFile(damage(file))
    except OSError as error:
        raise MissingFile(f"{str(_own(file))!r} cannot be read: {error.strerror or error}") from error
    return found or fetch(name)


def fetch(name: str, *, bar: Any = None) -> Path:
    """As :func:`find`, but a damaged file is downloaded too, and replaced if what comes is right.

    Args:
        bar: told the bytes that have come, as pooch's downloaders do it: `total`, `update`, `reset`, `close`.
    """
    file = manifest.file(name)
    with _locks.setdefault(name, threading.Lock()):
        return _right_copy(file, verify=True) or _download(file, bar)


def state(name: str, *, verify: bool = False) -> State:
    """Whether the file `name` is in the cache, by its size; with `verify` also by its hash. No download."""
    file = manifest.file(name)
    if _right_copy(file, verify=verify) is not None:
        return "present"
    return "damaged" if _own(file).exists() else "missing"


def damage(file: ManifestFile, sha256: str | None = None) -> str:
    """What is wrong with the copy in the cache, and what to do; `sha256` of it where it is known already."""
    own = _own(file)
    return (
        f"{file.name} in the cache is damaged: {_difference(file, own, sha256)}; delete {str(own)!r} or run "
        f"`python -m bench.doctor --fetch {file.group}`"
    )


def wrong(file: ManifestFile, sha256: str) -> bool:
    """Whether a computed hash differs from the manifest's, of which eight digits may be known."""
    return not sha256.startswith(file.sha256)


def _own(file: ManifestFile) -> Path:
    return folder() / file.name


def _copies(file: ManifestFile) -> Iterator[Path]:
    yield _own(file)
    if file.address.startswith(manifest.TORCHVISION):
        import torch

        yield Path(torch.hub.get_dir()) / "checkpoints" / _own(file).name


def _right_copy(file: ManifestFile, *, verify: bool) -> Path | None:
    return next((path for path in _copies(file) if _is_right(file, path, verify=verify)), None)


def _is_right(file: ManifestFile, path: Path, *, verify: bool) -> bool:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(found.st_mode) or found.st_size != (file.bytes or found.st_size) or not found.st_size:
        return False
    return not verify or not wrong(file, _sha256(path, found.st_size, found.st_mtime_ns))


@functools.cache
def _sha256(path: Path, size: int, modified_ns: int) -> str:
    """Hex digest of a file; size and time of change are there so that a changed file is hashed again."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _difference(file: ManifestFile, path: Path, sha256: str | None = None) -> str:
    if not path.is_file():
        return "it is not a file"
    found = path.stat()
    if found.st_size != (file.bytes or found.st_size) or not found.st_size:
        return f"it has {found.st_size} bytes; required {file.bytes or 'more'}"
    return (
        f"its sha256 is {sha256 or _sha256(path, found.st_size, found.st_mtime_ns)}; required {file.sha256}"
    )


def _download(file: ManifestFile, bar: Any) -> Path:
    own, address = _own(file), manifest.address(file)
    try:
        with replacing(own) as part:
            _transfer(address, part, bar)
            _check(file, part)
    except DownloadError as error:
        raise _unavailable(file, address, str(error)) from error
    except OSError as error:
        reason = f"the cache folder {str(folder())!r} cannot be written ({error.strerror or error})"
        raise _unavailable(file, address, reason) from error
    return own


def _unavailable(file: ManifestFile, address: str, reason: str) -> MissingFile:
    own = _own(file)
    size = f"{file.bytes} bytes, " if file.bytes else ""
    what = "damaged" if own.exists() else "missing"
    return MissingFile(
        f"{file.name} is {what} and could not be downloaded from {address}: {reason}; "
        f"to put it in by hand: {size}sha256 {file.sha256}, as {str(own)!r}"
    )


def _transfer(address: str, part: Path, bar: Any) -> None:
    import pooch
    import requests

    host = urlsplit(address).netloc
    if host in _unreachable:
        raise DownloadError(f"{_unreachable[host]} (not tried again)")
    answers: list[requests.Response] = []
    get = pooch.HTTPDownloader(
        progressbar=bar or False,
        chunk_size=CHUNK_BYTES,
        timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
        headers={"Accept-Encoding": "identity"},
        hooks={"response": lambda answer, **_: answers.append(answer)},
    )
    try:
        get(address, str(part), None)
    except requests.exceptions.RequestException as error:
        raise DownloadError(_what_failed(error, host, part)) from error
    finally:
        for answer in answers:  # pooch leaves the connection open after an error
            answer.close()


def _what_failed(error: RequestException, host: str, part: Path) -> str:
    """In words. A host that sent no byte, not even a status, is not tried again in this process."""
    from requests.exceptions import ChunkedEncodingError, ConnectionError, HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        return f"the server answered with HTTP status {error.response.status_code}"
    if isinstance(error, ChunkedEncodingError) or (part.exists() and part.stat().st_size):
        return f"the download was truncated ({_root(error)})"
    if isinstance(error, ConnectionError | Timeout):
        return _unreachable.setdefault(host, f"no connection to {host} ({_root(error)})")
    return f"the download failed ({_root(error)})"


def _root(error: BaseException) -> str:
    """What the innermost cause says: "Connection refused" rather than the four wrappings around it."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return getattr(error, "strerror", None) or str(error)


def _check(file: ManifestFile, part: Path) -> None:
    """Refuse what was downloaded unless it is the file, and say what it is instead."""
    if _is_right(file, part, verify=True):
        return
    size = part.stat().st_size
    with part.open("rb") as stream:
        head = stream.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<") and (b"<html" in head or b"<!doctype html" in head):
        raise DownloadError("the server answered with an HTML page instead of the file")
    if file.bytes and size < file.bytes:
        raise DownloadError(f"the server sent {size} bytes; required {file.bytes} (truncated)")
    raise DownloadError(f"the server sent something else: {_difference(file, part)}")
