"""What `bench.sr_quality` was asked for, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench import metrics, upscalers
from bench.datasets import dataset
from bench.errors import UserError
from bench.outside.model import Outside, refuse_namesakes
from bench.protocols import protocol
from bench.records import Dataset, SRProtocol
from bench.shard import WHOLE, Shard, shard
from bench.tiling.words import Option, option
from bench.upscalers import UpscalerEntry

DEFAULT_METRICS = ("psnr", "ssim", "ms-ssim", "lpips-alex", "feature-relu2_2")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for; every name is known.

    Attributes:
        models: names in the table, or what names a model from outside.
        models_named: the models were named, so one that cannot run is an error; likewise `metrics_named`.
        pictures: folder for hr, lr and sr; None for none.
        tile: of `--tile`: for images of any size.
        self_ensemble: beside each network a row with its self-ensemble, called like it with a `+`.
        lr: made by the protocol, or the files that came with the data set's folder.
        lr_pattern: of those files' names.
        shard: the part of each data set that is scored; what belongs to the whole (its hash of given lr files, of a
            folder of sr images) is the same for every part.
    """

    datasets: tuple[Dataset, ...]
    protocols: tuple[SRProtocol, ...]
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    models_named: bool
    metrics_named: bool
    pictures: Path | None
    force: bool
    strict: bool
    tile: Option = "auto"
    self_ensemble: bool = False
    lr: Literal["made", "files"] = "made"
    lr_pattern: str | None = None
    shard: Shard = WHOLE

    @property
    def entries(self) -> list[UpscalerEntry | Outside]:
        """What is known of the models, in the order asked for."""
        return [upscalers.entry(name) for name in self.models]


def request(
    *,
    datasets: Sequence[str],
    protocol_name: str,
    scales: Sequence[int],
    models: Sequence[str] | None = None,
    metric_names: Sequence[str] | None = None,
    limit: int | None = None,
    pictures: Path | None = None,
    force: bool = False,
    strict: bool = False,
    tile: str = "auto",
    self_ensemble: bool = False,
    lr: str = "made",
    part: str | None = None,
) -> Request:
    """Resolve names; nothing heavy is loaded. Names given twice count once.

    Raises:
        UserError: a name is unknown, a number out of range, two data sets share a name, no model has the scale.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit is {limit}; required at least 1")
    unique = tuple(dict.fromkeys(scales))
    found = [dataset(name, scale=unique[0] if len(unique) == 1 else None) for name in dict.fromkeys(datasets)]
    where, pattern = _lr(lr)
    asked = Request(
        datasets=tuple(replace(d, images=d.images[:limit]) for d in found),
        protocols=tuple(protocol(protocol_name, scale) for scale in unique),
        models=tuple(dict.fromkeys(models or upscalers.UPSCALERS)),
        metrics=tuple(metrics.entry(name).name for name in dict.fromkeys(metric_names or DEFAULT_METRICS)),
        models_named=models is not None,
        metrics_named=metric_names is not None,
        pictures=pictures,
        force=force,
        strict=strict,
        tile=option(tile),
        self_ensemble=self_ensemble,
        lr=where,
        lr_pattern=pattern,
        shard=shard(part),
    )
    _refuse_twins(found)
    refuse_namesakes(asked.entries)
    _refuse_scales(asked)
    return asked


def _lr(text: str) -> tuple[Literal["made", "files"], str | None]:
    """What `--lr` asks for: `made`, `files`, or `files,pattern={stem}_LRBI_x4`."""
    kind, _, pattern = text.partition(",pattern=")
    if kind == "made" and not pattern:
        return "made", None
    if kind == "files" and (pattern.count("{stem}") == 1 or text == "files"):
        return "files", pattern or None
    raise UserError(
        f"--lr is {text!r}; required made, files, or files,pattern=TEXT with {{stem}} once, as {{stem}}_LRBI_x4"
    )


def _refuse_twins(datasets: Sequence[Dataset]) -> None:
    names = [d.name for d in datasets]
    twins = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twins:
        raise UserError(
            f"two data sets are called {twins[0]!r}; required one name each: run them apart, or rename a folder"
        )


def _refuse_scales(asked: Request) -> None:
    for scale in (p.scale for p in asked.protocols):
        if not any(e.supports(scale) for e in asked.entries):
            have = "; ".join(f"{e.name} has {_scales(e)}" for e in asked.entries)
            raise UserError(f"no model asked for has weights for x{scale}: {have}")


def _scales(entry: UpscalerEntry | Outside) -> str:
    return f"x{entry.scale}" if isinstance(entry, Outside) else entry.weights_text
