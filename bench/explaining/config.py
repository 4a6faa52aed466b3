"""The options of `bench.explain`, checked before anything is loaded. Loads no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.explaining.library_presets import LibraryPreset, likes

NUMBER = re.compile(r"(\d+)(?:\.(\d*))?")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number as it was printed: at most 1 is SSIM, more is PSNR in dB; it stands for value +- tolerance."""

    text: str
    value: float
    tolerance: float

    @property
    def metric(self) -> str:
        """`psnr` or `ssim`."""
        return "ssim" if self.value <= 1 else "psnr"


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is measured, and what of it is shown; each field is the option of its name.

    Attributes:
        images: sr and hr, or hr alone with `kernels`; empty where `db`, `dataset` and `model` name a stored result.
        like: what the library that was named prints; empty where none was.
        match: the numbers, with the tolerance.
    """

    images: tuple[str, ...]
    scale: int
    pattern: str | None
    like: tuple[LibraryPreset, ...]
    match: tuple[Published, ...]
    all: bool
    kernels: bool
    json: Path | None
    db: Path | None
    dataset: str | None
    model: str | None
    protocol: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Config:
        """The command line of `bench.explain`, parsed.

        Raises:
            UserError: a number of `--match`, its tolerance or the library is none.
        """
        rest = {name: value for name, value in options.items() if name != "tolerance"}
        rest["images"] = tuple(options["images"])
        rest["match"] = tuple(published(text, options["tolerance"]) for text in options["match"] or ())
        rest["like"] = likes(options["like"]) if options["like"] else ()
        return cls(**rest)


def published(text: str, tolerance: float | None) -> Published:
    """A number of the command line, with half of its last digit as tolerance unless another is given.

    Raises:
        UserError: it is no positive number in plain decimals, or the tolerance is negative.
    """
    parts = NUMBER.fullmatch(text)
    if parts is None:
        raise UserError(f"--match must be a number as it was printed, such as 32.46 or 0.8968 (got {text!r})")
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise UserError(f"--tolerance must be 0 or more (got {tolerance})")
    half = 0.5 * 10 ** -len(parts[2] or "")
    return Published(text=text, value=float(text), tolerance=half if tolerance is None else tolerance)
