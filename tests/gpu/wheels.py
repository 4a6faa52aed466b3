"""Packages that a bare machine lacks, out of wheels that were carried to it; nothing is asked of a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path


def missing(folder: Path) -> list[Path]:
    """The wheels in `folder` of distributions that are not installed, in any version."""
    return [file for file in sorted(folder.glob("*.whl")) if not installed(distribution(file))]


def distribution(wheel: Path) -> str:
    """Of a wheel's file name: `scikit_image-0.26.0-cp311-...whl` is scikit-image."""
    return re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()


def installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def install_missing(folder: Path) -> list[str]:
    """Install what is missing into a temporary folder that this process and its children import from.

    What is installed already is neither replaced nor touched, whatever its version: torch above all.

    Returns:
        The names of what was installed.

    Raises:
        ValueError: no such folder, no wheel in it, or pip refuses one; the message has pip's last line.
    """
    if not any(folder.glob("*.whl")):
        raise ValueError(f"--wheels is {str(folder)!r}; must be a folder of .whl files")
    wanted = missing(folder)
    if not wanted:
        return []
    site = tempfile.mkdtemp(prefix="gpu-wheels-")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site]
    done = subprocess.run([*command, *map(str, wanted)], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise ValueError(f"the wheels in {str(folder)!r} cannot be installed: {last}")
    # Behind whatever stands there: a child finds what was installed before in front of it.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), site)))
    return [distribution(file) for file in wanted]
