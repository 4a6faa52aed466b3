"""How every program's `--help` is laid out: within the terminal, no word broken, each default shown."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

WIDEST = 100
"""Columns; longer lines are hard to read, however wide the terminal."""
COMMAND = re.compile(r"\s+(python|pip|nox|torchrun|perceptual-bench) ")
TWO_COLUMNS = re.compile(r"(\s*\S.*?\s{3,})(\S.*)")
VALUES = re.compile(r" (?!-)")
CONTINUED = " \\"


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As argparse has it, but lines of text are broken between words alone, examples too, and defaults are added.

    An example is broken with a backslash at its end, so that it can still be copied.
    """

    def __init__(self, prog: str, **options: int) -> None:
        super().__init__(prog, **options)
        self._width = min(self._width, WIDEST)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = (line for paragraph in _paragraphs(text) for line in _broken(paragraph, width))
        return "\n".join(f"{indent}{line}".rstrip() for line in lines)

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        known = default is None or default is argparse.SUPPRESS or isinstance(default, bool) or default == []
        if known or action.nargs == 0 or "default" in text:
            return text
        shown = " ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)
        return f"{text} (default: {shown.replace('%', '%%')})"


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def two_columns(left: str, right: str, width: int) -> list[str]:
    """`right` beside `left`, in lines of at most `width` columns."""
    rest = _wrapped(right, max(width - len(left), 20))
    return [left + rest[0], *(" " * len(left) + each for each in rest[1:])]


def _paragraphs(text: str) -> Iterator[str]:
    """Lines of prose that follow each other, joined; lines that are indented, and headings, as they are."""
    joined = ""
    for line in text.splitlines():
        prose = bool(line) and not line.startswith((" ", "exit status"))
        if joined and not (prose and not joined.endswith(":")):
            yield joined
            joined = ""
        if prose or line.startswith("exit status"):
            joined = f"{joined} {line}".strip()
        else:
            yield line
    if joined:
        yield joined


def _broken(line: str, width: int) -> list[str]:
    """A line in pieces of at most `width` columns where it has blanks."""
    if len(line) <= width:
        return [line]
    if (found := TWO_COLUMNS.fullmatch(line)) and len(found[1]) < width - 20:
        return two_columns(found[1], found[2], width)
    margin = " " * (len(line) - len(line.lstrip()))
    if not COMMAND.match(line):
        return [margin + each for each in _wrapped(line.strip(), width - len(margin))]
    together = VALUES.sub("\0", line.strip())  # an option and its values stay on one line
    pieces = _wrapped(together, width - len(margin) - len(CONTINUED), "    ")
    pieces = [piece.replace("\0", " ") for piece in pieces]
    return [margin + each + CONTINUED for each in pieces[:-1]] + [margin + pieces[-1]]
