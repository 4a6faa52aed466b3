"""The paper's losses, one value per image, and the objective that combines them.

Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016,
arXiv:1603.08155, section 3.2. All are computed in float32 at least, whatever the features' dtype.

Differs from the paper:
- its weights are not published. The release's are 1, 5 and 1e-6, for a style loss that averages over the C*C
  entries of a Gram matrix where the paper's equation sums them: its 5 is 5 / C**2 there, layer by layer.
  :class:`StyleObjective` averages by default, and sums as the paper does with `style_distance="sum"`. The
  values in Figure 5 fit the average: chicago at 256x256 for The Muse has 2.8e6 with it and 3.2e10 with the
  sum (weight 5, three layers of VGG-19); the paper's content images have about 4e6.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from models.vgg import LossNetwork

Features = Mapping[str, Float[Tensor, "_ _ _ _"]]
Grams = Mapping[str, Float[Tensor, "_ _ _"]]

CONTENT_LAYERS = ("relu3_3",)
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
STYLE_DISTANCES = ("mean", "sum")


def exact(x: Tensor) -> Tensor:
    """`x` in float32, or in float64 if it is: float16 overflows above 65504, bfloat16 has three digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def pixel_loss(output: Float[Tensor, "#n c h w"], target: Float[Tensor, "#n c h w"]) -> Float[Tensor, " #n"]:
    """Squared Euclidean distance of two images over C*H*W."""
    return (exact(output) - exact(target)).square().mean((1, 2, 3))


def feature_loss(
    output: Float[Tensor, "#n c h w"], target: Float[Tensor, "#n c h w"]
) -> Float[Tensor, " #n"]:
    """Squared Euclidean distance of two feature maps over C*H*W (equation 2)."""
    return pixel_loss(output, target)


def gram(features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c c"]:
    """psi psi^T / (C*H*W), psi the features as C rows of H*W (equation 3).

    Each factor is scaled before the product, which runs in float32 at least, under autocast too.
    """
    _, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        psi = exact(features).flatten(2) * (c * h * w) ** -0.5
        return psi @ psi.mT


def gram_distance(output: Float[Tensor, "#n c c"], target: Float[Tensor, "#n c c"]) -> Float[Tensor, " #n"]:
    """Squared Frobenius norm of the difference of two Gram matrices: one layer's style loss (equation 4)."""
    return (output - target).square().sum((1, 2))


def style_loss(output: Grams, target: Grams) -> Float[Tensor, " n"]:
    """:func:`gram_distance`, summed over the layers of `target`."""
    return torch.stack([gram_distance(output[layer], target[layer]) for layer in target]).sum(0)


def grid_pattern(
    output: Float[Tensor, "n c h w"],
    target: Float[Tensor, "n c h w"],
    period: int,
    *,
    extent: int = 6,
    flat: float = math.inf,
) -> Float[Tensor, " n"]:
    """Mean square of what repeats with `period` in the difference of two images: the grid that up-sampling layers print.

    Each of the `period` x `period` phases is averaged over `extent` x `extent` neighbouring periods, less the mean of all
    phases: texture, which does not repeat, averages out.

    Args:
        output, target: In one unit; the result is in its square.
        period: Of the grid, in pixels.
        extent: Side of a window, in periods.
        flat: Windows of which `target` deviates by this or more (root of the mean variance of its channels, in the images'
            unit) count as 0: a grid shows where the image is flat.

    Raises:
        ValueError: a side is no multiple of the period, or has fewer than `extent` periods.
    """
    if any(side % period or side < extent * period for side in output.shape[-2:]):
        h, w = output.shape[-2:]
        raise ValueError(
            f"image must have sides that are multiples of {period}, {extent * period} at least (got {w}x{h})"
        )
    # n (c period**2) h/period w/period: channel by channel, each phase as an image of its own.
    phases = F.pixel_unshuffle(exact(output) - exact(target), period)
    local = torch.unflatten(F.avg_pool2d(phases, extent, 1), 1, (-1, period**2))
    grid = (local - local.mean(2, keepdim=True)).square().mean((1, 2))
    if flat < math.inf:
        grid = torch.where(window_variance(exact(target), period, extent) < flat**2, grid, 0.0)
    return grid.mean((1, 2))


def window_variance(
    image: Float[Tensor, "n c h w"], period: int, extent: int
) -> Float[Tensor, "n rows columns"]:
    """Variance of a channel, mean over channels, in each window of `extent` x `extent` periods."""
    # Less its mean first: squares of the differences alone keep their digits.
    centred = image - image.mean((2, 3), keepdim=True)
    side = extent * period
    mean, square = (F.avg_pool2d(x, side, period) for x in (centred, centred.square()))
    return (square - mean.square()).mean(1)


def total_variation(image: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """Half the sum of squared forward differences: all channels, all pixels but the last row and column.

    The paper gives no formula. This is the function whose gradient the release adds
    (`TotalVariation.lua`); but for the half it is that of Mahendran and Vedaldi 2015 (arXiv:1412.0035) with
    beta = 2. It is a sum, so it grows with the image.
    """
    x = exact(image)
    corner = x[..., :-1, :-1]
    return ((x[..., :-1, 1:] - corner).square() + (x[..., 1:, :-1] - corner).square()).sum((1, 2, 3)) / 2


class Terms(NamedTuple):
    """An objective's value for each image. Weights are in the terms: `total` is the sum of the others."""

    total: Float[Tensor, " n"]
    content: Float[Tensor, " n"]
    style: Float[Tensor, " n"]
    tv: Float[Tensor, " n"]


class StyleObjective:
    """Content, style and total variation: what the optimisation and the network's training minimise.

    `content_weight * feature loss + style_weight * style loss + tv_weight * total variation` (equation 5),
    the first two summed over their layers, the variation that of the image in 0..255. Targets are computed
    once, here.

    Args:
        network: RGB in [0, 1], `n 3 h w`, to features by layer name; frozen.
        content: RGB in [0, 1], of the size of the images to be judged: one, or one for each of them.
        style: RGB in [0, 1], of any size: one, or one for each image to be judged.
        content_layers: may be empty, as may `style_layers`: the term is then 0.
        style_distance: `mean` (the release) averages a Gram matrix's entries, `sum` (the paper) sums them.

    Attributes:
        features: targets of the content term by layer, `n c h w` in the network's dtype.
        grams: targets of the style term by layer, `m c c`, float32 at least.

    Raises:
        ValueError: a layer that the network does not give or an unknown distance; in use, an image of another
            size than the content, or another number of images than of targets.
    """

    def __init__(
        self,
        network: Callable[[Tensor], Features],
        *,
        content: Float[Tensor, "n 3 h w"],
        style: Float[Tensor, "m 3 h2 w2"],
        content_layers: Sequence[str] = CONTENT_LAYERS,
        style_layers: Sequence[str] = STYLE_LAYERS,
        content_weight: float = 1.0,
        style_weight: float = 5.0,
        tv_weight: float = 1e-6,
        style_distance: str = "mean",
    ) -> None:
        if style_distance not in STYLE_DISTANCES:
            raise ValueError(
                f"style_distance is {style_distance!r}, must be one of: {', '.join(STYLE_DISTANCES)}"
            )
        self.network = network
        self.content_layers = tuple(content_layers)
        self.style_layers = tuple(style_layers)
        self.content_weight = content_weight
        self.style_weight = style_weight
        self.tv_weight = tv_weight
        self.style_distance = style_distance
        with torch.no_grad():
            self.grams = {k: gram(f) for k, f in chosen(network(style), self.style_layers).items()}
        self.aim_at(content)

    def aim_at(self, content: Float[Tensor, "n 3 h w"]) -> None:
        """Takes RGB in [0, 1] as the new content, in place; what is judged from now on must have its size."""
        network = self.network
        if isinstance(network, LossNetwork) and self.content_layers:
            # What is judged later must reach the style's layers, and is of the content's size.
            network.check(content)
            # The style's layers lie deeper: on VGG-16 with content at relu2_2 this takes two fifths of the time.
            network = network.up_to(self.content_layers)
        with torch.no_grad():
            self.features = chosen(network(content), self.content_layers)
        self.content_shape = tuple(content.shape)

    def with_content(self, content: Float[Tensor, "n 3 h w"]) -> StyleObjective:
        """The same objective for other content, for training: the style is not looked at again."""
        # Shallow: the network and the style's Gram matrices are shared.
        other = copy.copy(self)
        other.aim_at(content)
        return other

    def __call__(self, image: Float[Tensor, "n 3 h w"]) -> Terms:
        """The terms of each image, `n 3 h w`, RGB in [0, 1]: float32, differentiable."""
        self.check(image)
        features = self.network(image)
        # Where sums begin, so that a term without layers still has a value for each image.
        zero = exact(image.new_zeros(image.shape[0]))
        content = sum((feature_loss(features[k], target) for k, target in self.features.items()), zero)
        style = sum((self.layer_style(features[k], target) for k, target in self.grams.items()), zero)
        # Converted before the product: differences of neighbours are lost in a half-precision 0..255.
        tv = self.tv_weight * total_variation(255 * exact(image))
        content, style = self.content_weight * content, self.style_weight * style
        return Terms(total=content + style + tv, content=content, style=style, tv=tv)

    def layer_style(
        self, features: Float[Tensor, "#n c h w"], target: Float[Tensor, "#n c c"]
    ) -> Float[Tensor, " #n"]:
        """One layer's style loss, not weighted."""
        distance = gram_distance(gram(features), target)
        return distance / target[0].numel() if self.style_distance == "mean" else distance

    def check(self, image: Tensor) -> None:
        """Raises ValueError unless `n 3 h w` is of the content's size, and each term has one target or n."""
        count, _, h, w = image.shape
        targets, _, content_h, content_w = self.content_shape
        if (h, w) != (content_h, content_w):
            raise ValueError(f"image is {w}x{h}, must be the content's size, {content_w}x{content_h}")
        # Empty without style layers, which suits any number of images.
        styles = {len(target) for target in self.grams.values()}
        for name, given in (("content", {targets}), ("style", styles)):
            if not given <= {1, count}:
                raise ValueError(
                    f"{name} has {max(given)} images, must be 1 or as many as are judged, {count}"
                )


def chosen(features: Features, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """The features of `layers`, or a refusal that lists what there is."""
    missing = [layer for layer in layers if layer not in features]
    if missing:
        raise ValueError(f"layers {', '.join(missing)} asked for, needs some of: {', '.join(features)}")
    return {layer: features[layer] for layer in layers}
