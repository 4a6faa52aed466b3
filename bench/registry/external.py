"""An external model by what was written on the command line: opened once by the adapter of its kind, its content hashed."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import UserError, did_you_mean
from bench.plugins import plugins
from bench.records import content_hash
from bench.registry import stylizers, upscalers
from bench.registry.spec import SourceKind, Spec, looks_outside, parse

if TYPE_CHECKING:
    import torch

TAKEN = ("gatys", "hr", "lr", "content", "style", "crops")
"""Names of what lies beside the models' images, and of rows that are no model's."""
ADAPTERS: Mapping[SourceKind, str] = {
    "checkpoint": "bench.registry.adapters.checkpoint:load_external",
    "onnx": "bench.registry.adapters.onnx_file:load_external",
    "callable": "bench.registry.adapters.python_callable:load_external",
    "folder": "bench.registry.adapters.image_folder:load_external",
}
"""What opens each kind of source: called with its spec, gives the model."""
PLUGIN_MODELS = "perceptual_bench.models"
"""The group of entry points of models (:mod:`bench.plugins`)."""
VERSION = "1"
"""Raised whenever what is done around a foreign network changes its values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExternalModel:
    """An external model, opened: what a line of the tables of models says of ours.

    Attributes:
        scale: sr size over lr size; None for any (a callable with a parameter of that name, a folder of images).
        content: SHA-256 of what decides its output: the file's bytes, a callable's source and weights.
        make: called with a scale and a device; gives the network.
        minimum: pixels per side that go in at least.
        style: that a stylizer was trained for, where the file or the option says it.
        loss_network: that it was trained with, where the file says so.
        source_files: of its code and its weights, where it states them.
    """

    spec: Spec
    kind: Literal["upscaler", "stylizer", "images"]
    about: str
    scale: int | None
    content: str
    make: Callable[[int, torch.device], Any]
    minimum: int = 1
    style: str = ""
    loss_network: str = ""
    source_files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """In every table."""
        return self.spec.name

    @property
    def text(self) -> str:
        """What it was asked for by."""
        return self.spec.text

    @property
    def weights_text(self) -> str:
        """Where the weights come from, in the words of every table."""
        return Path(self.spec.source).name

    def supports(self, scale: int) -> bool:
        """Whether it can enlarge by `scale`."""
        return self.scale in {None, scale}

    def hash(self, scale: int) -> str:
        """SHA-256 of all that decides its output: content, options, this package's part in it."""
        # neither changes a pixel; a renamed model keeps its scores
        options = {key: value for key, value in self.spec.options.items() if key not in {"name", "style"}}
        return content_hash({"outside": VERSION, "content": self.content, "options": options, "scale": scale})

    def load(self, scale: int, device: torch.device) -> Any:
        """The network for `scale`, on `device`.

        Raises:
            UserError: it has another scale.
        """
        if not self.supports(scale):
            raise UserError(f"model {self.name} is for x{self.scale}; must be a model for x{scale}")
        return self.make(scale, device)


def resolve(target: str) -> Any:
    """What `module:attribute` names, as tables have it so that listing them loads nothing; the module is imported.

    Raises:
        ImportError: there is no such module, or a package that it needs is missing.
        AttributeError: the module has no such attribute.
    """
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def resolve_external(text: str, known: Callable[[], str]) -> ExternalModel:
    """The external model that `text` names.

    Args:
        known: the names in the tables, for the message.

    Raises:
        UserError: it names nothing, or something that cannot be run.
    """
    if not looks_outside(text):
        raise UserError(
            f"no model is called {text!r}{did_you_mean(text, known().split(', '))}; there are: {known()}; "
            "or a path: a checkpoint, an ONNX file, "
            "FILE.py:NAME, a folder of images"
        )
    return _REMEMBERED.get(_key(text)) or opened(text)


_REMEMBERED: dict[tuple[str, str, int, int], ExternalModel] = {}


def remember(text: str, model: ExternalModel) -> None:
    """Find `model` by `text` from now on, without opening it; whoever calls this knows that nothing of it has changed."""
    _REMEMBERED[_key(text)] = model


def known(text: str) -> ExternalModel | None:
    """The model of `text`; None where that names none that can be opened."""
    try:
        return resolve_external(text, str) if looks_outside(text) else None
    except UserError:
        return None


def opened(text: str) -> ExternalModel:
    """The external model that `text` names, opened.

    Raises:
        UserError: it is something that cannot be run.
    """
    return _opened(*_key(text))


def _key(text: str) -> tuple[str, str, int, int]:
    # the stamp is a part of the key: an edited file is opened again
    return text, *_stamp(parse(text).source)


def _stamp(source: str) -> tuple[str, int, int]:
    """What tells a file from another of its name: where it lies, when it was written, its length."""
    # absolute: a callable may have changed the working directory since
    path = Path(source).absolute()
    found = path.stat() if path.is_file() else None
    return str(path), found.st_mtime_ns if found else 0, found.st_size if found else 0


@functools.cache
def _opened(text: str, path: str, written: int, length: int) -> ExternalModel:
    spec = parse(text)
    added = (plugin.name for plugin in plugins(PLUGIN_MODELS))
    # casefold: where names of folders ignore case, two models would write into one
    taken = map(str.casefold, (*stylizers.STYLIZERS, *upscalers.UPSCALERS, *TAKEN, *added))
    if spec.name.casefold() in taken:
        raise UserError(
            f"{spec.text!r} would be called {spec.name!r}, which is taken; use another: {spec.text},name=NAME"
        )
    # by name: each adapter needs torch or a library that a listing must not wait for
    opened: ExternalModel = resolve(ADAPTERS[spec.kind])(spec)
    return opened


def check_unique_names(models: Iterable[Any]) -> None:
    """
    Raises:
        UserError: two models are called alike, so that their scores would be taken for each other's, or their images
            written into one folder.
    """
    seen: dict[str, Any] = {}
    for model in models:
        # casefold: as for names that are taken
        other = seen.setdefault(model.name.casefold(), model)
        # the same object twice is one model that was named twice
        if other is model:
            continue
        one, two = (
            each.spec.text if isinstance(each, ExternalModel) else each.name for each in (other, model)
        )
        called = repr(model.name)
        if other.name != model.name:
            called = f"{called}, but for upper and lower case"
        # of ours and a plugin's, which have a name alone, one must be left out
        advice = f"different names: {two},name=NAME" if isinstance(model, ExternalModel) else "one of them"
        raise UserError(f"{one!r} and {two!r} are both called {called}; must be {advice}")
