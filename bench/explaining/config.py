"""What `bench.explain` was told, packed once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Config:
    """Each field is the option of its name.

    Attributes:
        images: sr and hr, or hr alone with `kernels`; empty where `db`, `dataset` and `model` name a stored result.
        match: numbers as they were printed.
        tolerance: of `match`; None for half of a number's last digit.
    """

    images: tuple[str, ...]
    scale: int
    pattern: str | None
    like: str | None
    match: tuple[str, ...]
    tolerance: float | None
    all: bool
    kernels: bool
    json: Path | None
    db: Path | None
    dataset: str | None
    model: str | None
    protocol: str

    @classmethod
    def of(cls, args: argparse.Namespace) -> Config:
        """The command line of `bench.explain`, parsed and checked."""
        return cls(**{**vars(args), "images": tuple(args.images), "match": tuple(args.match or ())})
