"""Text that may hold anything, shown as it stands: on a terminal, in LaTeX, Markdown, CSV; lines of a program."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import textwrap
from typing import TextIO

PLAIN_LINE_EVERY_SECONDS = 5.0  # of progress where there is no terminal
RUN = "Run: "
"""Before a command that mends something, at the end of a message."""
NAME_AND_TEXT = re.compile(r" *\S+ {2,}")
"""Of a line in a listing: what is behind it stays in its own column."""
LONGEST_STEM_BYTES = 251  # with `.png` behind it, as long as a file's name may be
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


def escape_control_chars(text: str) -> str:
    """`text` with control characters written out as `\\x1b` and the like: a terminal would obey them. Lines stay."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text
    )


def one_line(text: str) -> str:
    """As :func:`escape_control_chars`, line ends written out too."""
    return escape_control_chars(text).replace("\n", "\\n")


def shortened(text: str, most: int) -> str:
    """`text`, or as much of its beginning and end as `most` characters hold."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} [...] {text[-half:]}"


def log(text: str) -> None:
    """A line on standard error, above whatever bar is there."""
    # External code in another thread may have set it to None for as long as it runs: the line goes to where it began.
    stream = sys.stderr or sys.__stderr__
    if stream is not None:
        print(fitted(escape_control_chars(text), stream), file=stream, flush=True)


def show(*texts: str) -> None:
    """Lines on standard output; on a terminal broken between words."""
    for text in texts:
        print(fitted(escape_control_chars(text), sys.stdout))


def fitted(text: str, stream: TextIO) -> str:
    """`text` for a stream: on a terminal in lines of its width, broken between words alone, elsewhere as it is.

    A command at the end (:data:`RUN`) has a line of its own there, which is not broken, so that it can be copied.
    """
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    lines = []
    for line in text.split("\n"):
        said, command, behind = line.partition(f" {RUN}")
        lines.append(_wrapped(said, width))
        if command:
            margin = line[: len(line) - len(line.lstrip())]
            lines.append(f"{margin}{RUN}{behind}")
    return "\n".join(lines)


def _wrapped(line: str, width: int) -> str:
    found = NAME_AND_TEXT.match(line)
    column = len(found[0]) if found and len(found[0]) < width // 2 else len(line) - len(line.lstrip()) + 2
    if len(line) <= width or not line.strip():
        return line
    return textwrap.fill(
        line, width, subsequent_indent=" " * column, break_long_words=False, break_on_hyphens=False
    )


def stem_name(stem: str) -> str:
    """What an image is called whose file has this stem: it can be stored and printed, and be the stem of a file.

    Control characters and bytes that are not UTF-8 are written out; what became too long is cut, with a hash behind it.
    """
    # fsencode: bytes of a name that are not UTF-8 arrive as lone surrogates, which nothing can store.
    name = one_line(os.fsencode(stem).decode("utf-8", "backslashreplace"))
    if len(name.encode()) <= LONGEST_STEM_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    # 9: the hyphen and the digest. The cut may fall into a character of several bytes, of which the rest is dropped.
    return f"{name.encode()[: LONGEST_STEM_BYTES - 9].decode(errors='ignore')}-{digest}"


def stem_of_name(name: str) -> str:
    """What the image in a file of this name is called: without its last suffix, as :func:`stem_name` has it."""
    return stem_name(name.rpartition(".")[0] or name)


def escape_latex(text: str) -> str:
    """Text that LaTeX typesets as it stands; with T1 fonts, for `<`, `>` and `|` have no place in the older ones."""
    # A blank line inside an argument ends a paragraph, which LaTeX refuses in a table.
    return "".join(LATEX_ESCAPES.get(c, c) for c in one_line(" ".join(text.split())))


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it stands, inside a table too."""
    plain = one_line(" ".join(text.split()))
    return "".join(f"\\{c}" if c in MARKDOWN_SPECIAL else c for c in plain)


def escape_csv(text: str) -> str:
    """Text that a spreadsheet does not compute: behind an apostrophe where it would be a formula; a number stays one."""
    plain = escape_control_chars(text)
    return f"'{plain}" if plain.startswith(FORMULA) and not NUMBER.fullmatch(plain) else plain
