"""Weights are data: no file of them runs code or writes a file, wherever it is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import train
from bench.errors import UserError
from bench.registry.adapters.checkpoint import read
from bench.training import checkpoint
from tests.hostile.archives import codes, in_torch_zip, slips

CODES = tuple(codes(Path("/none")))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What must not be there after reading; it is created by the code in the files."""
    return tmp_path / "trace"


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("archived", [False, True], ids=["pickle", "zip"])
def test_no_code_in_a_checkpoint_is_run(tmp_path: Path, trace: Path, name: str, archived: bool) -> None:
    content = codes(trace)[name]
    file = tmp_path / "net.pth"
    file.write_bytes(in_torch_zip(content) if archived else content)
    with pytest.raises(UserError) as refused:
        read(file)
    assert str(refused.value).isprintable()
    assert not trace.exists()


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("archived", [False, True], ids=["pickle", "zip"])
def test_no_code_in_a_runs_checkpoint_is_run(
    tmp_path: Path, trace: Path, name: str, archived: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    content = codes(trace)[name]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / checkpoint.NAME).write_bytes(in_torch_zip(content) if archived else content)
    assert train.main(["export", str(folder), "--out", str(tmp_path / "net.safetensors")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "defect" not in err
    assert not trace.exists()


def test_the_codes_would_run_if_they_were_unpickled(trace: Path) -> None:
    import pickle

    ran = 0
    for content in codes(trace).values():
        try:
            pickle.loads(content)
        except Exception:
            continue
        if trace.is_dir():
            trace.rmdir()
            ran += 1
        elif trace.exists():
            trace.unlink()
            ran += 1
    assert ran >= 6


def test_a_module_saved_whole_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 3, 1), tmp_path / "net.pth")
    with pytest.raises(UserError, match="holds more than weights and is not opened"):
        read(tmp_path / "net.pth")


@pytest.mark.parametrize("name", slips(Path("/none")))
def test_no_part_of_an_archive_is_written_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    inside, outside, temporary = (tmp_path / part for part in ("inside", "outside", "temporary"))
    for folder in (inside, outside, temporary):
        folder.mkdir()
    (outside / "secret").write_bytes(b"secret")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.chdir(inside)
    for file in ("net.pth", checkpoint.NAME):
        (inside / file).write_bytes(slips(outside)[name])
    with pytest.raises(UserError):
        read(inside / "net.pth")
    with pytest.raises(UserError):
        checkpoint.read(inside)
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert there == {
        "inside",
        "outside",
        "temporary",
        "outside/secret",
        "inside/net.pth",
        f"inside/{checkpoint.NAME}",
    }


WHOLE = {
    "format": 1,
    "identity": {},
    "record": {},
    "step": 1,
    "seconds": 1.0,
    "scores": {},
    "network": {},
    "average": None,
    "optimizer": {},
    "random": {},
}


ODD = [
    (field, value)
    for field in WHOLE
    for value in (None, "x\x1b[2J", [1], -1.5)
    if type(value) not in checkpoint.PARTS.get(field, ())
]


@pytest.mark.parametrize(("field", "value"), ODD)
def test_a_runs_checkpoint_of_other_types_is_refused(tmp_path: Path, field: str, value: object) -> None:
    torch.save({**WHOLE, field: value}, tmp_path / checkpoint.NAME)
    with pytest.raises(UserError, match=r"damaged|has format") as refused:
        checkpoint.read(tmp_path)
    assert str(refused.value).isprintable()


def test_a_checkpoint_that_does_not_fit_its_own_run_is_refused(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    optimizer: Any = None  # it does not come to that
    state = checkpoint.State(network=network, average=None, optimizer=optimizer)
    torch.save(WHOLE, tmp_path / checkpoint.NAME)
    with pytest.raises(UserError, match="does not fit its own run"):
        checkpoint.restore(tmp_path, state, {})
    assert state.step == 0


def test_a_checkpoint_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    from bench.registry import spec
    from bench.registry.adapters.checkpoint import load_external

    os.mkfifo(tmp_path / "net.pth")
    with pytest.raises(UserError, match="pipe or a device, must be a file"):
        load_external(spec.parse(str(tmp_path / "net.pth")))
