"""The options of `bench.export`. Loads no pandas."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.cli import DONE
from bench.errors import UserError

Target = Literal["csv", "parquet", "eval-results", "model-card"]
TARGETS: tuple[Target, ...] = ("csv", "parquet", "eval-results", "model-card")
OF_A_MODEL = ("eval-results", "model-card")
SCHEMAS = ("compare", "doctor", "explain", "preference", "rescore", "speed", "sr_quality", "style_quality")
SCHEMA_FOLDER = Path(__file__).parents[1] / "schemas"
HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is exported, and how. A field is called like its option.

    Attributes:
        model: None for all; likewise `datasets` and `metrics`.
        hub_dataset: (name, id on the Hub) of data sets.
    """

    results: Sequence[Path]
    to: Target
    out: Path = Path("export")
    model: str | None = None
    datasets: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    hub_dataset: Sequence[tuple[str, str]] = ()
    source_url: str | None = None
    source_name: str | None = None

    def check(self) -> None:
        """
        Raises:
            UserError: an option is missing that another one needs.
        """
        if self.to in OF_A_MODEL and not self.model:
            raise UserError(f"--to {self.to} is of one model; needs --model NAME")
        if self.source_name and not self.source_url:
            raise UserError("--source-name goes with --source-url")
        if self.source_url and not self.source_url.startswith(("https://", "http://")):
            raise UserError(
                f"--source-url is {self.source_url!r}; must be an address that begins with https://"
            )


def hub_dataset(text: str) -> tuple[str, str]:
    """`set5=OWNER/NAME` as (name, id)."""
    # The last "=": a data set's name may hold one, an id on the Hub cannot.
    name, _, found = text.rpartition("=")
    if not name or not HUB_ID.fullmatch(found):
        raise argparse.ArgumentTypeError(
            f"{text!r}, must be NAME=ID, the id as OWNER/NAME or NAME on the Hub"
        )
    return name, found


def print_schema(program: str) -> int:
    """Print the JSON Schema of a program's `--json`."""
    print((SCHEMA_FOLDER / f"{program}.schema.json").read_text(encoding="utf-8"), end="")
    return DONE
