"""Two folders of images paired by name, never by order.

The rule, in three steps; a later step sees only what the earlier ones left:

1. A file whose stem (its name without the suffix) is that of an hr image belongs to it.
2. Endings of :data:`TAG` are stripped from a file's stem, one after another, until the rest is the stem of an hr
   image; failing that, the stems of both sides are stripped wholly and compared. Case of the endings does not count.
3. If the stems of all files that are left, at least two, are those of hr images followed by one and the same ending
   that begins with `_`, `-` or `.` (what a program names its results by: `baby_EDSR_Lx4.png`), that is stripped.

Two files for one hr image, or two hr images for one file, are refused, naming both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.errors import UserError
from bench.printable import printable, stem_name

TAG = re.compile(
    r"(?:[_\-. ]?x\d{1,2}|[_\-. ]\d{1,2}x|[_\-. ]srf[_\-. ]?\d{1,2}|[_\-. ](?:sr|hr|lr|gt|out|output|result|fake))$",
    re.IGNORECASE,
)
SEPARATORS = ("_", "-", ".")
SHARED_BY_AT_LEAST = 2
NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Which file belongs to which hr image.

    Attributes:
        pairs: stem of the hr image to its file, in the order of the hr images.
        missing: stems of hr images without a file.
        extra: files without an hr image.
    """

    pairs: Mapping[str, Path]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]

    @property
    def stripped(self) -> Mapping[str, Path]:
        """The pairs whose names are not the same."""
        return {name: file for name, file in self.pairs.items() if stem_of(file) != name}

    def lines(self) -> Iterator[str]:
        """A line for what is missing and one for what is extra, where there are any."""
        if self.missing:
            yield f"no file for {_named(self.missing)}"
        if self.extra:
            yield f"no hr image for {_named([file.name for file in self.extra])}"


def pair(hr_stems: Iterable[str], files: Iterable[Path]) -> Pairing:
    """Pair hr images with files by the rule of this module.

    Raises:
        UserError: two files fit one hr image, or two hr images one file.
    """
    wanted = list(dict.fromkeys(hr_stems))
    left = sorted(files)
    found: dict[str, Path] = {}
    for step in (_exact, _stripped, _stripped_wholly, _shared_ending):
        free = [stem for stem in wanted if stem not in found]
        matches = step(free, left)
        found |= _one_each(matches)
        left = [file for file in left if file not in matches]
    return Pairing(
        pairs=MappingProxyType({stem: found[stem] for stem in wanted if stem in found}),
        missing=tuple(stem for stem in wanted if stem not in found),
        extra=tuple(left),
    )


def stem_of(file: Path) -> str:
    """A file's name without its suffix, as :mod:`bench.datasets` names images."""
    stem = file.name.rpartition(".")[0] or file.name
    return stem_name(stem)


def peeled(stem: str) -> Iterator[str]:
    """The stem, then with one ending of :data:`TAG` fewer, and so on; never empty."""
    yield stem
    while (rest := TAG.sub("", stem, count=1)) not in {stem, ""}:
        stem = rest
        yield stem


def _exact(free: list[str], left: list[Path]) -> dict[Path, str]:
    return {file: stem_of(file) for file in left if stem_of(file) in free}


def _stripped(free: list[str], left: list[Path]) -> dict[Path, str]:
    first = {file: next((stem for stem in peeled(stem_of(file)) if stem in free), None) for file in left}
    return {file: stem for file, stem in first.items() if stem is not None}


def _stripped_wholly(free: list[str], left: list[Path]) -> dict[Path, str]:
    by_bare: dict[str, list[str]] = {}
    for stem in free:
        by_bare.setdefault(_bare(stem), []).append(stem)
    found = {}
    for file in left:
        fitting = by_bare.get(_bare(stem_of(file)), [])
        if len(fitting) > 1:
            raise UserError(f"{file.name!r} fits two hr images, {_named(fitting)}; required one")
        if fitting:
            found[file] = fitting[0]
    return found


def _shared_ending(free: list[str], left: list[Path]) -> dict[Path, str]:
    longest = sorted(free, key=len, reverse=True)
    found, endings = {}, set()
    for file in left:
        stem = stem_of(file)
        owner = next((s for s in longest if stem.startswith(tuple(s + mark for mark in SEPARATORS))), None)
        if owner is None:
            return {}
        found[file] = owner
        endings.add(stem.removeprefix(owner))
    return found if len(endings) == 1 and len(found) >= SHARED_BY_AT_LEAST else {}


def _bare(stem: str) -> str:
    *_, last = peeled(stem)
    return last


def _one_each(matches: Mapping[Path, str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file, stem in matches.items():
        if stem in found:
            raise UserError(
                f"two files fit the hr image {stem!r}: {_named([found[stem].name, file.name])}; required one"
            )
        found[stem] = file
    return found


def _named(names: Iterable[str]) -> str:
    listed = [repr(printable(name)) for name in names]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more
