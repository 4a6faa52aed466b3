"""Every model that can be named, of the tables or by a path: found by its name, and loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.data import cache, shipped
from bench.errors import UserError
from bench.interfaces import Requirements, Upscaler, requirements
from bench.plugins import ExtendedTable, Plugin
from bench.registry import stylizers, upscalers
from bench.registry.external import PLUGIN_MODELS, ExternalModel, resolve, resolve_external
from bench.registry.stylizers import StylizerEntry
from bench.registry.upscalers import UpscalerEntry

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Kind = Literal["stylizer", "upscaler"]
DEFAULT_SCALE = 4


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model of either kind on a device, with what decides its output and its time: what `bench.speed` times and
    `bench.apply` runs.

    Attributes:
        network: takes and gives float32 in [0, 1], `n c h w`; a `torch.nn.Module` where it has forms.
        scale: size that comes out over size that goes in; 1 for a stylizer.
        requirements: as it states them, with the `minimum` of its entry.
        weights: where they come from, in words; empty for a model without any.
    """

    name: str
    hash: str
    kind: Kind
    network: Callable[[Any], Any]
    scale: int
    requirements: Requirements
    weights: str
    device: torch.device

    @property
    def module(self) -> nn.Module | None:
        """The network where it is a `torch.nn.Module`, which can be laid out, cast and compiled."""
        from torch import nn

        return self.network if isinstance(self.network, nn.Module) else None


def _signed(entry: StylizerEntry | UpscalerEntry, plugin: Plugin) -> StylizerEntry | UpscalerEntry:
    return replace(
        entry,
        # a plugin that copies one of our entries must not be found under our scores
        hash_id=f"{plugin.distribution}:{entry.hash_id}",
        version=f"{entry.version}+{plugin.stamp}",
    )


EXTENDED: ExtendedTable[StylizerEntry | UpscalerEntry] = ExtendedTable(
    group=PLUGIN_MODELS,
    what="model",
    ours=lambda: {**upscalers.UPSCALERS, **stylizers.STYLIZERS},
    kinds=(UpscalerEntry, StylizerEntry),
    signed=_signed,
)
"""Both tables with what plugins add (:mod:`bench.plugins`)."""


def names() -> tuple[str, ...]:
    """Every model that can be named, stylizers first."""
    return (*stylizers.STYLIZERS, *upscalers.UPSCALERS, *EXTENDED.names())


def upscaler_entry(name: str) -> UpscalerEntry | ExternalModel:
    """The entry called `name`, or the external upscaler, or folder of images, that it is the path of.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    known = EXTENDED.find(name)
    if isinstance(known, UpscalerEntry):
        return known
    chosen = resolve_external(name, lambda: ", ".join([*upscalers.UPSCALERS, *EXTENDED.names()]))
    if chosen.kind == "stylizer":
        raise UserError(
            f"{name!r} gives images of the size it takes: a stylizer; must be an upscaler (kind=upscaler makes it one)"
        )
    return chosen


def stylizer_entry(name: str, *, images: bool = False) -> StylizerEntry | ExternalModel:
    """The entry called `name`, or the external stylizer that it is the path of.

    Args:
        images: a folder of images is one too.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    known = EXTENDED.find(name)
    if isinstance(known, StylizerEntry):
        return known
    chosen = resolve_external(name, lambda: ", ".join([*stylizers.STYLIZERS, *EXTENDED.names()]))
    if chosen.kind != "stylizer" and not (images and chosen.kind == "images"):
        raise UserError(f"{name!r} is not a stylizer but {chosen.about}; must be a style network")
    return chosen


def load_upscaler(name: str, scale: int, find: Callable[[str], Path], device: torch.device) -> Upscaler:
    """The upscaler `name` for `scale`, on `device`, ready to be called.

    Args:
        find: manifest file name to a local, verified path (:func:`bench.data.cache.find`).

    Raises:
        UserError: unknown name, or a scale that it has no weights for.
        MissingFile: its weights are not to be had.
    """
    chosen = upscaler_entry(name)
    if not isinstance(chosen, UpscalerEntry):
        upscaler: Upscaler = chosen.load(scale, device)
        return upscaler
    if not chosen.supports(scale):
        raise UserError(f"model {name} has no weights for x{scale}; it has {chosen.weights_text}")
    # no argument rather than None: a target without weights need not know it
    weights = {"weights": shipped.find(chosen.weights[scale], find)} if chosen.weights else {}
    made = resolve(chosen.target)(scale=scale, **chosen.options, **weights)
    # interpolations have no weights to be moved: they compute where lr lies
    return made.to(device) if hasattr(made, "to") else made


def load_stylizer(name: str, find: Callable[[str], Path], device: torch.device) -> Callable[[Tensor], Tensor]:
    """The style network `name` on `device`, float32, in eval mode.

    Args:
        find: manifest file name to a local, verified path (:func:`bench.data.cache.find`).

    Raises:
        UserError: unknown name, or the `onnx` extra is missing.
        MissingFile: its weights are not to be had.
    """
    chosen = stylizer_entry(name)
    if not isinstance(chosen, StylizerEntry):
        return chosen.load(1, device)
    target = resolve(chosen.target)
    try:
        network: nn.Module = target(shipped.find(chosen.weights, find)) if chosen.weights else target()
    # a network that is read out of an ONNX file needs the extra
    except ImportError as error:
        raise UserError(str(error)) from error
    # frozen, or autograd would keep every activation of a timing or an apply
    return network.to(device).requires_grad_(False)


def entry(name: str) -> StylizerEntry | UpscalerEntry | ExternalModel:
    """The model called `name`, or the external network that it is the path of, of either kind.

    Raises:
        UserError: there is none; the message lists all. Or it is a folder of images.
    """
    known = EXTENDED.find(name)
    if known is not None:
        return known
    chosen = resolve_external(name, lambda: ", ".join(names()))
    if chosen.kind == "images":
        raise UserError(f"{name!r} is a folder of images, which cannot be run; must be a network")
    return chosen


def kind(name: str) -> Kind:
    """Whether `name` is a stylizer or an upscaler.

    Raises:
        UserError: it is neither, nor the path of an external model; the message lists all.
    """
    return "stylizer" if entry(name).kind == "stylizer" else "upscaler"


def scale_of(name: str, scale: int | None = None) -> int:
    """sr size over lr size that the model `name` runs with: `scale`, else its own, else :data:`DEFAULT_SCALE`.

    Raises:
        UserError: there is no such model.
    """
    if kind(name) == "stylizer":
        return 1
    chosen = entry(name)
    own = chosen.scale if isinstance(chosen, ExternalModel) else None
    return scale if scale is not None else own or DEFAULT_SCALE


def load(
    name: str, *, scale: int, device: torch.device, find: Callable[[str], Path] = cache.find
) -> LoadedModel:
    """The model `name` on `device`, ready to be called.

    Args:
        scale: of an upscaler; a stylizer has none.

    Raises:
        UserError: unknown name, or a scale that it has no weights for.
        MissingFile: its weights are not to be had.
    """
    chosen = entry(name)
    network: Callable[[Any], Any]
    if chosen.kind == "stylizer":
        scale, network = 1, load_stylizer(name, find, device)
    else:
        network = load_upscaler(name, scale, find, device)
    if isinstance(chosen, UpscalerEntry):  # its file depends on the scale
        weights = chosen.weights.get(scale, "").rpartition("weights/")[2]
    else:
        weights = chosen.weights_text
    return LoadedModel(
        name=chosen.name,
        hash=chosen.hash(scale),
        kind=kind(name),
        network=network,
        scale=scale,
        # an adapter pads inside and states nothing of itself: the entry has the minimum
        requirements=replace(requirements(network), minimum=chosen.minimum),
        weights=weights,
        device=device,
    )
