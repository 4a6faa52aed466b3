"""Somebody's repository, imported as if it were alone: its own `models`, `utils` or `bench` are its own.

The modules below the folder of a callable are imported under names of their own, as parts of a package that is made for
them (`outside_0123abcd.models.network`), so that they never meet ours of the same name, in any thread and at any time. What
their `import` statements name is looked for in that folder first, as Python does for a script, with or without an
`__init__.py`; then where Python finds it. `sys.path` and `sys.modules` stay as they are, and `python -P` changes nothing.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PREFIX = "outside_"
# This suite's own packages, which are installed wherever it runs.
OURS = ("bench", "baselines", "models", "reports")
# What is added to sys.path later is taken for the doing of a repository's own modules.
_AT_START = frozenset(sys.path)


class IsolatedModules:
    """The modules below one folder, and what they see.

    Args:
        folder: where what they import is looked for first.
        key: what the modules are told from others' by: each key has modules of its own.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        # an identifier, whatever characters the path has
        self.name = PREFIX + hashlib.sha256(key.encode()).hexdigest()[:12]
        self._found: dict[tuple[str, ...], bool] = {}

    def begin(self) -> None:
        """Forget what was imported for this key before: an edited file is run as it is now."""
        for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
            del sys.modules[name]
        sys.meta_path[:] = [
            f for f in sys.meta_path if not (isinstance(f, _Finder) and f.world.name == self.name)
        ]
        # first, or Python's own finder would load the modules without the world's builtins
        sys.meta_path.insert(0, _Finder(self))
        package = ModuleType(self.name)
        package.__path__ = [str(self.folder)]
        sys.modules[self.name] = package

    def file(self, file: Path) -> ModuleType:
        """The module in a file, which need not be called like a module.

        Raises:
            BaseException: whatever it does when it is imported.
        """
        name = f"{self.name}.{file.stem}"
        described = importlib.util.spec_from_file_location(name, file, loader=_AsItIs(name, str(file), self))
        assert described is not None
        assert described.loader is not None
        # registered before it runs, as an import does: it may import itself, or pickle its classes
        module = sys.modules[name] = importlib.util.module_from_spec(described)
        described.loader.exec_module(module)
        return module

    def module(self, name: str) -> ModuleType:
        """The module that is called `name` in the folder.

        Raises:
            BaseException: whatever it does when it is imported.
        """
        return importlib.import_module(f"{self.name}.{name}")

    @property
    def files(self) -> list[str]:
        """Of the modules that were imported so far."""
        modules = [each for name, each in sys.modules.items() if name.startswith(f"{self.name}.")]
        return [file for module in modules if (file := getattr(module, "__file__", None))]

    def has(self, top: str) -> bool:
        """Whether a package or module of this name is the folder's own.

        A folder without `__init__.py` gives way to an installed package, as in Python, but not to one of ours.
        """
        # the places too: a module may add to sys.path while it runs
        key = (top, *self.places)
        if key not in self._found:
            self._found[key] = self._has(top)
        return self._found[key]

    def _has(self, top: str) -> bool:
        own = PathFinder.find_spec(top, self.places)
        if own is None:
            return False
        # a module or a package with an __init__; below, a folder without one (a namespace package)
        if own.origin is not None and own.loader is not None:
            return True
        if top in OURS:
            return True
        if top in sys.builtin_module_names or top in sys.stdlib_module_names:
            return False
        installed = PathFinder.find_spec(top, [place for place in sys.path if place not in self.places])
        return installed is None or installed.origin is None

    @property
    def places(self) -> list[str]:
        """The folder, and what its modules put on `sys.path` themselves."""
        return [str(self.folder), *(place for place in sys.path if place not in _AT_START)]

    @cached_property
    def builtins(self) -> dict[str, Any]:
        """What its modules have as builtins: an `import` of their own."""
        return {**vars(builtins), "__import__": self._import}

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        # `import_module` is looked up there, and would pass this function by
        if level == 0 and top == "importlib" and not self.has(top):
            made = builtins.__import__(name, globals, locals, fromlist or (), level)
            # `import importlib.util` binds `importlib`; `from importlib.util import x` needs the submodule itself
            return self._importlib() if made is importlib else made
        if level != 0 or not self.has(top):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        sys.modules[self.name].__path__ = self.places
        found = builtins.__import__(f"{self.name}.{name}", globals, locals, fromlist or (), 0)
        # as Python's: `import a.b` binds a, `from a.b import c` needs b
        return found if fromlist else sys.modules[f"{self.name}.{top}"]

    def _importlib(self) -> ModuleType:
        """`importlib` as it is now, submodules that were imported since among it, with their `import_module`."""
        others = {name: value for name, value in vars(importlib).items() if name != "import_module"}
        vars(self._own_importlib).update(others)
        return self._own_importlib

    @cached_property
    def _own_importlib(self) -> ModuleType:
        """`importlib` whose `import_module` imports as their `import` does."""
        proxy = ModuleType("importlib")

        def import_module(name: str, package: str | None = None) -> ModuleType:
            if not name.startswith(".") and self.has(name.partition(".")[0]):
                sys.modules[self.name].__path__ = self.places
                return importlib.import_module(f"{self.name}.{name}")
            return importlib.import_module(name, package)

        vars(proxy)["import_module"] = import_module
        return proxy


class _Finder:
    """Finds the modules of a world and gives them its builtins."""

    def __init__(self, world: IsolatedModules) -> None:
        self.world = world

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # path None is an absolute import of a name without a dot, which is never one of the world's
        if not name.startswith(f"{self.world.name}.") or path is None:
            return None
        found = PathFinder.find_spec(name, list(path), target)
        # extension modules are loaded as they are: they have no builtins of their own
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _AsItIs(name, found.loader.path, self.world)
        return found


class _AsItIs(SourceFileLoader):
    """Compiles the source each time: kept bytecode knows it by second and length alone, and an edit can keep both."""

    def __init__(self, name: str, path: str, world: IsolatedModules) -> None:
        super().__init__(name, path)
        self.world = world

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        # Python's `import` statement calls the `__import__` of the builtins of the module that it stands in
        vars(module)["__builtins__"] = self.world.builtins
        super().exec_module(module)
