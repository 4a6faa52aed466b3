"""Python callables: `FILE.py:NAME` or `PACKAGE.MODULE:NAME` returns a network, an upscaler or a stylizer.

This is the one kind whose code is run: it is named for that. What it imports is its own
(:mod:`bench.registry.adapters.isolated_modules`).
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from bench.data.formats import other_kind, read_head
from bench.errors import UserError
from bench.registry.adapters.convention import Convention, probe, reason, wrapped
from bench.registry.adapters.isolated_modules import IsolatedModules
from bench.registry.adapters.preserved_environment import preserved_environment
from bench.registry.external import ExternalModel
from bench.registry.spec import Spec


def load_external(spec: Spec) -> ExternalModel:
    """What the callable returns; what its code changes of the process is put back.

    Raises:
        UserError: there is no such callable, it fails, or what it returns is no network of images to images.
    """
    with preserved_environment():
        try:
            return _described(spec)
        except (KeyboardInterrupt, UserError):
            raise
        except BaseException as error:  # what fails in its attributes or its signature is its failure as well
            raise UserError(f"{spec.attribute} of {spec.source!r} failed: {reason(error)}") from error


def _described(spec: Spec) -> ExternalModel:
    factory = _factory(spec)
    any_scale = "scale" in inspect.signature(factory).parameters and "scale" not in spec.options
    # a callable that makes any scale must be asked for one, to find out what its networks take
    first = _made(spec, factory, spec.options.get("scale", 4))
    convention = _convention(spec, first)
    scale = _scale(spec, first, convention)
    kind = spec.options.get("kind", "upscaler" if scale > 1 else "stylizer")

    def make(scale: int, device: torch.device) -> Any:
        with preserved_environment():
            # made anew for each scale and device: the first one was for looking at
            network = _made(spec, factory, scale)
            return wrapped(network.to(device) if hasattr(network, "to") else network, convention, scale)

    return ExternalModel(
        spec=spec,
        kind=kind,
        about=f"{type(first).__name__} of {spec.attribute} in {Path(spec.source).name}",
        # what keeps the size is a stylizer, whatever its parameter `scale` means
        scale=None if any_scale and scale > 1 else scale,
        content=_content(factory, first),
        style=spec.options.get("style", ""),
        make=make,
        source_files=_source_files(spec, first),
    )


def _source_files(spec: Spec, network: Any) -> tuple[str, ...]:
    """What a network states in its attribute `source_files`; empty where it has none.

    Raises:
        UserError: it is something else than paths.
    """
    stated = getattr(network, "source_files", ())
    if not isinstance(stated, tuple | list) or not all(isinstance(path, str | Path) for path in stated):
        raise UserError(
            f"{spec.text!r}: its attribute source_files must be a list of paths (got {stated!r})"[:300]
        )
    return tuple(str(Path(path).absolute()) for path in stated)


def _factory(spec: Spec) -> Callable[..., Any]:
    module = _module(spec)
    factory = getattr(module, spec.attribute, None)
    if not callable(factory):
        there = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise UserError(
            f"{spec.source!r} has no callable {spec.attribute!r}; there are: {', '.join(there) or 'none'}"
        )
    return factory


def _module(spec: Spec) -> ModuleType:
    file = Path(spec.source)
    try:
        if file.suffix != ".py":
            return _dotted(spec.source)
        if not file.is_file():
            raise UserError(f"there is no file {spec.source!r}; must be FILE.py:NAME or PACKAGE.MODULE:NAME")
        what = other_kind(read_head(file))
        # an empty file is Python's source, only without the name that is asked for
        if what and what != "empty":
            raise UserError(f"{spec.source!r} is {what}; must be Python's source")
        file = file.absolute()
        # a key per file: opening this one again must not forget the modules of another in its folder
        world = IsolatedModules(file.parent, str(file.resolve()))
        world.begin()
        return world.file(file)
    except UserError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever somebody's module does wrong when it is imported
        raise UserError(f"{spec.source!r} cannot be imported: {reason(error)}{_line(error, file)}") from error


def _dotted(name: str) -> ModuleType:
    """A module of a package: of the working folder where it is there and Python may look there, else installed."""
    here = Path.cwd()
    world = IsolatedModules(here, f"{here}:{name}")
    top = name.partition(".")[0]
    ours = Path(__file__).parents[3]
    # where this suite's own sources are the working folder, its modules are imported as they are
    if sys.flags.safe_path or here == ours or not world.has(top):
        return importlib.import_module(name)
    world.begin()
    return world.module(name)


def _line(error: BaseException, file: Path) -> str:
    """The last line of the user's own file that the error went through."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file.absolute()):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f" (line {lines[-1]})" if lines else ""


def _made(spec: Spec, factory: Callable[..., Any], scale: int) -> Any:
    """The network, in eval mode and frozen where it is a module; called with `scale=` where it has that parameter."""
    try:
        takes_scale = "scale" in inspect.signature(factory).parameters
        network = factory(scale=scale) if takes_scale else factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        where = _line(error, Path(spec.source))
        wants = isinstance(error, TypeError) and not where  # the call itself, not a line of it
        hint = "; it must return the model when called without arguments, or with scale=" if wants else ""
        raise UserError(
            f"{spec.attribute} of {spec.source!r} failed: {reason(error)}{where}{hint}"
        ) from error
    if isinstance(network, nn.Module):
        return network.requires_grad_(False).eval()
    if not callable(network):
        raise UserError(
            f"{spec.attribute} of {spec.source!r} returned a {type(network).__name__}; must be a callable that takes "
            "and gives images, float in [0, 1], n c h w"
        )
    return network


def _convention(spec: Spec, network: Any) -> Convention:
    """As the options say; a network may have `channels` itself, None for any number."""
    own = getattr(network, "channels", 3)
    return Convention(
        limit=int(spec.options.get("range", 1)),
        nhwc=spec.options.get("layout") == "nhwc",
        bgr=spec.options.get("order") == "bgr",
        channels=int(spec.options.get("channels", 1 if own == 1 else 3)),
        multiple=spec.options.get("multiple", 1),
    )


def _scale(spec: Spec, network: Any, convention: Convention) -> int:
    """Found out by a call; what the network or the options say must agree.

    Raises:
        UserError: they disagree, or the call fails.
    """
    try:
        scale = probe(network, convention)
    except UserError as error:
        raise UserError(f"{spec.attribute} of {spec.source!r}: {error}") from error
    own = getattr(network, "scale", scale)
    for who, said in (("the option scale", spec.options.get("scale", scale)), ("its attribute scale", own)):
        if said != scale:
            raise UserError(f"{spec.text!r}: {who} is {said}, but the network makes x{scale}")
    return scale


def _content(factory: Callable[..., Any], network: Any) -> str:
    """SHA-256 of the file of its source and, for a module, of its weights."""
    digest = hashlib.sha256()
    try:
        digest.update(Path(inspect.getfile(factory)).read_bytes())
    except (TypeError, OSError):  # made in C, or its file is gone
        digest.update(repr(factory).encode())
    if isinstance(network, nn.Module):
        # by name: the order in which layers were made is no part of the content
        for name, array in sorted(network.state_dict().items()):
            digest.update(f"{name}{array.dtype}{tuple(array.shape)}".encode())
            # as bytes, since NumPy has no bfloat16
            digest.update(array.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
