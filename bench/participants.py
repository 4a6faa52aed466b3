"""Registered models of either kind, loaded: what `bench.speed` times and `bench.apply` runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench import cache, stylizers, upscalers
from bench.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

Kind = Literal["stylizer", "upscaler"]


@dataclass(frozen=True, kw_only=True)
class Participant:
    """A model on a device, with what decides its output and its time.

    Attributes:
        network: takes and gives float32 in [0, 1], `n c h w`; a `torch.nn.Module` where it has forms.
        scale: size that comes out over size that goes in; 1 for a stylizer.
        minimum: pixels per side that go in at least.
        channels: what it takes: 3 for RGB only, None for any number.
        weights: where they come from, in words; empty for a model without any.
    """

    name: str
    hash: str
    kind: Kind
    network: Callable[[Any], Any]
    scale: int
    minimum: int
    channels: int | None
    weights: str
    device: torch.device

    @property
    def module(self) -> nn.Module | None:
        """The network where it is a `torch.nn.Module`, which can be laid out, cast and compiled."""
        from torch import nn

        return self.network if isinstance(self.network, nn.Module) else None


def names() -> tuple[str, ...]:
    """Every model that can be named, stylizers first."""
    return (*stylizers.STYLIZERS, *upscalers.UPSCALERS)


def kind(name: str) -> Kind:
    """Whether `name` is a stylizer or an upscaler.

    Raises:
        UserError: it is neither; the message lists all.
    """
    if name in stylizers.STYLIZERS:
        return "stylizer"
    if name in upscalers.UPSCALERS:
        return "upscaler"
    raise UserError(f"no model is called {name!r}; there are: {', '.join(names())}")


def load(
    name: str, *, scale: int, device: torch.device, find: Callable[[str], Path] = cache.find
) -> Participant:
    """The model `name` on `device`, ready to be called.

    Args:
        scale: of an upscaler; a stylizer has none.

    Raises:
        UserError: unknown name, or a scale that it has no weights for.
        MissingFile: its weights are not to be had.
    """
    return _stylizer(name, device, find) if kind(name) == "stylizer" else _upscaler(name, scale, device, find)


def _stylizer(name: str, device: torch.device, find: Callable[[str], Path]) -> Participant:
    from models.style_net import MINIMUM_SIZE

    chosen = stylizers.entry(name)
    return Participant(
        name=name,
        hash=chosen.hash,
        kind="stylizer",
        network=stylizers.load(name, find, device),
        scale=1,
        minimum=MINIMUM_SIZE,
        channels=3,
        weights=chosen.weights_text,
        device=device,
    )


def _upscaler(name: str, scale: int, device: torch.device, find: Callable[[str], Path]) -> Participant:
    chosen = upscalers.entry(name)
    network = upscalers.load(name, scale, find, device)
    return Participant(
        name=name,
        hash=chosen.hash(scale),
        kind="upscaler",
        network=network,
        scale=scale,
        minimum=1,
        channels=network.channels,
        weights=chosen.weights.get(scale, "").rpartition("weights/")[2],
        device=device,
    )
