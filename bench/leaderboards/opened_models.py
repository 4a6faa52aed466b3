"""What was found when external models were opened, kept beside a leaderboard: a finished run resumes without opening them.

Opening a callable runs its code, loads its weights and calls it once: most of a second, for a hundred models a minute.
It is spared for a model that states which files its code and its weights are in (`source_files`), while each of them, the
file of the callable and the environment variables that lead to them are what they were. Anything else is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.atomic import atomic_write
from bench.environment import suite_version
from bench.quality.engine import fingerprint
from bench.registry import external
from bench.registry.external import VERSION, ExternalModel
from bench.registry.spec import parse

FILE = "opened-models.json"
SHELL = ("PWD", "OLDPWD")
"""Variables that follow the user through folders: paths are absolute here."""
KEPT = tuple(f.name for f in fields(ExternalModel) if f.name not in {"spec", "make"})


def restore(file: Path, models: Iterable[str]) -> None:
    """Let those models that are as they were be found without opening them. A file that is none of this is no error."""
    try:
        content = json.loads(file.read_text("utf-8"))
        known = content["models"] if content["format"] == _format() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return
    for text in models:
        # whatever is in a file that somebody edited: the model is opened
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            record = known[text]
            if _unchanged(text, record):
                external.remember(text, _model(text, record["model"]))


def keep(file: Path, models: Iterable[str]) -> None:
    """Write what is known of those models that state their files."""
    found = {}
    for text in models:
        opened = external.known(text)
        if opened is not None and opened.source_files:
            record = _record(text, opened)
            if record is not None:
                found[text] = record
    with atomic_write(file) as new:
        new.write_text(
            json.dumps({"format": _format(), "models": found}, indent=1), encoding="utf-8", newline="\n"
        )


def _format() -> str:
    # of another version of the suite nothing is taken over: it may look at models in another way
    return f"{suite_version()} {VERSION} {' '.join(KEPT)}"


def _record(text: str, opened: ExternalModel) -> Mapping[str, Any] | None:
    paths = _paths(text, opened.source_files)
    stamps = {path: fingerprint(path) for path in paths}
    if None in stamps.values():  # written a moment ago, or gone
        return None
    model = {name: getattr(opened, name) for name in KEPT}
    return {"files": stamps, "variables": dict(_variables(paths)), "model": model}


def _paths(text: str, source_files: Iterable[str]) -> list[str]:
    source = str(Path(parse(text).source).absolute())
    return [source, *sorted({str(Path(path).absolute()) for path in source_files} - {source})]


def _variables(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Environment variables that one of the files lies below: with another value there would be other files."""
    paths = list(paths)
    for name, value in os.environ.items():
        if name in SHELL:
            continue
        folder = os.path.abspath(os.path.expanduser(value)) if os.sep in value else ""  # noqa: PTH100, PTH111 (many)
        if folder not in {"", os.sep} and any(path.startswith(folder + os.sep) for path in paths):
            yield name, value


def _unchanged(text: str, record: Mapping[str, Any]) -> bool:
    files, variables = record["files"], record["variables"]
    return (
        str(Path(parse(text).source).absolute()) in files
        and all(os.environ.get(name) == value for name, value in variables.items())
        and all(fingerprint(path) == found for path, found in files.items())
    )


def _model(text: str, record: Mapping[str, Any]) -> ExternalModel:
    values = {**record, "source_files": tuple(record["source_files"])}
    if set(values) != set(KEPT) or values["kind"] not in {"upscaler", "stylizer"} or not values["content"]:
        raise ValueError(f"must have {', '.join(KEPT)}")
    return ExternalModel(spec=parse(text), make=_opening(text), **values)


def _opening(text: str) -> Callable[[int, Any], Any]:
    return lambda scale, device: external.opened(text).make(scale, device)
