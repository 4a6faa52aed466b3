"""Who else has packages called like ours: another distribution, or the folder that a program is started in."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from bench.environment import DISTRIBUTION

NAMES = ("bench", "baselines", "models", "reports")
HERE = Path(__file__).resolve().parents[2]


def name_clashes() -> list[str]:
    """A line for each, with what to do; empty where every name is ours alone."""
    return [*_distributions(), *_folders(Path.cwd())]


def _distributions() -> list[str]:
    owners = metadata.packages_distributions()
    return [
        f"{other} {metadata.version(other)} installs a top-level package {name!r} too, and one of the two hides the "
        f"other; run pip uninstall {other}, or an environment of its own for perceptual-bench"
        for name in NAMES
        for other in dict.fromkeys(owners.get(name, ()))
        if re.sub(r"[-_.]+", "-", other).lower() != DISTRIBUTION  # names are one by PEP 503
    ]


def _folders(folder: Path) -> list[str]:
    """Python looks into the folder that `python -m` is started in before it looks among installed packages."""
    return [
        f"./{found.name} hides the package {name!r} of perceptual-bench from Python that is started in this folder; "
        "use the console script `perceptual-bench PROGRAM`, python -P -m ..., or another folder"
        for name in NAMES
        for found in (folder / name, folder / f"{name}.py")
        if (found.is_dir() if found.suffix == "" else found.is_file())
        and found.resolve() != HERE / name
        and (found.suffix or any(found.glob("*.py")))
    ]
