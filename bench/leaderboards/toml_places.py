"""Where a key stands in a TOML file: `tomllib` gives values without their lines."""

from __future__ import annotations

import re

HEADER = re.compile(r"^\s*\[(\[?)\s*([\w.-]+)\s*\]\]?\s*(#.*)?$")
KEY = re.compile(r"^\s*([\w-]+)\s*=")


class Places:
    """The lines of the tables of a file and of their keys, those of inline tables skipped.

    Args:
        text: of a file that `tomllib` can read.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, int, str], int] = {}
        counts: dict[str, int] = {}
        table, index = "", 0
        for number, line in enumerate(text.splitlines(), 1):
            if header := HEADER.match(line):
                table = header[2]
                index = counts.get(table, 0)
                counts[table] = index + 1
                self._lines[table, index, ""] = number
            elif key := KEY.match(line):
                # The first line counts: a text of several lines may hold what looks like the key again.
                self._lines.setdefault((table, index, key[1]), number)

    def line(self, table: str, index: int = 0, key: str = "") -> str:
        """`line 12, `: of a key of the index-th table of a name, else of that table; empty where neither is known."""
        found = self._lines.get((table, index, key)) or self._lines.get((table, index, ""))
        return f"line {found}, " if found else ""
