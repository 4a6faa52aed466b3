"""What is timed: networks on a photograph, and the optimisation that they replace, an iteration at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import nn

from baselines.bicubic import imresize
from baselines.descent import WARM_UP, Descent, Replayed, ValueAndGrad
from baselines.lbfgs import LBFGS
from baselines.optimise import BOX
from baselines.style_gradient import StyleGradient
from bench.data import cache, images
from bench.data.datasets import dataset
from bench.data.images import load
from bench.records import content_hash
from bench.registry.catalog import LoadedModel
from models import vgg
from models.losses import CONTENT_LAYERS, STYLE_LAYERS, StyleObjective

Images = Float[torch.Tensor, "n c h w"]

PHOTOGRAPH = "astronaut"
LOSS_NETWORK = "vgg16"
VGG16_FILE = "weights/trunks/vgg16-features.safetensors"
RANDOM_SEED = 0
# Raised when the optimisation's code changes in a way that its time may follow.
GATYS_VERSION = "1"


@functools.cache
def photograph() -> Images:
    """The sample image that networks are timed and compared on, 512x512."""
    chosen = next(image for image in dataset("samples").images if image.stem == PHOTOGRAPH)
    return images.to_tensor(load(chosen).pixels)


def example(model: LoadedModel, size: int, device: torch.device) -> Images:
    """The photograph at the size from which `model` makes `size` x `size` pixels, values in [0, 1]."""
    side = size // model.scale
    return imresize(photograph(), (side, side)).clamp(0, 1).to(device)


def truth(model: LoadedModel, size: int) -> Images | None:
    """What an upscaler should make of :func:`example`: the photograph at `size`, on the CPU. None of a stylizer."""
    if model.kind != "upscaler":
        return None
    return imresize(photograph(), (size, size)).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """Gatys' method on one content, ready to do one iteration after the other.

    Attributes:
        iterate: one iteration: the objective, its gradient, a step of L-BFGS, the projection.
        eager: the same, not captured as a graph.
        weights: of the loss network, in words.
    """

    iterate: Callable[[], Any]
    eager: Callable[[], Any]
    network: nn.Module
    weights: str


def optimisation(size: int, device: torch.device, *, fast: bool, settled: bool) -> Optimisation:
    """Content and style are the photograph and its mirror image; the loss network's layers are those of training.

    Args:
        fast: as :mod:`baselines.gatys` runs it: the gradient written out, the loss network laid out for speed, on a
            CUDA device a graph. Otherwise plain eager float32, differentiated by autograd, layer by layer. Either way every
            step is taken: the comparison that takes a step back there is of one number for each image, and the length of
            the first step is the rule's own; neither changes the time of an iteration.
        settled: from the first iteration on, each does the work of one with a full history, as most of 500 have.
    """
    network = loss_network(device)
    wanted = objective(size, network, device)
    # On the CPU: the same start on every device.
    noise = torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(RANDOM_SEED))
    start = BOX[1] * noise.to(device)
    rule = LBFGS(start)
    gradient = quick_gradient(wanted) if fast else plain_gradient(wanted)
    descent = Descent(gradient, start, rule, BOX)
    if settled:
        rule.fill_history()
    iterate = replayed(descent) if fast and device.type == "cuda" else descent.iterate
    return Optimisation(iterate=iterate, eager=descent.iterate, network=network, weights=loss_weights())


def objective(size: int, network: nn.Module, device: torch.device) -> StyleObjective:
    """The photograph in the style of its mirror image."""
    content = imresize(photograph(), (size, size)).clamp(0, 1).to(device)
    return StyleObjective(network, content=content, style=content.flip(-1))


def plain_gradient(objective: StyleObjective) -> ValueAndGrad:
    """Of an objective at images in 0..255, by autograd.

    Not :class:`baselines.optimise.ByAutograd`: torch's counter of FLOPs cannot follow a loss network whose input is a leaf.
    """

    def value_and_grad(pixels: Images) -> tuple[torch.Tensor, Images]:
        with torch.enable_grad():
            variable = pixels.detach().requires_grad_()
            total = objective(variable / BOX[1]).total
        (gradient,) = torch.autograd.grad(total, variable, torch.ones_like(total))
        return total.detach(), gradient

    return value_and_grad


def quick_gradient(objective: StyleObjective) -> ValueAndGrad:
    """The same as the baseline computes it."""
    quick = StyleGradient(objective)

    def value_and_grad(pixels: Images) -> tuple[torch.Tensor, Images]:
        terms, gradient = quick(pixels / BOX[1])
        return terms.total, gradient / BOX[1]

    return value_and_grad


def replayed(descent: Descent) -> Callable[[], Any]:
    """A descent's iteration as a CUDA graph, warmed up and captured: from here on every call is a replay."""
    runner = Replayed(descent)
    for _ in range(WARM_UP + 1):
        runner.iterate()
    return runner.iterate


def loss_network(device: torch.device) -> nn.Module:
    """VGG-16 up to the last layer of the objective: torchvision's weights if they are here, else random ones."""
    layers = [*STYLE_LAYERS, *CONTENT_LAYERS]
    if cache.state(VGG16_FILE) == "present":
        return vgg.loss_network(LOSS_NETWORK, layers, cache.find(VGG16_FILE)).to(device)
    return vgg.random_loss_network(LOSS_NETWORK, layers, seed=RANDOM_SEED).to(device)


def loss_weights() -> str:
    """In the words of the table; no download is made for a stopwatch, since values do not change the time."""
    if cache.state(VGG16_FILE) == "present":
        return f"{LOSS_NETWORK}, torchvision"
    return f"{LOSS_NETWORK}, random weights, seed {RANDOM_SEED}"


def gatys_hash() -> str:
    """Of all that decides the optimisation's time."""
    return content_hash(
        {
            "version": GATYS_VERSION,
            "network": LOSS_NETWORK,
            "content_layers": list(CONTENT_LAYERS),
            "style_layers": list(STYLE_LAYERS),
            "weights": loss_weights(),
        }
    )
