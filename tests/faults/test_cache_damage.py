"""A file of the cache that is not what it should be, in whatever way, is refused by name or fetched anew, never used.

Wrong, short, long and empty files, folders in their place and broken downloads are in tests/bench/data/test_cache.py; here
is every bit, what cannot be read, and what a killed download leaves.
"""

from __future__ import annotations

import os
import random
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bench.atomic import atomic_write
from bench.data import cache
from bench.data.manifest import ManifestFile
from bench.errors import MissingFile
from tests.bench.conftest import CONTENT, NAME, Server, entry, folder, server

__all__ = ["entry", "folder", "server"]  # fixtures


def put(folder: Path, content: bytes) -> Path:
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_single_bit_is_seen_wherever_it_is(entry: ManifestFile, server: Server, folder: Path) -> None:
    server.give("/a.png", CONTENT)
    rng = random.Random(8)
    for position in (0, len(CONTENT) - 1, *rng.sample(range(len(CONTENT)), 30)):
        turned = bytearray(CONTENT)
        turned[position] ^= 1 << rng.randrange(8)
        path = put(folder, bytes(turned))
        os.utime(path, ns=(position, position))  # on a coarse clock two files may have one time of change
        with pytest.raises(MissingFile, match=r"is damaged: its sha256 is .*; delete '.*', or replace it"):
            cache.find(NAME)
        assert path.read_bytes() == bytes(turned)
    assert server.hits == []
    assert cache.fetch(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("length", [0, 1, 511, 800, len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_any_other_length_is_refused_and_mended_by_fetching(
    entry: ManifestFile, server: Server, folder: Path, length: int
) -> None:
    server.give("/a.png", CONTENT)
    put(folder, (CONTENT + b"x")[:length])
    with pytest.raises(MissingFile, match=rf"is damaged: it has {length} bytes; must be {len(CONTENT)}"):
        cache.find(NAME)
    assert cache.fetch(NAME).read_bytes() == CONTENT
    assert cache.find(NAME).read_bytes() == CONTENT


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_right_file_that_may_not_be_read_is_named(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    path = put(folder, CONTENT)
    path.chmod(0)
    with pytest.raises(MissingFile, match=rf"'.*{path.name}' cannot be read: Permission denied"):
        cache.find(NAME)
    assert server.hits == []


def test_a_right_file_that_the_disk_does_not_give_is_named(
    entry: ManifestFile, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(folder, CONTENT)

    def fails(self: Path, *arguments: object) -> None:
        raise OSError(5, "Input/output error", str(self))

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(MissingFile, match=rf"'.*{path.name}' cannot be read: Input/output error"):
        cache.find(NAME)
    assert server.hits == []


def test_a_folder_in_its_place_is_refused_and_not_deleted(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT)
    (folder / NAME / "of the user").mkdir(parents=True)
    for use in (cache.find, cache.fetch):
        with pytest.raises(MissingFile, match=r"it is not a file|cannot be written"):
            use(NAME)
    assert (folder / NAME / "of the user").is_dir()
    assert [file for file in folder.rglob("*") if file.is_file()] == []


def test_a_link_to_nowhere_is_a_file_that_is_missing(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT)
    (folder / NAME).parent.mkdir(parents=True)
    (folder / NAME).symlink_to(folder / "nowhere")
    assert cache.find(NAME).read_bytes() == CONTENT


def test_what_a_killed_download_left_is_used_up_by_the_next(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT)
    target = folder / NAME
    with atomic_write(target) as part:
        name = part.name
        part.write_bytes(CONTENT)
    target.unlink()
    part.write_bytes(CONTENT[:700])  # as if the process had ended here
    assert cache.find(NAME).read_bytes() == CONTENT
    assert name not in {file.name for file in target.parent.iterdir()}


def test_a_download_under_way_is_not_disturbed_by_another_of_the_same_file(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[:700])
        request.wfile.flush()
        begun.set()
        go_on.wait(60)
        request.wfile.write(CONTENT[700:])

    server.answers["/a.png"] = slow
    first = threading.Thread(target=cache.find, args=(NAME,))
    first.start()
    assert begun.wait(60)
    with atomic_write(
        folder / NAME
    ) as part:  # as another process does it, which knows nothing of our threads' locks
        part.write_bytes(CONTENT)
    assert (folder / NAME).read_bytes() == CONTENT
    go_on.set()
    first.join()
    assert (folder / NAME).read_bytes() == CONTENT
    assert [file.name for file in (folder / NAME).parent.iterdir()] == ["a.png"]
