"""What of a results file is rescored: the data sets, protocols and models that it has pictures of. Loads no torch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.datasets import ALIASES
from bench.errors import UserError
from bench.printable import printable
from bench.records import HR, LR, SRProtocol
from bench.rescoring import protocols as rescore_protocols
from bench.storage.sound_rows import sound
from bench.upscalers import UPSCALERS

if TYPE_CHECKING:
    from bench.storage.pictures import Version
    from bench.store import Store

Say = Callable[[str], None]
Place = tuple[str, str]
"""A data set and the hash of a protocol."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What was asked for by name; None is all that there is.

    Attributes:
        trust: also take pictures that were stored without a hash of their pixels.
    """

    datasets: Sequence[str] | None = None
    models: Sequence[str] | None = None
    protocols: Sequence[str] | None = None
    scales: Sequence[int] | None = None
    trust: bool = False


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
class Asked:
    """What is rescored. `whole`: every model that was named has pictures wherever it has scores."""

    parts: tuple[Part, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The store's protocols by hash; what has rows, by data set, protocol, model and hash."""

    file: str
    protocols: Mapping[str, SRProtocol]
    scored: Mapping[tuple[str, ...], Version]
    pictured: Mapping[tuple[str, ...], Version]

    @property
    def newest(self) -> list[Version]:
        """Of each model's versions on a data set under a protocol the one that ran last."""
        last: dict[tuple[str, ...], Version] = {}
        for version in (*self.scored.values(), *self.pictured.values()):
            key = _key(version)[:-1]
            if version.model not in {HR, LR} and (key not in last or last[key].run < version.run):
                last[key] = version
        return list(last.values())

    def title(self, place: Place) -> str:
        """For messages."""
        rule = self.protocols[place[1]]
        return f"{place[0]} x{rule.scale}, protocol {rule.name} ({rule.hash[:8]})"

    def images(self, version: Version) -> tuple[int, int]:
        """With scores, and with pictures."""
        found = (table.get(_key(version)) for table in (self.scored, self.pictured))
        scored, pictured = (each.images if each else 0 for each in found)
        return scored, pictured


def asked(store: Store, filters: Filters, say: Say) -> Asked:
    """Look a results file through.

    Args:
        say: told what is left out and why.

    Raises:
        UserError: a name is not in the results file, a protocol that was named cannot be rescored, or pictures have
            no hash and are not to be trusted.
        StoreError: the results file cannot be read.
    """
    known = _known(store, filters, say)
    _refuse_unknown(known, filters)
    chosen = [version for version in known.newest if _wanted(version, known, filters)]
    if not chosen:
        raise UserError(f"results file {known.file!r} has no scores and no pictures of what was asked for")
    commands = _commands(store)
    for version in chosen:
        scored, pictured = known.images(version)
        if pictured < scored:
            say(_lack(known, version, commands.get(version.run, ())))
    pictured_models = [version for version in chosen if known.images(version)[1]]
    parts = tuple(_parts(known, pictured_models))
    if not filters.trust:
        _refuse_unhashed(known, pictured_models)
    whole = bool(parts) and (filters.models is None or len(pictured_models) == len(chosen))
    return Asked(parts=parts, whole=whole)


def _key(version: Version) -> tuple[str, ...]:
    return version.dataset, version.protocol_hash, version.model, version.model_hash


def _known(store: Store, filters: Filters, say: Say) -> _Known:
    rules = rescore_protocols.protocols(store)
    tables = [store.versions("scores"), store.versions("pictures")]
    for digest in sorted({version.protocol_hash for table in tables for version in table} & set(rules)):
        reason = rescore_protocols.refusal(rules[digest])
        if not reason:
            continue
        if rules[digest].name in (filters.protocols or ()):
            raise UserError(f"{reason}; required another protocol")
        say(f"{reason}: left out")
        del rules[digest]
    scored, pictured = ({_key(v): v for v in table if v.protocol_hash in rules} for table in tables)
    return _Known(file=str(store.file), protocols=rules, scored=scored, pictured=pictured)


def _refuse_unknown(known: _Known, filters: Filters) -> None:
    rules = [known.protocols[version.protocol_hash] for version in known.newest]
    _require("data set", _datasets(filters), [v.dataset for v in known.newest], known.file)
    _require("model", filters.models, [v.model for v in known.newest], known.file)
    _require("protocol", filters.protocols, [rule.name for rule in rules], known.file)
    _require("scale", filters.scales, [rule.scale for rule in rules], known.file)


def _require(what: str, names: Iterable[object] | None, there: Sequence[object], file: str) -> None:
    for name in names or ():
        if name not in there:
            have = ", ".join(printable(str(each)) for each in dict.fromkeys(there)) or "none"
            raise UserError(f"results file {file!r} has no {what} {name!r}; there are: {have}")


def _datasets(filters: Filters) -> list[str] | None:
    return None if filters.datasets is None else [ALIASES.get(name, name) for name in filters.datasets]


def _wanted(version: Version, known: _Known, filters: Filters) -> bool:
    rule = known.protocols[version.protocol_hash]
    pairs = (
        (version.dataset, _datasets(filters)),
        (version.model, filters.models),
        (rule.name, filters.protocols),
        (rule.scale, filters.scales),
    )
    return all(names is None or value in names for value, names in pairs)


def _parts(known: _Known, versions: Sequence[Version]) -> Iterable[Part]:
    order = {name: place for place, name in enumerate(UPSCALERS)}
    places: dict[Place, list[tuple[str, str]]] = {}
    for v in sorted(versions, key=lambda v: (order.get(v.model.removesuffix("+"), len(order)), v.model)):
        places.setdefault((v.dataset, v.protocol_hash), []).append((v.model, v.model_hash))
    for place, models in sorted(places.items(), key=lambda item: known.title(item[0])):
        yield Part(
            dataset=place[0],
            protocol=known.protocols[place[1]],
            models=tuple(models),
            images=max(v.images for key, v in known.pictured.items() if key[:2] == place),
        )


def _refuse_unhashed(known: _Known, versions: Sequence[Version]) -> None:
    sources = {(v.dataset, v.protocol_hash, HR, "") for v in versions}
    keys = [*sources, *map(_key, versions)]
    number = sum(known.pictured[key].unhashed for key in keys if key in known.pictured)
    if number:
        raise UserError(
            f"{number} pictures in results file {known.file!r} were stored without a hash of their pixels, by an "
            "earlier version: nothing shows that the files are still what was scored; required --trust-pictures to "
            "take them all the same, or bench.sr_quality --force to make them again"
        )


def _lack(known: _Known, version: Version, command: Sequence[str]) -> str:
    """What has no pictures, and how to get them."""
    scored, pictured = known.images(version)
    place = (version.dataset, version.protocol_hash)
    words = [word for word in command if word != "--no-images"] or _like(known, version)
    return printable(
        f"{known.title(place)}: {scored - pictured} of {scored} images that {version.model} was scored on have no "
        f"picture and are left out; required: python -m bench.sr_quality {shlex.join(words)}"
    )


def _like(known: _Known, version: Version) -> list[str]:
    rule = known.protocols[version.protocol_hash]
    options = ("--scales", str(rule.scale), "--protocol", rule.name, "--metrics", "psnr", "--db", known.file)
    return [version.dataset, "--models", version.model, *options]


def _commands(store: Store) -> dict[int, tuple[str, ...]]:
    """Of the runs of bench.sr_quality, by number."""
    columns, rows = store.table("runs")
    with sound(store.file, "runs"):
        runs = [dict(zip(columns, row, strict=True)) for row in rows]
        return {
            run["id"]: tuple(map(str, json.loads(run["command"])))
            for run in runs
            if run["program"] == "sr_quality"
        }
