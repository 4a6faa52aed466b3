"""Self-ensemble: the mean over an image's eight flips and rotations, the "+" of the literature's tables.

Radu Timofte, Rasmus Rothe, Luc Van Gool: Seven Ways to Improve Example-Based Single Image Super Resolution, CVPR
2016, arXiv:1511.02228, section 3.5 ("enhanced prediction"); as Bee Lim et al., Enhanced Deep Residual Networks for
Single Image Super-Resolution, CVPR Workshops 2017, arXiv:1707.02921, section 3.4, geometric self-ensemble, the "+" of
EDSR+: each of the eight versions of lr is enlarged, its sr turned back, and the eight are averaged before anything is
rounded or clipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from bench.interfaces import Upscaler, UpscalerWrapper
from bench.records import content_hash

VIEWS = tuple((transposed, flips) for transposed in (False, True) for flips in ((), (-2,), (-1,), (-2, -1)))


@dataclass(frozen=True, kw_only=True)
class SelfEnsemble(UpscalerWrapper):
    """An upscaler eight times over; itself an :class:`bench.interfaces.Upscaler`.

    One view after the other: eight at once take eight times the memory and gain little or nothing (`docs/large.md`).
    """

    upscaler: Upscaler

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        total: Tensor | None = None
        for transposed, flips in VIEWS:
            sr = turned_back(self.upscaler(turned(lr, transposed, flips)), transposed, flips)
            # Eight values of float16 or bfloat16 are added in float32, and the mean is rounded once.
            wide = sr.to(torch.promote_types(sr.dtype, torch.float32))
            # clone: sr may be memory of the model's, or a view of lr, and is added to in place.
            total = wide.clone() if total is None else total.add_(wide)
        assert total is not None
        return (total / len(VIEWS)).to(lr.dtype)


def turned(
    lr: Float[Tensor, "n c h w"], transposed: bool, flips: tuple[int, ...]
) -> Float[Tensor, "n c h2 w2"]:
    """One of the eight views: flipped, then transposed."""
    view = lr.flip(flips) if flips else lr
    return view.mT.contiguous() if transposed else view


def turned_back(sr: Float[Tensor, "n c h w"], transposed: bool, flips: tuple[int, ...]) -> Tensor:
    """The inverse of :func:`turned`."""
    view = sr.mT if transposed else sr
    return view.flip(flips) if flips else view


def ensemble_name(name: str) -> str:
    """Of a model's self-ensemble: `sr-pixel+`."""
    return f"{name}+"


def ensemble_hash(model_hash: str) -> str:
    """Content hash of a model's self-ensemble."""
    return content_hash({"model": model_hash, "self-ensemble": "mean of 8"})
