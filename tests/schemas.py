"""The published schemas of what `--json` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bench

FOLDER = Path(bench.__file__).parent / "schemas"


def schema(program: str) -> Any:
    """The schema of a program's `--json`."""
    return json.loads((FOLDER / f"{program}.schema.json").read_text(encoding="utf-8"))


def assert_valid(program: str, file: Path | str) -> None:
    """The file is what the schema of `program` says, to the last field."""
    from jsonschema import Draft202012Validator

    content = json.loads(Path(file).read_text(encoding="utf-8"))
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema(program)).iter_errors(content)
    ]
    assert errors == []
