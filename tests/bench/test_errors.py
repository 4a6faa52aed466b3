"""One text for what is missing, with the command that mends it, made in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import MissingExtra, MissingFile, missing_extra, run_fetch, run_install

ROOT = Path(__file__).parents[2]
# Where a command is written out: the one place; the layer below it; packages of no extra; help, listings, a clash of names.
PLACES = {"bench/errors.py", "models/johnson_onnx.py"}


def test_a_missing_extra_ends_with_the_command_that_installs_it() -> None:
    text = "metric gmsd needs piq, which is not installed. Run: pip install 'perceptual-bench[metrics]'"
    assert (
        missing_extra("metric gmsd", "piq", "metrics")
        == str(MissingExtra("metric gmsd", "piq", "metrics"))
        == text
    )
    assert "pyarrow, which is not installed (--to csv does not). Run: " in missing_extra(
        "--to parquet", "pyarrow", "export", instead="--to csv"
    )
    assert run_install("onnx", "train", "onnx") == "Run: pip install 'perceptual-bench[onnx,train]'"


def test_a_missing_file_ends_with_the_command_that_fetches_it_whatever_is_said_before() -> None:
    error = MissingFile("a.pth is missing", group="vgg16", reason="no network")
    command = "Run: python -m bench.doctor --fetch vgg16"
    assert str(error) == f"a.pth is missing. {command}"
    outer = error.of("metric x cannot run", "; or take another")
    assert str(outer) == f"metric x cannot run: a.pth is missing; or take another. {command}"
    assert (outer.group, outer.reason) == ("vgg16", "no network")
    assert str(MissingFile("it cannot be read")) == "it cannot be read"
    assert run_fetch() == "Run: python -m bench.doctor --fetch"
    assert run_fetch("a", "b", "a") == "Run: python -m bench.doctor --fetch a b"


@pytest.mark.parametrize("pattern", [r"perceptual-bench\[", r"in the \w+ extra\b.*[\"']\)"])
def test_no_other_place_words_it(pattern: str) -> None:
    found = {
        str(file.relative_to(ROOT))
        for layer in ("bench", "models", "baselines", "reports")
        for file in (ROOT / layer).rglob("*.py")
        if re.search(pattern, file.read_text(encoding="utf-8"))
    }
    assert found <= PLACES
