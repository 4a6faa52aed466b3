"""What `bench.preference` was told, packed once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

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
    def of(cls, args: argparse.Namespace) -> BuildConfig:
        """The command line, parsed."""
        options = {name: value for name, value in vars(args).items() if name != "program"}
        return cls(**{**options, "models": tuple(args.models), "db": tuple(args.db)})

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
    def of(cls, args: argparse.Namespace) -> ScoreConfig:
        """The command line, parsed."""
        options = {name: value for name, value in vars(args).items() if name != "program"}
        return cls(**{**options, "answers": tuple(dict.fromkeys(args.answers))})

    def __post_init__(self) -> None:
        _refuse_seed(self.seed)
        if not 0 <= self.least_right <= 1:
            raise UserError(f"--least-right is {self.least_right:g}; required 0 to 1")


def _refuse_seed(seed: int) -> None:
    if seed < 0:
        raise UserError(f"--seed is {seed}; required at least 0")
