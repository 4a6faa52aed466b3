"""Where two descriptions differ: nested keys as dotted names, with the values on both sides."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Fields = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]

ABSENT = "absent"
NAMED_FIELDS = 8
LONGEST_VALUE = 48


def differing(a: Collection[Mapping[str, Any]], b: Collection[Mapping[str, Any]]) -> Fields:
    """Fields that do not hold the same values in the descriptions `a` as in `b`; values are JSON text."""
    flat_a, flat_b = ([dict(_flat(facts)) for facts in side] for side in (a, b))
    names = dict.fromkeys(name for facts in (*flat_a, *flat_b) for name in facts)
    values = {name: (_values(name, flat_a), _values(name, flat_b)) for name in names}
    return {name: (left, right) for name, (left, right) in values.items() if left != right}


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            # As JSON text: 4 and "4", and None and a field that is absent, stay apart.
            yield f"{prefix}{key}", json.dumps(value, sort_keys=True, ensure_ascii=False)


def _values(name: str, side: Collection[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(sorted({facts.get(name, ABSENT) for facts in side}))


def describe(fields: Fields) -> str:
    """`shave is 4 and 2; colour is "rgb" and "y"`: A's value first; the first eight fields."""
    named = [f"{name} is {_text(a)} and {_text(b)}" for name, (a, b) in list(fields.items())[:NAMED_FIELDS]]
    more = len(fields) - len(named)
    return "; ".join([*named, f"and {more} more fields"] if more else named)


def _text(values: tuple[str, ...]) -> str:
    return " or ".join(
        value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..." for value in values
    )
