"""What `bench.style_quality` was asked for, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench import manifest
from bench.datasets import dataset
from bench.errors import UserError
from bench.records import Dataset, StyleProtocol, content_hash
from bench.registry import catalog, stylizers
from bench.registry.external import Outside, refuse_namesakes
from bench.registry.stylizers import StylizerEntry
from bench.shard import shard
from bench.styles import STYLE_SIZE, StyleImage, names, protocol, style_image

BASELINE_VERSION = "2"
"""Raised whenever the optimisation's values change, so that stored curves are not taken for new ones."""

FALLBACK = "vgg16"

Entry = StylizerEntry | Outside
"""A style network of the table, or one from outside."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The optimisation that networks are compared with, and for how many iterations it runs."""

    method: Literal["lbfgs", "adam"] = "lbfgs"
    iterations: int = 500
    initial: str = "gaussian"
    seed: int = 0

    @property
    def hash(self) -> str:
        """Of all that decides its curve but the objective; not of the iterations, which only say where it ends."""
        from baselines.optimise import Settings

        settings = Settings(method=self.method)
        return content_hash(
            {
                "method": self.method,
                "first_step": settings.first_step,
                "history_size": settings.history_size,
                "initial": self.initial,
                "seed": self.seed,
                "version": BASELINE_VERSION,
            }
        )


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What the objective is made of; None for what is as the loss network has it in :mod:`bench.styles`.

    Attributes:
        loss_network: None for the one that the first network of a style was trained with.
        style_size: longer side of the style image, in pixels.
    """

    loss_network: str | None = None
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    content_weight: float = 1.0
    style_weight: float | None = None
    tv_weight: float | None = None
    style_size: int = STYLE_SIZE

    def protocol(self, style: StyleImage, size: int, loss_network: str) -> StyleProtocol:
        """The objective for a style at a size.

        Raises:
            UserError: a size below 1, a weight that is negative or not finite.
        """
        return protocol(
            style,
            size,
            loss_network=loss_network,
            content_layers=self.content_layers,
            style_layers=self.style_layers,
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            tv_weight=self.tv_weight,
            style_size=self.style_size,
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for; every name is known.

    Attributes:
        models: networks of the styles, in the table's order; `models_named`: one that cannot run is an error.
        baseline: None for none.
        batch: contents in one optimisation; None for as many as the device is good for.
        pictures: folder for pictures of the first `picture_limit` contents; None for none.
        force: measure again what the results file already has.
    """

    styles: tuple[StyleImage, ...]
    sizes: tuple[int, ...]
    dataset: Dataset
    models: tuple[Entry, ...]
    models_named: bool
    objective: Objective
    baseline: Baseline | None
    batch: int | None
    pictures: Path | None
    picture_limit: int
    force: bool


def request(
    *,
    styles: Sequence[str],
    sizes: Sequence[int],
    images: str,
    models: Sequence[str] | None = None,
    objective: Objective | None = None,
    baseline: Baseline | None = None,
    batch: int | None = None,
    limit: int | None = None,
    pictures: Path | None = None,
    picture_limit: int = 8,
    force: bool = False,
    part: str | None = None,
) -> Request:
    """Resolve names; nothing heavy is loaded. Names given twice count once.

    Raises:
        UserError: a name is unknown, a number out of range, a network is of none of the styles.
        MissingFile: the image of a named style is not to be had.
    """
    _refuse_numbers(limit=limit, batch=batch, picture_limit=picture_limit, baseline=baseline, sizes=sizes)
    found = tuple({image.sha256: image for image in map(style_image, styles)}.values())
    data = dataset(images, every=True)
    return Request(
        styles=found,
        sizes=tuple(dict.fromkeys(sizes)),
        dataset=shard(part).of(replace(data, images=data.images[:limit])),
        models=_models(found, models),
        models_named=models is not None,
        objective=objective or Objective(),
        baseline=baseline,
        batch=batch,
        pictures=pictures,
        picture_limit=picture_limit,
        force=force,
    )


def of_style(entry: Entry, style: StyleImage) -> bool:
    """Whether a network was trained for this very picture; a file that is called like a style is not that style.

    One from outside that says no style is taken for each that was asked for.
    """
    if isinstance(entry, Outside):
        return entry.style in {"", style.name}
    pinned = names().get(style.name)
    return entry.style == style.name and (pinned is None or manifest.file(pinned).sha256 == style.sha256)


def loss_network(asked: Objective, trained: Sequence[Entry]) -> tuple[str, str]:
    """The loss network to judge the networks of one style by, and why it is that one, in words."""
    if asked.loss_network is not None:
        return asked.loss_network, "--loss-network"
    for entry in trained:
        if entry.loss_network:
            return entry.loss_network, f"{entry.name} was trained with it"
    return FALLBACK, "the paper's; no network says another"


def _models(styles: Sequence[StyleImage], models: Sequence[str] | None) -> tuple[Entry, ...]:
    """Those named, or all of the styles; in the table's order."""
    chosen = [catalog.stylizer_entry(name) for name in models or ()]
    for entry in chosen:
        _refuse_stranger(entry, styles)
    refuse_namesakes(chosen)
    wanted = {entry.name for entry in chosen}
    listed = (
        entry
        for entry in stylizers.STYLIZERS.values()
        if (entry.name in wanted if models is not None else any(of_style(entry, style) for style in styles))
    )
    return (*listed, *dict.fromkeys(entry for entry in chosen if isinstance(entry, Outside)))


def _refuse_stranger(entry: Entry, styles: Sequence[StyleImage]) -> None:
    if any(of_style(entry, style) for style in styles):
        return
    if isinstance(entry, StylizerEntry) and not entry.style:
        raise UserError(f"{entry.name} is for no style ({entry.weights_text}); required a trained network")
    asked = ", ".join(style.name for style in styles)
    same = any(style.name == entry.style for style in styles)
    other = (
        f"not for the file given, another picture than that of {entry.style}" if same else f"not for {asked}"
    )
    raise UserError(f"{entry.name} is for the style {entry.style}, {other}; required: --style {entry.style}")


def _refuse_numbers(
    *,
    limit: int | None,
    batch: int | None,
    picture_limit: int,
    baseline: Baseline | None,
    sizes: Sequence[int],
) -> None:
    least: list[tuple[str, int | None, int]] = [
        ("--limit", limit, 1),
        ("--batch", batch, 1),
        ("--picture-limit", picture_limit, 0),
        ("--iterations", baseline.iterations if baseline else None, 1),
        ("--seed", baseline.seed if baseline else None, 0),
        *(("--sizes", size, 1) for size in sizes),
    ]
    for name, value, required in least:
        if value is not None and value < required:
            raise UserError(f"{name} is {value}; required at least {required}")
