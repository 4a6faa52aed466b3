"""The config of `bench.style_quality`: its command line, checked before anything is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from baselines.optimise import Settings
from bench import arguments
from bench.data import manifest
from bench.data.datasets import dataset
from bench.data.styles import STYLE_SIZE, StyleImage, names, protocol, style_image
from bench.errors import UserError
from bench.records import Dataset, StyleProtocol, content_hash
from bench.registry import catalog, stylizers
from bench.registry.external import ExternalModel, check_unique_names
from bench.registry.stylizers import StylizerEntry
from bench.styling import metrics as style_metrics

BASELINE_VERSION = "2"
"""Raised whenever the optimisation's values change, so that stored curves are not taken for new ones."""

FALLBACK = "vgg16"

Entry = StylizerEntry | ExternalModel
"""A style network of the table, or an external one, or a folder of images that one made."""


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
        # What is missing below is a default that no option changes; BASELINE_VERSION stands for it.
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
    """What the objective is made of; None for what is as the loss network has it in :mod:`bench.data.styles`.

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
class Config:
    """The command line, checked; every name is known. A field is called as its option is.

    Attributes:
        contents: the data set, or its part of `--shard`, no longer than `--limit`.
        models: networks of the styles, in the table's order; `models_named`: one that cannot run is an error.
        metrics: names of style metrics; empty for the objective alone.
        baseline: None with `--no-baseline`.
        batch: contents in one optimisation; None for as many as the device is good for.
        save_images: folder for the images of the first `image_limit` contents; None for none.
        force: measure again what the results file already has.
        json: None for no such file.
    """

    style: tuple[StyleImage, ...]
    sizes: tuple[int, ...]
    contents: Dataset
    models: tuple[Entry, ...]
    models_named: bool
    metrics: tuple[str, ...]
    objective: Objective
    baseline: Baseline | None
    batch: int | None
    limit: int | None
    shard: str | None
    device: str
    db: Path
    save_images: Path | None
    image_limit: int
    force: bool
    json: Path | None


def read_config(args: argparse.Namespace) -> Config:
    """Check numbers and resolve names; nothing heavy is loaded. Names given twice count once.

    Raises:
        UserError: a name is unknown, a number out of range, a network is of none of the styles.
        MissingFile: the image of a named style is not to be had.
    """
    check_numbers(args)
    # By content: two names of one picture are one style.
    style = tuple({image.sha256: image for image in map(style_image, args.style)}.values())
    contents = dataset(args.contents, every=True)
    return Config(
        style=style,
        sizes=tuple(dict.fromkeys(args.sizes)),
        # The limit first: shards are parts of the limited set.
        contents=arguments.shard(args.shard).of(replace(contents, images=contents.images[: args.limit])),
        models=find_models(style, args.models),
        models_named=args.models is not None,
        metrics=find_metrics(args.metrics or (), args.sizes),
        objective=Objective(
            loss_network=args.loss_network,
            content_layers=each_once(args.content_layers),
            style_layers=each_once(args.style_layers),
            content_weight=args.content_weight,
            style_weight=args.style_weight,
            tv_weight=args.tv_weight,
            style_size=args.style_size,
        ),
        baseline=None
        if args.no_baseline
        else Baseline(method=args.method, iterations=args.iterations, initial=args.initial, seed=args.seed),
        batch=args.batch,
        limit=args.limit,
        shard=args.shard,
        device=args.device,
        db=args.db,
        save_images=None if args.no_images else args.save_images,
        image_limit=args.image_limit,
        force=args.force,
        json=args.json,
    )


def check_numbers(args: argparse.Namespace) -> None:
    """
    Raises:
        UserError: a number out of range.
    """
    least: list[tuple[str, int | None, int]] = [
        ("--limit", args.limit, 1),
        ("--batch", args.batch, 1),
        ("--image-limit", args.image_limit, 0),
        ("--iterations", None if args.no_baseline else args.iterations, 1),
        ("--seed", None if args.no_baseline else args.seed, 0),
        *(("--sizes", size, 1) for size in args.sizes),
    ]
    for name, value, required in least:
        if value is not None and value < required:
            raise UserError(f"{name} must be at least {required} (got {value})")


def find_metrics(names: Sequence[str], sizes: Sequence[int]) -> tuple[str, ...]:
    """Each name once.

    Raises:
        UserError: an unknown name, or a size that is too small for a metric.
    """
    for entry in map(style_metrics.entry, names):
        if min(sizes) < entry.least:
            raise UserError(f"--sizes must be at least {entry.least} for {entry.name} (got {min(sizes)})")
    return tuple(dict.fromkeys(names))


def each_once(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Each name once; None stays None."""
    return None if names is None else tuple(dict.fromkeys(names))


def of_style(entry: Entry, style: StyleImage) -> bool:
    """Whether a network was trained for this very picture; a file that is called like a style is not that style.

    An external one that says no style is taken for each that was asked for.
    """
    if isinstance(entry, ExternalModel):
        return entry.style in {"", style.name}
    pinned = names().get(style.name)
    return entry.style == style.name and (pinned is None or manifest.file(pinned).sha256 == style.sha256)


def loss_network(objective: Objective, trained: Sequence[Entry]) -> tuple[str, str]:
    """The loss network to judge the networks of one style by, and why it is that one, in words."""
    if objective.loss_network is not None:
        return objective.loss_network, "--loss-network"
    for entry in trained:
        if entry.loss_network:
            return entry.loss_network, f"{entry.name} was trained with it"
    return FALLBACK, "the paper's; no network says another"


def find_models(styles: Sequence[StyleImage], models: Sequence[str] | None) -> tuple[Entry, ...]:
    """Those named, or all of the styles; in the table's order."""
    chosen = [catalog.stylizer_entry(name, images=True) for name in models or ()]
    # Before anything is loaded: a network is for the one style that it was trained on.
    for entry in chosen:
        _check_style(entry, styles)
        _check_options(entry)
    check_unique_names(chosen)
    wanted = {entry.name for entry in chosen}
    listed = (
        entry
        for entry in stylizers.STYLIZERS.values()
        if (entry.name in wanted if models is not None else any(of_style(entry, style) for style in styles))
    )
    others = (entry for entry in chosen if entry.name not in stylizers.STYLIZERS)
    return (*listed, *dict.fromkeys(others))


def _check_options(entry: Entry) -> None:
    """Of a folder of stylised images: how they are called is a rule, and they have no scale."""
    options = entry.spec.options if isinstance(entry, ExternalModel) and entry.kind == "images" else {}
    if wrong := sorted(options.keys() - {"name"}):
        raise UserError(
            f"{entry.text!r} has the option {wrong[0]}={options[wrong[0]]}; for stylised images there is: name"
        )


def _check_style(entry: Entry, styles: Sequence[StyleImage]) -> None:
    if any(of_style(entry, style) for style in styles):
        return
    if isinstance(entry, StylizerEntry) and not entry.style:
        raise UserError(f"{entry.name} is for no style ({entry.weights_text}); must be a trained network")
    named = ", ".join(style.name for style in styles)
    # A file may be called like the network's style and be another picture.
    same = any(style.name == entry.style for style in styles)
    other = (
        f"not for the file given, another image than that of {entry.style}" if same else f"not for {named}"
    )
    raise UserError(f"{entry.name} is for the style {entry.style}, {other}; use --style {entry.style}")
