"""Style images by name, and the protocol of the objective that one is: what is trained, optimised and measured.

To add a style image, put it into the group `styles` of `manifest.toml`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.data import cache, manifest
from bench.errors import UserError, did_you_mean
from bench.records import StyleProtocol

INITIAL = {
    "gaussian": "normal noise of one level about the mean colour",
    "noise": "uniform noise",
    "content": "the content",
}
"""What the optimisation can start from (:data:`baselines.gatys.INITIAL`), the default first, each in prose."""

ALIASES = {"the_wave": "wave"}
STYLE_SIZE = 384
"""Longer side of a style image, in pixels; of the release's own example (doc/training.md)."""


LOSS_WEIGHTS = {
    "vgg16": "weights/trunks/vgg16-features.safetensors",
    "vgg19-conv3_1": "weights/vgg19-caffe-conv3_1/vgg19.model",
}
"""The loss networks, each with the manifest's file of its weights."""


@dataclass(frozen=True, kw_only=True)
class StyleImage:
    """A style: its name in every table, its file, and the SHA-256 of the file's bytes."""

    name: str
    file: Path
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a loss network is looked at, and how much the terms weigh; the content's weight is 1.

    Attributes:
        by_style: style weights of style images of the manifest that need another one, by name.
    """

    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    style_weight: float
    tv_weight: float
    by_style: Mapping[str, float] = field(default_factory=dict)

    def style_weight_of(self, style: StyleImage) -> float:
        """The style's own, where it has one."""
        file = names().get(style.name)
        # by its bytes: another file of that name gets the weight of any style
        known = file is not None and manifest.file(file).sha256 == style.sha256
        return self.by_style.get(style.name, self.style_weight) if known else self.style_weight


# Of vgg16 the paper's layers (relu2_2 for content: the arXiv text), and weights fitted to the one thing that the paper
# shows of its own, Figure 5: the content image's objective is 7.3 times that of L-BFGS after 50 iterations at 256x256.
# Fitted on six styles and two contents, none of them la_muse or of coco50 (docs/style.md).
#
# Of the other the layers it has, and weights at which the optimisation's pictures at 256x256 keep their content; the
# style term of a photograph is 6 times as large for la_muse as for wave, so that one weight cannot serve both.
DEFAULTS = {
    "vgg16": Defaults(
        content_layers=("relu2_2",),
        style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
        style_weight=8e4,
        tv_weight=1e-8,
    ),
    "vgg19-conv3_1": Defaults(
        content_layers=("relu3_1",),
        style_layers=("relu1_1", "relu2_1", "relu3_1"),
        style_weight=30.0,
        tv_weight=2e-4,
        by_style={"la_muse": 20.0, "starry_night": 40.0, "composition_vii": 40.0, "wave": 100.0},
    ),
}


def weights_name(loss_network: str) -> str:
    """What the file is called whose weights `loss_network`, one of :data:`LOSS_WEIGHTS`, has here."""
    return cache.used_name(LOSS_WEIGHTS[loss_network])


def names() -> dict[str, str]:
    """The style images that have a name, each with its file in the manifest."""
    return {PurePosixPath(file.name).stem: file.name for file in manifest.group("styles").files}


def style_image(name_or_file: str) -> StyleImage:
    """A style by its name or its file.

    Raises:
        UserError: neither; the message lists the names.
        MissingFile: a named one is not to be had.
        OSError: the file cannot be read.
    """
    known = names()
    name = ALIASES.get(name_or_file, name_or_file)
    if name in known:
        file = cache.find(known[name])
    elif Path(name_or_file).is_file():
        name, file = Path(name_or_file).stem, Path(name_or_file)
    else:
        raise UserError(
            f"no style is called {name_or_file!r}{did_you_mean(name_or_file, known)}; "
            f"must be the file of an image, or one of: {', '.join(known)}"
        )
    return StyleImage(name=name, file=file, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def protocol(
    style: StyleImage,
    size: int,
    *,
    loss_network: str,
    content_layers: Sequence[str] | None = None,
    style_layers: Sequence[str] | None = None,
    content_weight: float = 1.0,
    style_weight: float | None = None,
    tv_weight: float | None = None,
    style_size: int = STYLE_SIZE,
) -> StyleProtocol:
    """The objective for a style at a size; what is None is as in :data:`DEFAULTS`.

    Raises:
        UserError: a size below 1, a weight that is negative or not finite.
    """
    own = DEFAULTS[loss_network]
    style_weight = own.style_weight_of(style) if style_weight is None else style_weight
    tv_weight = own.tv_weight if tv_weight is None else tv_weight
    for name, value in (("content", content_weight), ("style", style_weight), ("tv", tv_weight)):
        if not 0 <= value < float("inf"):
            raise UserError(f"--{name}-weight is {value}; must be a finite number of at least 0")
    for name, side in (("size", size), ("style-size", style_size)):
        if side < 1:
            raise UserError(f"--{name} must be at least 1 (got {side})")
    return StyleProtocol(
        size=size,
        style=style.name,
        style_sha256=style.sha256,
        style_size=style_size,
        loss_network=loss_network,
        loss_weights=weights_name(loss_network),
        content_layers=tuple(own.content_layers if content_layers is None else content_layers),
        style_layers=tuple(own.style_layers if style_layers is None else style_layers),
        content_weight=content_weight,
        style_weight=style_weight,
        tv_weight=tv_weight,
    )
