"""Text that may hold anything, for the formats that tables are written in: one line, shown as it stands."""

from __future__ import annotations

import re

from bench.printable import one_line, printable

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{MINUS SIGN}": r"$-$",
}
MARKDOWN_SPECIAL = r"\`*_[]<>#|"
FORMULA = ("=", "+", "-", "@")
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?[%*]?")


def escape_latex(text: str) -> str:
    """Text that LaTeX typesets as it stands; with T1 fonts, for `<`, `>` and `|` have no place in the older ones."""
    return "".join(LATEX_ESCAPES.get(c, c) for c in one_line(" ".join(text.split())))


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it stands, inside a table too."""
    plain = one_line(" ".join(text.split()))
    return "".join(f"\\{c}" if c in MARKDOWN_SPECIAL else c for c in plain)


def escape_csv(text: str) -> str:
    """Text that a spreadsheet does not compute: behind an apostrophe where it would be a formula; a number stays one."""
    plain = printable(text)
    return f"'{plain}" if plain.startswith(FORMULA) and not NUMBER.fullmatch(plain) else plain
