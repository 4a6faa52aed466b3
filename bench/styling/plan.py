"""From names to what can be run: networks, loss networks and styles of `bench.style_quality`, loaded and checked.

A network that was named and cannot run is an error; one that is only there by default is left out and said so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench import cache, images
from bench.errors import MissingFile, UserError
from bench.records import Dataset, StyleProtocol
from bench.registry import catalog
from bench.styles import StyleImage
from bench.styling import objective as style_objective
from bench.styling.batch import batch_size
from bench.styling.config import Baseline, Config, Entry, loss_network, of_style
from bench.styling.summary import BASELINE, CONTENT
from models.losses import StyleObjective
from models.vgg import LossNetwork

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A style network with its name and content hash; content to stylized, RGB, float32, `n 3 h w`."""

    name: str
    hash: str
    network: Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One data set under one protocol: what is to be measured.

    Attributes:
        minimum: pixels per side that the loss network needs.
        objective: of the protocol, for a content that is put in its place.
        style: as the objective sees it.
        networks: those that were trained for the style.
        batch: contents in one optimisation.
    """

    dataset: Dataset
    protocol: StyleProtocol
    minimum: int
    objective: StyleObjective
    style: Tensor
    networks: tuple[Network, ...]
    baseline: Baseline | None
    batch: int
    device: torch.device
    pictures: Path | None
    picture_limit: int
    force: bool

    @property
    def title(self) -> str:
        """The style at the size, in words."""
        return f"{self.protocol.style} at {self.protocol.size}x{self.protocol.size}"

    @property
    def hashes(self) -> dict[str, str]:
        """Every subject but the contents, by name, with the hash that its curves have."""
        own = {network.name: network.hash for network in self.networks}
        return own | ({BASELINE: self.baseline.hash} if self.baseline else {})

    @property
    def subjects(self) -> tuple[str, ...]:
        """The contents, the networks, the optimisation."""
        return CONTENT, *self.hashes

    def subject_hash(self, subject: str, image_sha256: str) -> str:
        """That a curve of the subject has, for a content."""
        return image_sha256 if subject == CONTENT else self.hashes[subject]


def plans(config: Config, device: torch.device, *, tell: Say, say: Say) -> list[Plan]:
    """One plan for each style and size; networks, loss networks and styles are loaded once.

    Args:
        tell: told which loss network each style is judged by, and why.
        say: told, once each, which network is left out and why.

    Raises:
        MissingFile: a network that was named, or a loss network, lacks a file.
        UserError: a layer that the loss network does not have; a style that is broken or too small.
    """
    loaded = dict(_networks(config, device, say))
    return [plan for style in config.style for plan in _plans(config, style, loaded, device, tell)]


def _networks(config: Config, device: torch.device, say: Say) -> Iterator[tuple[str, Network]]:
    for entry in config.models:
        try:
            network = catalog.load_stylizer(entry.text, cache.find, device)
        except UserError as error:
            reason = f"{entry.name} cannot run: {error}"
            if config.models_named:
                raise (MissingFile if isinstance(error, MissingFile) else UserError)(reason) from error
            say(f"left out: {reason}")
            continue
        yield entry.name, Network(name=entry.name, hash=entry.hash(1), network=network)


def _plans(
    config: Config, style: StyleImage, loaded: dict[str, Network], device: torch.device, tell: Say
) -> Iterator[Plan]:
    trained = [entry for entry in config.models if entry.name in loaded and of_style(entry, style)]
    judge = _judge(config, style, trained, tell)
    protocols = [config.objective.protocol(style, size, loss_network=judge) for size in config.sizes]
    network = style_objective.loss_network(protocols[0]).to(device)
    pixels = read_style(style, protocols[0].style_size, network.minimum).to(device)
    for protocol in protocols:
        yield Plan(
            dataset=config.images,
            protocol=protocol,
            minimum=network.minimum,
            objective=_objective(protocol, network, pixels),
            style=pixels,
            networks=tuple(loaded[entry.name] for entry in trained),
            baseline=config.baseline,
            batch=_batch(config, network, protocol.size, device),
            device=device,
            pictures=config.pictures and config.pictures.absolute(),
            picture_limit=config.picture_limit,
            force=config.force,
        )


def _judge(config: Config, style: StyleImage, trained: Sequence[Entry], tell: Say) -> str:
    judge, why = loss_network(config.objective, trained)
    tell(f"{style.name}: judged by the loss network {judge} ({why})")
    for entry in trained:
        if entry.loss_network not in {"", judge}:
            tell(f"{style.name}: {entry.name} was trained with {entry.loss_network}, another objective")
    return judge


def read_style(style: StyleImage, longer_side: int, minimum: int) -> Tensor:
    """The style image, RGB in [0, 1], `1 3 h w`.

    Raises:
        UserError: it cannot be read, or the loss network needs a larger one; the message names it.
    """
    h, w = images.read(style.file).shape[:2]
    pixels = style_objective.read_style(style, longer_side)
    for what, (height, width) in {"is": (h, w), "becomes": tuple(pixels.shape[-2:])}.items():
        if min(height, width) < minimum:
            raise UserError(
                f"the style {style.name!r} {what} {width}x{height}; required at least {minimum} pixels per side"
            )
    return pixels


def _objective(protocol: StyleProtocol, network: LossNetwork, style: Tensor) -> StyleObjective:
    """For no content yet: each is put in with `with_content`, so that the style is looked at once."""
    nothing = style.new_zeros(1, 3, protocol.size, protocol.size)
    return style_objective.objective(protocol, network, content=nothing, style=style)


def _batch(config: Config, network: LossNetwork, size: int, device: torch.device) -> int:
    most = len(config.images.images)
    return batch_size(network, size, device, most) if config.batch is None else min(config.batch, most)
