"""The options of `bench.perturb`, checked before anything is loaded. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError

KIND = re.compile(r"(shift|noise)-(\d{1,3})")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is written; each field is the option of its name.

    Attributes:
        hr: a folder, or the name of a data set.
        kinds: `shift-2` -> ("shift", 2).
    """

    hr: str
    out: Path
    kinds: Mapping[str, tuple[str, int]]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Config:
        """The command line of `bench.perturb`, parsed.

        Raises:
            UserError: a kind is neither shift-N nor noise-N.
        """
        kinds = {}
        for name in options["kinds"]:
            found = KIND.fullmatch(name)
            if found is None:
                raise UserError(f"a kind must be shift-N or noise-N, N from 0 to 999 (got {name!r})")
            kinds[name] = (found[1], int(found[2]))
        return cls(hr=options["hr"], out=options["out"], kinds=kinds)
