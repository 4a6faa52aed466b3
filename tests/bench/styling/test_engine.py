"""The engine of the style programs, with a method that costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from bench.data import images
from bench.errors import ImageError
from bench.records import Dataset, ImageFile, StyleProtocol
from bench.styling.engine import Engine
from bench.styling.outcome import Outcome, Result
from bench.styling.plan import Content, Item, MeasuredImage, Method, Plan, Report

BROKEN = ImageError("it is broken")
PROTOCOL = StyleProtocol(
    size=8,
    style="s",
    style_sha256="0" * 64,
    style_size=8,
    loss_network="vgg16",
    loss_weights="random",
    content_layers=("relu2_2",),
    style_layers=("relu1_2",),
    style_weight=1.0,
    tv_weight=0.0,
)


@dataclass(frozen=True, kw_only=True)
class Fake(Method):
    """Returns its contents.

    Attributes:
        calls: names and iterations of each batch that it was asked for.
        broken: a content with which nothing comes of a batch; `error` says why.
        most: contents that find memory.
    """

    subject: str = "fake"
    together: bool = True
    folder: Path
    calls: list[tuple[str, int]] = field(default_factory=list)
    broken: str = ""
    error: BaseException = BROKEN
    most: int = 99

    def hash(self, item: Item) -> str:
        return "hash"

    def protocol(self, item: Item) -> StyleProtocol:
        return PROTOCOL

    def file(self, item: Item) -> Path:
        return self.folder / f"{item.name}.png"

    def make(self, contents: Sequence[Content], iterations: int, report: Report) -> Sequence[MeasuredImage]:
        self.calls.append(("".join(content.name for content in contents), iterations))
        if len(contents) > self.most:
            raise MemoryError
        if any(content.name == self.broken for content in contents):
            raise self.error
        return [
            MeasuredImage(image=content.pixels, terms={"total": (1.0,)}, seconds=0.0) for content in contents
        ]


class Notes:
    """A reporter."""

    def __init__(self) -> None:
        self.steps = 0
        self.notes: list[str] = []

    def begin(self, label: str) -> None: ...

    def advance(self, label: str) -> None:
        self.steps += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


class Known:
    """A results file that has some images, each with a curve of some iterations."""

    def __init__(self, iterations: dict[str, int]) -> None:
        self.iterations = iterations

    def find(self, plan: Plan, method: Method, item: Item, *, with_image: bool) -> Result:
        if item.name not in self.iterations:
            return Result(curve=None, file=None)
        outcome = Outcome()
        terms = {"total": (1.0,) * (self.iterations[item.name] + 1)}
        pixels = images.to_tensor(np.zeros((8, 8, 3), np.uint8))
        content = Content(name=item.name, sha256=item.sha256, pixels=pixels, with_image=False, pending={})
        outcome.keep(plan, method, content, MeasuredImage(image=pixels, terms=terms, seconds=0.0))
        return Result(curve=outcome.curves[0], file=method.file(item))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Four images."""
    for i, name in enumerate("abcd"):
        images.write(tmp_path / f"{name}.png", np.full((8, 8, 3), i, np.uint8))
    files = tuple(ImageFile(stem=name, file=str(tmp_path / f"{name}.png")) for name in "abcd")
    return Dataset(name="set", images=files, source="")


def plan(data: Dataset, *methods: Method, batch: int = 4) -> Plan:
    """A round for each method."""
    return Plan(
        dataset=data,
        rounds=tuple((method,) for method in methods),
        prepare=lambda image: image,
        batch=batch,
        protocols=(PROTOCOL,),
    )


def run(chosen: Plan, known: Known | None = None) -> tuple[list[Outcome], Notes]:
    kept: list[Outcome] = []
    notes = Notes()
    Engine(chosen, notes, kept.append, known).run()  # type: ignore[arg-type]
    return kept, notes


def test_a_content_that_breaks_its_batch_costs_itself_alone(data: Dataset, tmp_path: Path) -> None:
    method = Fake(dataset="set", name="one", folder=tmp_path / "out", broken="b")
    (outcome,), _ = run(plan(data, method))
    assert [calls for calls, _ in method.calls] == ["abcd", "a", "b", "c", "d"]
    assert [curve.image for curve in outcome.curves] == ["a", "c", "d"]
    assert [(failure.image, failure.reason) for failure in outcome.failures] == [("b", "it is broken")]


def test_a_batch_without_memory_is_halved_until_it_fits(data: Dataset, tmp_path: Path) -> None:
    method = Fake(dataset="set", name="one", folder=tmp_path / "out", most=1)
    (outcome,), notes = run(plan(data, method))
    assert [calls for calls, _ in method.calls] == ["abcd", "ab", "a", "b", "cd", "c", "d"]
    assert len(outcome.curves) == 4
    assert notes.notes[0] == "no memory for 4 contents at once, so in halves"


def test_only_what_is_pending_is_made_and_no_curve_becomes_shorter(data: Dataset, tmp_path: Path) -> None:
    method = Fake(dataset="set", name="one", folder=tmp_path / "out", iterations=20)
    _, notes = run(plan(data, method, batch=1), Known({"a": 20, "b": 30, "c": 10}))
    assert method.calls == [("c", 20), ("d", 20)]
    assert notes.steps == 2 * 2


def test_a_round_is_kept_before_the_next_one_begins(data: Dataset, tmp_path: Path) -> None:
    first = Fake(dataset="set", name="one", folder=tmp_path / "out")
    second = Fake(dataset="set", name="two", folder=tmp_path / "out", broken="a", error=KeyboardInterrupt())
    kept: list[Outcome] = []
    with pytest.raises(KeyboardInterrupt):
        Engine(plan(data, first, second), Notes(), kept.append).run()
    assert [[curve.image for curve in outcome.curves] for outcome in kept] == [["a", "b", "c", "d"]]


def test_an_unreadable_image_is_named_and_the_others_are_made(data: Dataset, tmp_path: Path) -> None:
    Path(data.images[1].file).write_bytes(b"<html>")
    method = Fake(dataset="set", name="one", folder=tmp_path / "out")
    (pending, outcome), _ = run(plan(data, method))
    assert [failure.image for failure in pending.failures] == ["b"]
    assert [calls for calls, _ in method.calls] == ["acd"]
    assert [file.name for file, _ in outcome.files] == ["a.png", "c.png", "d.png"]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_an_image_that_finds_no_memory_on_the_way_in_costs_itself_alone(
    data: Dataset, tmp_path: Path, error: Exception
) -> None:
    method = Fake(dataset="set", name="one", folder=tmp_path / "out")
    seen: list[object] = []

    def prepare(image: Tensor) -> Tensor:
        seen.append(image)
        if len(seen) == 2:
            raise error
        return image

    (failed, outcome), _ = run(replace(plan(data, method), prepare=prepare, no_memory="none left"))
    assert [(failure.image, failure.reason) for failure in failed.failures] == [("b", "none left")]
    assert [file.name for file, _ in outcome.files] == ["a.png", "c.png", "d.png"]


def test_a_defect_on_the_way_in_is_raised(data: Dataset, tmp_path: Path) -> None:
    method = Fake(dataset="set", name="one", folder=tmp_path / "out")

    def prepare(image: Tensor) -> Tensor:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        run(replace(plan(data, method), prepare=prepare))
