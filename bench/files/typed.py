"""Values from files of strangers, checked against the annotations of the records that they are to become."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from bench.files.json_file import shown

T = TypeVar("T")
FITTING: Mapping[Any, tuple[type, ...]] = {float: (float, int), None: (type(None),)}
MAPPINGS = (dict, collections.abc.Mapping)


def typed(kind: type[T], value: object, where: str) -> T:
    """`value`, a mapping as JSON, TOML or SQLite have it, as the record `kind`; lists become tuples where it has some.

    Args:
        where: what the value is, for messages: `protocol 08821999`.

    Raises:
        ValueError: a field is missing, unknown or of another type, or the record itself refuses it.
    """
    return _as(kind, value, where)


def _as(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _record(kind, value, where)
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is Any or (origin is Literal and value in inner and type(value) in set(map(type, inner))):
        return value
    if origin in {Union, types.UnionType}:
        return _one_of(inner, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_items(inner, value, where))
    if origin in MAPPINGS and isinstance(value, dict):
        return {_as(inner[0], k, where): _as(inner[1], v, f"{where}: {shown(k)}") for k, v in value.items()}
    if isinstance(origin, type) and type(value) in FITTING.get(origin, (origin,)):
        return value
    raise ValueError(f"{where} is {shown(value)}; required {_words(kind)}")


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {shown(value)}; required a mapping")
    known, types_of = _fields(kind)
    lacking = [name for name, field in known.items() if name not in value and _needed(field)]
    unknown = [name for name in value if name not in known]
    if lacking or unknown:
        what = f"lacks {lacking[0]}" if lacking else f"has a field {shown(unknown[0])} too many"
        raise ValueError(f"{where} {what}")
    return kind(**{name: _as(types_of[name], value[name], f"{where}: {name}") for name in value})


@cache
def _fields(kind: Any) -> tuple[dict[str, Field[Any]], dict[str, Any]]:
    return {field.name: field for field in fields(kind)}, typing.get_type_hints(kind)


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    for kind in kinds:
        try:
            return _as(type(None) if kind is None else kind, value, where)
        except ValueError:
            continue
    raise ValueError(f"{where} is {shown(value)}; required {' or '.join(map(_words, kinds))}")


def _items(inner: tuple[Any, ...], value: Any, where: str) -> Iterator[Any]:
    same = len(inner) == 2 and inner[1] is ...
    if not same and len(inner) != len(value):
        raise ValueError(f"{where} is {shown(list(value))}; required {len(inner)} items")
    for position, item in enumerate(value):
        yield _as(inner[0] if same else inner[position], item, where)


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return getattr(get_origin(kind) or kind, "__name__", str(kind))
