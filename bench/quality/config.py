"""The options of `bench.sr_quality`, checked before anything is loaded. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from bench import arguments
from bench import metrics as metric_table
from bench.arguments import WHOLE, Shard, Tile
from bench.cli import writable_file
from bench.data.datasets import dataset
from bench.errors import StoreError, UserError
from bench.outputs import check_clashes, image_files, image_folders, model_files, store_files
from bench.protocols import protocol as find_protocol
from bench.quality import DEFAULT_METRICS
from bench.records import Dataset, SRProtocol
from bench.registry import catalog, upscalers
from bench.registry.external import ExternalModel, check_unique_names
from bench.registry.upscalers import UpscalerEntry


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a run scores and how; every name is known. A field is called like its option.

    Attributes:
        models: names in the table, or what names an external model.
        protocols: the protocol at each scale.
        models_named: the models were named, so one that cannot run is an error; likewise `metrics_named`.
        save_images: folder for hr, lr and sr; None for none.
        tile: for images of any size.
        maps: beside the images, where each differs from hr (:mod:`bench.quality.maps`).
        self_ensemble: beside each network a row with its self-ensemble, called like it with a `+`.
        lr: made by the protocol, or the files that came with the data set's folder.
        lr_pattern: of those files' names.
        shard: the part of each data set that is scored; what belongs to the whole (its hash of given lr files, of a
            folder of sr images) is the same for every part.
        exports: format to file.
    """

    datasets: tuple[Dataset, ...]
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    protocols: tuple[SRProtocol, ...]
    models_named: bool = False
    metrics_named: bool = False
    save_images: Path | None = None
    lr: Literal["made", "files"] = "made"
    lr_pattern: str | None = None
    tile: Tile = "auto"
    maps: bool = False
    self_ensemble: bool = False
    limit: int | None = None
    shard: Shard = WHOLE
    force: bool = False
    strict: bool = False
    device: str = "auto"
    engine: str = "local"
    address: str | None = None
    db: Path = Path("results.db")
    exports: Mapping[str, Path] = field(default_factory=dict)

    @property
    def entries(self) -> list[UpscalerEntry | ExternalModel]:
        """What is known of the models, in the order asked for."""
        return [catalog.upscaler_entry(name) for name in self.models]


@dataclass(frozen=True, kw_only=True)
class RescoreConfig:
    """The options of `bench.rescore`, checked; None is everything that the results file has.

    Attributes:
        skip_hash_check: also take images that were stored without a hash of their pixels.
    """

    metrics: tuple[str, ...]
    datasets: Sequence[str] | None = None
    models: Sequence[str] | None = None
    protocol: Sequence[str] | None = None
    scales: Sequence[int] | None = None
    device: str = "auto"
    db: Path = Path("results.db")
    force: bool = False
    skip_hash_check: bool = False
    exports: Mapping[str, Path] = field(default_factory=dict)


def config(
    *,
    datasets: Sequence[str],
    models: Sequence[str] | None = None,
    scales: Sequence[int] = (4,),
    metrics: Sequence[str] | None = None,
    protocol: str = "johnson2016",
    device: str = "auto",
    engine: str = "local",
    address: str | None = None,
    db: Path = Path("results.db"),
    save_images: Path | None = None,
    lr: str = "made",
    tile: str = "auto",
    maps: bool = False,
    self_ensemble: bool = False,
    limit: int | None = None,
    shard: str | None = None,
    force: bool = False,
    strict: bool = False,
    **exports: Path | None,
) -> Config:
    """The options as the command line has them, names resolved. Names given twice count once; nothing heavy is loaded.

    Args:
        models: None for every one of the table; empty where `bench.api` brings one of its own.
        exports: a file for each of :data:`bench.tables.FORMATS` that is wanted.

    Raises:
        UserError: a name is unknown, a number out of range, two data sets share a name, no model has the scale, or an
            output is an input.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1 (got {limit})")
    scales = tuple(dict.fromkeys(scales))
    # A folder that has hr images for several scales is read for a single one: with more than one it is refused.
    found = [dataset(name, scale=scales[0] if len(scales) == 1 else None) for name in dict.fromkeys(datasets)]
    lr_source, lr_pattern = _lr(lr)
    made = Config(
        datasets=tuple(replace(d, images=d.images[:limit]) for d in found),
        models=tuple(dict.fromkeys(upscalers.UPSCALERS if models is None else models)),
        metrics=tuple(metric_table.entry(name).name for name in dict.fromkeys(metrics or DEFAULT_METRICS)),
        protocols=tuple(find_protocol(protocol, scale) for scale in scales),
        models_named=models is not None,
        metrics_named=metrics is not None,
        # absolute: a callable that changes the working directory must not move the output
        save_images=save_images.absolute() if save_images else None,
        lr=lr_source,
        lr_pattern=lr_pattern,
        tile=arguments.tile(tile),
        maps=maps,
        self_ensemble=self_ensemble,
        limit=limit,
        shard=arguments.shard(shard),
        force=force,
        strict=strict,
        device=device,
        engine=engine,
        address=address,
        db=db,
    )
    _validate(made)
    made = replace(made, exports={name: writable_file(file) for name, file in exports.items() if file})
    # folders of single models are checked with the plans
    check_clashes(
        reads=[*model_files(made.models), *image_files(made.datasets)],
        writes=[*store_files("--db", db), *((f"--{name}", file) for name, file in made.exports.items())],
        folders_read=image_folders(made.datasets),
        folders_written=[] if made.save_images is None else [("--save-images", made.save_images)],
    )
    return made


def _validate(config: Config) -> None:
    """
    Raises:
        UserError: two data sets or two models share a name, or no model has a scale.
    """
    names = [data.name for data in config.datasets]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UserError(
            f"two data sets are called {twice[0]!r}; must be one name each: run them apart, or rename a folder"
        )
    entries = config.entries
    check_unique_names(entries)
    for scale in (protocol.scale for protocol in config.protocols):
        # `bench.api` brings a model that no table knows, so that there is nothing to look up
        if entries and not any(entry.supports(scale) for entry in entries):
            have = "; ".join(
                f"{entry.name} has {f'x{entry.scale}' if isinstance(entry, ExternalModel) else entry.weights_text}"
                for entry in entries
            )
            raise UserError(f"none of the models has weights for x{scale}: {have}")


def _lr(text: str) -> tuple[Literal["made", "files"], str | None]:
    """What `--lr` asks for: `made`, `files`, or `files,pattern={stem}_LRBI_x4`."""
    # A pattern is the name of a file: it may hold further commas and equal signs.
    kind, _, pattern = text.partition(",pattern=")
    if kind == "made" and not pattern:
        return "made", None
    if kind == "files" and (pattern.count("{stem}") == 1 or text == "files"):
        return "files", pattern or None
    raise UserError(
        f"--lr is {text!r}; must be made, files, or files,pattern=TEXT with {{stem}} once, as {{stem}}_LRBI_x4"
    )


def rescore_config(
    *,
    metrics: Sequence[str],
    datasets: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    protocol: Sequence[str] | None = None,
    scales: Sequence[int] | None = None,
    device: str = "auto",
    db: Path = Path("results.db"),
    force: bool = False,
    skip_hash_check: bool = False,
    **exports: Path | None,
) -> RescoreConfig:
    """The options as the command line of `bench.rescore` has them.

    Raises:
        UserError: a metric is unknown, there is no results file, or an output is an input.
    """
    names = tuple(metric_table.entry(name).name for name in dict.fromkeys(metrics))
    files = {name: writable_file(file) for name, file in exports.items() if file}
    if not db.is_file():
        raise StoreError(f"there is no results file {str(db)!r}")
    check_clashes(writes=[*store_files("--db", db), *((f"--{name}", file) for name, file in files.items())])
    return RescoreConfig(
        metrics=names,
        datasets=datasets,
        models=models,
        protocol=protocol,
        scales=scales,
        device=device,
        db=db,
        force=force,
        skip_hash_check=skip_hash_check,
        exports=files,
    )
