"""What a variant loses in quality against plain float32: PSNR and LPIPS of a picture, outside the timed region."""

from __future__ import annotations

import functools
import typing as tp

import torch
from jaxtyping import Float

from bench import metrics
from bench.data import cache, manifest
from bench.errors import out_of_memory
from bench.variants.sweep import closeness, storable

Images = Float[torch.Tensor, "n c h w"]

METRIC = "lpips-alex"
RGB = 3


def losses(output: Images, plain: Images, truth: Images | None) -> dict[str, tp.Any]:
    """Fields of :class:`bench.variants.sweep.VariantFacts`: `psnr_lost`, and `lpips_lost` or `lpips_reason`.

    Args:
        output: what the variant makes, values in [0, 1] or a little beyond.
        plain: what plain float32 makes of the same image.
        truth: what both should have made; None of a stylizer, whose picture can be compared with `plain` alone.
    """
    found: dict[str, tp.Any] = {}
    if truth is not None and truth.shape == plain.shape:
        found["psnr_lost"] = storable(closeness(plain, truth).psnr - closeness(output, truth).psnr)
    lost = lpips_lost(output, plain, plain if truth is None else truth)
    return found | {"lpips_reason" if isinstance(lost, str) else "lpips_lost": lost}


def lpips_lost(output: Images, plain: Images, reference: Images) -> float | str:
    """LPIPS of `output` less that of `plain`, both against `reference`; or why it cannot be measured. No download."""
    for name in metrics.entry(METRIC).needs:
        if (state := cache.state(name, verify=True)) != "present":
            return f"no LPIPS: {name} is {state}. Run: python -m bench.doctor --fetch {manifest.file(name).group}"
    try:
        given, before, wanted = (image.clamp(0, 1).cpu() for image in (output, plain, reference))
        if {image.shape[1] for image in (given, before, wanted)} != {RGB}:
            return f"no LPIPS: the image has {given.shape[1]} channels; must be {RGB}"
        if not bool(given.isfinite().all()):
            return "no LPIPS: the image has NaN or infinity"
        distance = lpips()
        return float(distance(given, wanted)) - float(distance(before, wanted))
    except ValueError as error:  # too small for the network
        return f"no LPIPS: {' '.join(str(error).split())}"
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return "no LPIPS: out of memory"


@functools.cache
def lpips() -> tp.Any:
    """The metric, loaded once; on the CPU whatever device is timed."""
    return metrics.load(METRIC, cache.find, torch.device("cpu"))
