"""Untrusted input: JSON and TOML within limits, and values validated against the annotations of a record."""

from __future__ import annotations

import collections.abc
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from bench.errors import UserError, describe_os_error

T = TypeVar("T")
SHOWN_CHARACTERS = 60
DEEPEST_TOML = 64  # tables and arrays within each other; what is shown or walked through may recurse
# Compared with `type`, not isinstance, for which True is an int.
FITTING: Mapping[Any, tuple[type, ...]] = {float: (float, int)}
MAPPINGS = (dict, collections.abc.Mapping)


def read_json(file: Path, *, limit_bytes: int) -> Any:
    """The value in a UTF-8 file. JSON as its standard has it: no NaN, no infinity; and no name twice in an object.

    Raises:
        UserError: says why, without the file's name.
    """
    try:
        # a pipe would be waited for, a device read for ever
        if not file.is_file():
            raise UserError("it is a folder or a device" if file.exists() else "there is no such file")
        with file.open("rb") as stream:
            # one more than is allowed: size says nothing of a file that still grows
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise UserError(describe_os_error(error)) from error
    if len(content) > limit_bytes:
        raise UserError(f"it has more than {limit_bytes} bytes, which is the most that is read")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_reject_constant)
    except RecursionError as error:
        raise UserError("it is nested too deeply") from error
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"it is not JSON in UTF-8: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # json keeps the last of two: which was meant cannot be known
    if len(found) < len(pairs):
        raise UserError("an object in it has a name twice")
    return found


def _reject_constant(name: str) -> NoReturn:
    raise UserError(f"it holds {name}, which is not JSON")


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML document.

    Raises:
        ValueError: it is not TOML, with line and column, or nested too deeply.
    """
    import tomllib  # only a program that is given such a file waits for it

    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    # A dotted key nests without brackets, and tomllib reads it at any depth.
    layer: list[Any] = [found]
    for _ in range(DEEPEST_TOML):
        layer = [
            part
            for each in layer
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    if layer:
        raise ValueError(f"it is nested too deeply, must be at most {DEEPEST_TOML} tables and arrays deep")
    return found


def short_repr(value: object) -> str:
    """An untrusted value, short and on one line of plain characters."""
    # ascii: what is shown may hold control characters, and lone surrogates that no terminal prints
    text = ascii(value) if not isinstance(value, list | dict) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def parse_as(kind: type[T], value: object, where: str) -> T:
    """`value`, a mapping as JSON, TOML or SQLite have it, as the record `kind`; lists become tuples where it has some.

    Args:
        kind: a record, or any annotation that a field of one may have.
        where: what the value is, for messages: `protocol 08821999`.

    Raises:
        ValueError: a field is missing, unknown or of another type, or the record itself refuses it.
    """
    annotation: Any = kind
    given: Any = value
    if is_dataclass(annotation):
        return _record(annotation, given, where)
    origin, inner = get_origin(annotation) or annotation, get_args(annotation)
    if origin in {Union, types.UnionType}:
        for each in inner:
            try:
                return parse_as(each, given, where)
            except ValueError:
                continue
    elif origin is tuple and isinstance(given, list | tuple):
        same = len(inner) == 2 and inner[1] is ...  # tuple[int, ...]
        if not same and len(inner) != len(given):
            raise ValueError(f"{where} is {short_repr(list(given))}; must be {len(inner)} items")
        items = (parse_as(inner[0] if same else inner[i], item, where) for i, item in enumerate(given))
        return tuple(items)  # type: ignore[return-value]
    elif origin in MAPPINGS and isinstance(given, dict):
        return {  # type: ignore[return-value]
            parse_as(inner[0], key, where): parse_as(inner[1], each, f"{where}: {short_repr(key)}")
            for key, each in given.items()
        }
    elif (
        origin is Any
        # the type too, since True equals 1
        or (origin is Literal and given in inner and type(given) in set(map(type, inner)))
        or (isinstance(origin, type) and type(given) in FITTING.get(origin, (origin,)))
    ):
        return given
    raise ValueError(f"{where} is {short_repr(given)}; must be {_words(annotation)}")


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {short_repr(value)}; must be a mapping")
    known, types_of = _fields(kind)
    unknown = [name for name in value if name not in known]
    for name, field in known.items():
        if name not in value and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{where} has no {name}")
    if unknown:
        raise ValueError(f"{where} has a field {short_repr(unknown[0])} too many")
    return kind(**{name: parse_as(types_of[name], value[name], f"{where}: {name}") for name in value})


@cache
def _fields(kind: Any) -> tuple[dict[str, Field[Any]], dict[str, Any]]:
    """Fields and resolved annotations, which are slow to resolve: the manifest alone has a thousand records."""
    return {field.name: field for field in fields(kind)}, typing.get_type_hints(kind)


def _words(kind: Any) -> str:
    """What an annotation requires, for messages."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in {Union, types.UnionType}:
        return " or ".join(map(_words, inner))
    return getattr(origin, "__name__", str(kind))
