"""Metrics and models that other installed packages bring, by entry points; nothing of theirs is imported until it is named.

A package declares an entry of our tables, `[project.entry-points."perceptual_bench.metrics"]` with a
:class:`bench.metrics.MetricEntry`, or `"perceptual_bench.models"` with an upscaler's or a stylizer's entry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from bench.errors import UserError
from bench.text import one_line, shortened

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OURS = "perceptual-bench"
LONGEST_REASON = 300


class HasName(Protocol):
    """An entry of one of our tables."""

    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=HasName)


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """An entry point, not loaded yet.

    Attributes:
        distribution: the installed package that declares it, `version` its version.
    """

    name: str
    distribution: str
    version: str
    point: EntryPoint

    @property
    def source(self) -> str:
        """For messages and listings: `my-metrics 0.1`."""
        return f"{self.distribution} {self.version}"

    @property
    def stamp(self) -> str:
        """What stands for the code in hashes: another version may give other values."""
        return f"{self.distribution}-{self.version}"


@functools.cache
def plugins(group: str) -> tuple[Plugin, ...]:
    """What is declared in a group, by name; imports nothing of it."""
    from importlib.metadata import distribution, distributions  # takes as long as the rest of a parser

    # of most packages nothing but a small text is read: parsing those of all takes ten times as long
    names = {one.name for one in distributions() if group in (one.read_text("entry_points.txt") or "")}
    found = {
        Plugin(name=point.name, distribution=one.name, version=one.version, point=point)
        # by name again: of two that lie on the path the first one is what is imported
        for one in map(distribution, names)
        for point in one.entry_points
        if point.group == group
    }
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution, plugin.version)))


@dataclass(frozen=True, kw_only=True)
class ExtendedTable(Generic[Entry]):
    """A table of ours and what plugins add to it.

    Attributes:
        group: of the entry points.
        what: `metric` or `model`, for messages.
        ours: called for the table.
        kinds: what the object behind an entry point must be.
        signed: the entry with the plugin's distribution and version in what its hash or version is made of.
    """

    group: str
    what: str
    ours: Callable[[], Mapping[str, Entry]]
    kinds: tuple[type, ...]
    signed: Callable[[Entry, Plugin], Entry]

    def names(self) -> tuple[str, ...]:
        """Those of plugins."""
        return tuple(dict.fromkeys(plugin.name for plugin in plugins(self.group)))

    def find(self, name: str) -> Entry | None:
        """The entry called `name`; None where there is none.

        Raises:
            UserError: two have that name, or the plugin cannot be loaded.
        """
        ours = self.ours().get(name)
        added = [plugin for plugin in plugins(self.group) if plugin.name == name]
        if len(added) + (ours is not None) > 1:
            owners = [*([OURS] if ours is not None else []), *(plugin.source for plugin in added)]
            raise UserError(
                f"{self.what} {name!r} is in {' and in '.join(owners)}; must be one: uninstall the other, or have its "
                "name changed"
            )
        return self._loaded(added[0]) if added else ours

    def lines(self) -> Iterator[tuple[str, str]]:
        """Name and description of each plugin, for a listing; of one that cannot be used, why."""
        for plugin in plugins(self.group):
            try:
                entry = self.find(plugin.name)
            except UserError as error:
                yield plugin.name, f"cannot be used: {error}"
            else:
                yield plugin.name, f"{getattr(entry, 'about', '')}; from {plugin.source}"

    def _loaded(self, plugin: Plugin) -> Entry:
        try:
            loaded = plugin.point.load()
        except (Exception, SystemExit) as error:  # it is external code
            reason = shortened(one_line(f"{type(error).__name__}: {error}"), LONGEST_REASON)
            raise UserError(
                f"{self.what} {plugin.name!r} of {plugin.source} cannot be loaded: {reason}; must be a version of "
                f"{plugin.distribution} that works, or another {self.what}"
            ) from error
        entry: Any = loaded
        # An entry of another name could stand in for one of ours.
        if not isinstance(loaded, self.kinds) or entry.name != plugin.name:
            kinds = " or ".join(kind.__name__ for kind in self.kinds)
            given = f"a {type(entry).__name__} called {getattr(entry, 'name', '')!r}"
            raise UserError(
                f"{self.what} {plugin.name!r} of {plugin.source} is {given}; must be a {kinds} of the entry point's name"
            )
        return self.signed(entry, plugin)
