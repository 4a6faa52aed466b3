"""Two folders of images paired by name, never by order.

What a name may say beside which image it is stands in :mod:`bench.data.names`. The rule, in steps; a later step sees
only what the earlier ones left:

1. A file whose stem (its name without the suffix) is that of an hr image belongs to it.
2. Roles and scales are stripped from the end of a file's stem, one after another, until the rest is the stem of an hr
   image; failing that, the stems of both sides are stripped wholly and compared.
3. If the stems of all files that are left, at least two, are those of hr images followed by one and the same ending
   that begins with `_`, `-`, `.` or a blank (what a program names its results by: `baby_EDSR_Lx4.png`), that is stripped;
   failing that, the same with the hr images' stems stripped wholly (`baby_HR_x4.png` and `baby_RCAN_BIX4.png`).

A pattern, `{stem}_RCAN_BIX4`, takes the place of all of that: what stands for `{stem}` is the stem of an hr image, or that
stripped.

A file that says another scale than the one that is asked for is set aside by name. Of two files for one hr image, the
one that says the role that is looked for is taken; where that does not decide, they are refused, naming both, as are two
hr images for one file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.data.formats import SUFFIXES
from bench.data.names import (
    SEPARATORS,
    Role,
    bare,
    bare_name,
    listed,
    normal,
    peeled,
    role_of,
    scale_at_end,
    scale_of,
)
from bench.errors import UserError
from bench.text import escape_control_chars, stem_of_name

SHARED_BY_AT_LEAST = 2  # one file alone shares its ending with no other: it may be another image's
STEM, SCALE = "{stem}", "{scale}"


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Which file belongs to which hr image.

    Attributes:
        pairs: stem of the hr image to its file, in the order of the hr images.
        missing: stems of hr images without a file.
        extra: files without an hr image.
        other_scale: files that say another scale than the one asked for.
        other_role: files beside the one that says the role that was looked for.
    """

    pairs: Mapping[str, Path]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]
    other_scale: tuple[Path, ...] = ()
    other_role: tuple[Path, ...] = ()

    @property
    def stripped(self) -> Mapping[str, Path]:
        """The pairs whose names are not the same."""
        return {name: file for name, file in self.pairs.items() if normal(stem_of(file)) != normal(name)}

    def lines(self) -> Iterator[str]:
        """A line for what is missing, for what is extra, and for what is set aside, where there is any."""
        if self.missing:
            yield f"no file for {listed(self.missing)}"
        if self.extra:
            yield f"no hr image for {_names(self.extra)}"
        if self.other_scale:
            yield f"skipped, since their names say another scale: {_names(self.other_scale)}"
        if self.other_role:
            yield f"skipped, since their names say another role: {_names(self.other_role)}"


@dataclass(frozen=True, kw_only=True)
class Match:
    """The hr image that a file belongs to, and what the file's name has behind its name."""

    stem: str
    ending: str


Step = Callable[[Mapping[str, str], list[Path]], dict[Path, Match]]


def pair(
    hr_stems: Iterable[str],
    files: Iterable[Path],
    *,
    scale: int | None = None,
    role: Role | None = None,
    pattern: str | None = None,
) -> Pairing:
    """Pair hr images with files by the rule of this module.

    Args:
        scale: that the files must not contradict.
        role: that is looked for, which decides between two files.
        pattern: of the files' names.

    Raises:
        UserError: two files fit one hr image, or two hr images one file; the pattern has no `{stem}`.
    """
    wanted = {stem: normal(stem) for stem in hr_stems}
    # by name: the order in which a folder is listed differs from system to system
    left = sorted(files)
    found: dict[str, Path] = {}
    other_scale: list[Path] = []
    other_role: list[Path] = []
    steps: tuple[Step, ...] = (_exact, _stripped, _stripped_wholly, _shared_ending, _shared_ending_of_bare)
    for step in (_by(pattern, scale),) if pattern is not None else steps:
        free = {stem: key for stem, key in wanted.items() if stem not in found}
        matches = step(free, left)
        # these two guess from all files together: either all have the ending, or none counts
        if step in {_shared_ending, _shared_ending_of_bare}:
            matches = _one_ending(matches, len(left), scale)
        # a pattern says what the names mean, and a scale in them is part of it
        other = [] if pattern is not None else [f for f, match in matches.items() if _other(match, scale)]
        chosen, aside = _one_each({f: match for f, match in matches.items() if f not in other}, role)
        found |= chosen
        other_scale += other
        other_role += aside
        # also those set aside: a later, weaker rule must not bring them back
        left = [file for file in left if file not in matches]
    return Pairing(
        pairs=MappingProxyType({stem: found[stem] for stem in wanted if stem in found}),
        missing=tuple(stem for stem in wanted if stem not in found),
        extra=tuple(left),
        other_scale=tuple(other_scale),
        other_role=tuple(other_role),
    )


def stem_of(file: Path) -> str:
    """A file's name without its suffix, as :mod:`bench.data.datasets` names images."""
    return stem_of_name(file.name)


def _key(file: Path) -> str:
    return normal(stem_of(file))


def _other(match: Match, scale: int | None) -> bool:
    return scale is not None and scale_of(match.ending) not in {None, scale}


def _exact(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    by_key = _by_key(free, lambda key: key)
    found = {}
    for file in left:
        stem = stem_of(file)
        # the same bytes go before the same letters (NFC)
        there = [stem] if stem in free else by_key.get(_key(file), [])
        if len(there) > 1:
            raise _two(file, there)
        if there:
            found[file] = Match(stem=there[0], ending="")
    return found


def _stripped(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    by_key = {key: stem for stem, key in free.items()}
    found = {}
    for file in left:
        key = _key(file)
        part = next((part for part in peeled(key) if part in by_key), None)
        if part is not None:
            found[file] = Match(stem=by_key[part], ending=key[len(part) :])
    return found


def _stripped_wholly(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    by_bare = _by_key(free, bare_name)
    found = {}
    for file in left:
        key = _key(file)
        rest = bare(key)
        fitting = [stem for stem in by_bare.get(rest, []) if not _contradict(free[stem], key)]
        if len(fitting) > 1:
            raise _two(file, fitting)
        if fitting:
            found[file] = Match(stem=fitting[0], ending=key[len(rest) :])
    return found


def _contradict(hr: str, file: str) -> bool:
    """`img_x2` is not `img_x3`; hr that says so itself is cut for its scale alone."""
    scales = {scale_at_end(hr), scale_at_end(file)} - {None}
    return len(scales) > 1 and role_of(hr)[0] is None


def _shared_ending(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    return _owned({key: stem for stem, key in free.items()}, left)


def _shared_ending_of_bare(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    return _owned(
        {rest: there[0] for rest, there in _by_key(free, bare_name).items() if len(there) == 1}, left
    )


def _owned(prefixes: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
    """Files that begin with an hr image's name and go on behind a separator, by the longest such name."""
    found = {}
    for file in left:
        key = _key(file)
        # from the longest: baby_2_EDSR is of baby_2 where there is one, not of baby
        cuts = (key[:i] for i in range(len(key) - 1, 0, -1) if key[i] in SEPARATORS)
        owner = next((cut for cut in cuts if cut in prefixes), None)
        if owner is not None:
            found[file] = Match(stem=prefixes[owner], ending=key[len(owner) :])
    return found


def _one_ending(matches: Mapping[Path, Match], files: int, scale: int | None) -> dict[Path, Match]:
    """The matches, if all files have one and the same ending but for those of other scales."""
    if len(matches) != files:
        return {}
    mine = {match.ending for match in matches.values() if not _other(match, scale)}
    several = sum(not _other(match, scale) for match in matches.values()) >= SHARED_BY_AT_LEAST
    # endings of several scales differ in their numbers alone
    alike = {re.sub(r"\d+", "", match.ending) for match in matches.values()}
    return dict(matches) if len(mine) <= 1 and (several or not mine) and len(alike) == 1 else {}


def _by(pattern: str, scale: int | None) -> Step:
    """A step that reads names by a pattern.

    Raises:
        UserError: it has no `{stem}`, or several.
    """
    text = normal(pattern)
    # people type the whole name of a file; stems are compared
    text = next((text[: -len(s)] for s in SUFFIXES if text.lower().endswith(s)), text)
    if text.count(STEM) != 1:
        raise UserError(
            f"pattern={pattern} has {STEM} {text.count(STEM)} times; must be once, as in {STEM}_RCAN_BIX4"
        )
    text = text.replace(SCALE, str(scale)) if scale is not None else text
    before, _, behind = text.partition(STEM)
    read = re.compile(f"{re.escape(before)}(.+){re.escape(behind)}", re.DOTALL)

    def step(free: Mapping[str, str], left: list[Path]) -> dict[Path, Match]:
        exact = _by_key(free, lambda key: key)
        stripped: dict[str, list[str]] = {}
        for stem, key in free.items():
            for part in peeled(key):
                stripped.setdefault(part, []).append(stem)
        found = {}
        for file in left:
            parts = read.fullmatch(_key(file))
            # only as a second choice: stripping may make two hr images equal
            fitting = (exact.get(parts[1]) or stripped.get(parts[1], [])) if parts else []
            if len(fitting) > 1:
                raise _two(file, fitting)
            if fitting:
                found[file] = Match(stem=fitting[0], ending="")
        return found

    return step


def _by_key(free: Mapping[str, str], of: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stem, key in free.items():
        found.setdefault(of(key), []).append(stem)
    return found


def _one_each(matches: Mapping[Path, Match], role: Role | None) -> tuple[dict[str, Path], list[Path]]:
    """hr image -> file, and the files that say another role than the one taken."""
    by_stem: dict[str, list[Path]] = {}
    for file, match in matches.items():
        by_stem.setdefault(match.stem, []).append(file)
    found, aside = {}, []
    for stem, files in by_stem.items():
        taken = files if len(files) == 1 or role is None else _of_role(files, matches, role)
        if len(taken) > 1:
            raise UserError(
                f"two files fit the hr image {escape_control_chars(stem)!r}: {_names(taken[:2])}; must be one, or "
                "pattern={stem}... to say how the names are made"
            )
        found[stem] = taken[0]
        aside += [file for file in files if file not in taken]
    return found, aside


def _of_role(files: list[Path], matches: Mapping[Path, Match], role: Role) -> list[Path]:
    """Those that say the role, else those that say none, else all."""
    said = {file: role_of(matches[file].ending)[0] for file in files}
    for wanted in (role, None):
        if found := [file for file in files if said[file] == wanted]:
            return found
    return files


def _two(file: Path, fitting: list[str]) -> UserError:
    return UserError(
        f"{escape_control_chars(file.name)!r} fits two hr images, {listed(fitting)}; must be one"
    )


def _names(files: Iterable[Path]) -> str:
    return listed(file.name for file in files)
