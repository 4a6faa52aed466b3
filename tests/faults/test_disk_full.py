"""A disk that is full costs nothing that was scored: it is said, and the same command goes on when there is space."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.atomic import atomic_write
from bench.data import cache, images
from bench.data.manifest import ManifestFile
from bench.errors import MissingFile
from bench.sr_quality import main
from tests.bench.conftest import CONTENT, NAME, Server, entry, folder, server
from tests.faults.forks import Forks
from tests.faults.stage import COMMAND, FAST, MODELS_AND_METRICS, assert_equal_results, intact_rows, stage

__all__ = ["entry", "folder", "server"]  # fixtures
LARGE_SIDE = 600


@contextmanager
def no_file_above(count: int) -> Iterator[None]:
    """In this process too: Python takes the refusal as an error."""
    resource = pytest.importorskip("resource", reason="needs limits on the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("sabotage", "message"),
    [
        (("few_pages", 3), "the disk is full; what was stored before is kept: free some space and repeat"),
        (
            ("no_room_for_the_log", 100_000),
            "the disk is full, over quota or failing; what was stored before is kept",
        ),
    ],
)
def test_a_store_that_cannot_grow_keeps_what_it_has(
    tmp_path: Path, forks: Forks, sabotage: Sequence[object], message: str
) -> None:
    here, whole = stage(tmp_path / "here"), stage(tmp_path / "whole")
    status, said = forks.run("sr_quality", COMMAND, here, sabotage=[sabotage])
    assert status == 1
    assert f"error: results file 'results.db': {message}" in " ".join(said.split())
    assert "Traceback" not in said
    before = intact_rows(here)
    assert 0 < len(before) < 12 * MODELS_AND_METRICS
    for each in (here, whole):
        assert forks.run("sr_quality", COMMAND, each)[0] == 0
    assert before <= intact_rows(here)
    assert_equal_results(here, whole)


def test_a_picture_that_does_not_fit_is_named_and_its_scores_are_kept(tmp_path: Path, forks: Forks) -> None:
    here, whole = stage(tmp_path / "here", 2), stage(tmp_path / "whole", 2)
    pixels = np.random.default_rng(1).integers(0, 256, (LARGE_SIDE, LARGE_SIDE, 3), dtype=np.uint8)
    for each in (here, whole):
        images.write(each / "set" / "large.png", pixels)
    status, said = forks.run("sr_quality", COMMAND, here, sabotage=[("no_file_above", 800_000)])
    assert status == 1
    assert "error: File too large: '" in said
    assert "/results/images/set/x4-johnson2016/hr/" in said
    assert len(intact_rows(here)) == 3 * MODELS_AND_METRICS
    for each in (here, whole):
        assert forks.run("sr_quality", COMMAND, each)[0] == 0
    assert_equal_results(here, whole)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize("name", ["json", "csv", "latex", "markdown"])
def test_a_table_that_does_not_fit_is_said_and_costs_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(stage(tmp_path / "here", 1))
    assert main(["./set", *FAST, f"--{name}", "/dev/full"]) == 1
    assert "error: No space left on device: '/dev/full'" in capsys.readouterr().err
    assert len(intact_rows(tmp_path / "here")) == MODELS_AND_METRICS
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_an_older_table_outlives_one_that_does_not_fit(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text("older", encoding="utf-8")
    with no_file_above(1000), pytest.raises(OSError, match=r"File too large: '.*table\.json'"):  # noqa: SIM117
        with atomic_write(table) as part:
            part.write_text("newer" * 1000, encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["table.json"]
    assert table.read_text(encoding="utf-8") == "older"


def test_a_download_that_does_not_fit_is_said_and_leaves_nothing(
    entry: ManifestFile, server: Server, folder: Path
) -> None:
    server.give("/a.png", CONTENT)
    with no_file_above(len(CONTENT) // 2), pytest.raises(MissingFile, match="cannot be written") as caught:
        cache.find(NAME)
    assert "File too large" in str(caught.value)
    assert [file for file in folder.rglob("*") if file.is_file()] == []
    assert cache.find(NAME).read_bytes() == CONTENT


@pytest.mark.usefixtures("one_thread")
def test_a_picture_that_could_not_be_written_over_an_older_models_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is there already, with what the model of older weights made: that must not pass for the new."""
    here = stage(tmp_path / "here", 2)
    monkeypatch.chdir(here)
    command = ["./set", "--models", "own.py:own", "--metrics", "psnr", "--device", "cpu"]

    def weights(share: float) -> None:
        enlarged = "lr.repeat_interleave(4, -1).repeat_interleave(4, -2)"
        text = f"def own(): return lambda lr: {share} * {enlarged}\n"
        Path("own.py").write_text(text, encoding="utf-8")

    weights(1.0)
    assert main(command) == 0
    weights(0.5)
    real = images.write

    def full(path: Path, pixels: np.ndarray) -> None:
        if path.parent.name == "own":
            raise OSError(28, "No space left on device", str(path))
        real(path, pixels)

    monkeypatch.setattr(images, "write", full)
    assert main(command) == 1
    assert f"error: No space left on device: '{Path.cwd()}/results/images" in capsys.readouterr().err
    monkeypatch.setattr(images, "write", real)
    assert main(command) == 0
    for stem in ("00", "01"):
        folder = here / "results/images/set/x4-johnson2016"
        sr, lr = images.read(folder / "own" / f"{stem}.png"), images.read(folder / "lr" / f"{stem}.png")
        assert np.array_equal(sr, np.floor(lr.repeat(4, 0).repeat(4, 1) * 0.5 + 0.5).astype(np.uint8))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One image after the other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
