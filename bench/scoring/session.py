"""From what was asked for to what can be run: models, metrics and data sets, loaded.

A name asked for that cannot run is an error; one that is only there by default is skipped, and a line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import cache, metrics, upscalers
from bench.errors import MissingFile, UserError
from bench.outside.model import Outside
from bench.records import Dataset, SRProtocol
from bench.scoring.request import Request

if TYPE_CHECKING:
    import torch

    from bench.scoring.plan import LoadedMetric, Plan, Subject

Say = Callable[[str], None]


def plans(asked: Request, device: torch.device, say: Say) -> list[Plan]:
    """One plan for each scale and data set, models and metrics loaded once.

    Args:
        say: told, once each, what is skipped and why.

    Raises:
        MissingFile: a model or metric that was named lacks a file.
        UserError: a metric that was named cannot measure under the protocol.
    """
    loaded = list(_metrics(asked, device, say))
    return [plan for p in asked.protocols for plan in _plans(asked, p, loaded, device, say)]


def _plans(
    asked: Request, p: SRProtocol, loaded: Sequence[LoadedMetric], device: torch.device, say: Say
) -> Iterator[Plan]:
    from bench.scoring.plan import Plan

    subjects = list(_subjects(asked, p, device, say))
    usable = [metric for metric in loaded if _measurable(metric, p, asked, say)]
    for data in asked.datasets:
        part = asked.shard.of(data)
        if not part.images:
            say(
                f"{data.name} has {len(data.images)} images: none is in part {asked.shard.index} of {asked.shard.count}"
            )
            continue
        files, rule = _lr(asked, data, p, say)
        yield Plan(
            dataset=part,
            protocol=rule,
            lr_files=files,
            subjects=list(_for_dataset(asked, subjects, data, p, device, say)),
            metrics=usable,
            device=device,
            pictures=asked.pictures,
            force=asked.force,
            strict=asked.strict,
        )


def _lr(asked: Request, data: Dataset, p: SRProtocol, say: Say) -> tuple[Mapping[str, Path], SRProtocol]:
    """The lr files to take, none where lr is made, and the protocol, whose hash covers them.

    Raises:
        UserError: the data set has none for the scale, an image lacks its file, or the protocol cannot take files.
    """
    if asked.lr == "made":
        return {}, p
    from bench.files.layouts import digest, lr_of
    from bench.scoring.given_lr import closest_lr, refuse_protocol

    refuse_protocol(p)
    files = lr_of(data, p.scale, asked.lr_pattern)
    say(f"{data.name}: {closest_lr(data, files, p)}")
    return files, replace(p, lr_sha256=digest(files))


def loaded_metrics(asked: Request, device: torch.device) -> list[LoadedMetric]:
    """The metrics asked for, on a device.

    Raises:
        MissingFile: one that was named lacks a file.
    """
    return list(_metrics(asked, device, _say_nothing))


def loaded_subject(asked: Request, p: SRProtocol, device: torch.device, name: str) -> Subject:
    """One model of those asked for, by the name that its scores have.

    Raises:
        MissingFile: it lacks a file.
        UserError: there is none that is called so.
    """
    models = [
        model
        for model, entry in zip(asked.models, asked.entries, strict=True)
        if name == entry.name or (asked.self_ensemble and name.startswith(entry.name))
    ]
    for subject in _subjects(replace(asked, models=tuple(models)), p, device, _say_nothing):
        if not isinstance(subject, Outside) and subject.name == name:
            return subject
    raise UserError(f"no model called {name} can be loaded; required one of: {', '.join(asked.models)}")


def _say_nothing(text: str) -> None:
    """Somebody said it already."""


def _metrics(asked: Request, device: torch.device, say: Say) -> Iterator[LoadedMetric]:
    from bench.scoring.plan import LoadedMetric

    skipped: dict[str, MissingFile] = {}
    for name in asked.metrics:
        try:
            metric = metrics.load(name, cache.find, device)
        except MissingFile as error:
            if asked.metrics_named:
                raise MissingFile(f"metric {name} cannot run: {error}") from error
            skipped[name] = error
            continue
        yield LoadedMetric(
            entry=metrics.used_entry(name, cache.used_name), metric=metric, named=asked.metrics_named
        )
    for line in _skipped(skipped):
        say(line)


def _skipped(missing: Mapping[str, MissingFile]) -> Iterator[str]:
    """One line for all metrics whose weights could not be downloaded, and one for each that another thing keeps away."""
    not_here = {name: error for name, error in missing.items() if error.reason}
    if not_here:
        names, groups = " and ".join(not_here), " ".join(dict.fromkeys(e.group for e in not_here.values()))
        metric = "metric" if len(not_here) == 1 else "metrics"
        reason = next(iter(not_here.values())).reason
        yield (
            f"{metric} {names} skipped: weights not found ({reason}). "
            f"Run: python -m bench.doctor --fetch {groups}"
        )
    for name in missing.keys() - not_here.keys():
        yield f"metric {name} skipped: {missing[name]}"


def _subjects(asked: Request, p: SRProtocol, device: torch.device, say: Say) -> Iterator[Subject | Outside]:
    """The models, loaded; a folder of images stays closed until its data set is known."""
    from bench.scoring.plan import Subject

    for name, entry in zip(asked.models, asked.entries, strict=True):
        if not entry.supports(p.scale):
            say(f"model {entry.name} has no weights for x{p.scale} and is skipped there")
            continue
        if isinstance(entry, Outside) and entry.kind == "images":
            yield entry
            continue
        try:
            upscaler = upscalers.load(name, p.scale, cache.find, device)
        except MissingFile as error:
            if asked.models_named:
                raise MissingFile(f"model {entry.name} cannot run: {error}") from error
            say(f"model {entry.name} skipped: {error}")
            continue
        plain = Subject(name=entry.name, hash=entry.hash(p.scale), upscaler=upscaler)
        subject = _in_tiles(plain, asked, p, device)
        yield subject
        if asked.self_ensemble and (isinstance(entry, Outside) or entry.weights):
            yield _ensemble(subject)


def _in_tiles(subject: Subject, asked: Request, p: SRProtocol, device: torch.device) -> Subject:
    import torch

    from bench.tiling.option import tiled, tiled_hash, tiled_inside

    upscaler = tiled(subject.upscaler, asked.tile)  # type: ignore[arg-type]
    like = torch.zeros(1, 1 if p.colour == "y" else 3, 1, 1, device=device)
    return replace(
        subject,
        upscaler=upscaler,
        hash=tiled_hash(subject.hash, upscaler, like),
        variants=tiled_inside(upscaler) is not None,
    )


def _ensemble(subject: Subject) -> Subject:
    from bench.self_ensemble import SelfEnsemble, ensemble_hash, ensemble_name

    return replace(
        subject,
        name=ensemble_name(subject.name),
        hash=ensemble_hash(subject.hash),
        upscaler=SelfEnsemble(upscaler=subject.upscaler),  # type: ignore[arg-type]
    )


def _for_dataset(
    asked: Request,
    subjects: Iterable[Subject | Outside],
    data: Dataset,
    p: SRProtocol,
    device: torch.device,
    say: Say,
) -> Iterator[Subject]:
    """The subjects, folders of images opened for the data set; what does not pair is said once, by name.

    Raises:
        UserError: a folder has no image for the data set; where other scales are asked for too, one that has none for
            this scale is left out here.
    """
    from bench.outside.folder import OtherScale, images_for
    from bench.scoring.plan import Subject

    for subject in subjects:
        if not isinstance(subject, Outside):
            yield subject
            continue
        try:
            made = images_for(subject, data, p.scale, device)
        except OtherScale as error:
            if len(asked.protocols) == 1:
                raise
            say(f"model {subject.name} is left out at x{p.scale}: {error}")
            continue
        for line in made.lines():
            say(line)
        yield Subject(name=subject.name, hash=made.hash, upscaler=made)


def _measurable(metric: LoadedMetric, p: SRProtocol, asked: Request, say: Say) -> bool:
    if metric.entry.view != "rgb" or p.colour == "rgb":
        return True
    reason = f"metric {metric.entry.name} measures colour images, but protocol {p.name} has luma only"
    if asked.metrics_named:
        raise UserError(f"{reason}; required another metric or protocol")
    say(f"{reason}: skipped")
    return False
