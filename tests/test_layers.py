"""Imports point one way (DESIGN): models <- baselines <- bench <- reports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "models": {"models"},
    "baselines": {"baselines", "models"},
    "bench": {"bench", "baselines", "models"},
    "reports": {"reports", "bench"},
}
# What the store holds, how it is read, and what every program shares: none of it measures anything.
REPORTS_MAY_IMPORT_OF_BENCH = {
    "bench.records",
    "bench.store",
    "bench.contents",
    "bench.crops",
    "bench.errors",
    "bench.cli",
    "bench.files.replacing",
    "bench.statistics",
    "bench.protocols",
    "bench.escapes",
    "bench.study.result",
    "bench.printable",
    "bench.timing.rows",
    "bench.timing.sound",
    "bench.styling.summary",
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    for file in (ROOT / layer).rglob("*.py"):
        for name in imported(file):
            top = name.split(".")[0]
            assert top not in MAY_IMPORT or top in MAY_IMPORT[layer], f"{file} imports {name}"


def test_reports_read_records_and_store_alone() -> None:
    for file in (ROOT / "reports").rglob("*.py"):
        for name in imported(file):
            if name.startswith("bench."):
                assert any(name == m or name.startswith(f"{m}.") for m in REPORTS_MAY_IMPORT_OF_BENCH), (
                    f"{file}: {name}"
                )


@pytest.mark.parametrize(
    "module",
    [
        "bench.records",
        "bench.store",
        "bench.contents",
        "bench.timing.rows",
        "bench.timing.sound",
        "bench.styling.summary",
        "bench.protocols",
        "bench.upscalers",
        "bench.metrics",
        "reports",
    ],
)
def test_records_tables_and_store_load_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
