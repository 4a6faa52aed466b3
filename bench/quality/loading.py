"""From a config to what can be run: models, metrics and data sets, loaded.

A name asked for that cannot run is an error; one that is only there by default is skipped, and a line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bench import metrics
from bench.data import cache
from bench.data.crops import FOLDER as CROPS_FOLDER
from bench.data.layouts import digest, lr_of
from bench.errors import MissingFile, UserError, run_fetch
from bench.interfaces import PrecomputedImages, Upscaler, UpscalerWrapper
from bench.outputs import check_clashes, image_folders
from bench.quality.config import Config
from bench.quality.plan import LoadedMetric, Model, Plan
from bench.quality.provided_lr import check_protocol, closest_lr
from bench.records import Dataset, SRProtocol, untiled_hash
from bench.registry import catalog
from bench.registry.adapters.image_folder import OtherScale, images_for
from bench.registry.external import ExternalModel
from bench.self_ensemble import SelfEnsemble, ensemble_hash, ensemble_name
from bench.storage.store import Store
from bench.tiling.tiles import tiled, tiled_hash, tiled_inside

Log = Callable[[str], None]


class LoadedWhenCalled(UpscalerWrapper):
    """A model that is not expected to be called, because no score of it is missing."""

    def __init__(self, load: Callable[[], Upscaler]) -> None:
        self._load = load

    @cached_property
    def upscaler(self) -> Upscaler:  # type: ignore[override]
        return self._load()

    def __call__(self, lr: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c sh sw"]:
        return self.upscaler(lr)


def finished(config: Config, store: Store) -> frozenset[tuple[str, str]]:
    """Models that miss no score, each with the hash of the protocol, so that they need not be loaded.

    Only where that is known without reading an image: of data sets whose hashes are known, and where no image is written.
    """
    if (
        config.force
        or config.save_images is not None
        or config.lr == "files"
        or config.self_ensemble
        or config.tile != "auto"
    ):
        return frozenset()
    entries = [(name, metrics.used_entry(name, cache.used_name)) for name in config.metrics]
    versions = [(name, entry.version) for name, entry in entries]
    found = set()
    for protocol in config.protocols:
        waiting = {
            entry.name: entry.hash(protocol.scale)
            for entry in config.entries
            if entry.kind != "images" and entry.supports(protocol.scale)
        }
        for data in config.datasets:
            for image in config.shard.of(data).images:
                stored = store.scored(
                    dataset=data.name,
                    protocol_hash=protocol.hash,
                    image=image.stem,
                    image_sha256=image.sha256 or "",
                )
                known = {(model, untiled_hash(content), *version) for model, content, *version in stored}
                waiting = {
                    name: content
                    for name, content in waiting.items()
                    if image.sha256 and all((name, content, *version) in known for version in versions)
                }
        found |= {(name, protocol.hash) for name in waiting}
    return frozenset(found)


def plans(
    config: Config,
    device: torch.device,
    log: Log,
    finished: Collection[tuple[str, str]] = (),
) -> list[Plan]:
    """One plan for each scale and data set, models and metrics loaded once.

    Args:
        log: told, once each, what is skipped and why.
        finished: models that are not loaded, as :func:`finished` finds them.

    Raises:
        MissingFile: a model or metric that was named lacks a file.
        UserError: a metric that was named cannot measure under the protocol.
    """
    loaded = list(load_metrics(config.metrics, device, named=config.metrics_named, log=log))
    made = []
    for protocol in config.protocols:
        models = list(_models(config, protocol, device, log, finished))
        usable = [m for m in loaded if can_measure(m, protocol, required=config.metrics_named, log=log)]
        for data in config.datasets:
            part = config.shard.of(data)
            if not part.images:
                shard = f"part {config.shard.index} of {config.shard.count}"
                log(f"{data.name} has {len(data.images)} images: none is in {shard}")
                continue
            lr_files: Mapping[str, Path] = {}
            rule = protocol
            if config.lr == "files":
                check_protocol(protocol)
                # of the whole data set, whose hash is the same for every shard
                lr_files = lr_of(data, protocol.scale, config.lr_pattern)
                log(f"{data.name}: {closest_lr(data, lr_files, protocol)}")
                rule = replace(protocol, lr_sha256=digest(lr_files))
            made.append(
                Plan(
                    dataset=part,
                    protocol=rule,
                    lr_files=lr_files,
                    models=list(_for_dataset(config, models, data, protocol, log)),
                    metrics=usable,
                    device=device,
                    images=config.save_images,
                    maps=config.maps,
                    force=config.force,
                    strict=config.strict,
                )
            )
    return made


def load_model(config: Config, p: SRProtocol, device: torch.device, name: str) -> Model:
    """One model of those asked for, by the name that its scores have.

    Raises:
        MissingFile: it lacks a file.
        UserError: there is none that is called so.
    """
    models = [
        model
        for model, entry in zip(config.models, config.entries, strict=True)
        # may take one too many, as sr-pixel for sr-pixel+match+; the exact name decides below
        if name == entry.name or (config.self_ensemble and name.startswith(entry.name))
    ]
    for model in _models(replace(config, models=tuple(models)), p, device, lambda line: None):
        if not isinstance(model, ExternalModel) and model.name == name:
            return model
    raise UserError(f"no model called {name} can be loaded; must be one of: {', '.join(config.models)}")


def load_metrics(
    names: Iterable[str], device: torch.device, *, named: bool = True, log: Log | None = None
) -> Iterator[LoadedMetric]:
    """Metrics on a device.

    Args:
        named: they were asked for by name.
        log: told which were not and are skipped, and why.

    Raises:
        MissingFile: one that was named lacks a file.
    """
    skipped: dict[str, MissingFile] = {}
    for name in names:
        try:
            metric = metrics.load(name, cache.find, device)
        except MissingFile as error:
            if named:
                raise error.of(f"metric {name} cannot run") from error
            skipped[name] = error
            continue
        yield LoadedMetric(entry=metrics.used_entry(name, cache.used_name), metric=metric, named=named)
    if log is None:
        return
    # one line for all metrics whose weights could not be downloaded, and one for each that another thing keeps away
    no_weights = {name: error for name, error in skipped.items() if error.reason}
    if no_weights:
        what = "metric" if len(no_weights) == 1 else "metrics"
        reason = next(iter(no_weights.values())).reason
        groups = run_fetch(*(error.group for error in no_weights.values()))
        log(f"{what} {' and '.join(no_weights)} skipped: weights not found ({reason}). {groups}")
    for name, why in skipped.items():
        if name not in no_weights:
            log(f"metric {name} skipped: {why}")


def _models(
    config: Config,
    p: SRProtocol,
    device: torch.device,
    log: Log,
    finished: Collection[tuple[str, str]] = (),
) -> Iterator[Model | ExternalModel]:
    """The models, loaded; a folder of images stays closed until its data set is known."""
    for name, entry in zip(config.models, config.entries, strict=True):
        if not entry.supports(p.scale):
            log(f"model {entry.name} has no weights for x{p.scale} and is skipped there")
            continue
        if entry.kind == "images":
            yield entry
            continue
        load = partial(catalog.load_upscaler, name, p.scale, cache.find, device)
        if (entry.name, p.hash) in finished:
            later = LoadedWhenCalled(load)
            yield Model(name=entry.name, hash=entry.hash(p.scale), upscaler=later, variants=True)
            continue
        try:
            upscaler = load()
        except MissingFile as error:
            if config.models_named:
                raise error.of(f"model {entry.name} cannot run") from error
            log(f"model {entry.name} skipped: {error}")
            continue
        in_tiles = tiled(upscaler, config.tile)
        # the hash holds the margin of a tile, which is measured for the channels that the model will be given
        like = torch.zeros(1, 1 if p.colour == "y" else 3, 1, 1, device=device)
        model = Model(
            name=entry.name,
            hash=tiled_hash(entry.hash(p.scale), in_tiles, like),
            upscaler=in_tiles,
            variants=tiled_inside(in_tiles) is not None,
        )
        yield model
        # of networks alone, as the literature's `+` is
        if config.self_ensemble and (isinstance(entry, ExternalModel) or entry.weights):
            yield replace(
                model,
                name=ensemble_name(model.name),
                hash=ensemble_hash(model.hash),
                upscaler=SelfEnsemble(upscaler=in_tiles),
            )


def _for_dataset(
    config: Config,
    models: Iterable[Model | ExternalModel],
    data: Dataset,
    p: SRProtocol,
    log: Log,
) -> Iterator[Model]:
    """The models, folders of images opened for the data set; what does not pair is said once, by name.

    Raises:
        UserError: a folder has no image for the data set; where other scales are asked for too, one that has none for
            this scale is skipped here.
    """
    for model in models:
        if not isinstance(model, ExternalModel):
            yield model
            continue
        try:
            made = images_for(model, data, p.scale)
        except OtherScale as error:
            # the only scale that was asked for: skipping it would leave nothing to do
            if len(config.protocols) == 1:
                raise
            log(f"model {model.name} is skipped at x{p.scale}: {error}")
            continue
        for line in made.lines():
            log(line)
        yield Model(name=model.name, hash=made.hash, upscaler=made)


def can_measure(metric: LoadedMetric, p: SRProtocol, *, required: bool, log: Log) -> bool:
    """Whether a metric can measure under a protocol.

    Raises:
        UserError: it cannot, and is required to.
    """
    if metric.entry.view != "rgb" or p.colour == "rgb":
        return True
    reason = f"metric {metric.entry.name} measures colour images, but protocol {p.name} has luma only"
    if required:
        raise UserError(f"{reason}; use another metric or protocol")
    log(f"{reason}: skipped")
    return False


def check_no_folders(plan: Plan) -> None:
    """
    Raises:
        UserError: images would go into a folder that the data set, its lr files or a model's images lie in.
    """
    if plan.images_folder is None:
        return
    # one by one, not images_folder: another folder of images may lie beside those that are written
    names = ["hr", "lr", *(model.name for model in plan.models), CROPS_FOLDER]
    read = [
        (f"the folder of {model.name}", model.upscaler.folder)
        for model in plan.models
        # whatever has `pixels(stem)` conforms; only a folder of files can be written into
        if isinstance(model.upscaler, PrecomputedImages) and hasattr(model.upscaler, "folder")
    ]
    check_clashes(
        folders_read=[
            *image_folders([plan.dataset]),
            *(("the folder of lr files", folder) for folder in {f.parent for f in plan.lr_files.values()}),
            *read,
        ],
        folders_written=[(f"the folder of {name}'s images", plan.images_folder / name) for name in names],
    )
