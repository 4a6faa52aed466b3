"""Imports point one way (models <- baselines <- bench <- reports), none is hidden, and none makes a circle.

Every import counts: at the top, inside a function, under TYPE_CHECKING. So does data of a package that is read by name.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "reports" / "leaderboards"
MAY_IMPORT = {
    "models": {"models"},
    "baselines": {"baselines", "models"},
    "bench": {"bench", "baselines", "models"},
    "reports": {"reports", "bench"},
}
# What every room of the report may import of bench: records, statistics, errors. None of it measures or reads anything.
REPORTS_MAY_IMPORT_OF_BENCH = {"bench.records", "bench.statistics", "bench.errors", "bench.atomic"}
# What a room may import besides: reading is `load`'s, and what is only computed from records may be read by others.
ROOM_MAY_IMPORT_OF_BENCH = {
    "reports": {"bench"},
    "reports.__main__": {"bench.cli", "bench.config_file"},
    "reports.command": {"bench.cli", "bench.storage.reader", "bench.text", "bench.study.result"},
    "reports.content": {"bench.storage.store"},
    "reports.load": {
        "bench.storage.reader",
        "bench.timing.repeat",
        "bench.timing.rows",
        "bench.timing.validation",
        "bench.styling.summary",
    },
    "reports.verdicts": {"bench.protocols", "bench.styling.summary"},
    "reports.tables": {"bench.styling.summary"},
    "reports.figures": {"bench.data.crops", "bench.timing.rows", "bench.styling.summary"},
    "reports.writers": {"bench.storage.reader", "bench.text", "bench.tables"},
}
# From what is read to what is written: a room imports those before it.
ROOMS = ("reports.load", "reports.verdicts", "reports.tables", "reports.figures", "reports.writers")


PROGRAMS = [
    *sorted(f for f in (ROOT / "bench").glob("*.py") if "def parser(" in f.read_text(encoding="utf-8")),
    ROOT / "reports" / "__main__.py",
]
HEAVY = {"torch", "pandas", "matplotlib", "skimage", "scipy"}
MOST_INNER_OF_A_PROGRAM = 3  # the checks of its options, its engine, its listing


def name_of(file: Path) -> str:
    """The module of a file; a package by its own name."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the four layers; adapters beside a leaderboard are documents."""
    files = (file for layer in MAY_IMPORT for file in (ROOT / layer).rglob("*.py"))
    return {name_of(file): file for file in files if not file.is_relative_to(DOCUMENTS)}


def imports(file: Path) -> Iterator[tuple[str, int, bool]]:
    """Our own modules that a file imports: name, line, and whether that is inside a function."""
    inner = {
        id(child)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree(file)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}:{node.lineno}: a relative import"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules() else str(node.module) for name in full]
        for name in names:
            if name.split(".")[0] in MAY_IMPORT:
                yield name, node.lineno, id(node) in inner


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def data_of(file: Path) -> Iterator[str]:
    """Packages whose data a file reads by name: `resources.files("bench")`."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"resources.files", "files"}:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected parts of more than one node (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            part, stack[at:] = stack[at:], []
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def room(module: str) -> str:
    """The package that a module lies in; a module right below a layer is a room of its own."""
    parts = module.split(".")
    return ".".join(parts[:2])


def test_no_import_makes_a_circle_of_modules() -> None:
    graph = {name: {other for other, _, _ in imports(file)} - {name} for name, file in modules().items()}
    assert circles(graph) == []


def test_no_import_makes_a_circle_of_packages() -> None:
    graph: dict[str, set[str]] = {}
    for name, file in modules().items():
        others = {room(other) for other, _, _ in imports(file)}
        graph.setdefault(room(name), set()).update(others - {room(name)})
    assert circles(graph) == []


def test_imports_stand_at_the_top_but_for_a_programs_engine() -> None:
    for name, file in modules().items():
        inner = [f"{file}:{line} {other}" for other, line, inside in imports(file) if inside]
        allowed = MOST_INNER_OF_A_PROGRAM if file in PROGRAMS else 0
        assert len(inner) <= allowed, f"{name}: {inner}"


def test_a_layer_reads_no_data_of_one_above_it() -> None:
    for name, file in modules().items():
        for package in data_of(file):
            top = package.split(".")[0]
            assert top not in MAY_IMPORT or top in MAY_IMPORT[name.split(".")[0]], f"{name} reads {package}"


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    for file in (ROOT / layer).rglob("*.py"):
        for name, _, _ in imports(file):
            top = name.split(".")[0]
            assert top not in MAY_IMPORT or top in MAY_IMPORT[layer], f"{file} imports {name}"


def test_reports_read_records_and_store_alone() -> None:
    for module, file in modules().items():
        if module.split(".")[0] == "reports":
            allowed = REPORTS_MAY_IMPORT_OF_BENCH | ROOM_MAY_IMPORT_OF_BENCH.get(room(module), set())
            for name, line, _ in imports(file):
                assert name.split(".")[0] != "bench" or name in allowed, f"{file}:{line} imports {name}"


def test_a_room_of_the_report_imports_those_before_it() -> None:
    for module, file in modules().items():
        if room(module) in ROOMS:
            later = ROOMS[ROOMS.index(room(module)) + 1 :]
            for name, line, _ in imports(file):
                assert room(name) not in later, f"{file}:{line} imports {name}"
                assert room(name) not in {"reports.content", "reports.command"}, (
                    f"{file}:{line} imports {name}"
                )


@pytest.mark.parametrize("file", PROGRAMS, ids=name_of)
def test_a_parser_loads_nothing_heavy(file: Path) -> None:
    loads_nothing_heavy(f"import {name_of(file)} as program; program.parser().format_help()")


@pytest.mark.parametrize("program", ["bench.sr_quality", "bench.speed"])
def test_a_listing_loads_nothing_heavy(program: str) -> None:
    loads_nothing_heavy(f"import {program} as program; assert program.main(['--list']) == 0")


@pytest.mark.parametrize(
    "module", ["bench", "bench.records", "bench.protocols", "bench.metrics", "bench.storage.store", "reports"]
)
def test_the_vocabulary_loads_nothing_heavy(module: str) -> None:
    loads_nothing_heavy(f"import {module}")


def loads_nothing_heavy(code: str) -> None:
    """Run code in a new process, and look at what it imported."""
    look = f"import sys; {code}; print('loaded:', *sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "loaded:"
