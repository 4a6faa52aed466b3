"""The config of `bench.gatys`, and the optimisation of :mod:`baselines.gatys` as a method of the engine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from baselines.gatys import Gatys
from baselines.optimise import Settings
from bench.applying.config import gather, output
from bench.applying.origin import Origin, file_name
from bench.data import images
from bench.data.styles import StyleImage, protocol, style_image
from bench.environment import AUTO, precision
from bench.errors import UserError
from bench.records import ImageFile, StyleProtocol
from bench.styling.objective import loss_network, read_style
from bench.styling.plan import Content, Item, MeasuredImage, Method, Report
from bench.styling.summary import BASELINE


@dataclass(frozen=True, kw_only=True)
class Config:
    """The command line, checked. A field is called as its option is.

    Attributes:
        inputs: every image of them.
        size: longer side of results and style.
        style_weight, tv_weight, content_layers, style_layers: None for the loss network's own.
    """

    inputs: tuple[ImageFile, ...]
    style: StyleImage
    out: Path
    name: str
    size: int
    iterations: int
    method: str
    initial: str
    style_weight: float | None
    tv_weight: float | None
    loss_network: str
    content_layers: Sequence[str] | None
    style_layers: Sequence[str] | None
    precision: str
    seed: int
    device: str
    force: bool

    def output(self, image: ImageFile) -> Path:
        """The PNG that is made of an image."""
        return self.file(image.stem)

    def file(self, stem: str) -> Path:
        """The PNG that is made of the image called `stem`."""
        return output(self.out, file_name(self.name, stem=stem, style=self.style.name))

    @cached_property
    def protocol(self) -> StyleProtocol:
        """The objective.

        Raises:
            UserError: a number that cannot be.
        """
        return protocol(
            self.style,
            self.size,
            loss_network=self.loss_network,
            content_layers=self.content_layers,
            style_layers=self.style_layers,
            style_weight=self.style_weight,
            tv_weight=self.tv_weight,
            style_size=self.size,
        )

    def origin(self, where: torch.device) -> Origin:
        """What outputs on a device are made of, but for the content."""
        names = ("size", "iterations", "method", "initial", "seed")
        options = {name: getattr(self, name) for name in names}
        # What was chosen, not `auto`, which means another precision on another machine: an image in bfloat16 is not one
        # in float32.
        options["precision"] = precision_on(self.precision, where)
        return Origin(model=f"gatys, {self.style.name}", model_hash=self.protocol.hash, options=options)


def read_config(args: argparse.Namespace) -> Config:
    """Check numbers and resolve names.

    Raises:
        UserError: a number that cannot be, an unknown style or input.
    """
    for name in ("size", "iterations"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name} must be at least 1 (got {getattr(args, name)})")
    if args.seed < 0:
        raise UserError(f"--seed must be at least 0 (got {args.seed})")
    given = vars(args) | {"style": style_image(args.style), "inputs": tuple(gather(args.inputs))}
    # Every option is a field of its name, so that one without a field fails here.
    return Config(**given)


@dataclass(frozen=True, kw_only=True)
class Stylization(Method):
    """The optimisation of one image, which is written where it ends, not stored."""

    name: str = BASELINE
    subject: str = BASELINE
    together: bool = True
    config: Config
    gatys: Gatys
    device: torch.device

    def hash(self, item: Item) -> str:
        return self.config.protocol.hash

    def protocol(self, item: Item) -> StyleProtocol:
        return self.config.protocol

    def file(self, item: Item) -> Path:
        return self.config.file(item.name)

    def make(
        self, contents: Sequence[Content], iterations: int, report: Report
    ) -> Sequence[MeasuredImage | Exception]:
        """
        Raises:
            ValueError: the content is too small, or the objective became NaN or infinite; then the last good image is
                written all the same, without a record of what it was made of.
        """
        # The plan's batch is 1.
        (content,) = contents
        found = self.gatys.run(
            content.pixels.to(self.device), callback=report, callback_every=self.report_every
        )
        (failed_at,) = found.failed_at
        if failed_at:
            file = self.file(content)
            images.write(file, images.to_array(found.image))
            raise ValueError(
                f"the objective is not finite in iteration {failed_at}; the image before it is {str(file)!r}"
            )
        # Neither terms nor time are stored: there is no results file.
        return [MeasuredImage(image=found.image, terms={}, seconds=0.0)]


def load(config: Config, where: torch.device) -> Gatys:
    """The optimisation with everything but a content.

    Raises:
        UserError: the style cannot be read or is too small; the loss network's weights are not to be had.
    """
    aim = config.protocol
    style, network = read_style(config.style, config.size).to(where), loss_network(aim).to(where)
    if min(style.shape[-2:]) < network.minimum:
        h, w = style.shape[-2:]
        raise UserError(f"the style must be at least {network.minimum} pixels per side (got {w}x{h})")
    return Gatys(
        network=network,
        style=style,
        content_layers=aim.content_layers,
        style_layers=aim.style_layers,
        style_weight=aim.style_weight,
        tv_weight=aim.tv_weight,
        initial=config.initial,
        seed=config.seed,
        settings=Settings(
            method=config.method,
            iterations=config.iterations,
            dtype=torch.bfloat16 if precision_on(config.precision, where) == "bf16" else torch.float32,
            graph=where.type == "cuda",
        ),
    )


def precision_on(option: str, where: torch.device) -> str:
    """`float32` or `bf16`. On a GPU `auto` is float32: what bfloat16 costs there has not been measured yet."""
    if option == AUTO and where.type != "cpu":
        return "float32"
    return precision(option, where.type)
