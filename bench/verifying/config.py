"""The file of claims and the options of a run, checked before anything heavy is loaded.

What is wrong with a claim is a problem with its place, and that claim is skipped; the others are still checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.datasets import dataset
from bench.data.untrusted import parse_toml
from bench.errors import UserError
from bench.leaderboards.toml_places import Places
from bench.metrics import entry as metric_entry
from bench.registry.upscalers import UPSCALERS

NUMBER = re.compile(r"-?\d+(\.\d+)?")
OUTCOMES = ("verified", "off", "cannot")
TEXTS = ("id", "paper", "source", "model", "dataset", "run", "images", "cannot")
KEYS = (*TEXTS, "scale", "values", "expected")
REQUIRED = ("id", "paper", "source", "model", "dataset", "scale", "values")
WAYS = ("run", "images", "cannot")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options of the command line, each called as there."""

    file: Path
    db: Path
    images: Path
    only: tuple[str, ...] = ()
    device: str = "auto"
    json: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper prints of a model on a data set.

    Attributes:
        values: by metric, with the digits as printed.
        run: the model, or the folder of its images, as `--models` of `bench.sr_quality` takes it; empty where there is
            none.
        cannot: why it cannot be checked; empty where it can.
        expected: by metric, one of :data:`OUTCOMES`.
        place: in the file, for messages.
    """

    id: str
    paper: str
    source: str
    model: str
    dataset: str
    scale: int
    values: Mapping[str, str]
    run: str
    cannot: str
    expected: Mapping[str, str]
    place: str


@dataclass(frozen=True, kw_only=True)
class Claims:
    """A file that was read. `problems` are what is wrong with it, each with its place; those claims are skipped."""

    claims: tuple[Claim, ...]
    problems: tuple[str, ...]


def read(file: Path, only: tuple[str, ...] = ()) -> Claims:
    """The claims of a file.

    Args:
        only: ids; all where there are none.

    Raises:
        UserError: there is no such file, it is no TOML (the message has the line), it has no claim that can be
            checked, or no claim has an id that was asked for.
    """
    try:
        text = file.read_text(encoding="utf-8")
        given = parse_toml(text)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {str(file)!r}; must be a TOML file of claims") from error
    except (OSError, ValueError) as error:  # tomllib names line and column
        raise UserError(f"{str(file)!r} cannot be read as TOML: {error}") from error
    places, problems = Places(text), []
    for key in given:
        if key != "claims":
            problems.append(f"{file.name}: unknown key {key!r}; there is: claims")
    tables = given.get("claims")
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UserError("; ".join([f"{str(file)!r} has no [[claims]]; needs at least one", *problems]))
    found: dict[str, Claim] = {}
    for i, each in enumerate(tables):
        name = each.get("id", f"claims[{i + 1}]")

        # i and name as defaults: a closure would see those of the last claim.
        def at(key: str = "", i: int = i, name: object = name) -> str:
            return f"{file.name}, {places.line('claims', i, key)}claim {name}{f', {key}' * bool(key)}"

        wrong = [*_wrong(each)]
        if not wrong and each["id"] in found:
            wrong = [("id", f"is the id of two claims; the first is {found[each['id']].place}")]
        if wrong:
            problems += [f"{at(key)}: {what}" for key, what in wrong]
        else:
            found[each["id"]] = _claim(each, file, at())
    unknown = [name for name in only if name not in found]
    if unknown:
        raise UserError(
            "; ".join([f"--only: no claim can be checked that is called {unknown[0]!r}", *problems])
        )
    if not found:
        raise UserError("; ".join([f"{str(file)!r} has no claim that can be checked", *problems]))
    chosen = tuple(claim for claim in found.values() if not only or claim.id in only)
    return Claims(claims=chosen, problems=tuple(problems))


def _wrong(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys with what is wrong with them; the empty key is the claim itself."""
    wrong = [(key, f"unknown key; there are: {', '.join(KEYS)}") for key in given if key not in KEYS]
    wrong += [("", f"has no {key}; required: {', '.join(REQUIRED)}") for key in REQUIRED if key not in given]
    for key in TEXTS:
        if key in given and not (isinstance(given[key], str) and given[key]):
            wrong.append((key, f"must be a text (got {given[key]!r})"))
    scale = given.get("scale", 2)  # one that is missing was named above
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 2:
        wrong.append(("scale", f"must be a whole number of at least 2 (got {scale!r})"))
    if sum(way in given for way in WAYS) != 1:
        wrong.append(("", f"must have exactly one of: {', '.join(WAYS)}"))
    values = given.get("values", {})
    if not isinstance(values, dict) or ("values" in given and not values):
        return [*wrong, ("values", 'must be a table as { psnr = "28.42" }')]
    for metric, text in values.items():
        try:
            metric_entry(metric)
        except UserError as error:
            wrong.append(("values", str(error)))
        if not (isinstance(text, str) and NUMBER.fullmatch(text)):
            wrong.append(("values", f"{metric} must have the digits as printed, in quotes (got {text!r})"))
    expected = given.get("expected", "verified")
    if not isinstance(expected, dict):
        expected = dict.fromkeys(values, expected)
    if any(metric not in values or outcome not in OUTCOMES for metric, outcome in expected.items()):
        wrong.append(("expected", f"must be one of {', '.join(OUTCOMES)}, or a table of them by metric"))
    return wrong


def _claim(given: Mapping[str, Any], file: Path, place: str) -> Claim:
    cannot = given.get("cannot", "")
    expected = given.get("expected", "cannot" if cannot else "verified")
    values = given["values"]
    by_metric = expected if isinstance(expected, dict) else dict.fromkeys(values, expected)
    run = given.get("run", "")
    if "images" in given:
        run = f"{_path(file, given['images'])}"
    elif run and run not in UPSCALERS:
        run = _path(file, run)
    name = given["dataset"]
    try:
        # A set's name goes before a folder of that name beside the file.
        dataset(name)
    except UserError:
        name = _path(file, name)
    texts = {key: given[key] for key in ("id", "paper", "source", "model")}
    return Claim(
        **texts,
        dataset=name,
        scale=given["scale"],
        values=values,
        run=run,
        cannot=cannot,
        expected={metric: by_metric.get(metric, "verified") for metric in values},
        place=place,
    )


def _path(file: Path, text: str) -> str:
    """With variables expanded; what then exists beside the file is taken from there, else it is as it is."""
    text = os.path.expandvars(text)
    path, comma, options = text.partition(",")
    source, colon, name = path.rpartition(":")
    beside = file.parent / (source if colon else path)
    if not beside.exists():
        return text
    return f"{beside}{colon}{name if colon else ''}{comma}{options}"
