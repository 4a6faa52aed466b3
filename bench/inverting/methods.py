"""The plans of `bench.inversion`: for each layer a method that meets its features, or its Gram matrices.

The best image of the optimisation is kept, not the last. Its L-BFGS does not stop: the first layers are met to the last
digit of float32 within a hundred iterations; what the steps then learn of the curvature is rounding, and the last one that
was tried may be one that would be taken back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from baselines.descent import choose, minimise
from baselines.gatys import initial_image
from baselines.optimise import BOX, Callback, Objective, OptimisationResult, Settings, search
from bench.data import images
from bench.inverting.config import STYLES, Config
from bench.records import Curve, Dataset, ImageFile, SavedImage, StyleProtocol
from bench.styling import objective as style_objective
from bench.styling.engine import Engine
from bench.styling.methods import shares, timed
from bench.styling.plan import TRY_SMALLER, Content, Item, Key, MeasuredImage, Method, Plan, Report
from bench.styling.summary import BASELINE
from models.losses import StyleObjective, Terms
from models.vgg import LossNetwork


def keep_best(
    objective: Objective,
    start: Float[Tensor, "n 3 h w"],
    settings: Settings,
    *,
    callback: Callback,
    callback_every: int,
) -> OptimisationResult:
    """As :func:`baselines.optimise.optimise`, but for the image, which is that of the lowest objective so far.

    Returns:
        The images and, after 0, 1, ... iterations, the terms of the one that would have been returned then: the last
        are those of `image`. All on the CPU.
    """
    descent, evaluate = search(objective, start, settings)
    images, least = descent.images.clone(), torch.full_like(evaluate.terms[0], torch.inf)
    rows: list[Tensor] = []

    def look(levels: Tensor) -> None:
        # False for NaN: an image that fails keeps its best.
        better = evaluate.terms[0] < least
        images.copy_(choose(better, levels, images))
        least.copy_(torch.where(better, evaluate.terms[0], least))
        rows.append(evaluate.terms.clone())

    def after(done: int) -> None:
        # The terms are of the image that the step set out from.
        look(descent.previous)
        if done % callback_every == 0:
            callback(done, Terms(*evaluate.terms.cpu()))

    found = minimise(descent, iterations=settings.iterations, graph=settings.graph, after=after)
    # The image that the last step led to has no terms yet.
    evaluate(found.images)
    look(found.images)
    failed_at = tuple(found.failed_at.tolist())
    return OptimisationResult(
        image=(images / BOX[1]).cpu(),
        iterations=found.iterations,
        stopped="non-finite" if all(failed_at) else "iterations",
        failed_at=failed_at,
        objective=running_minimum(torch.stack(rows, 1).cpu()),
    )


def running_minimum(terms: Float[Tensor, "4 k n"]) -> Terms:
    """The terms of the lowest total up to each iteration."""
    at = terms[0].cummin(0).indices
    return Terms(*(term.gather(0, at) for term in terms))


SHORT = 8
AT_ONCE = {"cpu": 4}
MOST_AT_ONCE = 16
"""Images of 256x256 in one optimisation, on a CPU and elsewhere; of larger ones as many as have as many pixels."""


@dataclass(frozen=True, kw_only=True)
class Inversion(Method):
    """Makes images whose features or Gram matrices at one layer are those of a content, or of a style image.

    Attributes:
        protocols: by name of the image; they differ in the style image alone.
        network: the loss network, on `device`, with every layer that is looked at.
    """

    subject: str = BASELINE
    together: bool = True
    config: Config
    protocols: Mapping[str, StyleProtocol]
    network: LossNetwork
    device: torch.device

    def hash(self, item: Item) -> str:
        return self.config.subject_hash

    def protocol(self, item: Item) -> StyleProtocol:
        return self.protocols[item.name]

    @property
    def of_style(self) -> bool:
        """Whether Gram matrices are met, not features."""
        return any(protocol.style_layers for protocol in self.protocols.values())

    def make(
        self, contents: Sequence[Content], iterations: int, report: Report
    ) -> Sequence[MeasuredImage | Exception]:
        """
        Raises:
            ValueError: a style is too small for the loss network.
        """
        size, seed = self.config.size, self.config.seed

        def work() -> OptimisationResult:
            pixels = [content.pixels.to(self.device) for content in contents]
            # For its shape and device: nothing of a content is in the noise.
            like = torch.empty(len(contents), 3, size, size, device=self.device)
            return keep_best(
                objective([self.protocol(content) for content in contents], self.network, pixels),
                initial_image(like, "noise", seed),
                # As many as were asked for: an image that is gone is made anew, shorter than its stored curve or not.
                Settings(iterations=self.iterations, graph=self.device.type == "cuda"),
                callback=report,
                callback_every=self.report_every,
            )

        return shares(*timed(self.device, work), required="; must be a finite one")

    def file(self, item: Item) -> Path:
        """FOLDER/DATASET/inversion-relu2_2-256-PROTOCOL-SUBJECT/STEM.png, of either hash its first digits."""
        protocol = self.protocol(item)
        hashes = (protocol.hash[:SHORT], self.config.subject_hash[:SHORT])
        own = "-".join((protocol.name, self.place, str(protocol.size), *hashes))
        return self.config.save_images.absolute() / self.dataset / own / f"{item.name}.png"

    def saved_image(self, item: Item, pixels: UInt8[np.ndarray, "h w c"]) -> SavedImage:
        """The row of the image, without the hash of its pixels, as always."""
        return replace(super().saved_image(item, pixels), pixels_sha256="")

    def made_from(self, content: Content) -> Iterator[tuple[SavedImage, UInt8[np.ndarray, "h w c"]]]:
        """The content, or the style."""
        kind = "style" if self.of_style else "content"
        size = self.config.style_size if self.of_style else self.config.size
        folder = self.config.save_images.absolute() / self.dataset / f"{kind}-{size}"
        pixels = images.to_array(content.pixels)
        row = replace(
            self.saved_image(content, pixels),
            model=kind,
            model_hash=content.sha256,
            file=str(folder / f"{content.name}.png"),
        )
        yield row, pixels


def objective(
    protocols: Sequence[StyleProtocol], network: LossNetwork, pixels: Sequence[Float[Tensor, "1 3 _ _"]]
) -> StyleObjective:
    """That of a batch: protocols that differ in the style image alone, each with its content or style.

    Raises:
        UserError: a style is too small for the loss network.
    """
    chosen = protocols[0]
    if not chosen.style_layers:
        content = torch.cat(list(pixels))
        # No style layer: whatever is given as the style is not used.
        return style_objective.objective(chosen, network, content=content, style=content[:1])
    # No content layer: the blank gives the size, and its features are not used.
    blank = pixels[0].new_zeros(1, 3, chosen.size, chosen.size)
    each = [style_objective.objective(chosen, network, content=blank, style=style) for style in pixels]
    together = copy.copy(each[0])
    # One objective for the batch, image by image with the Gram matrices of its own style.
    together.grams = {layer: torch.cat([one.grams[layer] for one in each]) for layer in chosen.style_layers}
    return together


def plans(config: Config, network: LossNetwork, device: torch.device) -> Iterator[Plan]:
    """One for each data set of contents, and one for the styles, with a round for each layer.

    Args:
        config: with the weights of the variation.
        network: with every layer that is looked at.
    """
    for data in config.contents:
        by_layer = {
            layer: dict.fromkeys((image.stem for image in data.images), config.inversion(layer))
            for layer in config.layers
        }
        yield plan(config, network, device, data, by_layer, partial(style_objective.square, size=config.size))
    if config.styles:
        files = tuple(ImageFile(stem=s.name, file=str(s.file.absolute())) for s in config.styles)
        by_layer = {
            layer: {style.name: config.reconstruction(layer, style) for style in config.styles}
            for layer in config.style_layers
        }
        prepare = partial(style_objective.fitted, longer_side=config.style_size)
        yield plan(config, network, device, Dataset(name=STYLES, images=files, source=""), by_layer, prepare)


def plan(
    config: Config,
    network: LossNetwork,
    device: torch.device,
    data: Dataset,
    by_layer: Mapping[str, Mapping[str, StyleProtocol]],
    prepare: Callable[[Tensor], Tensor],
) -> Plan:
    """Of one data set, with the protocol of each of its images at each layer."""
    methods = [
        Inversion(
            dataset=data.name,
            name=layer,
            place=layer,
            iterations=config.iterations,
            config=config,
            protocols=protocols,
            network=network,
            device=device,
        )
        for layer, protocols in by_layer.items()
    ]
    return Plan(
        dataset=data,
        rounds=tuple((method,) for method in methods),
        prepare=prepare,
        batch=max(1, AT_ONCE.get(device.type, MOST_AT_ONCE) * 256**2 // config.size**2),
        protocols=config.protocols,
        anywhere=True,
        no_memory=TRY_SMALLER,
        force=config.force,
    )


@dataclass(frozen=True, kw_only=True)
class Inverted:
    """What became of a content or style at a layer. `file` is the image."""

    method: Inversion
    item: Item
    curve: Curve
    file: Path

    @property
    def iterations(self) -> int:
        """That were done."""
        return len(self.curve.total) - 1


def inverted(engine: Engine, kept: Mapping[Key, Curve]) -> Iterator[Inverted]:
    """All that there is of what a plan asks for: batch after batch, in each layer after layer.

    Args:
        kept: curves of this run.
    """
    plan = engine.plan
    for first in range(0, len(engine.items), plan.batch):
        for method in plan.methods:
            assert isinstance(method, Inversion)
            for item in engine.items[first : first + plan.batch]:
                if method.key(item) in kept:
                    yield Inverted(
                        method=method, item=item, curve=kept[method.key(item)], file=method.file(item)
                    )
                elif (result := engine.known(method, item, with_image=True)) is not None:
                    assert result.curve is not None
                    assert result.file is not None
                    yield Inverted(method=method, item=item, curve=result.curve, file=result.file)
