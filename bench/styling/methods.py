"""The methods of `bench.style_quality`: the content itself, a network, the optimisation; all judged by one objective.

A network's image is clipped to [0, 1] before it is judged, as the optimisation projects its own; neither is rounded.
Style metrics (:mod:`bench.styling.metrics`) measure the same images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.gatys import initial_image
from baselines.optimise import OptimisationResult, Settings, optimise
from bench.errors import RunError, reason
from bench.records import Score, StyleProtocol
from bench.styling.config import Baseline
from bench.styling.metrics import StyleMetric
from bench.styling.plan import Content, Item, MeasuredImage, Method, Report, ScoreKey
from bench.styling.stylized import Stylized
from bench.styling.summary import BASELINE, CONTENT, after
from bench.timing.clocks import clock_for, current
from models.losses import StyleObjective, Terms

T = TypeVar("T")


class NotFinite(RunError):
    """An objective that is no number."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One style at one size: what the methods of a plan have in common.

    Attributes:
        objective: of the protocol, for a content that is put in its place.
        pictures: where images go; None for nowhere.
        style: as the objective has it, RGB in [0, 1].
    """

    protocol: StyleProtocol
    objective: StyleObjective
    device: torch.device
    pictures: Path | None
    style: Float[Tensor, "1 3 _ _"]

    def file(self, dataset: str, subject: str, stem: str) -> Path:
        """FOLDER/DATASET/la_muse-256-PROTOCOL/SUBJECT/STEM.png."""
        assert self.pictures is not None
        own = f"{self.protocol.style}-{self.protocol.size}-{self.protocol.hash[:8]}"
        return self.pictures / dataset / own / subject / f"{stem}.png"

    @torch.no_grad()
    def judge(
        self, content: Float[Tensor, "1 3 s s"], image: Float[Tensor, "1 3 s s"]
    ) -> dict[str, tuple[float, ...]]:
        """The terms of an image under the objective that a content gives.

        Raises:
            NotFinite: one of them is not finite.
        """
        terms = self.objective.with_content(content)(image)
        for name, value in terms._asdict().items():
            if not value.isfinite().all():
                raise NotFinite(f"the objective's {name} term is {value.item()}; must be a finite number")
        return rows(terms)


@dataclass(frozen=True, kw_only=True)
class ObjectiveMethod(Method):
    """A method with an aim."""

    aim: Aim

    @property
    def stylize(self) -> Callable[[Tensor], Tensor] | None:
        """The network that makes its images, clipped to [0, 1]; None where none does."""
        return None

    def measured_images(self, measured: MeasuredImage | None) -> Mapping[str, Tensor | None]:
        """What style metrics measure, by the name that the scores have; None for each before there is any."""
        return {self.subject: None if measured is None else measured.image}

    @property
    def without_network(self) -> str:
        """Why metrics of a network say nothing of its images, where none makes them."""
        return "no network made its images"

    def applicable(self, metrics: Sequence[StyleMetric]) -> list[StyleMetric]:
        """Those that say something of its images."""
        return [metric for metric in metrics if self.stylize or not metric.entry.of_network]

    def missing(self, metrics: Sequence[StyleMetric]) -> Mapping[tuple[str, str], str]:
        there = self.applicable(metrics)
        return {
            (model, metric.name): self.without_network
            for model in self.measured_images(None)
            for metric in metrics
            if metric not in there
        }

    def score_keys(self, item: Item, metrics: Sequence[StyleMetric]) -> set[ScoreKey]:
        return {
            (item.name, item.sha256, model, self.hash(item), metric.name, metric.entry.version)
            for model in self.measured_images(None)
            for metric in self.applicable(metrics)
        }

    def scores(
        self, content: Content, measured: MeasuredImage, metrics: Sequence[StyleMetric]
    ) -> Iterator[Score | Exception]:
        chosen = self.applicable(metrics)
        for model, image in self.measured_images(measured).items() if chosen else ():
            assert image is not None
            stylized = Stylized(
                image=image,
                content=content.pixels.to(self.aim.device),
                style=self.aim.style,
                network=self.aim.objective.network,
                style_grams=self.aim.objective.grams,
                stylize=self.stylize,
            )
            for metric in chosen:
                try:
                    value = metric.measure(stylized)
                    if not math.isfinite(value):
                        raise NotFinite(f"it is {value}; must be a finite number")
                except Exception as error:  # one value is lost, not the image
                    yield RunError(f"{metric.name}: {reason(error)}")
                    continue
                yield Score(
                    model=model,
                    model_hash=self.hash(content),
                    dataset=self.dataset,
                    image=content.name,
                    image_sha256=content.sha256,
                    # A score has a scale; style transfer keeps the size.
                    scale=1,
                    protocol=self.aim.protocol.name,
                    protocol_hash=self.aim.protocol.hash,
                    metric=metric.name,
                    metric_version=metric.entry.version,
                    value=value,
                )

    def protocol(self, item: Item) -> StyleProtocol:
        return self.aim.protocol

    def file(self, item: Item) -> Path:
        return self.aim.file(self.dataset, f"{self.subject}-{self.hash(item)[:8]}", item.name)


@dataclass(frozen=True, kw_only=True)
class ContentItself(ObjectiveMethod):
    """The content, judged as if it were the result; its hash is its own."""

    name: str = CONTENT
    subject: str = CONTENT

    def hash(self, item: Item) -> str:
        return item.sha256

    def file(self, item: Item) -> Path:
        return self.aim.file(self.dataset, self.subject, item.name)

    def make(self, contents: Sequence[Content], iterations: int, report: Report) -> Sequence[MeasuredImage]:
        (content,) = contents
        image = content.pixels.to(self.aim.device)
        return [MeasuredImage(image=image, terms=self.aim.judge(image, image), seconds=0.0)]


@dataclass(kw_only=True)
class TimedNetwork:
    """A style network, content to stylized, RGB, float32, that has warmed up for one size before it is timed."""

    network: Callable[[Tensor], Tensor]
    device: torch.device
    warm: bool = field(default=False, init=False)

    @torch.no_grad()
    def __call__(self, content: Float[Tensor, "1 3 s s"]) -> tuple[Tensor, float]:
        """The stylized image, as the network gives it, and the seconds that it took."""
        # The first call also pays for loading and tuning kernels: it is not timed.
        if not self.warm:
            self.network(content)
            self.warm = True
        return timed(self.device, lambda: self.network(content))


@dataclass(frozen=True, kw_only=True)
class Stylizer(ObjectiveMethod):
    """A style network."""

    network: TimedNetwork
    network_hash: str

    @property
    def stylize(self) -> Callable[[Tensor], Tensor] | None:
        # Past the stopwatch: metrics of stability call it again.
        return lambda content: self.network.network(content).clamp(0, 1)

    def hash(self, item: Item) -> str:
        return self.network_hash

    def make(self, contents: Sequence[Content], iterations: int, report: Report) -> Sequence[MeasuredImage]:
        """
        Raises:
            ValueError: the content is too small for it, or what comes out is not an image of the content's size.
            NotFinite: its objective is not finite.
        """
        content = contents[0].pixels.to(self.aim.device)
        given, seconds = self.network(content)
        if given.shape != content.shape:
            raise ValueError(
                f"the network returned shape {tuple(given.shape)}, must be {tuple(content.shape)}"
            )
        image = given.clamp(0, 1)
        return [MeasuredImage(image=image, terms=self.aim.judge(content, image), seconds=seconds)]


@dataclass(frozen=True, kw_only=True)
class Optimisation(ObjectiveMethod):
    """The optimisation that the networks are compared with, a batch at once.

    Attributes:
        marks: numbers of iterations after which style metrics measure the image; none where there are no metrics.
    """

    baseline: Baseline
    marks: tuple[int, ...] = ()
    name: str = BASELINE
    subject: str = BASELINE
    together: bool = True

    def hash(self, item: Item) -> str:
        return self.baseline.hash

    def measured_images(self, measured: MeasuredImage | None) -> Mapping[str, Tensor | None]:
        return {after(mark): None if measured is None else measured.kept[mark] for mark in self.marks}

    def make(
        self, contents: Sequence[Content], iterations: int, report: Report
    ) -> Sequence[MeasuredImage | Exception]:
        pixels = torch.cat([content.pixels for content in contents]).to(self.aim.device)
        return optimised(self, pixels, iterations, report)


def optimised(
    method: Optimisation, contents: Float[Tensor, "n 3 s s"], iterations: int, report: Report
) -> list[MeasuredImage | NotFinite]:
    """What the optimisation makes of each content of a batch, all at once."""
    baseline, aim = method.baseline, method.aim

    def work() -> OptimisationResult:
        return optimise(
            aim.objective.with_content(contents),
            initial_image(contents, baseline.initial, baseline.seed),
            Settings(method=baseline.method, iterations=iterations, graph=aim.device.type == "cuda"),
            record=True,
            callback=report,
            callback_every=method.report_every,
            keep=method.marks,
        )

    return shares(*timed(aim.device, work))


def shares(found: OptimisationResult, seconds: float, required: str = "") -> list[MeasuredImage | NotFinite]:
    """Each content's share of a batch.

    Args:
        required: what a failure adds.
    """
    assert found.objective is not None
    batch, n = Terms(*(term.cpu() for term in found.objective)), len(found.failed_at)
    return [
        NotFinite(f"the objective is not finite in iteration {failed_at or found.iterations}{required}")
        # The last image's terms were found after the search and may be the first that are not finite.
        if failed_at or not batch.total[:, i].isfinite().all()
        else MeasuredImage(
            image=found.image[i : i + 1],
            terms=rows(Terms(*(term[:, i] for term in batch))),
            seconds=seconds / n,
            batch=n,
            kept={done: images[i : i + 1] for done, images in found.kept.items()},
        )
        for i, failed_at in enumerate(found.failed_at)
    ]


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` returns, and the seconds until the device had done it."""
    kept: list[T] = []
    with current(device):
        # A lap does not return what the work returns.
        lap = clock_for(device).lap(lambda: kept.append(work()), 1)
    return kept[0], lap.wall_seconds


def rows(terms: Terms) -> dict[str, tuple[float, ...]]:
    """By name, as they are stored."""
    return {name: tuple(value.tolist()) for name, value in terms._asdict().items()}
