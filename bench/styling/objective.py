"""The style objective of a protocol, and the images as the protocol has them: RGB in [0, 1], on the CPU.

Training, optimisation and measurement build it here and nowhere else.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from baselines.bicubic import imresize
from bench import loss_networks
from bench.applying.config import resized
from bench.data import images
from bench.data.styles import StyleImage
from bench.errors import UserError
from bench.records import StyleProtocol
from models.losses import StyleObjective
from models.vgg import LossNetwork


def loss_network(chosen: StyleProtocol) -> LossNetwork:
    """The loss network of a protocol, on the CPU, up to the last of its layers.

    Raises:
        MissingFile: its weights are not to be had.
        UserError: a layer that it does not reach; the message lists those that it does.
    """
    return loss_networks.load(chosen.loss_network, [*chosen.content_layers, *chosen.style_layers])


def read_style(style: StyleImage, longer_side: int) -> Float[Tensor, "1 3 h w"]:
    """The style image, RGB in [0, 1], as :func:`fitted` makes it.

    Raises:
        ImageError: it cannot be read.
    """
    return fitted(images.to_tensor(images.read(style.file)), longer_side)


def fitted(image: Float[Tensor, "1 c h w"], longer_side: int) -> Float[Tensor, "1 3 h2 w2"]:
    """The whole image, grey repeated, its longer side resized: RGB in [0, 1]."""
    h, w = image.shape[-2:]
    # Bicubic overshoots; everything that sees a style expects [0, 1].
    return imresize(image.expand(-1, 3, -1, -1), resized(h, w, longer_side)).clamp(0, 1)


def square(image: Float[Tensor, "1 c h w"], size: int) -> Float[Tensor, "1 3 s s"]:
    """The largest centred square, resized to `size`: RGB in [0, 1], as :class:`bench.records.StyleProtocol` has it."""
    h, w = image.shape[-2:]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    cut = image[..., top : top + side, left : left + side].expand(-1, 3, -1, -1)
    # contiguous: up to here the three channels of a grey image share one plane.
    return cut.contiguous() if side == size else imresize(cut, (size, size)).clamp(0, 1)


def objective(
    chosen: StyleProtocol,
    network: LossNetwork,
    *,
    content: Float[Tensor, "n 3 h w"],
    style: Float[Tensor, "1 3 h2 w2"],
) -> StyleObjective:
    """What the protocol measures, for contents of its size; all on one device.

    Raises:
        UserError: content or style is too small for the loss network.
    """
    for name, image in (("content", content), ("style", style)):
        h, w = image.shape[-2:]
        if min(h, w) < network.minimum:
            raise UserError(f"the {name} must be at least {network.minimum} pixels per side (got {w}x{h})")
    return StyleObjective(
        network,
        content=content,
        style=style,
        content_layers=chosen.content_layers,
        style_layers=chosen.style_layers,
        content_weight=chosen.content_weight,
        style_weight=chosen.style_weight,
        tv_weight=chosen.tv_weight,
        style_distance=chosen.style_distance,
    )
