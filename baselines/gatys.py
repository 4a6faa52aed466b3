"""Style transfer by optimisation of the image: what the paper's networks are compared with.

Leon A. Gatys, Alexander S. Ecker, Matthias Bethge: A Neural Algorithm of Artistic Style, 2015, arXiv:1508.06576;
as the baseline of Johnson, Alahi, Fei-Fei, 2016, arXiv:1603.08155, section 4.1: white noise, L-BFGS, 500 iterations,
the image projected to [0, 255] in each.

Differs from the paper:
- loss network, layers and weights are those that the feed-forward network was trained with, as in the 2016 paper, not
  those of 2015; the weights that it used are not published;
- its L-BFGS is not described either. Here: fixed step 1 and 100 pairs, as in the release and in torch.optim.LBFGS,
  but for the first step: one level of 255 on average, where theirs is one level for all values together. At 256x256
  that is 5e-6 for each, which float32 cannot add to 128, so that the first pair would hold rounding errors alone;
- the noise that it starts from is the same for every image of a batch. By default it is the release's, normal with a
  deviation of one level about ImageNet's mean: the curve of Figure 5 begins at 2 to 2.5 times the content image's
  objective; from there it is 1.7 and 1.8 times for la_muse, from uniform noise in [0, 255] (`noise`) 11 times;
- the loss network may be computed in bfloat16; image, history and losses are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.optimise import Callback, OptimisationResult, Settings, optimise
from models.losses import CONTENT_LAYERS, STYLE_LAYERS, StyleObjective
from models.vgg_weights import TORCHVISION

INITIAL = ("gaussian", "noise", "content")
LEVELS = 255


@dataclass(frozen=True, kw_only=True)
class Gatys:
    """The baseline with all that it depends on: content in, stylized image out, both RGB in [0, 1], `n 3 h w`.

    The images of a batch do not touch each other. One seed gives one image on one device.

    Attributes:
        network: the loss network, on the contents' device.
        style: RGB in [0, 1], of any size.
        initial: one of :data:`INITIAL`; noise is that of the seed.
    """

    network: nn.Module
    style: Float[Tensor, "1 3 _ _"]
    content_layers: Sequence[str] = CONTENT_LAYERS
    style_layers: Sequence[str] = STYLE_LAYERS
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 1e-6
    initial: str = "gaussian"
    seed: int = 0
    settings: Settings = field(default_factory=Settings)

    def __call__(self, content: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        return self.run(content).image

    def run(
        self,
        content: Float[Tensor, "n 3 h w"],
        *,
        record: bool = False,
        callback: Callback | None = None,
        callback_every: int = 50,
    ) -> OptimisationResult:
        """As a call, with what happened on the way: see :func:`baselines.optimise.optimise`."""
        return optimise(
            self.objective(content),
            initial_image(content, self.initial, self.seed),
            self.settings,
            record=record,
            callback=callback,
            callback_every=callback_every,
        )

    def objective(self, content: Float[Tensor, "n 3 h w"]) -> StyleObjective:
        """What is minimised for this content."""
        return StyleObjective(
            self.network,
            content=content,
            style=self.style,
            content_layers=self.content_layers,
            style_layers=self.style_layers,
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            tv_weight=self.tv_weight,
        )


def initial_image(content: Float[Tensor, "n 3 h w"], kind: str, seed: int) -> Float[Tensor, "n 3 h w"]:
    """What the optimisation starts from, RGB in [0, 1]; noise is the same for each image and on every device.

    Args:
        kind: `gaussian`, normal with a deviation of 1/255 about ImageNet's mean; `noise`, uniform in [0, 1];
            `content`, a copy of the content.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in INITIAL:
        raise ValueError(f"initial must be one of {', '.join(INITIAL)} (got {kind!r})")
    if kind == "content":
        return content.clone()
    # On the CPU: a generator of another device gives other numbers for the same seed.
    generator, shape = torch.Generator().manual_seed(seed), (1, *content.shape[1:])
    if kind == "noise":
        noise = torch.rand(shape, generator=generator)
    else:
        mean = torch.tensor(TORCHVISION.mean)[:, None, None]
        noise = (mean + torch.randn(shape, generator=generator) / LEVELS).clamp(0, 1)
    # All images share the memory of one, which nobody writes: optimise() makes its own in levels.
    return noise.to(content).expand_as(content)
