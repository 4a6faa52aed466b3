"""The table of registered style networks. To add one, add a line to `STYLIZERS`; listing them loads nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import shipped
from bench.errors import UserError
from bench.records import content_hash

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from bench.outside.model import Outside
    from models.style_net import StyleNet

TRAINED: tuple[str, ...] = ("la_muse", "starry_night", "wave", "composition_vii")
"""Styles that we trained a network for, whose weights are in `models/weights`."""
SEED = 0
CALIBRATION_SIZE = 128


@dataclass(frozen=True, kw_only=True)
class StylizerEntry:
    """What is known of a style network before anything is loaded.

    Attributes:
        hash_id: what stands for the code in the content hash. It never changes, wherever `target` moves to: stored curves
            and timings are found by it.
        target: `module:callable` that returns the network; called with the path of its weights, if it has any.
        weights: manifest file, or one that the package ships; None for random weights, whose pictures mean nothing but
            take as long.
        style: the style image it was trained for, by its name in :mod:`bench.styles`; empty for none.
        loss_network: that it was trained with; empty where there was none.
        version: raised whenever the code's values change, so that stored timings are not taken for new ones.
    """

    name: str
    about: str
    hash_id: str
    target: str
    weights: str | None = None
    style: str = ""
    loss_network: str = ""
    version: str = "1"

    def hash(self, scale: int = 1) -> str:
        """SHA-256 of all that decides its output: code version and the weights' own hash."""
        weights = shipped.sha256_of(self.weights) if self.weights else None
        return content_hash({"target": self.hash_id, "version": self.version, "weights": weights})

    @property
    def text(self) -> str:
        """What it is asked for by."""
        return self.name

    @property
    def weights_text(self) -> str:
        """Where the weights come from, in the words of every table."""
        return self.weights.rpartition("/")[2] if self.weights else f"random weights, seed {SEED}"


def _trained(style: str) -> StylizerEntry:
    return StylizerEntry(
        name=f"style-{style}",
        about=f"the paper's network as we trained it for {style}",
        hash_id="models.style_net:load_style_net",
        target="models.style_net:load_style_net",
        weights=f"{shipped.PREFIX}style-{style}.safetensors",
        style=style,
        loss_network="vgg19-conv3_1",
    )


def _released(style: str) -> StylizerEntry:
    return StylizerEntry(
        name=f"style-johnson-{style}",
        about=f"the authors' released network for {style}: instance norm, half width (Johnson et al.)",
        hash_id="models.johnson_onnx:load_johnson",
        target="models.johnson_onnx:load_johnson",
        weights=f"weights/style-johnson-in/{style}.onnx",
        style=style,
        loss_network="vgg16",
    )


STYLIZERS: dict[str, StylizerEntry] = {
    entry.name: entry
    for entry in (
        StylizerEntry(
            name="style-paper",
            about="the paper's network (batch norm, 32 filters) with random weights: for timing only",
            hash_id="bench.stylizers:random_paper_network",
            target="bench.stylizers:random_paper_network",
        ),
        *(_trained(style) for style in TRAINED),
        *(_released(style) for style in ("candy", "la_muse", "mosaic", "udnie")),
    )
}


def entry(name: str) -> StylizerEntry | Outside:
    """The entry called `name`, or the stylizer from outside that it is the path of.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    if name in STYLIZERS:
        return STYLIZERS[name]
    from bench.outside.model import found

    chosen = found(name, lambda: ", ".join(STYLIZERS))
    if chosen.kind != "stylizer":
        raise UserError(f"{name!r} is not a stylizer but {chosen.about}; required a style network")
    return chosen


def load(name: str, find: Callable[[str], Path], device: torch.device) -> Callable[[Tensor], Tensor]:
    """The style network `name` on `device`, float32, in eval mode.

    Args:
        find: manifest file name to a local, verified path (:func:`bench.cache.find`).

    Raises:
        UserError: unknown name, or the `onnx` extra is missing.
        MissingFile: its weights are not to be had.
    """
    chosen = entry(name)
    if not isinstance(chosen, StylizerEntry):
        return chosen.load(1, device)
    module, _, attribute = chosen.target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    try:
        network: nn.Module = target(shipped.find(chosen.weights, find)) if chosen.weights else target()
    except ImportError as error:
        raise UserError(str(error)) from error
    return network.to(device).requires_grad_(False)


def random_paper_network() -> StyleNet:
    """The paper's network with seeded random weights, in eval mode.

    The statistics of its batch normalisation are those of one image of noise, so that activations have the size
    that they have in a trained network: rounding to half precision then costs what it costs there.
    """
    import torch
    from torch import nn

    from models.style_net import StyleNet

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        network = StyleNet()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # the running statistics become those of the one batch
        network.train()(torch.rand(1, 3, CALIBRATION_SIZE, CALIBRATION_SIZE))
    return network.eval()
