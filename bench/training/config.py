"""The config of `bench.train`: its command line, checked, with the task and the recipe that it asks for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench import cli
from bench.data.styles import protocol, style_image
from bench.environment import precision
from bench.outputs import check_clashes
from bench.training import checkpoint
from bench.training.logger import LOG
from bench.training.recipe import PRESETS, Recipe, SRSettings, StyleNetSettings, build, require
from bench.training.style_task import style_task
from bench.training.tasks import Task, sr_task

WEIGHTS = "network.safetensors"
"""Of a run's folder: what it made, with a card beside it."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One run. A field is called as its option is; what decides the result is in `task` and `recipe` alone.

    Attributes:
        data: folders, and groups of the manifest.
        out: folder of the run: checkpoint, log, samples.
        init: weights to begin with, as `bench.train` writes them; None for random ones.
        devices: processes to start.
        max_minutes: stop with a checkpoint after this time; None for no limit.
        validation_images: how many held-out images are scored at most.
        tensorboard: write curves for it, where it is installed.
    """

    task: Task
    recipe: Recipe
    data: Sequence[str]
    out: Path
    init: Path | None
    device: torch.device
    devices: int
    max_minutes: float | None
    log_every: int
    validate_every: int
    checkpoint_every: int
    validation_images: int
    tensorboard: bool

    def __post_init__(self) -> None:
        for name in ("log_every", "validate_every", "checkpoint_every"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")


def read_config(args: argparse.Namespace) -> Config:
    """Check the options, then load what the task needs.

    Raises:
        UserError: a value that cannot be, an unknown style or device, an output that is an input.
        MissingFile: the loss network's weights are not to be had.
    """
    preset = PRESETS[args.command][args.preset]
    device = cli.device(args.device)
    option = args.precision or preset.get("precision", Recipe.precision)
    # The record never says `auto`, which is another result on another machine: a run that goes on is compared by it.
    recipe = build(Recipe, preset, {**vars(args), "precision": precision(option, device.type)})
    check_inputs(args)
    return Config(
        task=TASKS[args.command](args, preset, recipe),
        recipe=recipe,
        data=args.data,
        out=args.out,
        init=args.init,
        device=device,
        devices=args.devices,
        max_minutes=args.max_minutes,
        log_every=args.log_every,
        validate_every=args.validate_every,
        checkpoint_every=args.checkpoint_every,
        validation_images=args.validation_images,
        tensorboard=not args.no_tensorboard,
    )


def check_inputs(args: argparse.Namespace) -> None:
    """Refuse a run's folder whose files are what it begins with."""
    written = (checkpoint.NAME, WEIGHTS, Path(WEIGHTS).with_suffix(".md").name, LOG)
    style = getattr(args, "style", None)
    check_clashes(
        reads=[
            *([("--init", args.init)] if args.init else []),
            *([("--style", style)] if style and Path(style).is_file() else []),
        ],
        writes=[(f"{name} of --out", args.out / name) for name in written],
        folders_read=[("--data", folder) for folder in args.data],
        folders_written=[("--out", args.out), ("the samples of --out", args.out / "samples")],
    )


def sr(args: argparse.Namespace, preset: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task `sr` of a command line."""
    return sr_task(build(SRSettings, preset, vars(args)))


def style(args: argparse.Namespace, preset: Mapping[str, Any], recipe: Recipe) -> Task:
    """The task `style` of a command line."""
    settings = build(StyleNetSettings, preset, vars(args))
    image = style_image(args.style)
    objective = protocol(
        image,
        recipe.patch,
        loss_network=args.loss_network,
        content_layers=args.content_layers,
        style_layers=args.style_layers,
        content_weight=args.content_weight,
        style_weight=args.style_weight,
        tv_weight=args.tv_weight,
        style_size=args.style_size,
    )
    return style_task(settings, image, objective)


TASKS: dict[str, Callable[[argparse.Namespace, Mapping[str, Any], Recipe], Task]] = {"sr": sr, "style": style}
"""What makes the task of each command of `bench.train`."""
