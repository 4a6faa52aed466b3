"""JSON files of strangers: read whole within a limit, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from bench.errors import UserError, describe_os_error

SHOWN_CHARACTERS = 60


def read_json(file: Path, *, limit_bytes: int) -> Any:
    """The value in a UTF-8 file. JSON as its standard has it: no NaN, no infinity; and no name twice in an object.

    Raises:
        UserError: says why, without the file's name.
    """
    try:
        if not file.is_file():
            raise UserError("it is a folder or a device" if file.exists() else "there is no such file")
        with file.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except OSError as error:
        raise UserError(describe_os_error(error)) from error
    if len(content) > limit_bytes:
        raise UserError(f"it has more than {limit_bytes} bytes, which is the most that is read")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise UserError("it is nested too deeply") from error
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"it is not JSON in UTF-8: {error}") from error


def shown(value: object) -> str:
    """A stranger's value, short and on one line of plain characters."""
    text = ascii(value) if not isinstance(value, list | dict) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UserError("an object in it has a name twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise UserError(f"it holds {name}, which is not JSON")
