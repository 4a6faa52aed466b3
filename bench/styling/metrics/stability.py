"""How much a style network's image changes where the content changes by what nobody sees.

Both are the root of the mean square over all pixels and channels, in levels of 255, of the clipped images, not rounded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from bench.styling.stylized import Stylized

LEVEL = 1 / 255
SEED = 0


def stability_shift(stylized: Stylized) -> float:
    """The content is moved right by one pixel, its first column repeated; its image is moved back and compared.

    0 for what treats every place alike. A network that reduces its input by 4 does not, at three of four shifts; and the
    last column of the content is lost, so that what depends on the border changes too.

    Raises:
        ValueError: the image was made by no network.
    """
    moved = F.pad(stylized.content, (1, 0, 0, 0), mode="replicate")[..., :-1]
    # Column x of the image against column x + 1 of the shifted content's; the overlap alone.
    return root_mean_square(stylize(stylized, moved)[..., 1:] - stylized.image[..., :-1])


def stability_noise(stylized: Stylized) -> float:
    """Each value of the content goes up or down by one level, by a fair coin, and is clipped to [0, 1].

    The content changes by a root mean square of at most one level, so that the value is also the least gain of the network.
    The coins are the same on every device.

    Raises:
        ValueError: the image was made by no network.
    """
    content = stylized.content
    coins = torch.randint(0, 2, content.shape, generator=torch.Generator().manual_seed(SEED))
    noise = LEVEL * (2 * coins - 1).to(content)
    return root_mean_square(stylize(stylized, (content + noise).clamp(0, 1)) - stylized.image)


def stylize(stylized: Stylized, content: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "1 3 h w"]:
    """What the network makes of another content."""
    if stylized.stylize is None:
        raise ValueError("the image was made by no network; must be a style network's image")
    with torch.no_grad():
        return stylized.stylize(content)


def root_mean_square(difference: Float[Tensor, "1 3 h w"]) -> float:
    """In levels."""
    return difference.double().square().mean().sqrt().item() / LEVEL
