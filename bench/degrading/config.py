"""The options of `bench.degrade`, checked before anything is loaded. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.records import Arithmetic, Border, SRProtocol

LARGEST_SIGMA = 1000.0


@dataclass(frozen=True, kw_only=True)
class Config:
    """What `bench.degrade` was told; each field is the option of its name.

    Attributes:
        hr: a folder, or the name of a data set.
        blur: sigma in hr pixels; 0 for none.
        force: files that are there are written again.
    """

    hr: str
    lr: Path
    scale: int
    border: Border
    arithmetic: Arithmetic
    blur: float
    force: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Config:
        """The command line of `bench.degrade`, parsed.

        Raises:
            UserError: scale or blur is out of range.
        """
        config = cls(**options)
        if config.scale < 2:
            raise UserError(f"--scale is {config.scale}; required an integer of at least 2")
        if not 0 <= config.blur <= LARGEST_SIGMA:
            raise UserError(
                f"--blur is {config.blur}; required a sigma in pixels of at least 0 and at most {LARGEST_SIGMA:g}"
            )
        return config

    @property
    def protocol(self) -> SRProtocol:
        """How lr is made."""
        return SRProtocol(
            name="degrade",
            scale=self.scale,
            shave=0,
            arithmetic=self.arithmetic,
            border=self.border,
            blur_sigma=self.blur,
        )
