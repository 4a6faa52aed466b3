"""How an external model is written on a command line: `PATH,option=value,...`; reads no file's content."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.errors import UserError
from bench.text import one_line, shortened

SourceKind = Literal["checkpoint", "onnx", "callable", "folder"]
CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors", ".model")
KINDS = """a checkpoint (.pth, .ckpt, .safetensors), an ONNX file (.onnx), FILE.py:NAME or PACKAGE.MODULE:NAME, \
or a folder of images"""
# The last colon counts: a path may have one of its own, as `C:\net.py:make`.
CALLABLE = re.compile(r"(?P<source>.+):(?P<name>[A-Za-z_]\w*)")
# `rest` is greedy, so that options are taken from the right; a path may hold a comma or a line break.
OPTION = re.compile(r"(?P<rest>.*),(?P<key>[a-z]+)=(?P<value>[^,]*)", re.DOTALL)
MOST = 1024  # of scale= and multiple=: a slip in typing must not ask for gigabytes of padding
# It names a folder of images: no separator, nothing hidden, no `..`.
SAFE_NAME = re.compile(r"(?!\.)[\w.+-]{1,80}")


def _whole(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST:
        raise ValueError(shortened(text, 40))
    return value


def _name(text: str) -> str:
    if not SAFE_NAME.fullmatch(text):
        raise ValueError(text)
    return text


def _pattern(text: str) -> str:
    if text.count("{stem}") != 1:
        raise ValueError(text)
    return text


@dataclass(frozen=True, kw_only=True)
class Option:
    """One `key=value`: how it is read, what is required of it, and the kinds of source that have it.

    Attributes:
        values: all that it may be; empty where `read` decides.
    """

    read: Callable[[str], Any] = str
    values: tuple[str, ...] = ()
    required: str
    of: frozenset[SourceKind]


NETWORKS: frozenset[SourceKind] = frozenset({"checkpoint", "onnx", "callable"})
FOREIGN: frozenset[SourceKind] = frozenset({"onnx", "callable"})
OPTIONS: Mapping[str, Option] = {
    "name": Option(
        read=_name,
        required="letters, digits and any of _.+-, at most 80 of them, no dot first",
        of=NETWORKS | {"folder"},
    ),
    "scale": Option(
        read=_whole, required=f"a whole number of at least 1 and at most {MOST}", of=NETWORKS | {"folder"}
    ),
    "range": Option(
        values=("1", "255"), required="1 (0..1) or 255 (0..255), of what goes in and out", of=FOREIGN
    ),
    "layout": Option(values=("nchw", "nhwc"), required="nchw or nhwc", of=FOREIGN),
    "order": Option(values=("rgb", "bgr"), required="rgb or bgr", of=NETWORKS),
    "multiple": Option(
        read=_whole,
        required=f"a whole number of at least 1, at most {MOST}, that both sides are padded to",
        of=NETWORKS,
    ),
    "channels": Option(values=("1", "3"), required="1 (luma) or 3 (RGB)", of=FOREIGN),
    "kind": Option(values=("upscaler", "stylizer"), required="upscaler or stylizer", of=NETWORKS),
    "pattern": Option(
        read=_pattern, required="how the files are called, with {stem} in it once", of=frozenset({"folder"})
    ),
    "style": Option(required="the style that a stylizer was trained for", of=NETWORKS),
}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """An external model as it was asked for; nothing of it was read yet.

    Attributes:
        text: the whole of it.
        source: the path, or the module of a callable.
        attribute: name of a callable; empty for all else.
        options: by name, read.
    """

    text: str
    kind: SourceKind
    source: str
    attribute: str = ""
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called in every table, and the folder of its pictures: `name=`, or made of the file's stem."""
        if "name" in self.options:
            return str(self.options["name"])
        path = Path(self.source)
        own = self.attribute or (path.stem if self.kind in {"checkpoint", "onnx"} else path.name)
        if self.kind == "folder":
            # of `results/esrgan/{dataset}` the name is esrgan
            own = re.sub(r"\{[^}]*\}", "", self.source).rstrip("/").rpartition("/")[2] if "{" in own else own
        return re.sub(r"[^\w.+-]+", "_", own).strip("._-")[:80] or "model"


def looks_outside(text: str) -> bool:
    """Whether a name that no table has can be meant for an external model: a path, a suffix, a colon, a folder."""
    source = _split(text)[0]
    return (
        any(sign in source for sign in "/\\:")
        or source.lower().endswith((*CHECKPOINTS, ".onnx"))
        or _exists(source)
    )


def beside(file: Path, text: str) -> str:
    """A model or a data set as a file names it: with variables expanded, and its path relative to the file's folder.

    Where nothing is there under that path, the text is as it is: a name, or relative to the current folder.
    """
    text = os.path.expandvars(text)
    folder, source = file.parent, text
    while not _exists(str(folder / source)) and (found := OPTION.fullmatch(source)):
        source = found["rest"]
    if not _exists(str(folder / source)):
        source = source.rpartition(":")[0]
    return f"{folder / source}{text[len(source) :]}" if source and _exists(str(folder / source)) else text


def parse(text: str) -> Spec:
    """What `text` asks for.

    Raises:
        UserError: no such file or folder, a file of no known kind, an unknown option or value.
    """
    source, given = _split(text)
    kind, attribute = _kind(source)
    options: dict[str, Any] = {}
    for key, value in given:
        option = OPTIONS.get(key)
        if option is None or kind not in option.of:
            there = ", ".join(name for name, o in OPTIONS.items() if kind in o.of)
            given_as = f"{key}={one_line(value)}"
            raise UserError(
                f"{source!r} has the option {given_as}; must be one of those of a {kind}: {there}"
            )
        if key in options:
            raise UserError(f"{source!r} has the option {key} twice; must be once")
        try:
            if option.values and value not in option.values:
                raise ValueError(value)
            options[key] = option.read(value)
        except ValueError as error:
            raise UserError(
                f"{source!r} has the option {key}={shortened(value, 100)!r}; must be {option.required}"
            ) from error
    return Spec(
        text=text,
        kind=kind,
        source=source.rpartition(":")[0] if attribute else source,
        attribute=attribute,
        options=options,
    )


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The source, and its options in order; a file whose name has commas and `=` goes before options."""
    given: list[tuple[str, str]] = []
    # asked at each step: as soon as what is left is a file, its commas are its own
    while not _exists(text) and (found := OPTION.fullmatch(text)):
        given.insert(0, (found["key"], found["value"]))
        text = found["rest"]
    return text, given


def _kind(source: str) -> tuple[SourceKind, str]:
    # with a placeholder there is no folder to look for yet
    if _is_folder(source) or "{dataset}" in source:
        return "folder", ""
    suffix = Path(source).suffix.lower()
    if _exists(source) and suffix == ".onnx":
        return "onnx", ""
    if _exists(source) and suffix in CHECKPOINTS:
        return "checkpoint", ""
    found = CALLABLE.fullmatch(source)
    # a file called `a:b` is a file
    if found and not _exists(source):
        return "callable", found["name"]
    if _exists(source):
        hint = f"; for a callable in it: {source}:NAME" if suffix == ".py" else ""
        raise UserError(f"{source!r} is of no kind that can be run; must be {KINDS}{hint}")
    raise UserError(f"there is no file or folder {source!r}; must be the name of a model, {KINDS}")


def _exists(source: str) -> bool:
    try:
        return bool(source) and Path(source).exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def _is_folder(source: str) -> bool:
    return _exists(source) and Path(source).is_dir()
