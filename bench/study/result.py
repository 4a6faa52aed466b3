"""What a preference study came to, as a record and as JSON; no torch, for reports to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.atomic import atomic_write
from bench.data.untrusted import parse_as, read_json
from bench.errors import UserError
from bench.records import content_hash
from bench.tables import to_json

FORMAT, VERSION = "perceptual-bench preference result", 1
LARGEST_RESULT_BYTES = 2**26
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PairResult:
    """Two models beside each other.

    Attributes:
        images: that have at least one vote; each is in one of the next three.
        prefer_a: images on which more than half of the votes are for `a`; `prefer_b` likewise.
        ties: images on which half of the votes are for each.
        share_a: prefer_a / images, ties counted apart; None without images. `share_b` likewise.
        votes: on all images; `votes_a` of them for `a`.
        vote_share_a: votes_a / votes with Wilson's 95 % interval, which takes votes as independent.
        alpha: Krippendorff's, nominal; None where it is not defined.
        agreement: share of the pairs of votes on one image that agree; None if no image has two votes.
    """

    a: str
    b: str
    images: int
    prefer_a: int
    prefer_b: int
    ties: int
    share_a: float | None
    share_b: float | None
    votes: int
    votes_a: int
    vote_share_a: float | None
    vote_share_a_interval: Interval
    alpha: float | None
    agreement: float | None


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A model's place: log-strength of Bradley and Terry's model, and its 95 % interval over images.

    `interval` is None where fewer than two images have votes.
    """

    model: str
    strength: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A worker whose answers do not count: `right` of the `caught` attention checks answered rightly."""

    worker: str
    right: int
    caught: int


@dataclass(frozen=True, kw_only=True)
class RefusedFile:
    """A file that does not count, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PreferenceResult:
    """All that a study came to.

    Attributes:
        study: hash of the study.
        models: name -> hash of code and weights, in the order of the study.
        n_images: of the study, without those in attention checks alone.
        n_catch: attention checks in the study.
        n_workers: whose answers count; those in `dropped` are not among them.
        least_right: share of the attention checks that a worker had to answer rightly.
        contradictions: answers skipped, since two files of one worker differ in them.
        first_share: share of the votes for the picture that was shown first; None without votes.
        median_seconds: of a vote; None without votes.
        ranking: the strongest first.
        seed, resamples: of the bootstrap over images.
    """

    study: str
    dataset: str
    protocol: str
    protocol_hash: str
    scale: int
    models: dict[str, str]
    n_images: int
    n_catch: int
    n_workers: int
    n_dropped: int
    n_files: int
    n_refused: int
    n_votes: int
    least_right: float
    contradictions: int
    first_share: float | None
    median_seconds: float | None
    pairs: tuple[PairResult, ...]
    ranking: tuple[Ranked, ...]
    resamples: int
    seed: int
    dropped: tuple[Dropped, ...]
    refused: tuple[RefusedFile, ...]

    def write(self, file: Path) -> None:
        """As JSON; :func:`read_result` reads it."""
        with atomic_write(file) as part:
            part.write_text(
                to_json({"format": FORMAT, "version": VERSION, **asdict(self)}),
                encoding="utf-8",
                newline="\n",
            )


def read_result(file: Path) -> PreferenceResult:
    """The result that `bench.preference score --json` wrote.

    Raises:
        UserError: not such a file, or of another version.
    """
    try:
        return _result(read_json(file, limit_bytes=LARGEST_RESULT_BYTES))
    except UserError as error:
        raise UserError(f"preference result {str(file)!r}: {error}") from error


def _result(found: Any) -> PreferenceResult:
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
        raise UserError(f"it is not what `bench.preference score --json` writes in version {VERSION}")
    fields = {name: value for name, value in found.items() if name not in {"format", "version"}}
    try:
        content_hash(fields)  # refuses numbers that JSON cannot hold, such as 1e999
        return parse_as(PreferenceResult, fields, "it")
    except ValueError as error:
        raise UserError(f"a field is missing, unknown or of another type: {error}") from error
