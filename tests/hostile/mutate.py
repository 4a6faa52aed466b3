"""Sound bytes to unsound ones, the same for the same generator: what a disk, a network or a third party makes of a file."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

ODD_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HUGE = "@huge@"  # becomes 1e999, which JSON allows and Python reads as infinity
TEXTS = (
    "",
    "\x00",
    "\x1b[2J\x1b]0;x\x07",
    "a\nb\rc\u2028d",
    "\ud800",
    "../../../../tmp/x",
    "/etc/passwd",
    "C:\\x",
    "x" * 5000,
    "<script>alert(1)</script>",
    "\\input{/etc/passwd}",
    "=1+1",
    "[bold]x[/red]",
    "%s%n{0}{x}",
    "\u202egnp.x",
    "NaN",
    "\uff11\uff12",
    HUGE,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    2**31,
    2**63,
    -(2**63),
    10**400,
    0.5,
    -0.0,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    {"": {}},
    {"a": [1, "b"]},
    *TEXTS,
)
TOML_VALUES = (
    '""', '"\\u001b[2J"', '"../x"', '"/etc/passwd"', "0", "-1", "9223372036854775807", "1e400", "nan", "inf", "true",
    "[]", "{}", "[[]]", "{ a = 1 }", "1979-05-27", "'''x\ny'''", '"' + "x" * 3000 + '"', "[" * 50, '"1/2/3"', '"1/"',
)  # fmt: skip
TOKEN = re.compile(r'"[^"\n]*"|\b\d+(?:\.\d+)?\b|\[\[?[a-z_.]+\]\]?|[a-z_]+(?= =)')


def damaged(content: bytes, draw: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """One to six changes of bytes, seldom of the length of all."""
    made = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        draw.choice(BYTES)(made, draw)
    if others and draw.random() < 0.1:
        other = draw.choice(others)
        made[draw.randrange(len(made) + 1) :] = other[draw.randrange(len(other) + 1) :]
    return bytes(made)


def _flip(made: bytearray, draw: random.Random) -> None:
    if made:
        made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)


def _set(made: bytearray, draw: random.Random) -> None:
    if made:
        made[_early(made, draw)] = draw.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, draw.randrange(256)))


def _integer(made: bytearray, draw: random.Random) -> None:
    size = draw.choice((2, 4))
    order: Any = draw.choice(("little", "big"))
    at = _early(made, draw)
    made[at : at + size] = (draw.choice(ODD_INTEGERS) % (1 << 8 * size)).to_bytes(size, order)


def _cut(made: bytearray, draw: random.Random) -> None:
    del made[draw.randrange(len(made) + 1) :]


def _delete(made: bytearray, draw: random.Random) -> None:
    at = _early(made, draw)
    del made[at : at + draw.choice((1, 2, 4, 16, 100))]


def _insert(made: bytearray, draw: random.Random) -> None:
    at = _early(made, draw)
    made[at:at] = draw.choice((draw.randbytes(draw.randrange(1, 30)), bytes(20), b"\xff" * 20))


def _repeat(made: bytearray, draw: random.Random) -> None:
    at = _early(made, draw)
    made[at:at] = made[at : at + draw.choice((1, 4, 20, 200))] * draw.choice((1, 2, 10))


def _blank(made: bytearray, draw: random.Random) -> None:
    at, size = _early(made, draw), draw.choice((4, 50, 500))
    made[at : at + size] = bytes([draw.choice((0, 0xFF, 0x20))]) * len(made[at : at + size])


def _early(made: bytearray, draw: random.Random) -> int:
    """A place, half of the time among the first bytes, where headers are."""
    end = len(made) if draw.random() < 0.5 else min(len(made), 120)
    return draw.randrange(end + 1) if end < 1 else draw.randrange(end)


BYTES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _set, _set, _integer, _integer, _cut, _delete, _insert, _repeat, _blank,
)  # fmt: skip


def odd(draw: random.Random) -> Any:
    """A value that nobody asked for."""
    return copy.deepcopy(draw.choice(VALUES))


def changed(value: Any, draw: random.Random) -> Any:
    """A copy of a JSON value with one to three of its parts replaced, removed, doubled or renamed."""
    made = copy.deepcopy(value)
    for _ in range(draw.choice((1, 1, 2, 3))):
        made = _changed(made, draw)
    return made


def _changed(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict) and value:
        key = draw.choice(list(value))
        what = draw.random()
        if what < 0.08:
            del value[key]
        elif what < 0.16:
            value[draw.choice(TEXTS)] = odd(draw)
        else:
            value[key] = _changed(value[key], draw)
        return value
    if isinstance(value, list) and value and draw.random() < 0.9:
        at, what = draw.randrange(len(value)), draw.random()
        if what < 0.08:
            del value[at]
        elif what < 0.16:
            value.append(copy.deepcopy(value[at]))
        else:
            value[at] = _changed(value[at], draw)
        return value
    return odd(draw)


def json_text(value: Any) -> bytes:
    """Lone surrogates and infinities in it, as Python writes them or as `1e999`."""
    return json.dumps(value).replace(f'"{HUGE}"', "1e999").encode()


def toml_text(text: str, draw: random.Random) -> str:
    """With one to three of its words, strings and numbers replaced by others, or swapped, or its lines cut."""
    for _ in range(draw.choice((1, 1, 2, 3))):
        tokens = list(TOKEN.finditer(text))
        if not tokens:
            break
        found = draw.choice(tokens)
        new = draw.choice((*TOML_VALUES, draw.choice(tokens)[0]))
        text = text[: found.start()] + new + text[found.end() :]
        if draw.random() < 0.1:
            lines = text.splitlines(keepends=True)
            del lines[draw.randrange(len(lines))]
            text = "".join(lines)
    return text
