from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from bench.atomic import atomic_write, scratch
from bench.data import cache, download, manifest
from bench.data.manifest import ManifestFile
from bench.errors import MissingFile, UserError

from ..conftest import CONTENT, NAME, Server

WRONG = b"other bytes, same" * 100
FETCHED = ("urban100", "t91", "dists")  # folders of files that nobody collected yet


def put(folder: Path, content: bytes, name: str = NAME) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "a.png"]


def pin(monkeypatch: pytest.MonkeyPatch, file: ManifestFile) -> None:
    monkeypatch.setattr(manifest, "files", lambda: MappingProxyType({file.name: file}))


def test_the_folder_is_the_variable_or_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv(cache.VARIABLE)
    assert cache.folder().name == "perceptual-bench"


def test_a_right_file_is_used_without_a_download(entry: ManifestFile, server: Server, folder: Path) -> None:
    path = put(folder, CONTENT)
    assert cache.find(NAME) == path
    assert cache.state(NAME, verify=True) == "present"
    assert server.hits == []


def test_a_missing_file_is_downloaded_verified_and_kept(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT)
    assert cache.state(NAME) == "missing"
    assert cache.find(NAME).read_bytes() == CONTENT
    assert cache.find(NAME) == folder / NAME
    assert server.hits == ["/a.png"]
    assert leftovers(folder) == []


@pytest.mark.parametrize("announced", ["abc", "", "-5", "²", "9" * 5000])
def test_a_server_that_announces_no_number_is_believed_by_its_bytes(
    entry: ManifestFile, server: Server, folder: Path, announced: str
) -> None:
    server.give("/a.png", CONTENT, announced=announced)
    assert cache.find(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WRONG[: len(CONTENT)], r"sent something else: its sha256 is [0-9a-f]{64}; must be [0-9a-f]{64}"),
        (CONTENT + b"more", "sent something else: more than 1600 bytes"),
        (CONTENT[:700], r"sent 700 bytes; must be 1600 \(truncated\)"),
        (b"", r"sent 0 bytes; must be 1600 \(truncated\)"),
        (b"\r\n <!DOCTYPE HTML><title>Sign in</title>", "answered with an HTML page instead of the file"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<html></html>", "answered with an HTML page"),
    ],
)
def test_a_wrong_answer_is_named_and_not_kept(
    entry: ManifestFile, server: Server, folder: Path, content: bytes, message: str
) -> None:
    server.give("/a.png", content)
    with pytest.raises(MissingFile, match=message):
        cache.find(NAME)
    assert not (folder / NAME).exists()
    assert leftovers(folder) == []


def test_a_connection_that_breaks_off_is_a_truncated_download(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT[:700], announced=len(CONTENT))
    for _ in range(2):
        with pytest.raises(MissingFile, match=r"was truncated \(.*700 bytes read, 900 more expected"):
            cache.find(NAME)
    assert len(server.hits) == 2
    assert leftovers(folder) == []


def test_a_refusal_names_file_address_reason_and_the_place_to_put_it(
    entry: ManifestFile, folder: Path
) -> None:
    with pytest.raises(MissingFile) as caught:
        cache.find(NAME)
    message = str(caught.value)
    assert message.startswith(f"{NAME} is missing and could not be downloaded from {entry.address}: ")
    assert "the server answered with HTTP status 404" in message
    by_hand = f"1600 bytes, sha256 {entry.sha256}, as {str(folder / NAME)!r}"
    assert message.endswith(f"{by_hand}. Run: python -m bench.doctor --fetch tiny")
    assert "\n" not in message


def test_a_host_that_refuses_the_connection_is_tried_once(
    entry: ManifestFile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    pin(monkeypatch, replace(entry, address=f"http://127.0.0.1:{port}/a.png"))
    with pytest.raises(MissingFile, match=rf"no connection to 127\.0\.0\.1:{port} \(Connection refused\);"):
        cache.find(NAME)
    with pytest.raises(MissingFile, match=r"Connection refused\) \(not tried again\)"):
        cache.find(NAME)


def test_a_host_that_says_nothing_is_given_up(
    entry: ManifestFile, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    server.answers["/a.png"] = lambda request: release.wait(10) and None
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.1)
    with pytest.raises(MissingFile, match=r"no connection to 127.*timed out"):
        cache.find(NAME)
    release.set()


def test_another_file_of_a_host_that_answered_404_is_still_tried(entry: ManifestFile, server: Server) -> None:
    for _ in range(2):
        with pytest.raises(MissingFile, match="404"):
            cache.find(NAME)
    assert len(server.hits) == 2


def test_two_threads_get_one_file_with_one_download(entry: ManifestFile, server: Server) -> None:
    server.give("/a.png", CONTENT)
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(cache.find, [NAME, NAME]))
    assert paths[0] == paths[1]
    assert paths[0].read_bytes() == CONTENT
    assert server.hits == ["/a.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"short", "it has 5 bytes; must be 1600"),
        (b"", "it has 0 bytes; must be 1600"),
        (
            WRONG[: len(CONTENT)],
            f"its sha256 is {hashlib.sha256(WRONG[: len(CONTENT)]).hexdigest()}; must be ",
        ),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(
    entry: ManifestFile, server: Server, folder: Path, content: bytes, message: str
) -> None:
    server.give("/a.png", CONTENT)
    path = put(folder, content)
    assert cache.state(NAME, verify=True) == "damaged"
    with pytest.raises(MissingFile, match=message) as caught:
        cache.find(NAME)
    assert f"delete {str(path)!r}, or replace it. Run: python -m bench.doctor --fetch tiny" in str(
        caught.value
    )
    assert path.read_bytes() == content
    assert server.hits == []


def test_fetching_mends_a_damaged_file(entry: ManifestFile, server: Server, folder: Path) -> None:
    server.give("/a.png", CONTENT)
    put(folder, b"short")
    assert cache.fetch(NAME).read_bytes() == CONTENT
    assert cache.find(NAME) == folder / NAME


def test_a_damaged_file_is_not_replaced_by_a_wrong_one(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", WRONG)
    path = put(folder, b"short")
    with pytest.raises(MissingFile, match="is damaged and could not be downloaded"):
        cache.fetch(NAME)
    assert path.read_bytes() == b"short"


def test_a_size_alone_does_not_see_what_a_hash_sees(entry: ManifestFile, folder: Path) -> None:
    put(folder, WRONG[: len(CONTENT)])
    assert cache.state(NAME) == "present"
    assert cache.state(NAME, verify=True) == "damaged"


def test_a_file_that_changes_is_hashed_again(entry: ManifestFile, folder: Path) -> None:
    path = put(folder, CONTENT)
    cache.find(NAME)
    path.write_bytes(WRONG[: len(CONTENT)])
    os.utime(path, ns=(1, 1))
    with pytest.raises(MissingFile, match="sha256"):
        cache.find(NAME)


def test_a_folder_in_place_of_a_file_is_damage(entry: ManifestFile, folder: Path) -> None:
    (folder / NAME).mkdir(parents=True)
    with pytest.raises(MissingFile, match="it is not a file"):
        cache.find(NAME)


def test_a_cache_that_cannot_be_written_is_named(entry: ManifestFile, server: Server, folder: Path) -> None:
    server.give("/a.png", CONTENT)
    folder.write_text("a file where the folder should be")
    with pytest.raises(
        MissingFile, match=r"the cache folder '.*cache' cannot be written \((Not a dir|File exists)"
    ):
        cache.find(NAME)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_cache_is_named(entry: ManifestFile, server: Server, folder: Path) -> None:
    server.give("/a.png", CONTENT)
    folder.mkdir(mode=0o500)
    with pytest.raises(MissingFile, match=r"cannot be written \(Permission denied\)"):
        cache.find(NAME)


def test_weights_of_torchvision_are_taken_from_torch_hub_if_their_hash_begins_rightly(
    entry: ManifestFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "weights/torchvision/net-12345678.pth"
    digest = hashlib.sha256(CONTENT).hexdigest()
    trunk = replace(
        entry, name=name, bytes=None, sha256=digest[:8], address="torchvision:VGG16_Weights.IMAGENET1K_V1"
    )
    pin(monkeypatch, trunk)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cache.state(name) == "missing"
    path = put(tmp_path / "hub" / "checkpoints", CONTENT, "net-12345678.pth")
    assert cache.find(name) == path
    path.write_bytes(WRONG)
    assert cache.state(name, verify=True) == "missing"


def test_a_file_that_is_not_in_the_manifest_is_refused(entry: ManifestFile) -> None:
    with pytest.raises(UserError, match="not in the manifest"):
        cache.find("data/tiny/b.png")


def test_every_collected_file_is_right(real_data: Path) -> None:
    states = {name: cache.state(name, verify=True) for name in manifest.files() if "torchvision" not in name}
    assert set(states.values()) <= {"present", "missing"}
    assert {name.split("/")[1] for name, state in states.items() if state == "missing"} <= set(FETCHED)


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = put(tmp_path, b"before")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as part:
        part.write_text(f"half{1 // 0}")
    assert path.read_bytes() == b"before"
    assert leftovers(tmp_path) == []


def test_two_may_replace_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"
    assert leftovers(tmp_path) == []


def test_a_scratch_file_is_gone_after_its_block_and_so_is_what_a_killed_one_left(tmp_path: Path) -> None:
    for failing in (False, True):
        with contextlib.suppress(ZeroDivisionError), scratch(tmp_path / "a.tar.gz") as part:
            part.write_bytes(b"half")
            assert 1 // (not failing)
        assert leftovers(tmp_path) == []


def test_nothing_is_asked_where_the_user_wants_no_downloads(
    entry: ManifestFile, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.give("/a.png", CONTENT)
    monkeypatch.setenv(download.OFFLINE, "1")
    with pytest.raises(MissingFile, match="PERCEPTUAL_BENCH_OFFLINE is set: nothing is downloaded"):
        cache.find(NAME)
    assert server.hits == []
    monkeypatch.setenv(download.OFFLINE, "0")
    assert cache.find(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "variables", [{}, {"XDG_CACHE_HOME": "/a"}, {"TORCH_HOME": "/b"}, {"TORCH_HOME": "~/c"}]
)
def test_torchs_own_folder_is_where_torch_looks(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache._torch_hub() == Path(torch.hub.get_dir()) / "checkpoints"
