"""What `--tile` can be given; loads no torch."""

from __future__ import annotations

from typing import Literal

from bench.errors import UserError

Option = int | Literal["auto", "off"]
LEAST = 16
"""lr pixels per side: smaller tiles are not tried when memory runs out either."""


def option(text: str) -> Option:
    """What `--tile` was given: `auto`, `off`, or lr pixels per side.

    Raises:
        UserError: something else.
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if text.isascii() and text.isdigit() and int(text) >= LEAST:
        return int(text)
    raise UserError(f"--tile is {text!r}; required auto, off, or lr pixels per side of at least {LEAST}")
