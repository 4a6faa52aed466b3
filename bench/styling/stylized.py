"""What a style metric sees: a stylized image with the content and the style that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from models.losses import gram


@dataclass(frozen=True, kw_only=True)
class Stylized:
    """One image and everything that a style metric may measure it against; all on one device, RGB in [0, 1].

    Attributes:
        image: the stylized one, clipped but not rounded, as the objective sees it; the content itself for `content`.
        content: the square that the protocol cuts of the file.
        style: as large as the protocol has it.
        style_grams: Gram matrices of the style by style layer, as :func:`models.losses.gram` has them: over C H W.
        network: the loss network: RGB in [0, 1] to features by layer name, with every layer of the protocol.
        stylize: the style network that made the image, from a content of any size to a clipped image of that size; None
            where no network did.
    """

    image: Float[Tensor, "1 3 h w"]
    content: Float[Tensor, "1 3 h w"]
    style: Float[Tensor, "1 3 h2 w2"]
    network: Callable[[Tensor], Mapping[str, Tensor]]
    style_grams: Mapping[str, Float[Tensor, "1 _ _"]]
    stylize: Callable[[Tensor], Tensor] | None = None

    @cached_property
    def image_grams(self) -> Mapping[str, Float[Tensor, "1 _ _"]]:
        """Those of the image, likewise."""
        with torch.no_grad():
            features = self.network(self.image)
            return {layer: gram(features[layer]) for layer in self.style_grams}
