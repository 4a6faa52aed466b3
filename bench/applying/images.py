"""The work of `bench.apply`: one image after the other through a model in a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8

from baselines.bicubic import imresize
from bench.applying.config import Config
from bench.applying.origin import KEY
from bench.cli import Reporter
from bench.data import images
from bench.data.datasets import LoadedImage
from bench.errors import describe_os_error, out_of_memory
from bench.executor import read_ahead
from bench.interfaces import Upscaler
from bench.quality.strips import upscale_large
from bench.quality.whole import upscale
from bench.records import ImageFile
from bench.registry.catalog import LoadedModel
from bench.self_ensemble import SelfEnsemble
from bench.tiling.tiles import check_exact, is_worth_tiles, tiled, tiled_inside
from bench.variants.build import Built, build
from bench.variants.variant import Variant, VariantUnavailable
from models.median import median_filter

Images = Float[torch.Tensor, "n c h w"]


@dataclass(kw_only=True)
class Runner:
    """A model in a variant, called as :class:`bench.interfaces.Upscaler` is, whatever it is.

    Attributes:
        variant: those that hold for one image size are built again when the size changes.
        instead: what to go on with where `variant` cannot be built; None to stop.
        tiles: itself, in the tiles asked for; its receptive field is measured once.
    """

    model: LoadedModel
    variant: Variant
    instead: Variant | None = None
    built: Built | None = field(default=None, init=False)
    tiles: Upscaler | None = field(default=None, init=False)
    shape: tuple[int, ...] = field(default=(), init=False)

    @property
    def scale(self) -> int:
        return self.model.scale

    @property
    def channels(self) -> int | None:
        return self.model.requirements.channels

    def __call__(self, lr: Images) -> Images:
        """
        Raises:
            VariantUnavailable: the variant cannot be built, for this size at least.
        """
        if self.model.module is None:
            return self.model.network(lr)
        if self.built is None or (self.variant.per_size and self.shape != tuple(lr.shape)):
            self.built = None  # its memory is free before the next one takes its own
            self.built = build(self.model.module, self.variant, lr)
            self.shape = tuple(lr.shape)
        return self.built.call(lr)


def ordered(waiting: Sequence[ImageFile], shapes: Mapping[str, tuple[int, int]]) -> list[ImageFile]:
    """Images of one size beside each other, so that a variant is built once for each; unread ones last."""
    # 1 << 30: higher than any image, so that what could not be read comes last.
    return sorted(waiting, key=lambda image: shapes.get(image.stem, (1 << 30, 0)))


def apply(config: Config, waiting: Sequence[ImageFile], runner: Runner, reporter: Reporter) -> int:
    """Do every image that is waiting; returns how many could not be done, each of which is named.

    Raises:
        VariantUnavailable: the variant that was asked for cannot be built.
    """
    failed = 0
    for image, loaded in read_ahead(waiting):
        reporter.begin(image.stem)
        try:
            runner = one(config, image, loaded, runner, reporter)
        # Before ValueError, of which it is one: the variant fails for every image, not for this one.
        except VariantUnavailable:
            raise
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            failed += 1
            reporter.note(f"{image.file!r}: not done: {reason(error)}")
        reporter.advance(image.stem)
    return failed


def one(
    config: Config, image: ImageFile, loaded: LoadedImage | Exception, runner: Runner, reporter: Reporter
) -> Runner:
    """Do one image; returns what to do the next one with, another variant where this one cannot be built."""
    if isinstance(loaded, Exception):
        raise loaded
    try:
        pixels = transformed(config, runner, loaded.pixels)
    except VariantUnavailable as error:
        if runner.instead is None:
            raise
        reporter.note(f"{runner.variant.name} cannot be built ({error}); going on with {runner.instead.name}")
        return one(config, image, loaded, replace(runner, variant=runner.instead, instead=None), reporter)
    images.write(config.output(image), pixels, text={KEY: config.origin.record(loaded.sha256)})
    return runner


def reason(error: Exception) -> str:
    """Why an image could not be done, in one line.

    Raises:
        Exception: `error` itself where it says nothing about the image.
    """
    if out_of_memory(error):
        return "out of memory; try a smaller image, --size, or --tile"
    if isinstance(error, OSError):
        return describe_os_error(error)
    if isinstance(error, ValueError):
        return " ".join(str(error).split())
    raise error


def transformed(
    config: Config, runner: Runner, pixels: UInt8[np.ndarray, "h w c"]
) -> UInt8[np.ndarray, "h2 w2 c2"]:
    """One image through the model, 8 bits in and out.

    Raises:
        ValueError: too small for the model, or the model's output is not an image.
    """
    with torch.inference_mode():
        if runner.model.kind == "upscaler":
            return _upscaled(config, runner, pixels)
        image = images.to_tensor(pixels).to(runner.model.device)
        return images.to_array(_stylized(config, runner, image))


def _upscaled(
    config: Config, runner: Runner, pixels: UInt8[np.ndarray, "h w c"]
) -> UInt8[np.ndarray, "h2 w2 c2"]:
    """Whole, or, where sr is large, a tile at a time into 8 bits."""
    device = runner.model.device
    if runner.tiles is None:
        runner.tiles = tiled(runner, config.tile)
    if config.self_ensemble:
        image = images.to_tensor(pixels).to(device)
        return images.to_array(upscale(SelfEnsemble(upscaler=runner.tiles), image))
    tiles = None if config.tile == "off" else tiled_inside(runner.tiles)
    if tiles is None or (config.tile == "auto" and not is_worth_tiles(pixels, runner.scale)):
        return images.to_array(upscale(runner, images.to_tensor(pixels).to(device)))
    sr = upscale_large(pixels, tiles, device=device)
    check_exact(tiles)
    return sr


def _stylized(config: Config, runner: Runner, image: Images) -> Images:
    content, minimum = image.expand(-1, 3, -1, -1), runner.model.requirements.minimum
    h, w = config.resized(*image.shape[-2:])
    if min(h, w) < minimum:
        raise ValueError(f"image must be at least {minimum} pixels per side (got {w}x{h})")
    if (h, w) != tuple(image.shape[-2:]):
        content = imresize(content, (h, w)).clamp(0, 1)  # the cubic kernel overshoots
    stylized = runner(content)
    return median_filter(stylized) if config.median else stylized
