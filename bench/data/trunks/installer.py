"""The package indexes that the user's installer is set up for: pip's configuration, uv's environment variables.

No index is written here: where none is configured, it is pip's own default. uv has none without its variables, for
uv is no Python package that could be asked.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.data.download import Connection

SECTIONS = (":env:", "download", "install", "global")
"""Of pip's configuration, the one that wins first."""

UV = ("DEFAULT_INDEX", "INDEX_URL", "INDEX", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "OFFLINE")
TRUE = ("1", "y", "yes", "t", "true", "on")
SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Installer:
    """Where packages come from here.

    Attributes:
        indexes: addresses of simple indexes (PEP 503, PEP 691), with the credentials that may be in them.
        links: folders, files and pages of `find-links`.
    """

    indexes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    connection: Connection = field(default_factory=Connection)


def has_pip() -> bool:
    """Whether this Python has pip."""
    # of the path alone: setuptools answers for pip, too, and replaces distutils on the way
    return importlib.machinery.PathFinder.find_spec("pip") is not None


def installer() -> Installer:
    """As it is configured now."""
    pip = _pip_options() if has_pip() else _from_environment()
    uv = {name: os.environ.get(f"UV_{name}", "") for name in UV}
    own = uv["DEFAULT_INDEX"] or uv["INDEX_URL"]
    no_pip, no_uv = _true(pip.get("no-index")), _true(uv["NO_INDEX"]) or _true(uv["OFFLINE"])
    indexes: list[str] = []
    if not no_pip:
        # UV_DEFAULT_INDEX takes the place of pip's own; UV_NO_INDEX and UV_OFFLINE forbid that too
        default = "" if own or no_uv else _pips_default()
        indexes += [pip.get("index-url") or default, *pip.get("extra-index-url", "").split()]
    if not no_uv:
        indexes += [own, *map(_without_name, f"{uv['INDEX']} {uv['EXTRA_INDEX_URL']}".split())]
    links = [*pip.get("find-links", "").split(), *uv["FIND_LINKS"].replace(",", " ").split()]
    return Installer(
        indexes=tuple(dict.fromkeys(filter(None, indexes))),
        links=tuple(dict.fromkeys(links)),
        connection=Connection(cert=pip.get("cert", ""), proxy=pip.get("proxy", "")),
    )


def _pip_options() -> Mapping[str, str]:
    """What `pip config list` says, which reads every file of configuration and the environment, or that alone."""
    # -P: a folder called pip where the user happens to be is not pip
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return _from_environment()
    found: dict[str, str] = {}
    # the weakest first: what wins is written last
    for section in reversed(SECTIONS):
        for line in done.stdout.splitlines():
            key, _, value = line.partition("=")
            where, _, name = key.partition(".")
            if where == section:
                found[name.strip()] = _literal(value)
    return found


def _literal(value: str) -> str:
    try:
        # pip prints values as Python writes strings
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def _from_environment() -> Mapping[str, str]:
    """pip's options in the environment alone, where there is no pip to ask."""
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_")
    }


def _pips_default() -> str:
    """pip's own index, as pip's code has it; empty without pip.

    In a process of its own: pip is no library, and its import replaces distutils.
    """
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _without_name(index: str) -> str:
    """Of uv's `name=address`, the address."""
    name, equals, address = index.partition("=")
    return address if equals and "/" not in name else index


def _true(value: str | None) -> bool:
    return (value or "").lower() in TRUE
