"""What the two arguments of `bench.compare` name, opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.errors import UserError, did_you_mean
from bench.storage.reader import ResultsData, StoredTiming
from bench.text import escape_control_chars

Open = Callable[[Path], ResultsData]

FORMS = "FILE, FILE@RUN, FILE#MODEL or FILE@RUN#MODEL of a results file, or a model or run number"
# 15 digits: an integer of SQLite. DOTALL, since a file's name may hold a line end.
RUN = re.compile(r"(?P<file>.+)@(?P<run>[0-9]{1,15})", re.DOTALL)
NAMED = 20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way to understand an argument: a results file, a run in it, a model in it."""

    store: Path
    run: int | None = None
    model: str | None = None

    def __str__(self) -> str:
        run = "" if self.run is None else f"run {self.run} of "
        model = "" if self.model is None else f"model {self.model!r} in "
        return f"{model}{run}{str(self.store)!r}"


@dataclass(frozen=True, kw_only=True)
class Side:
    """A or B: its results, and the file they came from.

    Attributes:
        name: `A` or `B`.
        scores: rows of `contents.scores`; the model's name is empty where two models are compared.
    """

    name: str
    reading: Reading
    contents: ResultsData
    scores: pd.DataFrame
    timings: tuple[StoredTiming, ...]


def sides(a: str, b: str, db: Path, open_store: Open) -> tuple[Side, Side]:
    """The two arguments, opened.

    Raises:
        UserError: an argument has no reading or several, names an unknown model or run, holds nothing, or one is
            a model and the other is not.
        StoreError: a file is damaged, of another program or of a newer version.
    """
    left, right = (reading(text, db, open_store) for text in (a, b))
    if (left.model is None) != (right.model is None):
        raise UserError(f"A is {left} and B is {right}; must be two models, or none")
    return _side("A", left, open_store(left.store)), _side("B", right, open_store(right.store))


def reading(text: str, db: Path, open_store: Open) -> Reading:
    """The one thing that `text` names."""
    found = list(_with_file(text))
    # A file called like a model is looked up in --db too, so that the two meanings are refused and none is guessed.
    if not found or _is_bare(text, found):
        found += _in(db, text, open_store)
    if len(found) > 1:
        meanings = " or ".join(str(each) for each in found)
        raise UserError(
            f"{text!r} can be read as {meanings}; must be one meaning: write FILE#MODEL or FILE@RUN, or rename a file"
        )
    if not found:
        near = did_you_mean(text, models(open_store(db))) if db.is_file() else ""
        raise UserError(
            f"{text!r} is no file that exists{near}, and {_no_name(text, db, open_store)}; must be {FORMS}"
        )
    return found[0]


def _is_bare(text: str, found: Sequence[Reading]) -> bool:
    """A file's name that may be a model's or run's as well: no path, no suffix of a results file."""
    plain = all(each.run is None and each.model is None for each in found)
    return plain and Path(text).name == text and not text.endswith(".db")


def _with_file(text: str) -> Iterator[Reading]:
    """Every reading whose file exists: names of files and models may hold @ and #, too."""
    cuts = [i for i, letter in enumerate(text) if letter == "#" and i + 1 < len(text)]
    for head, model in [(text, None), *((text[:i], text[i + 1 :]) for i in cuts)]:
        if Path(head).is_file():
            yield Reading(store=Path(head), model=model)
        match = RUN.fullmatch(head)
        if match and Path(match["file"]).is_file():
            yield Reading(store=Path(match["file"]), run=int(match["run"]), model=model)


def _in(db: Path, text: str, open_store: Open) -> Iterator[Reading]:
    if not db.is_file():
        return
    contents = open_store(db)
    if text in models(contents):
        yield Reading(store=db, model=text)
    if text in {str(run) for run in runs(contents)}:
        yield Reading(store=db, run=int(text))


def _no_name(text: str, db: Path, open_store: Open) -> str:
    if not db.is_file():
        return f"there is no {str(db)!r} to look for a model or run in (--db)"
    contents = open_store(db)
    return f"{str(db)!r} has no model or run of that name ({known(contents)})"


def _side(name: str, chosen: Reading, contents: ResultsData) -> Side:
    _check(chosen, contents)
    scores, timings = contents.scores, contents.timings
    if chosen.run is not None:
        scores = scores[scores["run"] == chosen.run]
        timings = tuple(timing for timing in timings if timing.run == chosen.run)
    if chosen.model is not None:
        # Without its name, so that two models of different names are matched with each other.
        scores = scores[scores["model"] == chosen.model].assign(model="")
        timings = tuple(timing for timing in timings if timing.result.subject == chosen.model)
    if scores.empty and not timings:
        raise UserError(f"{name}, {chosen}, holds no scores and no timings{_why(chosen)}; {known(contents)}")
    return Side(name=name, reading=chosen, contents=contents, scores=scores, timings=timings)


def _why(chosen: Reading) -> str:
    if chosen.run is None:
        return ""
    return " (what a run found in the file already belongs to the run that made it)"


def _check(chosen: Reading, contents: ResultsData) -> None:
    if chosen.run is not None and chosen.run not in runs(contents):
        raise UserError(f"{str(chosen.store)!r} has no run {chosen.run}; {known(contents)}")
    if chosen.model is not None and chosen.model not in models(contents):
        raise UserError(f"{str(chosen.store)!r} has no model {chosen.model!r}; {known(contents)}")


def models(contents: ResultsData) -> tuple[str, ...]:
    """Names of everything scored or timed."""
    scored = list(contents.scores["model"].unique())
    return tuple(dict.fromkeys([*scored, *(timing.result.subject for timing in contents.timings)]))


def runs(contents: ResultsData) -> tuple[int, ...]:
    """Numbers of the runs of a file."""
    return tuple(number for _, number in contents.runs)


def known(contents: ResultsData) -> str:
    """What can be named in a file, for a message; of many, the last ones."""
    described = [f"{run.id} ({run.program}, {run.started})" for run in contents.runs.values()]
    return f"models: {_listed(models(contents))}; runs: {_listed(described)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    named = [escape_control_chars(name) for name in names[-NAMED:]]  # the last ones are the newest runs
    return ", ".join([*named, *([f"and {more} before"] if more > 0 else [])]) or "none"


def check_names(what: str, names: Collection[str] | None, there: Collection[str]) -> None:
    """Refuse a name that neither side knows.

    Raises:
        UserError: the message lists those there are.
    """
    for name in names or ():
        if name not in there:
            raise UserError(
                f"no {what} in A or B is called {name!r}{did_you_mean(name, there)}; there are: {_listed(sorted(there))}"
            )
