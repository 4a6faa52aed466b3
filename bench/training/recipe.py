"""What decides the result of a training: frozen records whose fields are the command line's options; no torch."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from bench import arguments
from bench.environment import AUTO
from bench.errors import UserError

if TYPE_CHECKING:
    import torch

Record = TypeVar("Record", bound="Recipe | SRSettings | StyleNetSettings")


LONGEST_CHOICES = 24


def option(default: Any, text: str, choices: tuple[Any, ...] = (), requests: tuple[Any, ...] = ()) -> Any:
    """A field with what its command line option says.

    Args:
        requests: values of the option and of presets that the record never holds: something is chosen for them.
    """
    return field(default=default, metadata={"help": text, "choices": choices, "requests": requests})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained, whatever the task. Defaults are the paper's for super-resolution.

    Two trainings with equal recipe, task settings and images give the same network, bit for bit on a CPU.
    """

    patch: int = option(288, "side of the square patches, in pixels")
    fit: str = option(
        "cut",
        "patches are cut out of the images, or are the images whole, squeezed into a patch",
        ("cut", "whole"),
    )
    batch: int = option(4, "patches per step, of all processes together")
    iterations: int = option(200_000, "steps")
    learning_rate: float = option(1e-3, "Adam's")
    schedule: str = option("constant", "of the learning rate", ("constant", "cosine"))
    warmup: int = option(0, "steps in which the learning rate rises from 0")
    clip_norm: float = option(0.0, "largest norm of the gradient; 0 for any")
    average: float = option(0.0, "decay of the average of the weights that is kept; 0 for none")
    freeze_norm: int = option(0, "step from which batch normalisation keeps its statistics; 0 for never")
    flips: bool = option(False, "turn and mirror the patches")
    mirror: bool = option(False, "mirror half of the patches left to right, and turn none")
    precision: str = option(
        "float32",
        "bf16 has float32 weights and bfloat16 layers; auto is bf16 where the device has units for it, else float32",
        ("float32", "bf16"),
        requests=(AUTO,),
    )
    channels_last: bool = option(False, "memory format of the layers")
    compile: str = option(
        "none", "torch.compile's mode", ("none", "default", "reduce-overhead", "max-autotune")
    )
    seed: int = option(0, "of weights and patches")
    validation_share: float = option(0.02, "of the images that are held out, chosen by the file's hash")

    def __post_init__(self) -> None:
        for name in ("patch", "batch", "iterations", "learning_rate"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        for name in ("warmup", "clip_norm", "freeze_norm", "seed"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number of at least 0")
        for name in ("average", "validation_share"):
            require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a number in [0, 1)")
        require(not (self.flips and self.mirror), "mirror", self.mirror, "off with flips, which mirror too")
        require_choices(self)

    @property
    def turns(self) -> tuple[int, ...]:
        """How a patch may be turned, all equally often: bits as in :class:`bench.training.data.Patches`."""
        if self.flips:
            return tuple(range(8))
        return (0, 2) if self.mirror else (0,)

    @property
    def layout(self) -> torch.memory_format:
        """Of layers and images."""
        import torch

        return torch.channels_last if self.channels_last else torch.contiguous_format

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        # Step 0 has a share already, and step `warmup` the whole rate.
        rate = self.learning_rate * min(1.0, (step + 1) / (self.warmup + 1))
        if self.schedule == "constant":
            return rate
        return rate * 0.5 * (1 + math.cos(math.pi * step / self.iterations))


@dataclass(frozen=True, kw_only=True)
class SRSettings:
    """The task `sr`: the network, how lr is made, and the loss."""

    scale: int = option(4, "upscaling factor", (2, 4, 8))
    loss: str = option("pixel", "the paper's l_pixel or l_feat", ("pixel", "feature"))
    loss_network: str = option("vgg16", "of the feature loss", ("vgg16", "vgg19-conv3_1"))
    loss_layer: str = option("relu2_2", "of the feature loss")
    second_loss_network: str = option(
        "none", "whose feature loss is added", ("none", "vgg16", "vgg19-conv3_1")
    )
    second_weight: float = option(0.0, "of the second loss network's feature loss")
    grid_weight: float = option(
        0.0, "of what repeats with the scale in sr - hr, in 0..255, added to the loss"
    )
    grid_flat: float = option(
        0.0, "where hr's standard deviation in 0..255 is below it, for the grid weight; 0 for everywhere"
    )
    tv_weight: float = option(0.0, "of the total variation of sr in 0..255, added to the loss")
    blur_sigma: float = option(1.0, "Gaussian blur of hr before it is reduced, in hr pixels; 0 for none")
    arithmetic: str = option("float", "of MATLAB's imresize that makes lr", ("float", "uint8"))
    width: int = option(64, "filters of each layer")
    blocks: int = option(4, "residual units")
    unit: str = option("plain", "residual unit: the paper's, or with a 1x1 shortcut", ("plain", "projected"))

    def __post_init__(self) -> None:
        for name in ("width", "blocks"):
            require(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        for name in ("tv_weight", "second_weight", "grid_weight", "grid_flat", "blur_sigma"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "a number of at least 0")
        require(
            self.grid_weight > 0 or self.grid_flat == 0,
            "grid_flat",
            self.grid_flat,
            "0 without a grid weight",
        )
        # Both or neither: either alone would stand in the recipe and do nothing.
        second = self.second_loss_network != "none"
        require(
            second == (self.second_weight > 0),
            "second_weight",
            self.second_weight,
            "above 0 with a second loss network alone",
        )
        require(not second or self.loss == "feature", "loss", self.loss, "feature with a second loss network")
        require_choices(self)


@dataclass(frozen=True, kw_only=True)
class StyleNetSettings:
    """The network of the task `style`; its objective is a :class:`bench.records.StyleProtocol`."""

    norm: str = option("batch", "normalisation: the paper's, or the release's", ("batch", "instance"))
    width: int = option(32, "filters of the first layer; the release has 16")
    tanh: str = option("paper", "how the last layer becomes an image", ("paper", "released"))

    def __post_init__(self) -> None:
        require(self.width > 0, "width", self.width, "a number above 0")
        require_choices(self)


# Fields of the recipe and of the task's settings in one: `build` takes what its record has.
STRONG = {
    "patch": 192,
    "batch": 16,
    "schedule": "cosine",
    "warmup": 500,
    "clip_norm": 1.0,
    "average": 0.999,
    "freeze_norm": 500,
    "flips": True,
    "precision": AUTO,
    "channels_last": True,
    "blur_sigma": 0.0,
}
PAPER_STYLE = {"patch": 256, "fit": "whole", "iterations": 40_000}
STRONG_STYLE = {
    **PAPER_STYLE,
    "schedule": "cosine",
    "warmup": 100,
    "clip_norm": 1.0,
    "average": 0.999,
    "flips": True,
    "precision": AUTO,
    "channels_last": True,
    "norm": "instance",
}
PRESETS: dict[str, dict[str, Mapping[str, Any]]] = {
    "sr": {"paper": {}, "strong": STRONG},
    "style": {"paper": PAPER_STYLE, "strong": STRONG_STYLE},
}
"""By task, then by name: what differs from the records' own defaults."""


def add_options(
    parser: argparse._ActionsContainer, record: type[Record], defaults: Mapping[str, Any] | None = None
) -> None:
    """An option for each field; one that is not given is None, so that a preset's value can stand.

    Args:
        defaults: of the preset that goes without saying, where they are not the record's own.
    """
    for f in fields(record):
        default: Any = (defaults or {}).get(f.name, f.default)
        name, kind = f"--{f.name.replace('_', '-')}", type(default)
        words = f"{f.metadata['help']} (default: {default})"
        if kind is bool:
            words = f"{f.metadata['help']} (default: {'on' if default else 'off'})"
            parser.add_argument(name, action=argparse.BooleanOptionalAction, help=words)
        else:
            choices = (*f.metadata["choices"], *f.metadata["requests"]) or None
            metavar = None if choices else ("NAME" if kind is str else "N")
            if (
                choices and len(", ".join(choices if kind is str else ())) > LONGEST_CHOICES
            ):  # for a line of the usage
                metavar, words = "NAME", f"{', '.join(choices)}: {words}"
            read: Any = kind
            if kind is int:
                read = arguments.seed if f.name == "seed" else arguments.count
            parser.add_argument(name, type=read, choices=choices, metavar=metavar, help=words)


def build(record: type[Record], preset: Mapping[str, Any], given: Mapping[str, Any]) -> Record:
    """The preset's values, and over them those that were given.

    Raises:
        UserError: a value that cannot be.
    """
    own = {f.name for f in fields(record)}
    chosen = {name: value for name, value in preset.items() if name in own}
    chosen |= {name: value for name, value in given.items() if name in own and value is not None}
    return record(**chosen)


def differences(given: Mapping[str, Any], required: Mapping[str, Any]) -> list[str]:
    """`batch 8, must be 4` for each key whose values differ."""
    return [
        f"{key} is {given.get(key)}, must be {required.get(key)}"
        for key in dict.fromkeys([*given, *required])
        if given.get(key) != required.get(key)
    ]


def require(right: bool, name: str, value: Any, what: str) -> None:
    """Raises UserError with the value and `what` it must be, unless it is right."""
    if not right:
        raise UserError(f"{name} must be {what} (got {value})")


def require_choices(record: Recipe | SRSettings | StyleNetSettings) -> None:
    """Raises UserError for a value that is none of its option's choices."""
    values = asdict(record)
    for f in fields(record):
        known = f.metadata["choices"]
        if known and values[f.name] not in known:
            raise UserError(f"{f.name} must be one of: {', '.join(map(str, known))} (got {values[f.name]!r})")
