"""The task `style`: one network for one style."""

from __future__ import annotations

import copy
import json
import typing as tp
from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.style_gradient import StyleGradient
from bench.data.styles import StyleImage
from bench.records import StyleProtocol
from bench.styling.objective import loss_network, objective, read_style, square
from bench.training.recipe import StyleNetSettings
from models.losses import StyleObjective
from models.style_net import ARCHITECTURE, MINIMUM_SIZE, StyleNet
from models.vgg import LossNetwork


class TotalByHand(torch.autograd.Function):
    """An objective's total for each image, with the gradient that :class:`baselines.style_gradient.StyleGradient` finds."""

    @staticmethod
    def forward(ctx: tp.Any, output: Float[Tensor, "n 3 h w"], find: StyleGradient) -> Float[Tensor, " n"]:
        terms, gradient = find(output)
        ctx.save_for_backward(gradient)
        return terms.total

    @staticmethod
    def backward(ctx: tp.Any, above: Float[Tensor, " n"]) -> tuple[Float[Tensor, "n 3 h w"], None]:
        (gradient,) = ctx.saved_tensors
        return above[:, None, None, None] * gradient, None


class StyleTask:
    """Style transfer with the paper's network; what it minimises is what `bench.style_quality` measures.

    Args:
        protocol: the objective, of the size of the patches.
        features: its loss network.
        style: its style image, RGB in [0, 1].
    """

    name, multiple, least = "style", 4, MINIMUM_SIZE

    def __init__(
        self,
        settings: StyleNetSettings,
        protocol: StyleProtocol,
        features: LossNetwork,
        style: Float[Tensor, "1 3 h w"],
    ) -> None:
        self.chosen, self.protocol, self.features, self.style = settings, protocol, features, style
        self.to(style.device)

    def settings(self) -> dict[str, tp.Any]:
        return {"task": self.name, **asdict(self.chosen), **self.protocol.definition}

    def network(self) -> StyleNet:
        return StyleNet(**asdict(self.chosen))

    def initial(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        return arrays

    def to(self, device: torch.device) -> None:
        style = self.style.to(device)
        # Every batch aims it at its own content; the style is looked at here and never again.
        self.aim = objective(self.protocol, self.features.to(device), content=style, style=style)
        # On a GPU it was not timed: there autograd, which --compile reaches.
        self.by_hand = StyleGradient(copy.copy(self.aim)) if device.type == "cpu" else None

    @torch.no_grad()
    def examples(self, patches: Float[Tensor, "n 3 p p"]) -> tuple[Tensor, Tensor]:
        return patches, patches

    def objective(self, output: Tensor, target: Tensor) -> Float[Tensor, ""]:
        if self.by_hand is None or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
            return self.aimed(target)(output).total.mean()
        self.by_hand.aim_at(target)
        return TotalByHand.apply(output, self.by_hand).mean()

    def aimed(self, content: Float[Tensor, "n 3 h w"]) -> StyleObjective:
        return self.aim.with_content(content)

    @torch.no_grad()
    def score(
        self, network: torch.nn.Module, image: Float[Tensor, "1 3 h w"]
    ) -> tuple[dict[str, float], Float[Tensor, "1 3 h2 w2"]]:
        """The objective and its terms at the size of the patches, and how many times the content's own it is below."""
        content = square(image, self.protocol.size)
        stylized = network(content)
        aimed = self.aimed(content)
        terms = {name: float(value) for name, value in aimed(stylized)._asdict().items()}
        own = float(aimed(content).total)
        return {**terms, "content_image_ratio": own / terms["total"]}, stylized

    def metadata(self) -> dict[str, str]:
        return {
            "architecture": ARCHITECTURE,
            "config": json.dumps(asdict(self.chosen)),
            "style": self.protocol.style,
            "loss": "style",
            "objective": json.dumps(self.protocol.definition),
            "loss_network": self.protocol.loss_network,
            "loss_weights": self.protocol.loss_weights,
        }


def style_task(settings: StyleNetSettings, style: StyleImage, chosen: StyleProtocol) -> StyleTask:
    """The task with its loss network and style image.

    Raises:
        MissingFile: the loss network's weights are not to be had.
        UserError: a layer that it does not reach, or a style that is too small.
        ImageError: the style cannot be read.
    """
    network = loss_network(chosen)
    return StyleTask(settings, chosen, network, read_style(style, chosen.style_size))
