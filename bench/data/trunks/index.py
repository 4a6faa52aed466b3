"""A pinned source distribution as a file, from the package index that the user's installer is set up for.

The index is read over its simple API, as HTML (PEP 503) or JSON (PEP 691). Credentials in an index's address and in
netrc are used, for its own host alone, and never printed.

Where certificates, a proxy or credentials keep us from reading it, `pip download` may still know how (system
certificates, keyring). pip would run the distribution's `setup.py` to ask for its name, with build tools that are not
pinned. Neither runs here: `--require-hashes` refuses any other file, `--no-build-isolation` gets no build tools, and
the build backend that pip then calls is a stand-in of ours, which answers with the pinned name and version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import url2pathname

from bench.data import digest
from bench.data.download import AccessError, Bar, DownloadError, download, page, public, redacted
from bench.data.trunks.installer import Installer, has_pip, installer
from bench.data.trunks.pins import Sdist

JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
MOST_PAGE_BYTES = 10_000_000  # of one project's page
PIP_SECONDS = 1800  # 64 MB over a slow line

# What pip asks of a build backend before it lets go of a source distribution (PEP 517).
BACKEND = """
from pathlib import Path

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory, "{project}-{version}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {project}\\nVersion: {version}\\n")
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return folder.name

class __legacy__:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


class NotListed(DownloadError):
    """The index was read, and does not have the file."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A file as a page of an index names it; `sha256` is empty where the page has none."""

    file: str
    address: str
    sha256: str = ""


def sdist_file(
    sdist: Sdist, part: Path, bar: Bar | None = None, before: Callable[[], None] = lambda: None
) -> Path:
    """The pinned file: `part`, or one that lies where the installer looks for links.

    Args:
        before: called when a download begins.

    Raises:
        DownloadError: no place has it; says why for each that could not be read, without credentials.
        OSError: `part` cannot be written.
    """
    here = installer()
    errors: list[DownloadError] = []
    for place in (*here.links, *here.indexes):
        try:
            return _from(place, here, sdist, part, bar, before)
        except NotListed:
            continue
        except DownloadError as error:
            # of its own kind, since an AccessError is what pip is asked for; `public`, or a password would be printed
            errors.append(type(error)(f"{public(place)}: {error}"))
    if any(isinstance(error, AccessError) for error in errors) and has_pip():
        try:
            before()
            return _with_pip(sdist, part)
        except DownloadError as error:
            errors.append(error)
    if errors:
        raise DownloadError("; ".join(map(str, errors)))
    pip = "" if has_pip() else ", and this Python has no pip to ask for its index"
    count = len(here.indexes)
    raise DownloadError(f"none of {count} configured indexes has {sdist.file}{pip}")


def _from(
    place: str, here: Installer, sdist: Sdist, part: Path, bar: Bar | None, before: Callable[[], None]
) -> Path:
    is_index = place in here.indexes
    local = _local(place)
    if local is not None:
        # an index has a folder per project, under its normalised name (PEP 503)
        folder = local / sdist.project.replace("_", "-") if is_index else local
        link = _in_folder(folder, sdist)
    else:
        address = f"{_split_query(place)}/{sdist.project.replace('_', '-')}/" if is_index else place
        answer = page(address, accept=ACCEPT, most=MOST_PAGE_BYTES, through=here.connection)
        link = _chosen(links(answer.content, answer.kind, answer.address), sdist)
        # links on a page name the index's host, not the credentials for it
        link = replace(link, address=_with_credentials(link.address, place))
    found = _local(link.address)
    if found is None:
        download(link.address, part, size=sdist.bytes, bar=bar, before=before, through=here.connection)
        found = part
    # a page of the web must not make us read a file of this machine
    elif local is None:
        raise DownloadError("it names a file of this machine, must be an address")
    check(found, sdist)
    return found


def check(file: Path, sdist: Sdist) -> None:
    """
    Raises:
        DownloadError: the file is not the pinned one; says what it is instead.
    """
    size = file.stat().st_size
    if size == sdist.bytes and digest.sha256(file) == sdist.sha256:
        return
    with file.open("rb") as stream:
        head = stream.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<") and (b"<html" in head or b"<!doctype html" in head):
        raise DownloadError(f"an HTML page came instead of {sdist.file}")
    if size < sdist.bytes:
        raise DownloadError(f"{sdist.file} must have {sdist.bytes} bytes (got {size}: truncated)")
    if size > sdist.bytes:
        raise DownloadError(f"{sdist.file} must have {sdist.bytes} bytes (got more)")
    raise DownloadError(f"{sdist.file} must have sha256 {sdist.sha256} (got {digest.sha256(file)})")


def links(content: bytes, kind: str, address: str) -> Iterator[Link]:
    """The files that a page of an index names, as addresses.

    Args:
        kind: the page's content type.
        address: of the page, which relative addresses start from.

    Raises:
        DownloadError: it is JSON, but no simple index.
    """
    if kind.partition(";")[0].strip() in {JSON, "application/json"}:
        yield from _json_links(content, address)
        return
    reader = _Anchors()
    reader.feed(content.decode("utf-8", "replace"))
    # `address` is where the page came from after redirects
    base = urljoin(address, reader.base)
    for href, text in reader.found:
        whole = urljoin(base, href)
        fragment = urlsplit(whole).fragment
        yield Link(
            # by PEP 503 the text of a link is the file's name
            file=text.strip() or unquote(urlsplit(whole).path.rpartition("/")[2]),
            address=whole.partition("#")[0],
            sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else "",
        )


def _json_links(content: bytes, address: str) -> Iterator[Link]:
    try:
        for file in json.loads(content)["files"]:
            found: Any = file.get("hashes", {}).get("sha256", "")
            yield Link(
                file=str(file["filename"]), address=urljoin(address, str(file["url"])), sha256=str(found)
            )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadError("its answer is no simple index (PEP 691)") from error


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[tuple[str, str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or ""
        if tag == "base":
            self.base = self.base or href
        if tag == "a" and href:
            self.found.append((href, ""))
            self.inside = True

    def handle_data(self, data: str) -> None:
        if self.inside:
            href, text = self.found[-1]
            self.found[-1] = (href, text + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.inside = False


def _chosen(found: Iterator[Link], sdist: Sdist) -> Link:
    try:
        link = next((link for link in found if _same_name(link.file, sdist)), None)
    except ValueError as error:  # an address that is none
        raise DownloadError("its answer names an address that is none") from error
    if link is None:
        raise NotListed(f"it does not have {sdist.file}")
    if link.sha256 and link.sha256 != sdist.sha256:
        raise DownloadError(
            f"its {sdist.file} must have sha256 {sdist.sha256} (got {redacted(link.sha256)[:64]})"
        )
    return link


def _in_folder(folder: Path, sdist: Sdist) -> Link:
    """A file in a folder, or one that its `index.html` (or the page itself) names."""
    try:
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if _same_name(file.name, sdist):
                    return Link(file=file.name, address=file.resolve().as_uri())
            folder = folder / "index.html"
        elif _same_name(folder.name, sdist) and folder.is_file():
            return Link(file=folder.name, address=folder.resolve().as_uri())
        return _chosen(links(folder.read_bytes(), "text/html", folder.resolve().as_uri()), sdist)
    except OSError as error:
        raise NotListed(f"it does not have {sdist.file}") from error


def _same_name(file: str, sdist: Sdist) -> bool:
    # indexes differ in how they write a project's name in that of a file
    return file.lower().replace("-", "_") == sdist.file.lower().replace("-", "_")


def _local(place: str) -> Path | None:
    """The path that a place on this machine is; None for one on the web."""
    scheme = place.partition(":")[0].lower() if "://" in place or place.startswith("file:") else ""
    if scheme in {"http", "https"}:
        return None
    if scheme == "file":
        return Path(url2pathname(urlsplit(place).path))
    if scheme:
        raise DownloadError(f"its address begins with {scheme[:20]}:, must be http:, https: or file:")
    return Path(place).expanduser()


def _split_query(index: str) -> str:
    return index.partition("#")[0].partition("?")[0].rstrip("/")


def _with_credentials(address: str, index: str) -> str:
    """The index's own user name and password, where a file lies on its host and names none."""
    try:
        file, home = urlsplit(address), urlsplit(index)
        # the scheme too: credentials of https must not travel over http
        same = (file.scheme, file.hostname, file.port) == (home.scheme, home.hostname, home.port)
    except ValueError as error:
        raise DownloadError("its answer names an address that is none") from error
    if not same or "@" in file.netloc or "@" not in home.netloc:
        return address
    return urlunsplit(file._replace(netloc=f"{home.netloc.rpartition('@')[0]}@{file.netloc}"))


def _with_pip(sdist: Sdist, part: Path) -> Path:
    # beside `part`, so that the file can be moved and not copied
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=part.parent) as name:
        folder = Path(name)
        backend = folder / "stand-in" / "setuptools"
        backend.mkdir(parents=True)
        (backend / "__init__.py").touch()
        text = BACKEND.replace("{project}", sdist.project).replace("{version}", sdist.version)
        (backend / "build_meta.py").write_text(text, encoding="utf-8", newline="\n")
        wanted = folder / "requirements.txt"
        line = f"{sdist.project}=={sdist.version} --hash=sha256:{sdist.sha256}\n"
        wanted.write_text(line, encoding="utf-8", newline="\n")
        # -P: a folder called pip in the working folder is not pip; --no-input: nobody is there to be asked
        command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"]
        command += ["--no-deps", "--no-binary", ":all:", "--require-hashes"]
        command += ["--use-pep517", "--no-build-isolation", "--retries", "1"]
        command += ["--dest", str(folder), "--requirement", str(wanted)]
        paths = [str(backend.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        # first on the path: the stand-in is what pip imports as setuptools
        own = {"PYTHONPATH": os.pathsep.join(paths), "PIP_CONSTRAINT": os.devnull, "TMPDIR": str(folder)}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=PIP_SECONDS,
                env=os.environ | own,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise DownloadError(f"pip download: {type(error).__name__}") from error
        found = next((file for file in folder.iterdir() if _same_name(file.name, sdist)), None)
        if found is None:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or [
                f"exit status {done.returncode}"
            ]
            raise DownloadError(f"pip download: {redacted(lines[0].removeprefix('ERROR: '))[:200]}")
        check(found, sdist)
        found.replace(part)
    return part
