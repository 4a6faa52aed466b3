"""What a file's name says beside which image it is: a role, a scale, a method. The rules are stated here, once.

- Names are compared in one Unicode normalisation (NFC): what looks equal is equal.
- A role is `_HR` `_GT` (hr), `_LR` (lr) or `_SR` (sr), also `_out`, `_output`, `_result`, `_fake` (sr); a scale is `_x4`,
  `_4x`, `_SRF_4`, or `x4` right before the suffix (`0801x4.png`, with DIV2K's letters `x4m`, `x4d`, `x4w1`). Case does not
  count; the separator is any of `_-. ` or a blank. They count at the end of a stem alone, one behind the other.
  `truck_4x4` is a name: one digit before `x` is no image.
- A folder whose images all carry one role is of that role. Where some carry another, those that are said to be hr, and
  those that are of no other image, are hr; an image that is called like one of these with a role, a scale or a method
  behind it was made of that one, and is left out by name.
- hr images of one name at several scales are those of the scale that is asked for.
- A file belongs to an hr image by :mod:`bench.data.pairing`. What it has behind the hr image's name may say a scale,
  which is respected: a file of another scale is left out by name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.errors import UserError
from bench.text import escape_control_chars

Role = Literal["hr", "lr", "sr"]
SEPARATORS = ("_", "-", ".", " ")
_BEHIND = r"[_\-. ]"  # one of SEPARATORS
ROLE = rf"{_BEHIND}(?P<role>hr|gt|lr(?:bi|bd|dn)?|sr|out|output|result|fake)"
SCALE = (
    rf"(?:{_BEHIND}?x(?P<times>\d{{1,2}})(?:[mdw]\d?)?"
    rf"|{_BEHIND}(?P<before>\d{{1,2}})x|{_BEHIND}srf{_BEHIND}?(?P<srf>\d{{1,2}}))"
)
TAG = re.compile(rf"(?:{SCALE}|{ROLE})$", re.IGNORECASE)
INSIDE = re.compile(rf"{SCALE}(?={_BEHIND}|$)", re.IGNORECASE)
NAMED = re.compile(  # as TAG, but `x4` only behind a separator or a digit: `box2` and `box3` are names
    rf"(?:(?:(?<=[0-9_\-. ])|{_BEHIND})x\d{{1,2}}(?:[mdw]\d?)?|{_BEHIND}\d{{1,2}}x|"
    rf"{_BEHIND}srf{_BEHIND}?\d{{1,2}}|{ROLE})$",
    re.IGNORECASE,
)
SIZE = re.compile(rf"(?:^|{_BEHIND})\dx\d{{1,2}}$", re.IGNORECASE)
ROLES: dict[str, Role] = {"hr": "hr", "gt": "hr", "lr": "lr", "lrbi": "lr", "lrbd": "lr", "lrdn": "lr"}
SAID_ROLES = frozenset({"hr", "gt", "lr", "lrbi", "lrbd", "lrdn", "sr"})
"""That need no image beside them to be believed; `knocked_out` is a photograph where there is no `knocked`."""
SCALES = range(2, 65)  # `x1` and `x99` are parts of names
# What programs put behind a name for the method that made the image.
METHODS = frozenset(
    {
        "nearest",
        "bilinear",
        "bicubic",
        "lanczos",
        "a+",
        "aplus",
        "anr",
        "scsr",
        "sub-pixel",
        "subpixel",
        "selfexsr",
        "srcnn",
        "fsrcnn",
        "vdsr",
        "drcn",
        "drrn",
        "espcn",
        "lapsrn",
        "memnet",
        "edsr",
        "mdsr",
        "rdn",
        "rcan",
        "carn",
        "imdn",
        "rfdn",
        "srgan",
        "esrgan",
        "srresnet",
        "realesrgan",
        "real-esrgan",
        "bsrgan",
        "swinir",
        "swin2sr",
        "srmd",
        "enhancenet",
    }
)
METHOD_ENDINGS = tuple(mark + method for method in sorted(METHODS) for mark in SEPARATORS)
LISTED = 10


def normal(text: str) -> str:
    """`text` in the one normalisation that names are compared in."""
    return unicodedata.normalize("NFC", text)


def peeled(stem: str) -> Iterator[str]:
    """The stem, then with one role or scale fewer at its end, and so on; never empty."""
    yield stem
    # never empty: `x4.png` is an image called x4
    while (rest := TAG.sub("", stem, count=1)) not in {stem, ""}:
        stem = rest
        yield stem


def bare(stem: str) -> str:
    """Without any role or scale at its end."""
    *_, last = peeled(stem)
    return last


def bare_name(stem: str) -> str:
    """As :func:`bare` of an hr image's stem, which may end in an `x` and a number of its own."""
    # `truck_4x4` ends in a size, not in a scale
    while (rest := NAMED.sub("", stem, count=1)) not in {stem, ""} and not SIZE.search(stem):
        stem = rest
    return stem


def role_of(text: str) -> tuple[Role | None, bool]:
    """The outermost role at the end of a stem, or of what stands behind an hr image's name; and whether it needs no
    other image beside it to be believed."""
    for part in peeled(text):
        if (found := TAG.search(part)) and found["role"]:
            word = found["role"].lower()
            return ROLES.get(word, "sr"), word in SAID_ROLES
    return None, False


def scale_of(ending: str) -> int | None:
    """The outermost scale in what a file has behind the name of its hr image; None where it says none.

    It counts at the end, or between two separators: the name itself, which may hold anything, is no part of it.
    """
    tagged = [TAG.search(part) for part in peeled(ending)]
    # at the end first; between separators the last one is nearest to the end
    for found in (*tagged, *reversed(list(INSIDE.finditer(ending)))):
        value = found and (found["times"] or found["before"] or found["srf"])
        if value and int(value) in SCALES:
            return int(value)
    return None


def scale_at_end(stem: str) -> int | None:
    """The scale at the end of a whole stem; a size of two numbers, as in `truck_4x4`, is none."""
    for part in peeled(stem):
        if SIZE.search(part):
            return None
        found = TAG.search(part)
        value = found and (found["times"] or found["before"] or found["srf"])
        if value and int(value) in SCALES:
            return int(value)
    return None


@dataclass(frozen=True, kw_only=True)
class HrSelection:
    """The hr images among those of a folder.

    Attributes:
        stems: of the hr images, in the order given.
        aside: stem -> why it is none of them.
    """

    stems: tuple[str, ...]
    aside: dict[str, str]


def hr_among(stems: Sequence[str], scale: int | None = None) -> HrSelection:
    """The hr images among a folder's, by the rules of this module.

    Args:
        scale: upscaling factor, for hr images that are there at several.

    Raises:
        UserError: there are hr images of one name at several scales, and no scale was asked for, or another one.
    """
    keys = {stem: normal(stem) for stem in stems}
    roles = {stem: role_of(key) for stem, key in keys.items()}
    said = {role if sure else None for role, sure in roles.values()}
    aside: dict[str, str] = {}
    # a folder in which all images carry one and the same role is taken whole, whichever that is
    if len(said) > 1 or None in said:
        there = frozenset(keys.values())
        hr = frozenset(bare_name(keys[stem]) for stem, (role, sure) in roles.items() if role == "hr" and sure)
        for stem, (role, sure) in roles.items():
            why = _made_of(keys[stem], role if sure else None, hr, there)
            if why:
                aside[stem] = why
    kept = [stem for stem in stems if stem not in aside]
    aside |= _of_other_scales(kept, keys, scale)
    return HrSelection(stems=tuple(stem for stem in stems if stem not in aside), aside=aside)


def _made_of(key: str, role: Role | None, hr: Collection[str], there: Collection[str]) -> str:
    """Why an image is none of the hr images of its folder; empty where it is one."""
    if role in {"lr", "sr"}:
        return f"called {role}"
    if role == "hr" or SIZE.search(key):
        return ""
    # only where some images say that they are hr: `a_b` beside `a` is else a name
    if hr and any(part in hr for part in _shorter(key)):
        return "called like an hr image with more behind it"
    rest = bare(key)
    if rest != key and any(part in there for part in list(peeled(key))[1:]):
        return "called like another image with more behind it"
    if key.lower().endswith(METHOD_ENDINGS):
        ending = max((e for e in METHOD_ENDINGS if key.lower().endswith(e)), key=len)
        if any(part in there for part in peeled(key[: -len(ending)])):
            return "called like another image with a method behind it"
    return ""


def _shorter(key: str) -> Iterator[str]:
    """The name cut before each of its separators, the longest first; itself too."""
    yield key
    for i in range(len(key) - 1, 0, -1):
        if key[i] in SEPARATORS:
            yield key[:i]
            yield bare_name(key[:i])


def _of_other_scales(kept: Sequence[str], keys: dict[str, str], scale: int | None) -> dict[str, str]:
    """hr images of a scale that was not asked for, where one name is there at several."""
    scales: dict[str, dict[int, str]] = {}
    for stem in kept:
        found = scale_at_end(keys[stem])
        if found is not None and role_of(keys[stem]) == ("hr", True):
            scales.setdefault(bare_name(keys[stem]), {})[found] = stem
    several = {name: there for name, there in scales.items() if len(there) > 1}
    for name, there in several.items():
        if scale not in there:
            raise UserError(
                f"{escape_control_chars(name)!r} is there at {', '.join(f'x{s}' for s in sorted(there))}: "
                f"{listed(there.values())}; must be the images of one scale in a folder"
                + (", or one scale to be asked for" if scale is None else f", with x{scale} among them")
            )
    return {
        stem: f"for x{found}" for there in several.values() for found, stem in there.items() if found != scale
    }


def listed(names: Iterable[str]) -> str:
    """Names for a message: some of them, and how many more there are."""
    found = [repr(escape_control_chars(name)) for name in names]
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return ", ".join(found[:LISTED]) + more
