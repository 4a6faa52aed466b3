"""What an output was made of, kept in the PNG itself: it is reused only for the same input bytes, model and options.

The record is a text chunk of the file, which no program that shows images looks at; loads no torch and no Pillow.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from bench.data import cache
from bench.data.digest import sha256
from bench.errors import UserError
from bench.records import ImageFile

KEY = "perceptual-bench"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Of an output.

    Attributes:
        model: its name; `model_hash` is of all that decides what it makes: code, weights, style.
        options: those of the command line that change the output.
    """

    model: str
    model_hash: str
    options: Mapping[str, Any]

    def record(self, input_sha256: str) -> str:
        """The text that an output made of this input holds."""
        content = {"input_sha256": input_sha256, "model": self.model, "model_hash": self.model_hash}
        return json.dumps({**content, "options": dict(self.options)}, sort_keys=True)

    def difference(self, file: Path, input_sha256: str) -> str:
        """Why an output that is there is not this one, in words; empty where it is."""
        found = read(file)
        if found is None:
            return "it does not say what it was made of"
        # Through JSON, as what was read: tuples are lists there.
        required = json.loads(self.record(input_sha256))
        if found == required:
            return ""
        if found.get("model") != self.model:
            return f"it was made by {str(found.get('model'))[:100]!r}"
        if found.get("model_hash") != self.model_hash:
            return f"it was made by another version of {self.model}"
        if found.get("input_sha256") != input_sha256:
            return "it was made of other input bytes"
        return "it was made with other options"


def read(file: Path) -> dict[str, Any] | None:
    """The record in a PNG; None where there is none."""
    try:
        with file.open("rb") as stream:
            if stream.read(8) != SIGNATURE:
                return None
            while True:
                length, kind = struct.unpack(">I4s", stream.read(8))
                # Ours is written before the pixels; a chunk of untrusted input may claim 4 GB.
                if kind in {b"IDAT", b"IEND"} or length > LONGEST_BYTES:
                    return None
                name, _, text = stream.read(length).partition(b"\0")
                stream.read(4)  # the chunk's CRC
                if kind == b"tEXt" and name == KEY.encode():
                    found = json.loads(text.decode("latin-1"))  # the encoding of tEXt in PNG
                    return found if isinstance(found, dict) else None
    except (OSError, ValueError, struct.error, RecursionError):
        return None


def file_name(pattern: str, **fields: str) -> str:
    """The output's name without its ending, such as `{stem}-{model}` says it.

    Raises:
        UserError: the pattern has no `{stem}`, another field, or the name of a folder.
    """
    known = " and ".join(f"{{{name}}}" for name in fields)
    try:
        # Fields are checked by name: format() alone would also follow `{stem.__class__}`.
        used = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
        name = pattern.format(**fields)
    except (ValueError, LookupError, AttributeError) as error:
        raise UserError(f"--name is {pattern!r}; must be a name made of {known}") from error
    if "stem" not in used or not used <= set(fields) or "/" in pattern or "\\" in pattern or name[:1] == ".":
        raise UserError(f"--name is {pattern!r}; must be a name made of {known}, and of no folder")
    return name


def still_to_do(
    images: Iterable[ImageFile], output: Callable[[ImageFile], Path], origin: Callable[[], Origin], hint: str
) -> tuple[ImageFile, ...]:
    """The images whose output is not there yet.

    Args:
        origin: of the outputs; asked for only where there is one.
        hint: a pattern for `--name` under which outputs of several models go together.

    Raises:
        UserError: an output is there that was not made of this input by this model with these options.
    """
    waiting, others = [], []
    for image in images:
        file = output(image)
        digest = _sha256(image) if file.exists() else None
        if digest is None:
            waiting.append(image)
        elif difference := origin().difference(file, digest):
            others.append(f"{str(file)!r}: {difference}")
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise UserError(
            f"an existing output was made otherwise: {others[0]}{more}; use another folder for --out, "
            f"--name {hint!r}, or --force to make it again"
        )
    return tuple(waiting)


def _sha256(image: ImageFile) -> str | None:
    """Of an input's bytes; None where it cannot be read, which is said when it is its turn."""
    try:
        return sha256(cache.folder() / image.file)
    except OSError:
        return None
