"""What the functions of :mod:`bench.api` take: checked before anything is loaded, and refused with what it must be."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bench.errors import UserError
from bench.records import HR, LR


def require_scale(scale: object, *, least: int = 2) -> None:
    """
    Raises:
        UserError: it is no integer, or too small.
    """
    if isinstance(scale, bool) or not isinstance(scale, int) or scale < least:
        raise UserError(f"scale is {scale!r}; must be an integer of at least {least}")


def require_names(metrics: object) -> None:
    """
    Raises:
        UserError: it is one text, empty, or holds something else than names.
    """
    names = metrics if isinstance(metrics, Sequence) and not isinstance(metrics, str) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"metrics is {metrics!r}; must be a sequence of names, one at least, as ['psnr', 'ssim']"
        )


def require_name(name: object) -> None:
    """Of a model in tables; None for its own.

    Raises:
        UserError: it cannot be printed, or stands for an image that is no model's.
    """
    if name is not None and (not isinstance(name, str) or not name.isprintable() or name in {HR, LR}):
        raise UserError(f"name is {name!r}; must be printable text, and neither {HR!r} nor {LR!r}")


def require_alike(sr: Tensor, hr: Tensor) -> None:
    """
    Raises:
        ValueError: they differ in number, channels or device; height and width are the metric's to compare.
    """
    if len(sr) != len(hr) or sr.shape[1] != hr.shape[1]:
        raise ValueError(
            f"sr has shape {tuple(sr.shape)}, hr {tuple(hr.shape)}; must be as many images and channels"
        )
    if sr.device != hr.device:
        raise ValueError(f"sr lies on {sr.device}, hr on {hr.device}; must be one device")


def require_image(what: str, image: object) -> None:
    """
    Raises:
        ValueError: it is no float tensor `n c h w` in [0, 1], but for a small overshoot of sr.
    """
    if not isinstance(image, Tensor):
        raise ValueError(f"{what} is a {type(image).__name__}; must be a tensor, n c h w")
    if (
        not image.dtype.is_floating_point
        or image.ndim != 4
        or image.shape[1] not in {1, 3}
        or not image.numel()
    ):
        raise ValueError(
            f"{what} is {image.dtype} {tuple(image.shape)}; must be float, (n, 3, h, w) or (n, 1, h, w)"
        )
    if image.is_meta:
        raise ValueError(f"{what} lies on meta, where tensors have no values; must be one with values")
    low, high = (float(value) for value in image.aminmax())
    # Room for the overshoot of a network, none for 0..255 or [-1, 1]; NaN fails the comparison too.
    if not -0.5 <= low <= high <= 1.5:
        raise ValueError(f"{what} has values from {low:.3g} to {high:.3g}; must be [0, 1]")
