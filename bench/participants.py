"""Models of either kind, loaded: what `bench.speed` times and `bench.apply` runs."""

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

    from bench.outside.model import Outside

Kind = Literal["stylizer", "upscaler"]
DEFAULT_SCALE = 4


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
        UserError: it is neither, nor the path of a model from outside; the message lists all.
    """
    if name in stylizers.STYLIZERS:
        return "stylizer"
    if name in upscalers.UPSCALERS:
        return "upscaler"
    chosen = outside(name)
    assert chosen is not None
    if chosen.kind == "images":
        raise UserError(f"{name!r} is a folder of images, which cannot be run; required a network")
    return chosen.kind


def outside(name: str) -> Outside | None:
    """The model from outside that `name` is the path of; None for a name in the tables.

    Raises:
        UserError: it is neither.
    """
    if name in stylizers.STYLIZERS or name in upscalers.UPSCALERS:
        return None
    from bench.outside.model import found

    return found(name, lambda: ", ".join(names()))


def scale_of(name: str, asked: int | None = None) -> int:
    """sr size over lr size that the model `name` runs with: `asked`, else its own, else :data:`DEFAULT_SCALE`.

    Raises:
        UserError: there is no such model.
    """
    if kind(name) == "stylizer":
        return 1
    chosen = outside(name)
    own = chosen.scale if chosen is not None else None
    return asked if asked is not None else own or DEFAULT_SCALE


def title(name: str) -> str:
    """What the model `name` is called: itself, or the name of a model from outside.

    Raises:
        UserError: there is no such model.
    """
    chosen = outside(name)
    return name if chosen is None else chosen.name


def hash_of(name: str, scale: int) -> str:
    """Of all that decides what the model `name` makes, as :attr:`Participant.hash` has it.

    Raises:
        UserError: there is no such model.
    """
    chosen = outside(name)
    if chosen is not None:
        return chosen.hash(1 if kind(name) == "stylizer" else scale)
    if name in stylizers.STYLIZERS:
        return stylizers.STYLIZERS[name].hash()
    return upscalers.UPSCALERS[name].hash(scale)


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
    what, chosen = kind(name), outside(name)
    if chosen is not None:
        return _outside(chosen, what, scale, device)
    return _stylizer(name, device, find) if what == "stylizer" else _upscaler(name, scale, device, find)


def _outside(chosen: Outside, kind: Kind, scale: int, device: torch.device) -> Participant:
    scale = 1 if kind == "stylizer" else scale
    network = chosen.load(scale, device)
    return Participant(
        name=chosen.name,
        hash=chosen.hash(scale),
        kind=kind,
        network=network,
        scale=scale,
        minimum=chosen.minimum,
        channels=getattr(network, "channels", 3),
        weights=chosen.weights_text,
        device=device,
    )


def _stylizer(name: str, device: torch.device, find: Callable[[str], Path]) -> Participant:
    from models.style_net import MINIMUM_SIZE

    chosen = stylizers.STYLIZERS[name]
    return Participant(
        name=name,
        hash=chosen.hash(),
        kind="stylizer",
        network=stylizers.load(name, find, device),
        scale=1,
        minimum=MINIMUM_SIZE,
        channels=3,
        weights=chosen.weights_text,
        device=device,
    )


def _upscaler(name: str, scale: int, device: torch.device, find: Callable[[str], Path]) -> Participant:
    chosen = upscalers.UPSCALERS[name]
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
