"""The file of claims and the options of a run, checked before anything heavy is loaded.

What is wrong with a claim is a problem with its place, and that claim is skipped. What of a claim cannot be measured here
is a problem, too, and a claim that cannot be compared. Everything else is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.data.datasets import dataset
from bench.data.untrusted import parse_toml
from bench.errors import UserError
from bench.exporting.config import Config as HubConfig
from bench.leaderboards.toml_places import Places
from bench.verifying import checkouts
from bench.verifying.checkouts import Checkout
from bench.verifying.checks import ScoringRoute, identity, mistakes, way, without_weights

TABLES = ("checkouts", "claims")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options of the command line, each called as there.

    Attributes:
        eval_results: None for no such folder.
        hub_dataset: (name, id on the Hub) of data sets.
    """

    file: Path
    db: Path
    save_images: Path
    only: tuple[str, ...] = ()
    device: str = "auto"
    json: Path | None = None
    eval_results: Path | None = None
    hub_dataset: Sequence[tuple[str, str]] = ()
    source_url: str | None = None
    source_name: str | None = None

    @property
    def hub(self) -> HubConfig:
        """What `bench.export` is asked for with --eval-results."""
        return HubConfig(
            results=[self.db],
            to="eval-results",
            model="each",
            hub_dataset=self.hub_dataset,
            source_url=self.source_url,
            source_name=self.source_name,
        )

    def check(self, claims: Claims) -> None:
        """
        Raises:
            UserError: an option is missing that --eval-results needs, or is there without it.
        """
        self.hub.check()
        if self.eval_results is None:
            if self.hub_dataset or self.source_url:
                raise UserError("--hub-dataset and --source-url go with --eval-results DIR")
            return
        known = dict(self.hub_dataset)
        missing = sorted({dataset(claim.dataset).name for claim in claims.claims if claim.run} - set(known))
        if missing:
            wanted = " ".join(f"{name}=OWNER/NAME" for name in missing)
            raise UserError(
                f"--eval-results needs the id on the Hub of each data set; needs --hub-dataset {wanted}"
            )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper prints of a model on a data set.

    Attributes:
        values: by metric, with the digits as printed.
        run: the model, or the folder of its images, as `--models` of `bench.sr_quality` takes it; empty where there is
            none, or none that can be run here.
        cannot: why it cannot be checked; empty where it can.
        missing: why a single metric cannot run, by metric.
        expected: by metric, one of :data:`bench.verifying.checks.OUTCOMES`.
        place: in the file, for messages.
        values_place: of its key `values`, likewise.
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
    values_place: str
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """A file that was read. `problems` are what is wrong with it, each with its place."""

    claims: tuple[Claim, ...]
    problems: tuple[str, ...]

    def with_weights(self) -> Claims:
        """With the metrics whose weights are not to be had as problems; may download. Nothing is scored yet."""
        wanted = {metric for claim in self.claims if claim.run for metric in claim.values}
        missing = without_weights(wanted) if wanted else {}
        problems, claims = [*self.problems], []
        for claim in self.claims:
            own = {metric: missing[metric] for metric in claim.values if claim.run and metric in missing}
            problems += [f"{claim.values_place}: {reason}" for reason in own.values()]
            claims.append(replace(claim, missing={**claim.missing, **own}))
        return Claims(claims=tuple(claims), problems=tuple(problems))


@dataclass(kw_only=True)
class _Reading:
    """One file being read, and what was found so far."""

    file: Path
    places: Places
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    values: dict[tuple[object, ...], str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def place(self, table: str, index: int, what: str, key: str = "") -> str:
        return f"{self.file.name}, {self.places.line(table, index, key)}{what}{f', {key}' * bool(key)}"

    def top(self, key: str) -> str:
        """Of a key of the file itself, or a table of that name."""
        return f"{self.file.name}, {self.places.line('', 0, key) or self.places.line(key)}{key}"

    def checkout(self, variable: str, given: Any) -> None:
        """Add a table [checkouts.VARIABLE], or what is wrong with it."""
        table = f"checkouts.{variable}"
        wrong = [*checkouts.mistakes(variable, given)]
        self.problems += [f"{self.place(table, 0, table, key)}: {what}" for key, what in wrong]
        if not wrong:
            self.checkouts[variable] = checkouts.made(variable, given)

    def claim(self, index: int, given: Mapping[str, Any]) -> None:
        """Add a claim, what is wrong with it, and what of it cannot be measured."""
        name = f"claim {given.get('id', f'claims[{index + 1}]')}"
        wrong = list(mistakes(given, self.checkouts) or self._duplicates(given))
        if not wrong:
            claim, lacks = self._made(given, index, name)
            self.claims[claim.id] = claim
            self.values.update({identity(given, metric): claim.place for metric in claim.values})
            wrong = list(lacks)
        self.problems += [f"{self.place('claims', index, name, key)}: {what}" for key, what in wrong]

    def _duplicates(self, given: Mapping[str, Any]) -> list[tuple[str, str]]:
        if given["id"] in self.claims:
            return [("id", f"is the id of two claims; the first is {self.claims[given['id']].place}")]
        for metric in given["values"]:
            first = self.values.get(identity(given, metric))
            if first:
                what = "paper, model, data set, scale and metric"
                return [("", f"gives {metric} again: a claim of the same {what} is {first}")]
        return []

    def _made(
        self, given: Mapping[str, Any], index: int, name: str
    ) -> tuple[Claim, Sequence[tuple[str, str]]]:
        """A claim without mistakes, and keys with what stands against its being measured."""
        cannot, values = given.get("cannot", ""), given["values"]
        absent = self.checkouts[given["checkout"]].missing if "checkout" in given else ""
        found = ScoringRoute(dataset=given["dataset"], run="") if cannot or absent else way(given, self.file)
        reason = "; ".join(what for _, what in found.wrong)
        expected = given.get("expected", "cannot" if cannot else "verified")
        by_metric = expected if isinstance(expected, dict) else dict.fromkeys(values, expected)
        if absent:
            by_metric = dict.fromkeys(values, "cannot")
        claim = Claim(
            **{key: given[key] for key in ("id", "paper", "source", "model", "scale")},
            dataset=found.dataset,
            values=values,
            run="" if reason else found.run,
            cannot=cannot or absent or reason,
            missing=found.metrics,
            expected={metric: by_metric.get(metric, "verified") for metric in values},
            place=self.place("claims", index, name),
            values_place=self.place("claims", index, name, "values"),
        )
        return claim, [*found.wrong, *(("values", what) for what in found.metrics.values())]


def read(file: Path, only: tuple[str, ...] = ()) -> Claims:
    """The claims of a file.

    Args:
        only: ids; all where there are none.

    Raises:
        UserError: there is no such file, it is no TOML (the message has the line), it has no claim that can be
            read, or no claim has an id that was asked for.
    """
    try:
        text = file.read_text(encoding="utf-8")
        given = parse_toml(text)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {str(file)!r}; must be a TOML file of claims") from error
    except (OSError, ValueError) as error:  # tomllib names line and column
        raise UserError(f"{str(file)!r} cannot be read as TOML: {error}") from error
    reading = _Reading(file=file, places=Places(text))
    for key in given:
        if key not in TABLES:
            reading.problems.append(f"{reading.top(key)}: unknown key; there are: {', '.join(TABLES)}")
    tables = given.get("claims")
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UserError(
            "; ".join([f"{str(file)!r} has no [[claims]]; needs at least one", *reading.problems])
        )
    for variable, each in _tables(given, reading).items():
        reading.checkout(variable, each)
    for i, each in enumerate(tables):
        reading.claim(i, each)
    return _chosen(reading, only)


def _tables(given: Mapping[str, Any], reading: _Reading) -> Mapping[str, Any]:
    found = given.get("checkouts", {})
    if isinstance(found, dict):
        return found
    reading.problems.append(f"{reading.top('checkouts')}: must be tables [checkouts.NAME]")
    return {}


def _chosen(reading: _Reading, only: tuple[str, ...]) -> Claims:
    """
    Raises:
        UserError: there is no claim, or none of an id that was asked for.
    """
    found = reading.claims
    unknown = [name for name in only if name not in found]
    if unknown:
        said = f"--only: no claim can be checked that is called {unknown[0]!r}"
        raise UserError("; ".join([said, *reading.problems]))
    if not found:
        raise UserError(
            "; ".join([f"{str(reading.file)!r} has no claim that can be checked", *reading.problems])
        )
    chosen = tuple(claim for claim in found.values() if not only or claim.id in only)
    return Claims(claims=chosen, problems=tuple(reading.problems))
