"""Value and gradient of a style objective, written out by hand: what autograd finds, with less memory moved.

Differs from differentiating :class:`models.losses.StyleObjective` in cost alone:
- the gradients by a layer are added, and cut by ReLU, where they lie; a Gram matrix adds its own in one product;
- nothing is kept for autograd, and the large buffers stay from one call to the next;
- the layout is `channels_last` where that is faster, and on a CPU in float32 the wide convolutions are those of
  :mod:`baselines.winograd`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.frozen_layers import Layer, frozen_layer
from models.losses import StyleObjective, Terms, exact, gram_distance, total_variation
from models.vgg import LossNetwork

DTYPES = (torch.float32, torch.float64, torch.bfloat16)


class ContentTap:
    """Looks at a layer on its way, and adds the content term's gradient on the way back."""

    def __init__(self, objective: StyleObjective, name: str) -> None:
        self.name = name
        self.weight = objective.content_weight
        self.target = objective.features[name]
        self.value = self.difference = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.difference = exact(x) - self.target
        self.value = self.weight * self.difference.square().mean((1, 2, 3))
        return x

    def backward(self, gradient: Tensor) -> Tensor:
        return gradient.add_(self.difference, alpha=2 * self.weight / self.difference[0].numel())


class StyleTap:
    """The same for a layer's style term. With rows F (pixels by C) and G = F'F / CHW, its gradient is a multiple
    of F (G - target): both Gram matrices are symmetric.
    """

    def __init__(self, objective: StyleObjective, name: str) -> None:
        self.target = objective.grams[name]
        mean = objective.style_distance == "mean"
        self.weight = objective.style_weight / (self.target[0].numel() if mean else 1)
        self.value = self.rows = self.difference = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        # In float32 a view of the layer's buffer, which no later layer writes to before the way back.
        self.rows = exact(by_pixel(x))
        gram = torch.bmm(self.rows.mT, self.rows) / x[0].numel()
        self.difference = gram - self.target
        self.value = self.weight * gram_distance(gram, self.target)
        return x

    def backward(self, gradient: Tensor) -> Tensor:
        factor = self.difference * (4 * self.weight / gradient[0].numel())
        if gradient.dtype == self.rows.dtype:
            by_pixel(gradient).baddbmm_(self.rows, factor)
        else:
            # bfloat16: the product is of float32, and rounded once, when it is added.
            by_pixel(gradient).add_(torch.bmm(self.rows, factor))
        return gradient


class StyleGradient:
    """An objective's terms and the gradient of their total, at images in [0, 1].

    One at a time: a call overwrites what the last one worked with, but not what it returned.

    Args:
        objective: over a :class:`models.vgg.LossNetwork`; its targets, layers and weights are taken as they are now.
        dtype: of the network's layers: bfloat16, or the weights' own. Terms and gradient are as exact as the image.

    Raises:
        ValueError: another kind of network, no layer at all, or float16, in which the gradients underflow.
    """

    def __init__(self, objective: StyleObjective, *, dtype: torch.dtype = torch.float32) -> None:
        network = objective.network
        if not isinstance(network, LossNetwork):
            raise ValueError(f"network is {type(network).__name__}, must be LossNetwork")
        if dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype}, must be one of: {', '.join(map(str, DTYPES))}")
        self.objective = objective
        self.dtype = dtype
        self.mean = network.mean
        fast = self.mean.device.type == "cpu" or dtype == torch.bfloat16
        self.memory_format = torch.channels_last if fast else torch.contiguous_format
        self.content = [ContentTap(objective, name) for name in objective.features]
        self.style = [StyleTap(objective, name) for name in objective.grams]
        self.layers = self.chain(network)

    def chain(self, network: LossNetwork) -> list[Layer]:
        """The network's layers down to the last that counts, each with its taps behind it."""
        names = [*self.objective.features, *self.objective.grams]
        if not names:
            raise ValueError("the objective has no layer, needs at least one")
        taps: list[Layer] = [*self.content, *self.style]
        layers: list[Layer] = []
        for name in network.path[: 1 + max(map(network.path.index, names))]:
            # The output of a convolution that has a tap of its own must outlive its ReLU.
            overwrite = name.replace("relu", "conv") not in names
            layers.append(frozen_layer(network, name, self.dtype, self.memory_format, overwrite=overwrite))
            layers += [tap for tapped, tap in zip(names, taps, strict=True) if tapped == name]
        return layers

    def aim_at(self, content: Float[Tensor, "n 3 h w"]) -> None:
        """Takes RGB in [0, 1] as the objective's new content, in place; the style is not looked at again."""
        self.objective.aim_at(content.contiguous(memory_format=self.memory_format))
        for tap in self.content:
            tap.target = self.objective.features[tap.name]

    @torch.no_grad()
    def __call__(self, image: Float[Tensor, "n 3 h w"]) -> tuple[Terms, Float[Tensor, "n 3 h w"]]:
        self.objective.check(image)
        x = (image - self.mean).to(self.dtype).contiguous(memory_format=self.memory_format)
        for layer in self.layers:
            x = layer.forward(x)
        gradient = torch.zeros_like(x)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        tv, of_tv = self.variation(image)
        # A new tensor: `gradient` lies in a layer's buffer, which the next call overwrites.
        return self.terms(image, tv), of_tv + gradient

    def terms(self, image: Tensor, tv: Float[Tensor, " n"]) -> Terms:
        zero = exact(image.new_zeros(len(image)))
        content = sum((tap.value for tap in self.content), zero)
        style = sum((tap.value for tap in self.style), zero)
        return Terms(total=content + style + tv, content=content, style=style, tv=tv)

    def variation(self, image: Tensor) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3 h w"]]:
        with torch.enable_grad():
            variable = image.detach().requires_grad_()
            tv = self.objective.tv_weight * total_variation(255 * exact(variable))
        (gradient,) = torch.autograd.grad(tv, variable, torch.ones_like(tv))
        return tv.detach(), gradient


def by_pixel(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n pixels c"]:
    """The same memory as one row of channels for each pixel, in either layout."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)
