"""A file or a page from an address: bounded in size and in time, and no credential in any error."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from bench.text import PLAIN_LINE_EVERY_SECONDS, log

if TYPE_CHECKING:
    from requests import Response

OFFLINE = "PERCEPTUAL_BENCH_OFFLINE"
CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
LEAST_SECONDS = 120  # however small the file is
SLOWEST_BYTES_PER_SECOND = 50_000  # a download may take as long as its size at this rate
CHUNK_BYTES = 1 << 18
MOST_BYTES = 1 << 31
"""Of a file whose size is not pinned."""

LARGE_BYTES = 5_000_000
MOST_LENGTH_DIGITS = 18

# Hosts that gave no answer in this process: a run that wants ten files must not wait ten times.
_unreachable: dict[str, str] = {}


class DownloadError(Exception):
    """Why a download gave nothing that can be used."""


class AccessError(DownloadError):
    """The server was found, but wants credentials, another certificate or another proxy."""


class Bar(Protocol):
    """What is told of the bytes that have come."""

    total: int

    def update(self, count: int) -> None:
        """`count` more bytes have come."""

    def close(self) -> None:
        """No more will come."""


class ByteBar:
    """How much of a large file has come: a bar on a terminal, a plain line every few seconds elsewhere.

    Nothing is shown before `total` is set, nor for a file below 5 MB, which is here before one could read it.
    """

    def __init__(self, what: str) -> None:
        self.what, self.done, self._total = what, 0, 0
        self.said = time.monotonic()
        self.screen: Any = None

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, count: int) -> None:
        self._total, self.said = count, time.monotonic()
        if count < LARGE_BYTES or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
        console = Console(stderr=True)
        self.screen = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.screen.add_task(self.what, total=count)
        self.screen.start()

    def update(self, count: int) -> None:
        """`count` more bytes have come."""
        self.done += count
        if self.screen is not None:
            self.screen.update(self.task, advance=count)
        elif self._total >= LARGE_BYTES and time.monotonic() - self.said >= PLAIN_LINE_EVERY_SECONDS:
            self.said = time.monotonic()
            log(f"{self.what}: {self.done / 1e6:.0f} of {self._total / 1e6:.0f} MB")

    def close(self) -> None:
        """Take it off the screen."""
        if self.screen is not None:
            self.screen.stop()
            self.screen = None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What the user's package installer is told of the network, beside what the environment says.

    Attributes:
        cert: file of the certificates to trust; empty for those that `requests` trusts.
        proxy: address of a proxy; empty for that of the environment.
    """

    cert: str = ""
    proxy: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A small answer as it came; `kind` is its content type, `address` where it came from in the end."""

    content: bytes
    kind: str
    address: str


def download(
    address: str,
    part: Path,
    *,
    size: int | None,
    most: int = MOST_BYTES,
    bar: Bar | None = None,
    before: Callable[[], None] | None = None,
    through: Connection | None = None,
) -> None:
    """Write what `address` gives into `part`, as it is sent. The caller compares size and hash.

    Args:
        size: bytes that it must have, None if not known; `most` is the limit then. Reading ends one byte behind.
        before: called when the server has answered that it has the file.

    Raises:
        DownloadError: no connection, an error status, a connection that breaks off, or one that is too slow.
        OSError: `part` cannot be written.
    """
    # `_body` gives one byte more, by which the caller sees that it is another file
    limit = most if size is None else size
    with closing(_answer(address, "*/*", through)) as answer, part.open("wb") as stream:
        if before is not None:
            before()
        if bar is not None:
            bar.total = _announced(answer.headers.get("Content-Length", ""))
        for chunk in _body(answer, limit, decode=False):
            stream.write(chunk)
            if bar is not None:
                bar.update(len(chunk))


def page(address: str, *, accept: str, most: int, through: Connection | None = None) -> Page:
    """A page, in memory.

    Raises:
        DownloadError: as :func:`download`, or it has more than `most` bytes.
    """
    with closing(_answer(address, accept, through)) as answer:
        content = b"".join(_body(answer, most, decode=True))
        if len(content) > most:
            raise DownloadError(f"the page has more than {most} bytes")
        return Page(content=content, kind=answer.headers.get("Content-Type", ""), address=answer.url)


def check_online() -> None:
    """
    Raises:
        DownloadError: the user does not want downloads.
    """
    if os.environ.get(OFFLINE, "0") not in {"", "0"}:
        raise DownloadError(f"{OFFLINE} is set: nothing is downloaded")


def public(address: str) -> str:
    """An address without user name, password and query, fit to be printed."""
    try:
        parts = urlsplit(address)
        return urlunsplit((parts.scheme, _host(address), parts.path, "", ""))
    except ValueError:
        return "an address that is none"


def redacted(text: str) -> str:
    """`text`, as others wrote it, with the credentials and queries of all addresses in it replaced."""
    # greedy up to the last @: a password may hold one
    text = re.sub(r"(?<=//)[^/\s'\"]*@", "****@", text)
    return re.sub(r"(//[^\s?'\"]*)\?[^\s'\")]*", r"\1?****", text)


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2]


def _answer(address: str, accept: str, through: Connection | None) -> Response:
    import requests

    check_online()
    try:
        host = _host(address)
    except ValueError as error:
        raise DownloadError("its address is none") from error
    if host in _unreachable:
        raise DownloadError(f"{_unreachable[host]} (not tried again)")
    through = through or Connection()
    try:
        answer = requests.get(
            address,
            stream=True,
            timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            # the bytes as they are stored: a hash is of those
            headers={"Accept": accept, "Accept-Encoding": "identity"},
            verify=through.cert or None,
            proxies={"http": through.proxy, "https": through.proxy} if through.proxy else None,
        )
    except (requests.exceptions.RequestException, ValueError) as error:
        raise _no_answer(error, host) from error
    # apart from other failures: pip may know credentials that we do not (bench.data.trunks.index)
    if answer.status_code in {401, 403, 407}:
        answer.close()
        raise AccessError(f"{host} wants credentials (HTTP status {answer.status_code})")
    if not answer.ok:
        answer.close()
        raise DownloadError(f"the server answered with HTTP status {answer.status_code}")
    return answer


def _announced(text: str) -> int:
    """Bytes that a server says it sends, for the bar alone; 0 where it says none, or something else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_LENGTH_DIGITS else 0


def _body(answer: Response, most: int, *, decode: bool) -> Iterator[bytes]:
    """What is sent, as it comes, up to one byte more than `most`."""
    import requests
    import urllib3

    # read1 returns what has come: with read, a server that sends a byte a minute would never be looked at
    read = getattr(answer.raw, "read1", answer.raw.read)
    count, seconds = 0, max(LEAST_SECONDS, most / SLOWEST_BYTES_PER_SECOND)
    end = time.monotonic() + seconds
    try:
        while count <= most and (chunk := read(min(CHUNK_BYTES, most + 1 - count), decode_content=decode)):
            count += len(chunk)
            yield chunk
            # of the whole download: SILENCE_SECONDS alone never ends one that sends a byte a minute
            if time.monotonic() > end:
                raise DownloadError(f"the download was given up after {seconds:.0f} s, at {count} bytes")
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise DownloadError(f"the download was truncated ({_root(error)})") from error


def _no_answer(error: Exception, host: str) -> DownloadError:
    """In words. A host that sent no byte, not even a status, is not tried again in this process."""
    from requests.exceptions import ConnectionError, ProxyError, SSLError, Timeout

    why = f"no connection to {host} ({_root(error)})"
    # subclasses of ConnectionError, so that they stand first; another installer may get through
    if isinstance(error, SSLError | ProxyError):
        return AccessError(why)
    if isinstance(error, ConnectionError | Timeout):
        # not for other errors: a host that answers 404 has other files
        return DownloadError(_unreachable.setdefault(host, why))
    return DownloadError(f"the download failed ({_root(error)})")


def _root(error: BaseException) -> str:
    """What the innermost cause says: "Connection refused" rather than the four wrappings around it."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return redacted(getattr(error, "strerror", None) or str(error))
