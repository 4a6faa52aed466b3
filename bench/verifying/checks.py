"""What is wrong with a claim, and what of it cannot be measured here: found before anything is scored. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.data import cache
from bench.data.datasets import ALIASES, dataset
from bench.errors import MissingFile, UserError
from bench.metrics import entry as metric_entry
from bench.registry.catalog import EXTENDED, names
from bench.registry.spec import beside, looks_outside, parse
from bench.registry.upscalers import UpscalerEntry

NUMBER = re.compile(r"-?\d+(\.\d+)?")
OUTCOMES = ("verified", "off", "cannot")
TEXTS = ("id", "paper", "source", "model", "dataset", "run", "images", "cannot", "checkout")
KEYS = (*TEXTS, "scale", "values", "expected")
REQUIRED = ("id", "paper", "source", "model", "dataset", "scale", "values")
WAYS = ("run", "images", "cannot")


def mistakes(given: Mapping[str, Any], checkouts: Collection[str]) -> list[tuple[str, str]]:
    """Keys of a claim with what is wrong with them; the empty key is the claim itself."""
    wrong = [(key, f"unknown key; there are: {', '.join(KEYS)}") for key in given if key not in KEYS]
    wrong += [("", f"has no {key}; must have: {', '.join(REQUIRED)}") for key in REQUIRED if key not in given]
    for key in TEXTS:
        if key in given and not (isinstance(given[key], str) and given[key]):
            wrong.append((key, f"must be a text (got {given[key]!r})"))
    scale = given.get("scale", 2)
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 2:
        wrong.append(("scale", f"must be a whole number of at least 2 (got {scale!r})"))
    if sum(way in given for way in WAYS) != 1:
        wrong.append(("", f"must have exactly one of: {', '.join(WAYS)}"))
    checkout = given.get("checkout")
    if isinstance(checkout, str) and checkout not in checkouts:
        there = ", ".join(checkouts) or "none"
        wrong.append(("checkout", f"must be the name of a table [checkouts.NAME]; there are: {there}"))
    return [*wrong, *_values(given)]


def _values(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    values = given.get("values", {})
    if not isinstance(values, dict) or ("values" in given and not values):
        yield "values", 'must be a table as { psnr = "28.42" }'
        return
    for metric, text in values.items():
        try:
            metric_entry(metric)
        except UserError as error:
            yield "values", str(error)
        if not (isinstance(text, str) and NUMBER.fullmatch(text)):
            yield "values", f"{metric} must have the digits as printed, in quotes (got {text!r})"
    expected = given.get("expected", "verified")
    if not isinstance(expected, dict):
        expected = dict.fromkeys(values, expected)
    if any(metric not in values or outcome not in OUTCOMES for metric, outcome in expected.items()):
        yield "expected", f"must be one of {', '.join(OUTCOMES)}, or a table of them by metric"


@dataclass(frozen=True, kw_only=True)
class ScoringRoute:
    """How a claim is to be scored, and what stands against it.

    Attributes:
        run: as `--models` of `bench.sr_quality` takes it.
        wrong: keys with what is wrong with them: all of the claim cannot be measured.
        metrics: likewise of single metrics.
    """

    dataset: str
    run: str
    wrong: tuple[tuple[str, str], ...] = ()
    metrics: Mapping[str, str] = field(default_factory=dict)


def way(given: Mapping[str, Any], file: Path) -> ScoringRoute:
    """The way of a claim without mistakes that has one."""
    wrong = []
    name, missing = _dataset(given["dataset"], file)
    if missing:
        wrong.append(("dataset", missing))
    key = "images" if "images" in given else "run"
    run, missing = _images(given, file) if key == "images" else _run(given, file)
    if missing:
        wrong.append((key, missing))
    extras = {metric: metric_entry(metric).missing_extra for metric in given["values"]}
    return ScoringRoute(
        dataset=name,
        run=run,
        wrong=tuple(wrong),
        metrics={
            metric: f"metric {metric} cannot run: it needs {extra}, which is not installed"
            for metric, extra in extras.items()
            if extra
        },
    )


def _dataset(name: str, file: Path) -> tuple[str, str]:
    for text in (name, beside(file, name)):
        try:
            dataset(text)
        except UserError as error:
            missing = str(error)
        else:
            return text, ""
    return name, missing


def _images(given: Mapping[str, Any], file: Path) -> tuple[str, str]:
    """A folder, or a pattern with {dataset} in it."""
    text = beside(file, given["images"])
    folder = text.partition(",")[0]
    if "{" not in folder and not Path(folder).is_dir():
        return text, f"there is no folder {folder!r}; must be a folder of images"
    return text, ""


def _run(given: Mapping[str, Any], file: Path) -> tuple[str, str]:
    name = given["run"]
    try:
        known = EXTENDED.find(name)
        if known is not None:
            return name, _other_scale(known, given["scale"])
        name = beside(file, name)
        if not looks_outside(name):
            raise UserError(f"no model is called {name!r}; there are: {', '.join(names())}, or a path")
        spec = parse(name)
        if spec.source.endswith(".py") and not Path(spec.source).is_file():
            raise UserError(f"there is no file {spec.source!r}; must be FILE.py:NAME")
    except UserError as error:
        return name, str(error)
    return name, ""


def _other_scale(known: object, scale: int) -> str:
    """Why a registered model is none for a claim; empty where it is."""
    if not isinstance(known, UpscalerEntry):
        return "is a stylizer; must be an upscaler"
    if not known.supports(scale):
        return f"{known.name} has no weights for x{scale}; it has {known.weights_text}"
    return ""


def identity(given: Mapping[str, Any], metric: str) -> tuple[object, ...]:
    """What no two claims of a file may share: each would be a second value of one thing."""
    name = given["dataset"]
    return given["paper"], given["model"], ALIASES.get(name, name), given["scale"], metric


def without_weights(metrics: Collection[str]) -> dict[str, str]:
    """Why metrics cannot run whose weights are not to be had, by name; the weights of the others are here afterwards."""
    missing = {}
    for metric in metrics:
        try:
            for needed in metric_entry(metric).needs:
                cache.find(needed)
        except MissingFile as error:
            missing[metric] = f"metric {metric} cannot run: {error}"
    return missing
