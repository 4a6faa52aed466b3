"""Style transfer by optimisation of the image: what the paper's networks are compared with.

Leon A. Gatys, Alexander S. Ecker, Matthias Bethge: A Neural Algorithm of Artistic Style, 2015, arXiv:1508.06576;
as the baseline of Johnson, Alahi, Fei-Fei, 2016, arXiv:1603.08155, section 4.1: white noise, L-BFGS, 500 iterations,
the image projected to [0, 255] in each.

Differs from the paper:
- loss network, layers and weights are those that the feed-forward network was trained with, as in the 2016 paper, not
  those of 2015; the weights that it used are not published;
- its L-BFGS is not described either. Here: fixed step 1 and 100 pairs, as in the release and in torch.optim.LBFGS;
- white noise is uniform in [0, 255], and the same for every image of a batch;
- a float32 image, of which the loss network may be computed in half precision.

The variable is the image in 0..255, as in the paper and the release, not in [0, 1]: the first step is 1 in the sum of
its values' absolute changes, whatever the unit, and the curvature is learnt from there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.adam import Adam
from baselines.descent import Minimum, Rule, minimise
from baselines.lbfgs import HISTORY_SIZE, LBFGS
from baselines.winograd import with_winograd
from models.losses import CONTENT_LAYERS, STYLE_LAYERS, StyleObjective, Terms

Initial = Literal["noise", "content"]
Method = Literal["lbfgs", "adam"]

BOX = (0.0, 255.0)
ITERATIONS = 500
LEARNING_RATES: dict[Method, float] = {"lbfgs": 1.0, "adam": 10.0}
"""Of neural-style; Adam's in units of 0..255."""

Callback = Callable[[int, Terms], None]


@dataclass(frozen=True, kw_only=True)
class Stylized:
    """What an optimisation ended with.

    Attributes:
        image: RGB in [0, 1]; where the objective was not finite, the last image for which it was.
        iterations: that were done.
        stopped: `iterations`, all were done; `non-finite`, every image of the batch had failed before.
        failed_at: for each image the iteration, counted from 1, whose objective was not finite; 0 for none.
        objective: each term after 0, 1, ... iterations, `iterations+1 n`; only where it was asked for.
    """

    image: Float[Tensor, "n 3 h w"]
    iterations: int
    stopped: Literal["iterations", "non-finite"]
    failed_at: tuple[int, ...]
    objective: Terms | None = None


def optimise(
    objective: Callable[[Tensor], Terms],
    start: Float[Tensor, "n 3 h w"],
    *,
    method: Method = "lbfgs",
    iterations: int = ITERATIONS,
    learning_rate: float | None = None,
    history_size: int = HISTORY_SIZE,
    dtype: torch.dtype = torch.float32,
    graph: bool = False,
    record: bool = False,
    callback: Callback | None = None,
    callback_every: int = 50,
) -> Stylized:
    """Minimises an objective over images.

    Args:
        objective: RGB in [0, 1] to its terms.
        start: RGB in [0, 1], float32 or float64.
        learning_rate: None for the method's own (:data:`LEARNING_RATES`), in units of 0..255.
        history_size: pairs that L-BFGS keeps.
        dtype: of the loss network; below float32 it runs under autocast.
        graph: replay the iteration as a CUDA graph.
        record: keep the terms of every iteration, and evaluate the last image as well.
        callback: called with a number of iterations done and the terms at the image that the last of them started
            from, on the CPU. It waits for the device, which nothing else in the loop does but a look for failures.
        callback_every: iterations between two calls.

    Raises:
        ValueError: an unknown method, a start outside [0, 1], or what `minimise` refuses.
    """
    evaluate = Evaluation(objective, start, dtype)
    history = Record(evaluate, iterations if record else 0)

    def after(done: int) -> None:
        history.keep(done)
        if callback is not None and done % callback_every == 0:
            callback(done, Terms(*evaluate.terms.cpu()))

    variable = BOX[1] * start.detach()
    rule = step_rule(method, variable, learning_rate, history_size)
    found = minimise(evaluate, variable, rule, iterations=iterations, box=BOX, graph=graph, after=after)
    return stylized(found, history.finish(found) if record else None)


@dataclass(frozen=True, kw_only=True)
class Gatys:
    """The baseline with its settings: content in, stylized image out, both RGB in [0, 1], `n 3 h w`, float32.

    Images of a batch are independent: two at once equal two of one. One seed gives one image on one device.

    Attributes:
        network: the loss network, on the contents' device.
        style: RGB in [0, 1], of any size, one image.
        initial: white noise of the seed, or the content.
        fast: run the network in the layout, and with the convolutions, of :func:`fast_network`.
    """

    network: nn.Module
    style: Float[Tensor, "1 3 _ _"]
    content_layers: Sequence[str] = CONTENT_LAYERS
    style_layers: Sequence[str] = STYLE_LAYERS
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 1e-6
    initial: Initial = "noise"
    seed: int = 0
    method: Method = "lbfgs"
    iterations: int = ITERATIONS
    history_size: int = HISTORY_SIZE
    dtype: torch.dtype = torch.float32
    graph: bool = False
    fast: bool = True

    def __call__(self, content: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return self.run(content).image

    def run(
        self,
        content: Float[Tensor, "n 3 h w"],
        *,
        record: bool = False,
        callback: Callback | None = None,
        callback_every: int = 50,
    ) -> Stylized:
        """As calling it, with what happened on the way; see :func:`optimise`."""
        return optimise(
            self.objective(content),
            initial_image(content, self.initial, self.seed),
            method=self.method,
            iterations=self.iterations,
            history_size=self.history_size,
            dtype=self.dtype,
            graph=self.graph,
            record=record,
            callback=callback,
            callback_every=callback_every,
        )

    def objective(self, content: Float[Tensor, "n 3 h w"]) -> StyleObjective:
        """What is minimised for this content; the targets are computed here, in float32."""
        network = fast_network(self.network, content.device, self.dtype) if self.fast else self.network
        return StyleObjective(
            network,
            content=content,
            style=self.style,
            content_layers=self.content_layers,
            style_layers=self.style_layers,
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            tv_weight=self.tv_weight,
        )


def initial_image(content: Float[Tensor, "n 3 h w"], kind: Initial, seed: int) -> Float[Tensor, "n 3 h w"]:
    """The content, or uniform white noise in [0, 1], the same for each image and on every device.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "content":
        return content.clone()
    if kind != "noise":
        raise ValueError(f"initial is {kind!r}, required one of: noise, content")
    noise = torch.rand(1, *content.shape[1:], generator=torch.Generator().manual_seed(seed))
    return noise.to(content).expand_as(content)


def fast_network(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A copy of a frozen network with the same values, up to rounding, laid out for speed.

    On a CPU, and in half precision anywhere, convolutions are faster in `channels_last`; on a CPU in float32 the wide
    ones are faster by Winograd's algorithm. A GPU in float32 is left as it is.
    """
    if device.type != "cpu" and dtype == torch.float32:
        return network
    if device.type == "cpu" and dtype == torch.float32:
        network = with_winograd(network)
    return copy.deepcopy(network).to(memory_format=torch.channels_last)


def step_rule(method: Method, start: Tensor, learning_rate: float | None, history_size: int) -> Rule:
    if method not in LEARNING_RATES:
        raise ValueError(f"method is {method!r}, required one of: {', '.join(LEARNING_RATES)}")
    rate = LEARNING_RATES[method] if learning_rate is None else learning_rate
    if method == "adam":
        return Adam(start, learning_rate=rate)
    return LBFGS(start, learning_rate=rate, history_size=history_size)


class Evaluation:
    """Value and gradient of an objective at images in 0..255. The terms of the last call lie always in one place."""

    def __init__(self, objective: Callable[[Tensor], Terms], start: Tensor, dtype: torch.dtype) -> None:
        self.objective = objective
        self.dtype = dtype
        self.terms = start.new_zeros(len(Terms._fields), len(start))

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3 h w"]]:
        half = self.dtype != torch.float32
        with torch.enable_grad(), torch.autocast(pixels.device.type, self.dtype, enabled=half):
            variable = pixels.detach().requires_grad_()
            terms = self.objective(variable / BOX[1])
        (gradient,) = torch.autograd.grad(terms.total, variable, torch.ones_like(terms.total))
        self.terms.copy_(torch.stack(terms))
        return terms.total.detach(), gradient


class Record:
    """The terms of every iteration, on the device; of none with no room for any."""

    def __init__(self, evaluate: Evaluation, iterations: int) -> None:
        self.evaluate = evaluate
        self.rows = evaluate.terms.new_zeros(iterations + 1, *evaluate.terms.shape)

    def keep(self, done: int) -> None:
        if done < len(self.rows):
            self.rows[done - 1].copy_(self.evaluate.terms)

    def finish(self, found: Minimum) -> Terms:
        """All terms, with those of the image that was found in the end."""
        self.evaluate(found.images)
        self.rows[found.iterations].copy_(self.evaluate.terms)
        return Terms(*self.rows[: found.iterations + 1].unbind(1))


def stylized(found: Minimum, objective: Terms | None) -> Stylized:
    failed_at = tuple(found.failed_at.tolist())
    return Stylized(
        image=found.images / BOX[1],
        iterations=found.iterations,
        stopped="non-finite" if all(failed_at) else "iterations",
        failed_at=failed_at,
        objective=objective,
    )
