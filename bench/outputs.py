"""Outputs never touch inputs: one check for every program, over all that it reads and all that it writes.

Paths are compared by what they lead to: links are followed, names of one folder that differ in case (or in their
Unicode normalisation) are one where the file system takes them for one. What an export replaces is a file of its own.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench import cache, manifest
from bench.errors import UserError
from bench.files.replacing import special
from bench.records import Dataset

Named: TypeAlias = "tuple[str, str | os.PathLike[str]]"
"""What a path is for, in the words of the command line (`--json`, `an image`), and the path."""


@dataclass(frozen=True)
class _Place:
    what: str
    path: str


def refuse_clashes(
    *,
    reads: Iterable[Named] = (),
    writes: Iterable[Named] = (),
    folders_read: Iterable[Named] = (),
    folders_written: Iterable[Named] = (),
    replaced: Iterable[Named] = (),
) -> None:
    """Refuse to write over what is read, and to write two things into one place.

    Args:
        reads: files. One that is not there, a device and a pipe cannot be written over.
        writes: files, each replaced as a whole.
        folders_read: whose images are inputs, whatever they are called.
        folders_written: that images go into.
        replaced: files, and folders with all that is in them, of an earlier output.

    Raises:
        UserError: an output is an input, or two outputs are one path; names both, and says what to do.
    """
    outputs = [_Place(what, os.fspath(path)) for what, path in writes if not special(Path(path))]
    into = [_Place(what, os.fspath(path)) for what, path in folders_written]
    _refuse_twins([*outputs, *into])
    files = [*reads, *_of_the_cache(outputs)]
    _refuse_inside(files, replaced)
    inputs = (
        *_inputs(outputs, files, "another name"),
        *_inputs(into, files, "another folder"),
        *_inputs(into, folders_read, "another folder"),
    )
    for output, read, required in inputs:
        raise UserError(
            f"{output.what} {output.path!r} is an input, which is never overwritten: it is {read.what} "
            f"({read.path!r}); required {required} for {output.what}"
        )


def image_files(datasets: Iterable[Dataset]) -> Iterator[Named]:
    """The images of data sets, those of the cache too."""
    root = cache.folder()
    for data in datasets:
        for image in data.images:
            yield f"an image of {data.name}", os.path.join(root, image.file)  # noqa: PTH118


def image_folders(datasets: Iterable[Dataset]) -> Iterator[Named]:
    """The folders that data sets lie in."""
    for data in datasets:
        for image in data.images[:1]:
            yield f"the folder of {data.name}", (cache.folder() / image.file).parent


def model_files(models: Iterable[str]) -> Iterator[Named]:
    """The files of models from outside: what is written before the first option or name of a callable."""
    for text in models:
        for end in (len(text), *(i for i, letter in enumerate(text) if letter in ",:")):
            if text[:end] and os.path.isfile(text[:end]):  # noqa: PTH113 (Path.is_file raises on long names)
                yield f"the model {text[:end]!r}", text[:end]


def store_files(what: str, db: str | os.PathLike[str]) -> list[Named]:
    """A results file with what SQLite keeps beside it: the files that belong to an option such as `--db`."""
    real = os.path.realpath(db)
    return [(what, db), *((f"{what}{ending}", f"{real}{ending}") for ending in ("-wal", "-shm", "-journal"))]


def same_path(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file or folder, or would once both are there."""
    return _key(os.fspath(a)) == _key(os.fspath(b))


def _inputs(
    outputs: Sequence[_Place], reads: Iterable[Named], required: str
) -> Iterable[tuple[_Place, _Place, str]]:
    """Outputs that are inputs. Only what is there can be one, so that many inputs cost a look at each and no more."""
    there = {number: output for output in outputs if (number := _number(output.path)) is not None}
    if not there:
        return
    for what, path in reads:
        output = there.get(_number(os.fspath(path)) or (-1, -1))
        if output is not None:
            yield output, _Place(what, os.fspath(path)), required


def _refuse_inside(reads: Sequence[Named], replaced: Iterable[Named]) -> None:
    for what, path in replaced:
        folder = os.path.realpath(path)
        for read, file in reads:
            if same_path(file, path) or os.path.realpath(file).startswith(folder + os.sep):
                raise UserError(
                    f"{what} {os.fspath(path)!r} would be replaced, but {read} {os.fspath(file)!r} is in it: an input "
                    "is never overwritten; required another folder for the output"
                )


def _of_the_cache(outputs: Sequence[_Place]) -> Iterator[Named]:
    """Weights and images of the manifest that an output leads to."""
    root = os.path.realpath(cache.folder())
    for output in outputs:
        real = os.path.realpath(output.path)
        name = os.path.relpath(real, root).replace(os.sep, "/")
        if real.startswith(root + os.sep) and name in manifest.files():
            yield "a file of the cache", real


def _refuse_twins(outputs: Sequence[_Place]) -> None:
    seen: dict[object, _Place] = {}
    for output in outputs:
        other = seen.setdefault(_key(output.path), output)
        if other is not output:
            raise UserError(
                f"{other.what} is {other.path!r} and {output.what} is {output.path!r}, which is one path; "
                f"required another name for {output.what}"
            )


def _number(path: str) -> tuple[int, int] | None:
    """Of the file that a path leads to; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (a Path for each of 100,000 images takes seconds)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _key(path: str) -> object:
    """What two paths share that lead to one place: the file's number, or the real name that it is to get."""
    number = _number(path)
    if number is not None:
        return number
    real = os.path.realpath(path)
    return unicodedata.normalize("NFC", real).casefold() if ignores_case(real) else real


def ignores_case(path: str) -> bool:
    """Whether the file system takes names that differ in case for one, by the nearest part of `path` that is there."""
    for here in (Path(path), *Path(path).parents):
        other = here.with_name(here.name.swapcase()) if here.name else here
        if other != here and (number := _number(str(here))) is not None:
            return _number(str(other)) == number
    return False
