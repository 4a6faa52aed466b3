"""The options of `bench.preference`, checked. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Of `build`; each field is the option of its name."""

    models: tuple[str, ...]
    dataset: str
    out: Path
    scale: int
    protocol: str
    db: tuple[Path, ...]
    limit: int | None
    catch: int | None
    seed: int
    force: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> BuildConfig:
        """The command line, parsed."""
        return cls(**{**options, "models": tuple(options["models"]), "db": tuple(options["db"])})

    def __post_init__(self) -> None:
        _refuse_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Of `score`; each field is the option of its name.

    Attributes:
        answers: files, none twice.
    """

    answers: tuple[Path, ...]
    key: Path
    json: Path | None
    least_right: float
    seed: int

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ScoreConfig:
        """The command line, parsed."""
        return cls(**{**options, "answers": tuple(dict.fromkeys(options["answers"]))})

    def __post_init__(self) -> None:
        _refuse_seed(self.seed)
        if not 0 <= self.least_right <= 1:
            raise UserError(f"--least-right is {self.least_right:g}; required 0 to 1")


def _refuse_seed(seed: int) -> None:
    if seed < 0:
        raise UserError(f"--seed is {seed}; required at least 0")
