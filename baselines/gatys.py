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
- white noise is uniform in [0, 255], and the same for every image of a batch;
- the loss network may be computed in bfloat16; image, history and losses are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.optimise import Callback, Optimised, Settings, optimise
from models.losses import CONTENT_LAYERS, STYLE_LAYERS, StyleObjective


@dataclass(frozen=True, kw_only=True)
class Gatys:
    """The baseline with all that it depends on: content in, stylized image out, both RGB in [0, 1], `n 3 h w`.

    The images of a batch do not touch each other. One seed gives one image on one device.

    Attributes:
        network: the loss network, on the contents' device.
        style: RGB in [0, 1], of any size.
        initial: white noise of the seed, or the content.
    """

    network: nn.Module
    style: Float[Tensor, "1 3 _ _"]
    content_layers: Sequence[str] = CONTENT_LAYERS
    style_layers: Sequence[str] = STYLE_LAYERS
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 1e-6
    initial: str = "noise"
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
    ) -> Optimised:
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
