"""Outputs never touch inputs: one check for every program, over all that it reads and all that it writes.

Paths are compared by what they lead to: links are followed, names of one folder that differ in case (or in their
Unicode normalisation) are one where the file system takes them for one. What an export replaces is a file of its own.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from bench.atomic import file_number, special
from bench.data import cache, manifest
from bench.errors import UserError
from bench.records import Dataset

Named: TypeAlias = "tuple[str, str | os.PathLike[str]]"
"""What a path is for, in the words of the command line (`--json`, `an image`), and the path."""


def check_clashes(
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
    outputs = [(what, os.fspath(path)) for what, path in writes if not special(Path(path))]
    into = [(what, os.fspath(path)) for what, path in folders_written]
    seen: dict[object, tuple[str, str]] = {}
    for output in (*outputs, *into):
        # By what they lead to: a link and its target, or two spellings of a name, are one output.
        other = seen.setdefault(_key(output[1]), output)
        if other is not output:
            what, path = output
            raise UserError(
                f"{other[0]} is {other[1]!r} and {what} is {path!r}, which is one path; use another name for {what}"
            )

    files = list(reads)
    root = os.path.realpath(cache.folder())
    for _, path in outputs:
        real = os.path.realpath(path)
        # With the separator: `cache2` begins like `cache` and is no part of it.
        inside = real.startswith(root + os.sep)
        if inside and os.path.relpath(real, root).replace(os.sep, "/") in manifest.files():
            files.append(("a file of the cache", real))

    for what, folder in replaced:
        real = os.path.realpath(folder)
        for read, file in files:
            if same_path(file, folder) or os.path.realpath(file).startswith(real + os.sep):
                raise UserError(
                    f"{what} {os.fspath(folder)!r} would be replaced, but {read} {os.fspath(file)!r} is in it: an input "
                    "is never overwritten; use another folder for the output"
                )

    for places, inputs, required in (
        (outputs, files, "another name"),
        (into, files, "another folder"),
        (into, folders_read, "another folder"),
    ):
        # only what is there already can be an input, so that 100,000 inputs cost a look at each and no more
        there = {number: place for place in places if (number := file_number(place[1])) is not None}
        for read, file in inputs if there else ():
            # (-1, -1): no file has that number
            if (place := there.get(file_number(os.fspath(file)) or (-1, -1))) is not None:
                what, path = place
                raise UserError(
                    f"{what} {path!r} is an input, which is never overwritten: it is {read} ({os.fspath(file)!r}); "
                    f"use {required} for {what}"
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
    """The files of external models: what is written before the first option or name of a callable."""
    for text in models:
        # Every cut is tried: a file's own name may hold a comma or a colon.
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


def _key(path: str) -> object:
    """What two paths share that lead to one place: the file's number, or the real name that it is to get."""
    number = file_number(path)
    if number is not None:
        return number
    real = os.path.realpath(path)
    return unicodedata.normalize("NFC", real).casefold() if ignores_case(real) else real


def ignores_case(path: str) -> bool:
    """Whether the file system takes names that differ in case for one, by the nearest part of `path` that is there."""
    for here in (Path(path), *Path(path).parents):
        # A name of digits alone stays the same when its case is swapped: the folder above it is asked.
        other = here.with_name(here.name.swapcase()) if here.name else here
        if other != here and (number := file_number(str(here))) is not None:
            return file_number(str(other)) == number
    return False
