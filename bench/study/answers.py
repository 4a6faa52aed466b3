"""A worker's answers: untrusted input, validated against the study before anything in it counts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.untrusted import read_json, short_repr
from bench.errors import UserError
from bench.study.key import Trial

FORMAT, VERSION = "perceptual-bench preference answers", 1
LARGEST_ANSWERS_BYTES = 2**22
LONGEST_SECONDS = 86400.0
WORKER = re.compile(r"[A-Za-z0-9._-]{1,64}")  # as the page makes and takes them
FILE_FIELDS = {"format", "version", "study", "worker", "answers"}
ANSWER_FIELDS = {"trial", "choice", "first", "seconds"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One choice.

    Attributes:
        choice: opaque name of the picture that was chosen.
        first: opaque name of the picture that stood left, or above the other on a narrow screen.
        seconds: from the moment when all pictures were shown, 0 to a day.
    """

    trial: str
    choice: str
    first: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A file's answers, each of another trial of the study."""

    worker: str
    answers: tuple[Answer, ...]


def read_answers(file: Path, study_hash: str, trials: Mapping[str, Trial]) -> Answers:
    """The answers in a file that the page saved; all of them, or none if one is wrong.

    Args:
        trials: of the study, by id.

    Raises:
        UserError: says what is wrong with it, without the file's name.
    """
    found = _fields(read_json(file, limit_bytes=LARGEST_ANSWERS_BYTES), FILE_FIELDS, "the file")
    # type(): true equals 1 in Python.
    if found["format"] != FORMAT or type(found["version"]) is not int or found["version"] != VERSION:
        raise UserError(
            f"its format is {short_repr(found['format'])} {short_repr(found['version'])}, must be {FORMAT!r} {VERSION}"
        )
    if found["study"] != study_hash:
        raise UserError(f"it answers another study, {short_repr(found['study'])}; must be {study_hash!r}")
    worker, entries = found["worker"], found["answers"]
    if not isinstance(worker, str) or not WORKER.fullmatch(worker):
        raise UserError(
            f"its worker must be 1 to 64 letters, digits, dots, hyphens or underscores (got {short_repr(worker)})"
        )
    if not isinstance(entries, list):
        raise UserError(f"its answers are {short_repr(entries)}; must be a list")
    answers = tuple(_answer(entry, trials) for entry in entries)
    if len({answer.trial for answer in answers}) < len(answers):
        raise UserError("it answers a trial twice")
    return Answers(worker=worker, answers=answers)


def _answer(entry: Any, trials: Mapping[str, Trial]) -> Answer:
    found = _fields(entry, ANSWER_FIELDS, "an answer")
    name, seconds = found["trial"], found["seconds"]
    trial = trials.get(name) if isinstance(name, str) else None
    if trial is None:
        raise UserError(f"it answers a trial {short_repr(name)}, which the study has not")
    for field in ("choice", "first"):
        if not isinstance(found[field], str) or found[field] not in trial.pictures:
            raise UserError(
                f"trial {name}: {field} is {short_repr(found[field])}, which is not an image of it"
            )
    if type(seconds) not in {int, float} or not 0 <= seconds <= LONGEST_SECONDS or not math.isfinite(seconds):
        raise UserError(
            f"trial {name}: seconds must be a number from 0 to {LONGEST_SECONDS:.0f} (got {short_repr(seconds)})"
        )
    return Answer(trial=name, choice=found["choice"], first=found["first"], seconds=float(seconds))


def _fields(value: Any, required: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{what} is {short_repr(value)}; must be an object")
    if set(value) != required:
        given = ", ".join(short_repr(name) for name in sorted(value)[: 2 * len(required)])
        raise UserError(
            f"{what} has the fields {given or 'none'}; must be exactly {', '.join(sorted(required))}"
        )
    return value
