"""The file of a leaderboard and the options of its run, checked before anything heavy is loaded.

What is wrong with one key or one model is a problem with its place, and that part is skipped; the rest is still done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bench.data.datasets import dataset
from bench.data.untrusted import parse_toml
from bench.errors import UserError
from bench.leaderboards import STEPS
from bench.leaderboards.toml_places import Places
from bench.metrics import entry as metric_entry
from bench.protocols import protocol
from bench.registry.external import TAKEN
from bench.registry.spec import SAFE_NAME, beside
from bench.registry.upscalers import UPSCALERS
from bench.statistics import FEWEST
from bench.timing.config import LONGEST_SECONDS

NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options of the command line, each called as there.

    Attributes:
        only: of :data:`bench.leaderboards.STEPS`.
        out: folder of the report and of leaderboard.json.
    """

    file: Path
    db: Path
    out: Path
    only: tuple[str, ...] = STEPS
    device: str = "auto"
    engine: str = "local"
    address: str | None = None
    shard: str | None = None
    limit: int | None = None
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedValue:
    """A published value: `value` has the digits as printed."""

    dataset: str
    scale: int
    metric: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model of the leaderboard.

    Attributes:
        label: in every table.
        model: as `--models` of `bench.sr_quality` takes it, with its options and its label.
        place: in the file, for messages.
        source: where code and weights come from.
        weights, sha256: the file of its weights and its hash, as the leaderboard's maker states them.
    """

    label: str
    model: str
    place: str
    source: str = ""
    paper: str = ""
    weights: str = ""
    sha256: str = ""
    published: tuple[PublishedValue, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Data sets that are scored at scales by metrics under a protocol."""

    datasets: tuple[str, ...]
    scales: tuple[int, ...]
    metrics: tuple[str, ...]
    protocol: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What is timed: sizes of what comes out, in how many rounds of all models.

    `baseline` is the label that the challenges' score is relative to.
    """

    sizes: tuple[int, ...]
    time_limit: float = 20.0
    rounds: int = 1
    scale: int | None = None
    baseline: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """A file that was read. `problems` are what is wrong with it, each with its place; those parts are skipped."""

    title: str
    entries: tuple[Entry, ...]
    quality: tuple[Quality, ...]
    speed: Speed | None
    problems: tuple[str, ...]


Check: TypeAlias = "tuple[Callable[[Any], bool], str]"


def _whole(value: Any) -> bool:
    # true is an int in Python.
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(check, value))


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < LONGEST_SECONDS


TEXT: Check = (_text, "a text")
TEXTS: Check = (_list_of(_text), "a list of texts")
WHOLE: Check = (_whole, "a whole number of at least 1")
WHOLES: Check = (_list_of(_whole), "a list of whole numbers of at least 1")
TABLE: Check = (lambda value: isinstance(value, dict), "a table")
TABLES: Check = (lambda v: isinstance(v, list) and all(isinstance(e, dict) for e in v), "a list of tables")

FILE = {"title": TEXT, "quality": TABLES, "speed": TABLE, "models": TABLES}
QUALITY = {"datasets": TEXTS, "scales": WHOLES, "metrics": TEXTS, "protocol": TEXT}
SPEED = {
    "sizes": WHOLES,
    "scale": WHOLE,
    "time_limit": (_seconds, "a number of seconds above 0"),
    "rounds": (
        lambda value: _whole(value) and (value == 1 or value >= FEWEST),
        f"1, or a whole number of at least {FEWEST}: fewer have no interval",
    ),
    "baseline": TEXT,
}
MODEL = {
    "model": TEXT,
    "label": (
        lambda v: _text(v) and bool(SAFE_NAME.fullmatch(v)),
        "letters, digits and any of _.+-, no dot first",
    ),
    "options": (
        lambda v: isinstance(v, dict) and all(isinstance(e, str | int) for e in v.values()),
        "a table of options as in docs/models.md",
    ),
    "source": TEXT,
    "paper": TEXT,
    "weights": TEXT,
    "sha256": (lambda v: _text(v) and bool(re.fullmatch("[0-9a-f]{64}", v)), "64 hexadecimal digits"),
    "published": TABLES,
}
PRINTED = {
    "dataset": TEXT,
    "scale": WHOLE,
    "metric": TEXT,
    "value": (lambda v: _text(v) and bool(NUMBER.fullmatch(v)), 'the digits as printed, in quotes: "32.10"'),
}


@dataclass
class _Reading:
    """One file being read: its places, and the problems found so far."""

    file: Path
    places: Places
    problems: list[str] = field(default_factory=list)

    def place(self, table: str, index: int, key: str = "", *, named: str = "") -> str:
        """`board.toml, line 12, models[3].label`; tables are counted from 1."""
        what = f"{table}[{index + 1}]" if table in {"models", "quality", "models.published"} else table
        full = ".".join(part for part in (what, key) if part) + named
        return f"{self.file.name}, {self.places.line(table, index, key)}{full}"

    def problem(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {text}")

    def checked(
        self,
        given: Mapping[str, Any],
        keys: Mapping[str, Check],
        table: str,
        index: int,
        required: Sequence[str],
    ) -> dict[str, Any] | None:
        """Only what is right; None where a required key is missing or wrong."""
        right: dict[str, Any] = {}
        for key, value in given.items():
            if key not in keys:
                self.problem(self.place(table, index, key), f"unknown key; there are: {', '.join(keys)}")
                continue
            check, wanted = keys[key]
            if check(value):
                right[key] = value
            else:
                # Cut: a wrong value may be a whole table.
                self.problem(self.place(table, index, key), f"must be {wanted} (got {value!r})"[:300])
        missing = [key for key in required if key not in given]
        for key in missing:
            self.problem(self.place(table, index), f"has no {key}; must have: {', '.join(required)}")
        return None if any(key not in right for key in required) else right


def read(file: Path) -> Leaderboard:
    """The leaderboard of a file.

    Raises:
        UserError: there is no such file, it is no TOML (the message has the line), or nothing of it can be run.
    """
    try:
        text = file.read_text(encoding="utf-8")
        given = parse_toml(text)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {str(file)!r}; must be the TOML file of a leaderboard") from error
    except (OSError, ValueError) as error:  # tomllib names line and column
        raise UserError(f"{str(file)!r} cannot be read as TOML: {error}") from error
    reading = _Reading(file=file, places=Places(text))
    right = reading.checked(given, FILE, "", 0, ("models",)) or {}
    entries = _entries(reading, right.get("models", []))
    quality = [_quality(reading, each, i) for i, each in enumerate(right.get("quality", []))]
    speed = _speed(reading, right["speed"], entries) if "speed" in right else None
    if not entries or not (speed or any(quality)):
        missing = "no model" if not entries else "neither [[quality]] nor [speed]"
        raise UserError("; ".join([f"{str(file)!r} has {missing} that can be run", *reading.problems]))
    return Leaderboard(
        title=right.get("title", file.stem),
        entries=tuple(entries),
        quality=tuple(each for each in quality if each),
        speed=speed,
        problems=tuple(reading.problems),
    )


def _entries(reading: _Reading, given: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Models whose keys are right and whose labels are their own; the second of one label is skipped."""
    found: dict[str, Entry] = {}
    published = 0  # tables [[models.published]] are counted through the file
    for i, each in enumerate(given):
        first, published = published, published + len(each.get("published", ()))
        right = reading.checked(each, MODEL, "models", i, ("model",))
        if right is None:
            continue
        entry = _entry(reading, right, i, first)
        if entry is None:
            continue
        if entry.label in found:
            other = found[entry.label].place
            reading.problem(entry.place, f"two models have the label {entry.label}; the first is {other}")
            continue
        found[entry.label] = entry
    return list(found.values())


def _entry(reading: _Reading, right: Mapping[str, Any], index: int, first_published: int) -> Entry | None:
    model, label = right["model"], right.get("label")
    place = reading.place("models", index, named=f" ({label or model})")
    if model in UPSCALERS:
        if label not in {None, model} or right.get("options"):
            reading.problem(
                place, f"{model} is a registered model: it has no options, and its label is its name"
            )
            return None
        text = label = model
    else:
        options = {**right.get("options", {}), **({"name": label} if label else {})}
        # The form of --models: a leaderboard's model goes through the same parser, checks and hash.
        text = ",".join([beside(reading.file, model), *(f"{key}={value}" for key, value in options.items())])
        label = label or re.split("[:/]", model)[-1]
        # TAKEN are names of folders beside the models' images; some file systems ignore case.
        if label in UPSCALERS or label.casefold() in TAKEN:
            reading.problem(place, f"the label {label} is taken; use another")
            return None
    texts = {key: right[key] for key in ("source", "paper", "weights", "sha256") if key in right}
    return Entry(
        label=label,
        model=text,
        place=place,
        **texts,
        published=tuple(_published(reading, right.get("published", ()), first_published)),
    )


def _published(reading: _Reading, given: Sequence[Mapping[str, Any]], first: int) -> list[PublishedValue]:
    found = []
    for i, each in enumerate(given):
        right = reading.checked(each, PRINTED, "models.published", first + i, tuple(PRINTED))
        if right is not None:
            found.append(PublishedValue(**right))
    return found


def _quality(reading: _Reading, given: Mapping[str, Any], index: int) -> Quality | None:
    """A part with the data sets, metrics and scales that there are; None where nothing is left."""
    right = reading.checked(given, QUALITY, "quality", index, ("datasets",))
    if right is None:
        return None
    rule = right.get("protocol", "johnson2016")

    def known(key: str, default: Sequence[Any], look: Callable[[Any], object]) -> tuple[Any, ...]:
        left = []
        for one in dict.fromkeys(right.get(key, default)):
            try:
                look(one)
                left.append(one)
            except UserError as error:
                reading.problem(reading.place("quality", index, key), str(error))
        return tuple(left)

    scales = known("scales", [4], lambda scale: protocol(rule, scale))
    right["datasets"] = [beside(reading.file, name) for name in right["datasets"]]
    datasets = known("datasets", [], dataset)
    metrics = known("metrics", ["psnr", "ssim"], metric_entry)
    if not (scales and datasets and metrics):
        return None
    place = reading.place("quality", index)
    return Quality(datasets=datasets, scales=scales, metrics=metrics, protocol=rule, place=place)


def _speed(reading: _Reading, given: Mapping[str, Any], entries: Sequence[Entry]) -> Speed | None:
    right = reading.checked(given, SPEED, "speed", 0, ("sizes",))
    if right is None:
        return None
    baseline = right.get("baseline")
    if baseline is not None and baseline not in {entry.label for entry in entries}:
        del right["baseline"]
        reading.problem(reading.place("speed", 0, "baseline"), f"no model has the label {baseline}")
    return Speed(**{**right, "sizes": tuple(dict.fromkeys(right["sizes"]))}, place=reading.place("speed", 0))
