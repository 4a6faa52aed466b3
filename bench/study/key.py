"""What a preference study asks, and whose picture is whose: the key, which no worker sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from bench.atomic import atomic_write
from bench.data.untrusted import parse_as, read_json, short_repr
from bench.errors import UserError
from bench.records import HR, LR, content_hash
from bench.tables import to_json

FORMAT, VERSION = "perceptual-bench preference key", 1
LARGEST_KEY_BYTES = 2**28


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Two pictures to choose from, and the enlarged lr above them.

    Attributes:
        id: opaque, as all names that a worker can see.
        reference: opaque name of the lr picture.
        pictures: opaque name of each of the two -> the model that made it. In an attention check one is `hr` and the other
            `lr`, enlarged by repeating pixels.
        size: width and height of the two, in pixels.
        block: part of the study; each worker sees the parts in an own order, and each part in an own order. Parts
            have one attention check each, so that whoever stops early has met some.
    """

    id: str
    image: str
    reference: str
    pictures: Mapping[str, str]
    size: tuple[int, int]
    block: int

    @property
    def right(self) -> str | None:
        """Of an attention check, the picture that an attentive worker chooses; None for the others."""
        return next((name for name, model in self.pictures.items() if model == HR), None)


@dataclass(frozen=True, kw_only=True)
class Study:
    """All trials, and what they were made from. `models` maps each name to the hash of its code and weights."""

    dataset: str
    protocol: str
    protocol_hash: str
    scale: int
    models: Mapping[str, str]
    seed: int
    trials: tuple[Trial, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of all of it; stands in the page and in every answer."""
        return content_hash(asdict(self))

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every two models, in the order in which they were named."""
        return combinations(self.models, 2)

    def write_key(self, file: Path) -> None:
        """The study as JSON."""
        key = {"format": FORMAT, "version": VERSION, "study": self.hash, **asdict(self)}
        with atomic_write(file) as part:
            part.write_text(to_json(key), encoding="utf-8", newline="\n")


def read_key(file: Path) -> Study:
    """The study that :meth:`Study.write_key` wrote.

    Raises:
        UserError: not a key, of another version, or changed since it was written.
    """
    try:
        return _study(read_json(file, limit_bytes=LARGEST_KEY_BYTES))
    except UserError as error:
        raise UserError(f"key {str(file)!r}: {error}") from error


def _study(key: Any) -> Study:
    if not isinstance(key, dict) or key.get("format") != FORMAT:
        raise UserError(
            "it is not the key of a study; must be the key.json that `bench.preference build` wrote"
        )
    if key.get("version") != VERSION:
        raise UserError(f"its version is {short_repr(key.get('version'))}, must be {VERSION}")
    fields = {name: value for name, value in key.items() if name not in {"format", "version", "study"}}
    try:
        # Before any field is used: a key that was edited would score answers of other pictures.
        if content_hash(fields) != key.get("study"):
            raise UserError("it was changed or damaged after it was written; must be an untouched copy")
        study = parse_as(Study, fields, "it")
    except ValueError as error:
        raise UserError(str(error)) from error
    _validate(study)
    return study


def _validate(study: Study) -> None:
    """
    Raises:
        UserError: a trial is there twice, or shows other pictures than two of the study's models, or hr and lr.
    """
    if len({trial.id for trial in study.trials}) < len(study.trials):
        raise UserError("two of its trials have one id")
    pairs = [{HR, LR}, *map(set, study.pairs)]
    for trial in study.trials:
        if len(trial.pictures) != 2 or set(trial.pictures.values()) not in pairs:
            raise UserError(
                f"trial {short_repr(trial.id)} does not show two of its models; must be two, or {HR} and {LR}"
            )
