"""A foreign network made to look like ours: RGB float in [0, 1], `n c h w`, any size, in and out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from baselines.bicubic import imresize
from baselines.srcnn import rgb_to_ycbcr, ycbcr_to_rgb
from bench.errors import UserError, out_of_memory
from bench.registry.adapters.preserved_environment import preserved_environment
from bench.text import one_line

PROBE_SIDE = 48
OUTSIDE = re.compile(
    r"\boutside_[0-9a-f]{12}\."
)  # of bench.registry.adapters.isolated_modules: no name that anybody gave
Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What a foreign network takes and gives.

    Attributes:
        limit: 1 or 255: the value of white.
        channels: 3, or 1 for a network of luma: it gets the luma alone, the colours are enlarged bicubically.
        multiple: both sides are padded to a multiple of it by reflection, at the right and the bottom.
        minimum: pixels per side, reached by the same padding.
        fixed: (h, w) where it takes that size alone.
        windows: a network of one size is moved over larger images; not where it looks at the whole of them.
    """

    limit: int = 1
    nhwc: bool = False
    bgr: bool = False
    channels: int = 3
    multiple: int = 1
    minimum: int = 1
    square: bool = False
    fixed: tuple[int, int] | None = None
    windows: bool = True


class ModelAdapter:
    """A callable under its convention, as :class:`bench.interfaces.Upscaler` has it.

    Raises, when called:
        ValueError: it fails on this size, or returns another shape than its scale says.
    """

    def __init__(self, network: Network, convention: Convention, scale: int) -> None:
        self.network, self.convention, self.scale = network, convention, scale
        self.channels = None if convention.channels == 1 else 3

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return run(self.network, self.convention, self.scale, lr)


class ModuleAdapter(nn.Module):
    """The same around a `torch.nn.Module`, which has forms: layouts, precisions, a compiler."""

    def __init__(self, network: nn.Module, convention: Convention, scale: int) -> None:
        super().__init__()
        self.network, self.convention, self.scale = network, convention, scale
        self.channels = None if convention.channels == 1 else 3

    def forward(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return run(self.network, self.convention, self.scale, lr)


def wrapped(network: Network, convention: Convention, scale: int) -> ModelAdapter | ModuleAdapter:
    """`network` under its convention; a module stays one."""
    if isinstance(network, nn.Module):
        return ModuleAdapter(network, convention, scale)
    return ModelAdapter(network, convention, scale)


def run(network: Network, convention: Convention, scale: int, lr: Tensor) -> Tensor:
    """sr of lr, whatever the network's conventions are.

    Args:
        lr: float in [0, 1], `n c h w`, of any size; RGB, or one channel where the network takes luma.

    Raises:
        ValueError: the network fails on this size, or returns another shape than `scale` says.
    """
    if convention.channels == 3:
        return _cut_to_size(network, convention, scale, lr)
    if lr.shape[1] == 1:
        return _cut_to_size(network, convention, scale, lr)
    ycbcr = rgb_to_ycbcr(lr)
    # chroma by bicubic, as the literature does with networks of luma (SRCNN)
    colours = imresize(ycbcr[:, 1:], float(scale))
    return ycbcr_to_rgb(torch.cat([_cut_to_size(network, convention, scale, ycbcr[:, :1]), colours], dim=1))


def _cut_to_size(network: Network, convention: Convention, scale: int, image: Tensor) -> Tensor:
    h, w = image.shape[-2:]
    if convention.fixed:
        return _in_windows(network, convention, scale, image)
    sr = run_once(network, convention, padded(image, convention))
    _check_size(sr, image, scale, convention)
    return sr[..., : h * scale, : w * scale]


def run_once(network: Network, convention: Convention, image: Tensor) -> Tensor:
    """One call: order, layout and range there and back.

    Args:
        image: float in [0, 1], `n c h w`, of a size that the network takes; what comes back is like it.

    Raises:
        ValueError: the network failed; says at which size.
    """
    given = image.flip(1) if convention.bgr else image
    # no product by 1, which would cost a copy of each image
    given = given * convention.limit if convention.limit != 1 else given
    given = given.permute(0, 2, 3, 1) if convention.nhwc else given
    if traced():
        result = network(given)
    else:
        # what it does to its argument in place must not reach the next model
        result = _result(
            network, given.clone() if given.data_ptr() == image.data_ptr() else given, image, convention
        )
    result = result.permute(0, 3, 1, 2) if convention.nhwc else result
    # before the division, whose result half precision would round
    result = result.to(image.dtype)
    result = result / convention.limit if convention.limit != 1 else result
    return result.flip(1) if convention.bgr else result


def traced() -> bool:
    """Whether a compiler or an exporter looks at the call, which needs nothing around it."""
    return (
        torch.compiler.is_compiling() or bool(torch._C._get_tracing_state()) or torch.onnx.is_in_onnx_export()
    )


def _result(network: Network, given: Tensor, image: Tensor, convention: Convention) -> Tensor:
    """What external code returns, if it is an image in numbers.

    Raises:
        ValueError: it failed, or it is none.
    """
    size = f"{image.shape[-1]}x{image.shape[-2]}"
    try:
        with preserved_environment():
            result = network(given)
    except BaseException as error:
        # an interrupt is the user's, whoever raised it; all else is the model's
        if isinstance(error, KeyboardInterrupt) or out_of_memory(error):
            raise
        raise ValueError(
            f"the model failed on an image of {size}: {reason(error)}{_hint(convention)}"
        ) from error
    if not isinstance(result, Tensor) or result.ndim != 4:
        what = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
        raise ValueError(f"the model returned {what}, must be a tensor of four dimensions")
    # of the others the next operation fails in words of torch's own, or gives something wrong (complex numbers)
    plain = result.layout == torch.strided and not result.is_quantized and result.device.type != "meta"
    if not plain or result.is_complex():
        kind = "quantized" if result.is_quantized else f"{result.layout} {result.device.type}"
        raise ValueError(
            f"the model returned a tensor of {result.dtype} ({kind}); must be one of real numbers, such as float32"
        )
    return result.detach().to(image.device)


def _hint(convention: Convention) -> str:
    if convention.multiple > 1 or convention.fixed:
        return ""
    return "; if it needs sides that are multiples of N, say so: multiple=N"


def reason(error: BaseException) -> str:
    """An error of external code in one line."""
    try:
        text = OUTSIDE.sub("", one_line(" ".join(str(error).split())))
    except Exception:  # its words are external code too
        text = "it cannot say why"
    return f"{type(error).__name__}: {text}"[:300]


def _check_size(sr: Tensor, image: Tensor, scale: int, convention: Convention) -> None:
    """
    Raises:
        ValueError: sr has not the size of the padded image, enlarged; what is beyond the image is cut from that later.
    """
    h, w = padded_size(image.shape[-2], image.shape[-1], convention)
    required = (image.shape[0], image.shape[1], h * scale, w * scale)
    if tuple(sr.shape) != required:
        raise ValueError(f"the model returned shape {tuple(sr.shape)}, must be {required}{_hint(convention)}")


def padded_size(h: int, w: int, convention: Convention) -> tuple[int, int]:
    """The size that goes in for an image of h x w."""
    multiple = convention.multiple
    high, wide = (-(-max(side, convention.minimum) // multiple) * multiple for side in (h, w))
    return (max(high, wide),) * 2 if convention.square else (high, wide)


def padded(image: Tensor, convention: Convention) -> Tensor:
    """Reflected at the right and the bottom up to the size that the network takes."""
    h, w = padded_size(image.shape[-2], image.shape[-1], convention)
    return reflect_pad_to(image, h, w)


def reflect_pad_to(image: Tensor, h: int, w: int) -> Tensor:
    """`image` at the top left of h x w, the rest its reflection as far as it reaches, then its last row and column."""
    # reflection reaches as far as the image, so that a small one grows in several steps
    while image.shape[-2] < h or image.shape[-1] < w:
        more_h, more_w = h - image.shape[-2], w - image.shape[-1]
        # a side of one pixel has nothing to be reflected
        if min(image.shape[-2:]) == 1:
            return F.pad(image, (0, more_w, 0, more_h), "replicate")
        part = (min(more_w, image.shape[-1] - 1), min(more_h, image.shape[-2] - 1))
        image = F.pad(image, (0, part[0], 0, part[1]), "reflect")
    return image


def _in_windows(network: Network, convention: Convention, scale: int, image: Tensor) -> Tensor:
    """A network of one size, moved over the image in steps of half of it; each pixel from the window it is deepest in."""
    assert convention.fixed is not None
    h, w = image.shape[-2:]
    high, wide = convention.fixed
    if not convention.windows and (h, w) != (high, wide):
        raise ValueError(f"image is {w}x{h}; must be {wide}x{high}, the one size that the model takes")
    image = reflect_pad_to(image, max(h, high), max(w, wide))
    sr = image.new_zeros(*image.shape[:2], image.shape[-2] * scale, image.shape[-1] * scale)
    for top, upper, lower in _windows(image.shape[-2], high):
        for left, first, last in _windows(image.shape[-1], wide):
            part = run_once(network, convention, image[..., top : top + high, left : left + wide])
            required = (*image.shape[:2], high * scale, wide * scale)
            if tuple(part.shape) != required:
                raise ValueError(f"the model returned shape {tuple(part.shape)}, must be {required}")
            rows = slice((upper - top) * scale, (lower - top) * scale)
            columns = slice((first - left) * scale, (last - left) * scale)
            sr[..., upper * scale : lower * scale, first * scale : last * scale] = part[..., rows, columns]
    return sr[..., : h * scale, : w * scale]


def _windows(length: int, window: int) -> list[tuple[int, int, int]]:
    """(start, first, last): windows that cover `length`, each with the pixels it gives, none twice."""
    starts = [*range(0, length - window, max(1, window // 2)), length - window]
    # between two windows in the middle of what both cover: as far as can be from either one's border
    borders = [0, *((a + b + window) // 2 for a, b in itertools.pairwise(starts)), length]
    return [(start, *ends) for start, ends in zip(starts, itertools.pairwise(borders), strict=True)]


def probe(network: Network, convention: Convention) -> int:
    """How many times larger than its input a network's output is, by one call on noise.

    Raises:
        UserError: it fails, or the output is no whole multiple of the input.
    """
    h, w = convention.fixed or padded_size(PROBE_SIDE, PROBE_SIDE, convention)
    # a generator of its own: the global one is the user's
    noise = torch.rand((1, convention.channels, h, w), generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            sr = run_once(network, convention, noise)
    except ValueError as error:
        raise UserError(str(error)) from error
    # 0 of an output that is smaller, refused below
    scale = sr.shape[-1] // w
    required = f"(1, {convention.channels}, N*{h}, N*{w})"
    if tuple(sr.shape) != (1, convention.channels, h * scale, w * scale) or scale < 1:
        raise UserError(f"of an image of {w}x{h} the model made shape {tuple(sr.shape)}; must be {required}")
    return scale
