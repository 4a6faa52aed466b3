"""What the engine of every style program works on: contents, methods that make images of them, and the plan of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.data import images
from bench.records import Dataset, SavedImage, Score, StyleProtocol
from bench.styling.metrics import StyleMetric
from models.losses import Terms

REPORT_EVERY = 10
"""Iterations between two steps of the progress bar; each waits for the device."""

TRY_SMALLER = "out of memory; try a smaller --size"

Report = Callable[[int, Terms], None]
"""Called with the iterations done and the terms of each image of a batch."""

Key = tuple[str, str, str, str, str, str]
"""Data set, image, its SHA-256, hash of the protocol, subject and its hash: what the rows of a result are found by."""

ScoreKey = tuple[str, str, str, str, str, str]
"""Image, its SHA-256, model and its hash, metric and its version: what a score of a data set and protocol is found by."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """An image as its rows name it: its stem, and the SHA-256 of its file."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Content(Item):
    """An image that something is made of.

    Attributes:
        pixels: as the protocol has it, RGB in [0, 1], on the CPU.
        with_image: its images are kept.
        pending: by name the methods without a result of it, with the iterations to do.
        height, width: of the file, in pixels.
    """

    pixels: Float[Tensor, "1 3 h w"]
    with_image: bool
    pending: Mapping[str, int]
    height: int = 0
    width: int = 0


@dataclass(frozen=True, kw_only=True)
class MeasuredImage:
    """What a method made of one content.

    Attributes:
        image: RGB in [0, 1], on any device.
        terms: of the objective, each after 0, 1, ... iterations.
        seconds: from the content to the image, this content's share of its batch.
        kept: by number of iterations images on the way; those that style metrics measure.
    """

    image: Float[Tensor, "1 3 h w"]
    terms: dict[str, tuple[float, ...]]
    seconds: float
    batch: int = 1
    kept: Mapping[int, Float[Tensor, "1 3 h w"]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """A way to make an image of a content: the content itself, a network, an optimisation.

    Attributes:
        dataset: whose images it is for.
        name: no two of a plan have the same.
        subject: its name in the results file.
        iterations: 0 for what does not iterate.
        together: takes a batch at once; one content after the other where False.
        place: the layer that is inverted; empty for whatever looks at several.
    """

    dataset: str
    name: str
    subject: str
    iterations: int = 0
    together: bool = False
    place: str = ""

    @abstractmethod
    def make(
        self, contents: Sequence[Content], iterations: int, report: Report
    ) -> Sequence[MeasuredImage | Exception]:
        """The images, or why there is none of a content.

        Raises:
            Exception: nothing came of the whole batch.
        """

    @abstractmethod
    def hash(self, item: Item) -> str:
        """Of all that decides the image but its content and the objective."""

    @abstractmethod
    def protocol(self, item: Item) -> StyleProtocol:
        """The objective."""

    @abstractmethod
    def file(self, item: Item) -> Path:
        """Where the image lies."""

    def key(self, item: Item) -> Key:
        """What the rows of a result are found by."""
        digest = self.protocol(item).hash
        return self.dataset, item.name, item.sha256, digest, self.subject, self.hash(item)

    def saved_image(self, item: Item, pixels: UInt8[np.ndarray, "h w c"]) -> SavedImage:
        """The row of the image."""
        return SavedImage(
            dataset=self.dataset,
            protocol_hash=self.protocol(item).hash,
            image=item.name,
            image_sha256=item.sha256,
            model=self.subject,
            model_hash=self.hash(item),
            file=str(self.file(item)),
            pixels_sha256=images.pixels_sha256(pixels),
        )

    def made_from(self, content: Content) -> Iterator[tuple[SavedImage, UInt8[np.ndarray, "h w c"]]]:
        """Images that are kept beside its own."""
        return iter(())

    def score_keys(self, item: Item, metrics: Sequence[StyleMetric]) -> set[ScoreKey]:
        """What :meth:`scores` gives of an image, if nothing fails; nothing for a method that has no metrics."""
        return set()

    def scores(
        self, content: Content, measured: MeasuredImage, metrics: Sequence[StyleMetric]
    ) -> Iterator[Score | Exception]:
        """The values of style metrics, or why there is none."""
        return iter(())

    def missing(self, metrics: Sequence[StyleMetric]) -> Mapping[tuple[str, str], str]:
        """Why metrics say nothing of its images, by the model's name and the metric's; those that do are skipped."""
        return {}

    @property
    def report_every(self) -> int:
        """Iterations between two reports."""
        # A run of fewer iterations has a step as well.
        return min(REPORT_EVERY, self.iterations)

    @property
    def steps(self) -> int:
        """Of progress, for each content."""
        return self.iterations // self.report_every if self.iterations else 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A data set, and what is made of each of its images.

    Attributes:
        rounds: methods whose results are stored in one transaction, round after round.
        prepare: an image, `1 c h w`, as the protocol has it.
        batch: contents that go through a round together.
        protocols: every objective.
        title: in failures and in lines of progress; may be empty.
        minimum: pixels per side that a file must have.
        image_limit: images are kept of so many contents, the first; None for all.
        anywhere: an image is there wherever the results file says that it lies, not only where this plan would put it.
        no_memory: what a content says that found none.
        force: make again what the results file already has.
        shown: images that are kept before the first content's.
        metrics: style metrics of the images, besides the objective.
    """

    dataset: Dataset
    rounds: tuple[tuple[Method, ...], ...]
    prepare: Callable[[Float[Tensor, "1 c h w"]], Float[Tensor, "1 3 h2 w2"]]
    batch: int
    protocols: tuple[StyleProtocol, ...]
    title: str = ""
    minimum: int = 1
    image_limit: int | None = None
    anywhere: bool = False
    no_memory: str = "out of memory"
    force: bool = False
    shown: tuple[tuple[SavedImage, UInt8[np.ndarray, "h w c"]], ...] = ()
    metrics: tuple[StyleMetric, ...] = ()

    @property
    def methods(self) -> tuple[Method, ...]:
        """Those of every round."""
        return tuple(method for methods in self.rounds for method in methods)

    @property
    def steps(self) -> int:
        """Of progress, for each content: one for all that does not iterate, and those of what does."""
        return any(not m.together for m in self.methods) + sum(m.steps for m in self.methods)
