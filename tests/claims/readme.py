"""The numbers of a text, and where a claim about some of them stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "results.md")
# A number that stands on its own: not within a name (set5, x4, 512x512, relu2_2, VGG-19, 9-5-5) or an address.
NUMBER = re.compile(r"(?<![\w.,/#<>-])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?![\w]|-\w|\.\d|/\w)")
COMMAND = re.compile(r"^(?:python|pip|nox)\b.*$", re.MULTILINE)
INLINE_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
CITATION = re.compile(r"\([A-Z]\w+ (?:19|20)\d\d\)")
TARGET = re.compile(r"\]\([^)\s]*\)")
OPEN, CLOSE = "«", "»"


@dataclass(frozen=True, order=True)
class Token:
    """A number and where it stands."""

    start: int
    end: int
    text: str

    @property
    def value(self) -> float:
        return float(self.text.replace(",", ""))


def read() -> str:
    """Both pages, one after the other: a claim's words stand once in the two of them."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def numbers(text: str) -> list[Token]:
    """Every number that stands on its own, but for those in commands, inline code, links' targets and citations."""
    hidden = list(text)
    for pattern in (COMMAND, INLINE_CODE, TARGET, CITATION):
        for found in pattern.finditer(text):
            hidden[found.start() : found.end()] = "\x00" * (found.end() - found.start())
    return [Token(m.start(), m.end(), m[0]) for m in NUMBER.finditer("".join(hidden))]


def marked(text: str, claim: str) -> list[Token]:
    """The parts of a text that a claim has between « and »; its blanks stand for any, line ends too.

    Raises:
        LookupError: the claim's words are not in the text, or stand there more than once.
    """
    words = re.split(f"{OPEN}([^{CLOSE}]*){CLOSE}", claim)
    pattern = "".join(f"({_loose(part)})" if n % 2 else _loose(part) for n, part in enumerate(words))
    found = list(re.finditer(pattern, text))
    if len(found) != 1:
        raise LookupError(
            f"README.md and docs/results.md have {len(found)} times, must be once: {plain(claim)!r}"
        )
    match = found[0]
    return [Token(match.start(n), match.end(n), match[n]) for n in range(1, len(match.groups()) + 1)]


def plain(claim: str) -> str:
    """The claim's words alone."""
    return claim.replace(OPEN, "").replace(CLOSE, "")


def _loose(part: str) -> str:
    return re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(part))


def block(text: str, first_line: str) -> Iterator[tuple[int, str]]:
    """The lines from one that begins so to the next empty line or fence, each with where it starts."""
    start = text.index(f"\n{first_line}") + 1
    for line in text[start:].split("\n"):
        if not line or line.startswith("```"):
            return
        yield start, line
        start += len(line) + 1
