"""Wheels that were carried along: only what is missing is installed, aside, and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.gpu.wheels import distribution, install_missing, missing


def wheel(folder: Path, name: str) -> Path:
    """A package of one module, as pip takes it."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", "VALUE = 7\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(
            f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n"
        )
    return file


def test_a_wheels_name_is_its_distributions() -> None:
    assert distribution(Path("Scikit_Image-0.26.0-cp311-cp311-linux_x86_64.whl")) == "scikit-image"


def test_only_what_is_missing_is_taken(tmp_path: Path) -> None:
    wheel(tmp_path, "torch")
    absent = wheel(tmp_path, "invented_absent")
    assert missing(tmp_path) == [absent]


def test_a_child_imports_what_was_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    wheel(tmp_path, "invented_absent")
    assert install_missing(tmp_path) == ["invented-absent"]
    code = "import invented_absent; print(invented_absent.VALUE)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "7\n"


def test_a_folder_without_wheels_and_a_broken_wheel_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be a folder of \.whl files"):
        install_missing(tmp_path)
    (tmp_path / "invented_absent-1.0-py3-none-any.whl").write_bytes(b"broken")
    with pytest.raises(ValueError, match="cannot be installed"):
        install_missing(tmp_path)
