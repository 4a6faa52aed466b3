"""Re-scoring: the images that a results file has, selected, and fed to the one engine with more metrics.

hr is read from its stored image and prepared once, then each model's sr, each as its run wrote it; memory does not grow
with their number.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from bench.data import images
from bench.data.datasets import ALIASES
from bench.data.untrusted import parse_as
from bench.errors import ImageError, UserError
from bench.quality.config import RescoreConfig
from bench.quality.engine import ResultWriter, missing_scores
from bench.quality.plan import ImageJob, LoadedMetric, Model, Plan
from bench.records import HR, LR, Dataset, ImageFile, SavedImage, SRProtocol, untiled_hash
from bench.registry.upscalers import UPSCALERS
from bench.storage.rows import checked_rows, definition, validating_rows
from bench.storage.saved_images import Version
from bench.storage.store import Store
from bench.text import escape_control_chars

Log = Callable[[str], None]
Place = tuple[str, str]
"""A data set and the hash of a protocol."""
Pixels = UInt8[np.ndarray, "h w c"]
PAGE = 64
"""Images whose rows are held at a time."""
AGAIN = "repeat the command of bench.sr_quality, which makes it again"


def protocols(store: Store) -> dict[str, SRProtocol]:
    """Those of super-resolution, by hash.

    Raises:
        StoreError: one is not what its hash says.
    """
    columns, rows = store.table("protocols")
    found = {}
    with validating_rows(store.file, "protocols"):
        for row in checked_rows(store.file, "protocols", columns, rows):
            fields = dict(zip(columns, row, strict=True))
            defined = definition(fields["definition"])
            # protocols of style transfer lie in the same table
            if "style_layers" in defined:
                continue
            rule = parse_as(SRProtocol, {**defined, "name": fields["name"]}, "a protocol")
            if rule.hash != fields["hash"]:
                raise ValueError(
                    f"hash is {fields['hash'][:8]}, must be {rule.hash[:8]}, that of its definition"
                )
            found[rule.hash] = rule
    return found


def refusal(protocol: SRProtocol) -> str:
    """Why its pictures are not what was measured; empty where they are, to the last bit.

    A picture holds 8-bit pixels. hr has no others: it is a file's, or under a luma-first protocol the rounded luma of
    :func:`bench.prepare.to_luma`. sr has no others where the protocol rounds it before it is measured.
    """
    if protocol.quantize:
        return ""
    return (
        f"protocol {protocol.name} measures sr unrounded, but stored images are rounded to 8 bits: the values "
        "would differ from those of bench.sr_quality"
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """A data set under a protocol.

    Attributes:
        models: those with pictures, each with the hash of its newest version.
        images: that have pictures.
    """

    dataset: str
    protocol: SRProtocol
    models: tuple[tuple[str, str], ...]
    images: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is rescored. `whole`: every model that was named has pictures wherever it has scores."""

    parts: tuple[Part, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The store's protocols by hash; what has rows, by data set, protocol, model and hash."""

    file: str
    protocols: Mapping[str, SRProtocol]
    scored: Mapping[tuple[str, ...], Version]
    with_images: Mapping[tuple[str, ...], Version]

    @property
    def newest(self) -> list[Version]:
        """Of each model's versions on a data set under a protocol the one that ran last."""
        last: dict[tuple[str, ...], Version] = {}
        for version in (*self.scored.values(), *self.with_images.values()):
            key = _key(version)[:-1]
            # by the number of the run, not its start: the clock may have been put back
            if version.model not in {HR, LR} and (key not in last or last[key].run < version.run):
                last[key] = version
        return list(last.values())

    def title(self, place: Place) -> str:
        """For messages."""
        rule = self.protocols[place[1]]
        return f"{place[0]} x{rule.scale}, protocol {rule.name} ({rule.hash[:8]})"

    def images(self, version: Version) -> tuple[int, int]:
        """With scores, and with pictures."""
        found = (table.get(_key(version)) for table in (self.scored, self.with_images))
        scored, with_images = (each.images if each else 0 for each in found)
        return scored, with_images


def select(store: Store, config: RescoreConfig, log: Log) -> Selection:
    """Look a results file through.

    Args:
        log: told what is skipped and why.

    Raises:
        UserError: a name is not in the results file, a protocol that was named cannot be rescored, or pictures have
            no hash and are not to be trusted.
        StoreError: the results file cannot be read.
    """
    known = _known(store, config, log)
    _check_known(known, config)
    chosen = [version for version in known.newest if _wanted(version, known, config)]
    if not chosen:
        raise UserError(f"results file {known.file!r} has no scores and no images of this selection")
    commands = _commands(store)
    for version in chosen:
        scored, with_images = known.images(version)
        if with_images < scored:
            log(_lack(known, version, commands.get(version.run, ())))
    pictured_models = [version for version in chosen if known.images(version)[1]]
    parts = tuple(_parts(known, pictured_models))
    if not config.skip_hash_check:
        _check_hashed(known, pictured_models)
    # models that nobody named may lack pictures: a line has said so
    whole = bool(parts) and (config.models is None or len(pictured_models) == len(chosen))
    return Selection(parts=parts, whole=whole)


def _key(version: Version) -> tuple[str, ...]:
    return version.dataset, version.protocol_hash, version.model, version.model_hash


def _known(store: Store, config: RescoreConfig, log: Log) -> _Known:
    rules = protocols(store)
    tables = [store.versions("scores"), store.versions("pictures")]
    # a protocol that is listed but has no rows is nothing to refuse
    for digest in sorted({version.protocol_hash for table in tables for version in table} & set(rules)):
        reason = refusal(rules[digest])
        if not reason:
            continue
        if rules[digest].name in (config.protocol or ()):
            raise UserError(f"{reason}; use another protocol")
        log(f"{reason}: skipped")
        del rules[digest]
    scored, with_images = ({_key(v): v for v in table if v.protocol_hash in rules} for table in tables)
    return _Known(file=str(store.file), protocols=rules, scored=scored, with_images=with_images)


def _check_known(known: _Known, config: RescoreConfig) -> None:
    rules = [known.protocols[version.protocol_hash] for version in known.newest]
    _require("data set", _datasets(config), [v.dataset for v in known.newest], known.file)
    _require("model", config.models, [v.model for v in known.newest], known.file)
    _require("protocol", config.protocol, [rule.name for rule in rules], known.file)
    _require("scale", config.scales, [rule.scale for rule in rules], known.file)


def _require(what: str, names: Iterable[object] | None, there: Sequence[object], file: str) -> None:
    for name in names or ():
        if name not in there:
            have = ", ".join(escape_control_chars(str(each)) for each in dict.fromkeys(there)) or "none"
            raise UserError(f"results file {file!r} has no {what} {name!r}; there are: {have}")


def _datasets(config: RescoreConfig) -> list[str] | None:
    return None if config.datasets is None else [ALIASES.get(name, name) for name in config.datasets]


def _wanted(version: Version, known: _Known, config: RescoreConfig) -> bool:
    rule = known.protocols[version.protocol_hash]
    pairs = (
        (version.dataset, _datasets(config)),
        (version.model, config.models),
        (rule.name, config.protocol),
        (rule.scale, config.scales),
    )
    return all(names is None or value in names for value, names in pairs)


def _parts(known: _Known, versions: Sequence[Version]) -> Iterable[Part]:
    order = {name: place for place, name in enumerate(UPSCALERS)}
    places: dict[Place, list[tuple[str, str]]] = {}
    # in the order of the table, a self-ensemble (`+`) behind its model, others last
    for v in sorted(versions, key=lambda v: (order.get(v.model.removesuffix("+"), len(order)), v.model)):
        places.setdefault((v.dataset, v.protocol_hash), []).append((v.model, v.model_hash))
    for place, models in sorted(places.items(), key=lambda item: known.title(item[0])):
        yield Part(
            dataset=place[0],
            protocol=known.protocols[place[1]],
            models=tuple(models),
            images=max(v.images for key, v in known.with_images.items() if key[:2] == place),
        )


def _check_hashed(known: _Known, versions: Sequence[Version]) -> None:
    sources = {(v.dataset, v.protocol_hash, HR, "") for v in versions}
    keys = [*sources, *map(_key, versions)]
    number = sum(known.with_images[key].unhashed for key in keys if key in known.with_images)
    if number:
        raise UserError(
            f"{number} images in results file {known.file!r} were stored without a hash of their pixels, by an "
            "earlier version: it is unknown whether the files are still what was scored; needs --skip-hash-check to "
            "use them nevertheless, or bench.sr_quality --force to make them again"
        )


def _lack(known: _Known, version: Version, command: Sequence[str]) -> str:
    """What has no pictures, and how to get them."""
    scored, with_images = known.images(version)
    place = (version.dataset, version.protocol_hash)
    # the run's own command, this time with images; a run of another program has none
    words = [word for word in command if word != "--no-images"] or _like(known, version)
    return escape_control_chars(
        f"{known.title(place)}: {scored - with_images} of {scored} images that {version.model} was scored on are not "
        f"stored and are skipped; run: python -m bench.sr_quality {shlex.join(words)}"
    )


def _like(known: _Known, version: Version) -> list[str]:
    rule = known.protocols[version.protocol_hash]
    options = ("--scales", str(rule.scale), "--protocol", rule.name, "--metrics", "psnr", "--db", known.file)
    return [version.dataset, "--models", version.model, *options]


def _commands(store: Store) -> dict[int, tuple[str, ...]]:
    """Of the runs of bench.sr_quality, by number."""
    columns, rows = store.table("runs")
    with validating_rows(store.file, "runs"):
        runs = [dict(zip(columns, row, strict=True)) for row in rows]
        return {
            run["id"]: tuple(map(str, json.loads(run["command"])))
            for run in runs
            if run["program"] == "sr_quality"
        }


def stored_plan(part: Part, metrics: Sequence[LoadedMetric], device: torch.device, *, force: bool) -> Plan:
    """The plan of a part; the metrics are those that can measure under its protocol."""
    return Plan(
        dataset=Dataset(name=part.dataset, images=(), source="pictures of a results file"),
        image_count=part.images,
        protocol=part.protocol,
        models=[
            # variants: memory may have had single images done in tiles, whose hashes have the tile behind them
            Model(name=name, hash=digest, upscaler=None, variants=True, validated=True)
            for name, digest in part.models
        ],
        metrics=metrics,
        device=device,
        force=force,
    )


def stored_jobs(writer: ResultWriter, *, trust: bool) -> Iterator[ImageJob]:
    """Every image that has stored images, by name, with what the store misses of it; its files are not read yet.

    Args:
        trust: take images that were stored without a hash of their pixels.
    """
    after, plan = "", writer.plan
    place = {"dataset": plan.dataset.name, "protocol_hash": plan.protocol.hash}
    # by name, not by an open cursor or an offset: rows are written while the pages are read
    while rows := writer.store.saved_image_page(**place, after=after, most=PAGE):
        after = rows[-1][0].image
        for _, group in groupby(rows, key=lambda row: row[0].image):
            job = _job(writer, _newest_by_file(group), trust)
            writer.hashes[job.image.stem] = job.hr.sha256 if job.hr else ""
            if job.pending:
                yield job
            else:
                writer.finish(job)


def _newest_by_file(rows: Iterable[tuple[SavedImage, int]]) -> list[SavedImage]:
    """The images whose files no later run wrote to, the newest last."""
    last: dict[str, SavedImage] = {}
    for picture, _ in sorted(rows, key=lambda row: row[1]):
        # popped, so that it is inserted again at the end: the order is that of the runs
        last.pop(picture.file, None)
        last[picture.file] = picture
    return list(last.values())


def _job(writer: ResultWriter, pictures: Sequence[SavedImage], trust: bool) -> ImageJob:
    """Of the newest version of the image's file. Scores are kept under the hash that a model's image has."""
    plan, stem, sha256 = writer.plan, pictures[-1].image, pictures[-1].image_sha256
    stored = {
        (p.model, untiled_hash(p.model_hash), p.image_sha256): StoredImage(
            picture=p, file=writer.store.place.parent / p.file, trust=trust
        )
        for p in pictures
    }
    with_image = {key[:2] for key in stored}
    pending = []
    for model, metrics in missing_scores(plan, writer.store, stem, sha256):
        if metrics and (model.name, model.hash) in with_image:
            sr = stored.get((model.name, model.hash, sha256))
            # the stored hash, with the tile where there was one: the picture was made that way
            used = model.hash if sr is None else sr.picture.model_hash
            pending.append((replace(model, hash=used, upscaler=StoredSr(stored=sr)), metrics))
    return ImageJob(
        image=ImageFile(stem=stem, file=""),
        hr=StoredHr(stored=stored.get((HR, "", sha256)), sha256=sha256, luma=plan.protocol.colour == "y"),
        pending=pending,
        needs_lr=False,
    )


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """An image that a run wrote; `trust` says that one without a hash of its pixels is taken as it is."""

    picture: SavedImage
    file: Path
    trust: bool

    def read(self) -> Pixels:
        """What the file holds.

        Raises:
            ImageError: it is not there, cannot be read, or holds something else than was scored.
        """
        if not self.file.is_file():
            raise ImageError(f"there is no image {str(self.file)!r}; {AGAIN}")
        found = images.read(self.file)
        wanted = self.picture.pixels_sha256
        if not wanted and not self.trust:
            raise ImageError(
                f"{str(self.file)!r} was stored without a hash of its pixels (--skip-hash-check)"
            )
        if wanted and images.pixels_sha256(found) != wanted:
            raise ImageError(
                f"{str(self.file)!r} does not hold the pixels that were scored; delete it, then {AGAIN}"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class StoredHr:
    """hr as a job has it: read once, by whoever works on it. `stored` is None where it was lost to another image's."""

    stored: StoredImage | None
    sha256: str
    luma: bool

    @property
    def pixels(self) -> Pixels:
        """
        Raises:
            ImageError: there is none that can be measured.
        """
        if self.stored is None:
            raise ImageError(f"there is no image of hr; {AGAIN}")
        hr = self.stored.read()
        if self.luma and hr.shape[2] != 1:
            raise ImageError(f"the image of hr has {hr.shape[2]} channels, must be 1: luma")
        return hr


@dataclass(frozen=True, kw_only=True)
class StoredSr:
    """A model's image; `stored` is None where it is of another version of the image's file."""

    stored: StoredImage | None

    def pixels(self, stem: str) -> Pixels:
        """
        Raises:
            ImageError: there is none that can be measured.
        """
        if self.stored is None:
            raise ImageError(f"its image is of another version of hr; {AGAIN}")
        return self.stored.read()
