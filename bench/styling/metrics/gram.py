"""How far a stylized image is from the style at one layer: the paper's own style loss, of one layer and without weights."""

from __future__ import annotations

from bench.styling.stylized import Stylized
from models.losses import gram_distance


def gram_of_layer(stylized: Stylized, layer: str) -> float:
    """Squared Frobenius norm of the difference of the Gram matrices psi psi^T / (C H W) at `layer`; 0 for the style itself.

    Summed over the C x C entries as in the paper's equation 4, where the objective's style term takes their mean, as the
    release does. Values are on the loss network's own scale: those of two networks cannot be compared.
    """
    return gram_distance(stylized.image_grams[layer], stylized.style_grams[layer]).item()
