"""What the linters do not check here: every name is defined, and a text file is the same bytes on every system."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    f for layer in ("models", "baselines", "bench", "reports") for f in (ROOT / layer).rglob("*.py")
)
OF_A_MODULE = {"__annotations__", "__doc__", "__file__", "__name__", "__package__", "__path__", "__spec__"}
WRITING = {"w", "a", "x", "wt", "at", "xt"}


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from tables(child)


def undefined(source: str) -> set[str]:
    """Names that a module reads and nothing binds; what stands in strings, as the shapes of arrays do, is no name.

    ruff's F821 and mypy's name-defined take those shapes for names, so both are off.
    """
    top = symtable.symtable(source, "module", "exec")
    given = {*dir(builtins), *OF_A_MODULE}
    bound = [
        (table, s) for table in tables(top) for s in table.get_symbols() if s.is_assigned() or s.is_imported()
    ]
    # Also what a function binds for the module with `global`.
    known = given | {s.get_name() for table, s in bound if table is top or s.is_declared_global()}
    used = {name for table in tables(top) for name in read_of_the_module(table)}
    # Annotations are not evaluated, and are in no table of symbols: theirs may be bound in any scope.
    anywhere = (
        known
        | {s.get_name() for _, s in bound}
        | {s.get_name() for t in tables(top) for s in t.get_symbols() if s.is_parameter()}
    )
    return (used - known) | (set(annotated(source)) - anywhere)


def read_of_the_module(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that a scope takes from the module, or from what Python has built in."""
    if isinstance(table, symtable.Function):
        # Not by is_global(), which takes every name of a function called `top` for one of the module.
        yield from table.get_globals()
    else:
        in_module = table.get_type() == "module"
        yield from (
            s.get_name() for s in table.get_symbols() if s.is_referenced() and (in_module or s.is_global())
        )


def annotated(source: str) -> Iterator[str]:
    """The names in the annotations of a module."""
    for node in ast.walk(ast.parse(source)):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            yield from (each.id for each in ast.walk(part) if isinstance(each, ast.Name)) if part else ()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a): return f'{a} of {count:.{digits}f}'", {"count", "digits"}),
        ("def f(x: Float[Tensor, 'n c'], y: 'h w' = None): ...", {"Float", "Tensor"}),
        (
            "from x import Float\ndef f(x: Float[int, 'n c h w']) -> Float[int, 'n']: return [n for n in x]",
            set(),
        ),
        ("class A:\n    b = 1\n    def c(self): return b", {"b"}),
        ("def f():\n    global g\n    g = 1\ndef h(): return g, __file__, len", set()),
        ("def top(a): return a + b", {"b"}),
        ("print(lambda x: x + y)\ntry: pass\nexcept ValueError as error: z = error", {"y"}),
    ],
)
def test_an_undefined_name_is_found(source: str, names: set[str]) -> None:
    assert undefined(f"from __future__ import annotations\n{source}\n") == names


def test_every_name_is_defined() -> None:
    found = {
        str(f.relative_to(ROOT)): names
        for f in MODULES
        if (names := undefined(f.read_text(encoding="utf-8")))
    }
    assert found == {}


def without_line_end(source: str) -> Iterator[int]:
    """The lines that write a text file whose line ends are the system's: on Windows each `\\n` would be `\\r\\n`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            modes = {each.value for each in node.args if isinstance(each, ast.Constant)}
            writes = node.func.attr == "write_text" or (node.func.attr == "open" and modes & WRITING)
            lost = "os.devnull" in ast.unparse(node.func)
            if writes and not lost and not any(word.arg == "newline" for word in node.keywords):
                yield node.lineno


def test_text_files_have_the_same_line_ends_on_every_system() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in MODULES
        for line in without_line_end(file.read_text(encoding="utf-8"))
    ]
    assert found == []
