"""A model or a metric that runs out of memory costs that image for that model; the rest is scored.

That a batch of style transfer is halved is in tests/bench/test_style_quality.py, that a tile is made smaller in
tests/bench/tiling/test_tiles.py.
"""

from __future__ import annotations

import itertools
import pkgutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.data import images
from bench.sr_quality import main
from bench.style_quality import main as style_main
from tests.faults import sabotage
from tests.faults.stage import stage
from tests.faults.test_kill import STYLE, style_stage

GREEDY = '''
import torch

calls = 0


def {name}():
    """An upscaler that finds no memory for the second image."""

    def enlarge(lr):
        global calls
        if lr.shape[-1] < 40:
            calls += 1
            if calls == 2:
                {fault}
        return torch.nn.functional.interpolate(lr, scale_factor=4, mode="bilinear")

    return enlarge
'''
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("can't allocate memory: 9 TB"),
]
COMMAND = ["./set", "--metrics", "psnr", "--tile", "off"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with three images; one at a time."""
    monkeypatch.chdir(stage(tmp_path / "here", 3))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "here"
    torch.set_num_threads(before)


def scored(file: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(file) as db:
        found = {*db.execute("select image, model from scores")}
    db.close()
    return found


def write(name: str, fault: str) -> str:
    """An external model, by what it is named with."""
    Path(f"{name}.py").write_text(GREEDY.format(name=name, fault=fault), encoding="utf-8")
    return f"{name}.py:{name}"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("cuda", 'raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")'),
        ("python", "raise MemoryError"),
        (
            "cpu",
            'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory: you tried to allocate 9 bytes")',
        ),
    ],
)
def test_a_model_without_memory_for_an_image_costs_itself_that_image(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, fault: str
) -> None:
    model = write(name, fault)
    assert main([*COMMAND, "--models", "bicubic", model]) == 0
    wanted = {(f"{i:02}", m) for i in range(3) for m in ("bicubic", name)} - {("01", name)}
    assert scored(here / "results.db") == wanted
    assert f"'01' ({name}): not scored: " in capsys.readouterr().err
    assert main([*COMMAND, "--models", "bicubic", model]) == 0  # now there is memory
    assert scored(here / "results.db") == wanted | {("01", name)}


# The first call of a place for the second of three images, or for a model on it.
PLACES = [
    ("bench.quality.whole.degrade", 2, {"bicubic", "nearest"}),
    ("bench.quality.whole.prepare_one", 4, {"bicubic", "nearest"}),
    ("bench.quality.whole.prepare_one", 5, {"bicubic"}),
    ("bench.quality.whole.images.to_array", 8, {"nearest"}),
    ("bench.quality.whole.WholeImage.measure", 3, {"bicubic"}),
]


@pytest.mark.parametrize(
    ("place", "call", "lost", "error"),
    [
        ("bench.executor.load", 2, {"bicubic", "nearest"}, MemoryError()),
        *((*place, error) for place in PLACES for error in ERRORS),
    ],
)
def test_memory_that_runs_out_in_the_suite_itself_costs_no_more(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    call: int,
    lost: set[str],
    error: Exception,
) -> None:
    owner, _, name = place.rpartition(".")
    real, calls = pkgutil.resolve_name(f"{owner}.{name}"), itertools.count(1)

    def fails(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise error
        return real(*arguments, **named)

    monkeypatch.setattr(place, fails)
    assert main([*COMMAND, "--models", "bicubic", "nearest"]) == 0
    wanted = {(f"{i:02}", m) for i in range(3) for m in ("bicubic", "nearest")}
    assert scored(here / "results.db") == wanted - {("01", model) for model in lost}
    said = capsys.readouterr().err
    assert "'01'" in said
    assert "defect" not in said


@pytest.mark.cuda
def test_a_cuda_device_without_memory_costs_the_model_that_image(here: Path) -> None:
    model = write("vast", "torch.empty(1 << 46, dtype=torch.uint8, device=lr.device)")
    assert main([*COMMAND, "--device", "cuda", "--models", "bicubic", model]) == 0
    every = {(f"{i:02}", m) for i in range(3) for m in ("bicubic", "vast")}
    assert scored(here / "results.db") == every - {("01", "vast")}


def test_a_content_that_finds_no_memory_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench import loss_networks
    from bench.registry import stylizers
    from bench.styling import objective as style_objective

    monkeypatch.chdir(style_stage(tmp_path / "here"))
    for module, name in ((loss_networks, "load"), (stylizers, "STYLIZERS")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back after the next line
    sabotage.small_style()
    real = style_objective.square

    def square(image: torch.Tensor, size: int) -> torch.Tensor:
        if torch.equal(image, second):
            raise MemoryError
        return real(image, size)

    second = images.to_tensor(images.read(Path("photos/b.png")))
    monkeypatch.setattr(style_objective, "square", square)
    assert style_main([*STYLE, "--no-baseline", "--no-pictures"]) == 0
    assert "'b': not measured: " in capsys.readouterr().err
    with sqlite3.connect("results.db") as db:
        assert {row[0] for row in db.execute("select image from curves")} == {"a", "c", "d"}
    db.close()
