"""From names to what can be run: networks, loss networks and styles of `bench.style_quality`, loaded and checked.

A network that was named and cannot run is an error; one that is only there by default is skipped and said so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from baselines.lbfgs import HISTORY_SIZE
from bench.data import cache, images
from bench.data.styles import StyleImage
from bench.errors import MissingFile, UserError
from bench.records import SavedImage, StyleProtocol
from bench.registry import catalog
from bench.registry.external import ExternalModel
from bench.styling import metrics as style_metrics
from bench.styling import objective as style_objective
from bench.styling.config import Config, Entry, loss_network, of_style
from bench.styling.made_images import StylizedFolder, StylizedImages, stylized_folder
from bench.styling.methods import Aim, ContentItself, Optimisation, Stylizer, TimedNetwork
from bench.styling.plan import Method, Plan
from bench.styling.summary import marks
from models.losses import StyleObjective
from models.vgg import LossNetwork

STYLE = "style"
Log = Callable[[str], None]

FLOAT_BYTES = 4
IMAGES = 2 * HISTORY_SIZE + 16
"""Images' worth of memory: the history, and what the loop and the step work with."""
FEATURES = 4
"""Copies of each layer: itself, its gradient, a target and what a convolution works with."""
SHARE = 0.8
"""Of the free memory that is used."""


def plans(config: Config, device: torch.device, *, log: Log, warn: Log) -> list[Plan]:
    """One plan for each style and size; networks, loss networks and styles are loaded once.

    Args:
        log: which loss network each style is judged by, and why.
        warn: once each, which network is skipped and why.

    Raises:
        MissingFile: a network that was named, a loss network or a metric lacks a file.
        UserError: a layer that the loss network does not have; a style that is broken or too small; a folder of stylised
            images whose names are ambiguous or missing.
    """
    folders = {
        entry: stylized_folder(entry, config.contents, config.style)
        for entry in config.models
        if isinstance(entry, ExternalModel) and entry.kind == "images"
    }
    for line in (line for folder in folders.values() for line in folder.lines()):
        warn(line)
    loaded = dict(_networks(config, device, warn))
    return [plan for style in config.style for plan in _plans(config, style, loaded, folders, device, log)]


def _networks(
    config: Config, device: torch.device, warn: Log
) -> Iterator[tuple[Entry, Callable[[Tensor], Tensor]]]:
    for entry in config.models:
        if entry.kind == "images":
            continue
        try:
            yield entry, catalog.load_stylizer(entry.text, cache.find, device)
        except UserError as error:
            reason = f"{entry.name} cannot run: {error}"
            if config.models_named:
                # The kind stays, and the message says which network.
                raise (MissingFile if isinstance(error, MissingFile) else UserError)(reason) from error
            warn(f"skipped: {reason}")


def _plans(
    config: Config,
    style: StyleImage,
    loaded: Mapping[Entry, Callable[[Tensor], Tensor]],
    folders: Mapping[ExternalModel, StylizedFolder],
    device: torch.device,
    log: Log,
) -> Iterator[Plan]:
    trained = [entry for entry in loaded if of_style(entry, style)]
    judge = _judge(config, style, trained, log)
    protocols = [config.objective.protocol(style, size, loss_network=judge) for size in config.sizes]
    # Sizes have layers, weights and style in common: one loss network serves them all.
    network = style_objective.loss_network(protocols[0]).to(device)
    layers = protocols[0].style_layers
    metrics = tuple(
        metric for each in config.metrics for metric in style_metrics.load(each, layers, cache.find, device)
    )
    pixels = read_style(style, protocols[0].style_size, network.minimum).to(device)
    name = config.contents.name
    for protocol in protocols:
        aim = Aim(
            protocol=protocol,
            objective=_objective(protocol, network, pixels),
            device=device,
            pictures=config.save_images and config.save_images.absolute(),
            style=pixels,
        )
        methods: list[Method] = [ContentItself(dataset=name, aim=aim)]
        methods += [_stylizer(entry, loaded[entry], name, aim) for entry in trained]
        methods += [_stylized(entry, folder, style, name, aim) for entry, folder in folders.items()]
        if config.baseline:
            methods.append(
                Optimisation(
                    dataset=name,
                    aim=aim,
                    baseline=config.baseline,
                    iterations=config.baseline.iterations,
                    marks=marks(config.baseline.iterations) if metrics else (),
                )
            )
        yield Plan(
            dataset=config.contents,
            rounds=(tuple(methods),),
            prepare=partial(style_objective.square, size=protocol.size),
            batch=_batch(config, network, protocol.size, device),
            protocols=(protocol,),
            title=f"{style.name} at {protocol.size}x{protocol.size}",
            minimum=network.minimum,
            image_limit=0 if config.save_images is None else config.image_limit,
            force=config.force,
            shown=() if config.save_images is None else (_style_image(name, aim, pixels),),
            metrics=metrics,
        )


def _stylizer(entry: Entry, network: Callable[[Tensor], Tensor], dataset: str, aim: Aim) -> Stylizer:
    return Stylizer(
        dataset=dataset,
        name=entry.name,
        subject=entry.name,
        aim=aim,
        # One for each size, since it warms up once.
        network=TimedNetwork(network=network, device=aim.device),
        network_hash=entry.hash(1),
    )


def _stylized(
    entry: ExternalModel, folder: StylizedFolder, style: StyleImage, dataset: str, aim: Aim
) -> StylizedImages:
    return StylizedImages(
        dataset=dataset,
        name=entry.name,
        subject=entry.name,
        aim=aim,
        files=folder.of_style(style.name),
        images_hash=folder.hashes[style.name],
    )


def _style_image(dataset: str, aim: Aim, style: Tensor) -> tuple[SavedImage, np.ndarray]:
    """The style as the objective sees it, with its row."""
    protocol, pixels = aim.protocol, images.to_array(style)
    row = SavedImage(
        dataset=dataset,
        protocol_hash=protocol.hash,
        image=protocol.style,
        image_sha256=protocol.style_sha256,
        model=STYLE,
        model_hash=protocol.style_sha256,
        file=str(aim.file(dataset, STYLE, protocol.style)),
        pixels_sha256=images.pixels_sha256(pixels),
    )
    return row, pixels


def _judge(config: Config, style: StyleImage, trained: Sequence[Entry], log: Log) -> str:
    judge, why = loss_network(config.objective, trained)
    log(f"{style.name}: judged by the loss network {judge} ({why})")
    for entry in trained:
        if entry.loss_network not in {"", judge}:
            log(f"{style.name}: {entry.name} was trained with {entry.loss_network}, another objective")
    return judge


def read_style(style: StyleImage, longer_side: int, minimum: int) -> Tensor:
    """The style image, RGB in [0, 1], `1 3 h w`.

    Raises:
        UserError: it cannot be read, or the loss network needs a larger one; the message names it.
    """
    h, w = images.read(style.file).shape[:2]
    pixels = style_objective.read_style(style, longer_side)
    # The file's own size first: enlarged, a style of too few pixels would pass.
    for what, (height, width) in {"is": (h, w), "becomes": tuple(pixels.shape[-2:])}.items():
        if min(height, width) < minimum:
            raise UserError(
                f"the style {style.name!r} {what} {width}x{height}; it must be at least {minimum} pixels per side"
            )
    return pixels


def _objective(protocol: StyleProtocol, network: LossNetwork, style: Tensor) -> StyleObjective:
    """For no content yet: each is put in with `with_content`, so that the style is looked at once."""
    nothing = style.new_zeros(1, 3, protocol.size, protocol.size)
    return style_objective.objective(protocol, network, content=nothing, style=style)


def _batch(config: Config, network: LossNetwork, size: int, device: torch.device) -> int:
    most = len(config.contents.images)
    return batch_size(network, size, device, most) if config.batch is None else min(config.batch, most)


def batch_size(network: LossNetwork, size: int, device: torch.device, most: int) -> int:
    """On a CUDA device as many as fit into its free memory, at most `most`; elsewhere one."""
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(most, int(SHARE * free / bytes_of_one(network, size))))


def bytes_of_one(network: LossNetwork, size: int) -> int:
    """Memory that one content takes, roughly and rather too much."""
    values = 0
    side, channels = size, 3
    for layer in network.path:
        if layer.startswith("conv"):
            channels = int(network.convolutions[layer].out_channels)  # type: ignore[arg-type]
            # Its ReLU works in place and adds none.
            values += channels * side**2
        elif layer.startswith("pool"):
            side //= 2
    return FLOAT_BYTES * (3 * size**2 * IMAGES + FEATURES * values)
