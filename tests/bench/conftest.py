"""A web server on this machine, and a cache that is fed by it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from bench.data import cache, download, manifest
from bench.data.manifest import Group, ManifestFile

CONTENT = b"the right bytes " * 100
NAME = "data/tiny/a.png"


@dataclass
class Server:
    """Answers by path; `hits` counts what was asked."""

    address: str
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    hits: list[str] = field(default_factory=list)

    def give(
        self, path: str, content: bytes, *, announced: int | str | None = None, kind: str = "image/png"
    ) -> None:
        """Answer `path` with `content`, announcing another length than it has if that is wanted."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(content) if announced is None else announced))
            request.end_headers()
            request.wfile.write(content)

        self.answers[path] = answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on 127.0.0.1; what it was not told to give is a 404."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(download.OFFLINE, raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.hits.append(self.path)
            answer = state.answers.get(self.path)
            answer(self) if answer else self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(address=f"http://127.0.0.1:{web.server_port}")
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that does not exist yet."""
    path = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(path))
    monkeypatch.setattr(download, "_unreachable", {})
    return path


@pytest.fixture
def entry(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ManifestFile:
    """The one file of a small manifest; the server does not have it yet."""
    file = ManifestFile(
        name=NAME,
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        address=f"{server.address}/a.png",
        licence="none",
        group="tiny",
        enables="tests",
    )
    group = Group(name="tiny", licence="none", source="here", enables="tests", files=(file,))
    monkeypatch.setattr(manifest, "files", lambda: MappingProxyType({file.name: file}))
    monkeypatch.setattr(manifest, "groups", lambda: MappingProxyType({group.name: group}))
    return file
