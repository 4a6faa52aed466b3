"""The report before it is written: sections in the paper's order, with their tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from bench.errors import UserError
from bench.store import now
from reports.load.results import Group, Results
from reports.load.speeds import Machine, machines, shown_runs
from reports.parts import Figure, Report, Section, Table, Verdict
from reports.protocol_words import protocol_words
from reports.summary import summary
from reports.tables.paper import figure_5_table, figure_table, table_1
from reports.tables.quality import against_table, quality_table
from reports.tables.speed import ladder_tables, measurement_tables
from reports.tables.style import style_tables
from reports.tables.verdicts import preference_tables
from reports.verdicts.judging import judge
from reports.verdicts.rows import counts

TITLE = "Perceptual losses, measured again"
REFERENCE = "bicubic"
# Section id: the figures that it shows, by id or by the beginning of their ids.
PLACES: Mapping[str, tuple[str, ...]] = {
    "speed": ("table1",),
    "inversion": ("figure3", "figure4"),
    "objective": ("figure5",),
    "styles": ("figure6", "figure7"),
    "upscaling-x4": ("figure8",),
    "upscaling-x8": ("figure9",),
    "time": ("pareto",),
    "images": ("differences", "crops", "sensitivity"),
    "forms": ("ladder",),
}
STUDY_COMMANDS = (
    "python -m bench.preference build srcnn-955 sr-pixel --dataset bsd100 --out study; then "
    "python -m bench.preference score answers/*.json --key study/key.json --json preference.json; then "
    "python -m reports --preference preference.json"
)


@dataclass(frozen=True, kw_only=True)
class _Material:
    """What sections are made from. `references`: by group id, the model that the others are compared with."""

    results: Results
    figures: Sequence[Figure]
    machines: Sequence[Machine]
    verdicts: Sequence[Verdict]
    references: Mapping[str, str]
    preferences: Sequence[Mapping[str, Any]]

    def shown(self, section: str) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if place(figure) == section)


def build(
    results: Results,
    figures: Sequence[Figure],
    *,
    reference: str | None = None,
    preferences: Sequence[Mapping[str, Any]] = (),
) -> Report:
    """All sections. The list of all verdicts, the machines and the certificates are added by the writers.

    Args:
        reference: the model that the others are compared with, where it was scored; bicubic by default.
        preferences: what `bench.preference score --json` wrote, each as a mapping.

    Raises:
        UserError: `reference` was nowhere scored.
    """
    found = machines(results, shown_runs(results))
    verdicts = judge(results, (), preferences)  # what others measured is shown, and judges nothing
    material = _Material(
        results=results,
        figures=figures,
        machines=found,
        verdicts=verdicts,
        references=_references(results, reference),
        preferences=preferences,
    )
    return Report(
        title=TITLE,
        made=now(),
        version=version(),
        summary=summary(results.groups, found, verdicts),
        counts=counts(verdicts),
        sections=tuple(_sections(material)),
        results=results,
        verdicts=verdicts,
    )


def check_reference(results: Results, reference: str | None) -> None:
    """Refuse a model that was nowhere scored.

    Raises:
        UserError: with the names of those that were.
    """
    models = dict.fromkeys(model for group in results.groups for model in group.models)
    if reference is not None and reference not in models:
        raise UserError(
            f"no scores of a model called {reference!r}; there are: {', '.join(models) or 'none'}"
        )


def _references(results: Results, reference: str | None) -> dict[str, str]:
    check_reference(results, reference)
    name = reference or REFERENCE
    return {group.id: name for group in results.groups if name in group.models}


@cache
def version() -> str:
    """Of the installed suite; `unknown` where it runs without being installed."""
    try:
        return metadata.version("perceptual-bench")
    except metadata.PackageNotFoundError:
        return "unknown"


def place(figure: Figure) -> str:
    """The section that shows a figure; `further` for an id that nobody planned for."""
    for section, beginnings in PLACES.items():
        if any(figure.id == name or figure.id.startswith(f"{name}-") for name in beginnings):
            return section
    return "further"


def _sections(material: _Material) -> list[Section]:
    made = [
        *_paper_sections(material),
        _quality(material),
        _section(material, "time", "Quality against time"),
        _section(material, "images", "Differences, image by image"),
        _forms(material),
        _preference(material),
        _protocols(material.results.groups),
        _section(material, "further", "Further figures"),
    ]
    return [section for section in made if section.text or section.tables or section.figures]


def _section(material: _Material, name: str, title: str, *text: str, tables: Sequence[Table] = ()) -> Section:
    return Section(id=name, title=title, text=text, tables=tuple(tables), figures=material.shown(name))


def _paper_sections(material: _Material) -> list[Section]:
    verdicts = material.verdicts
    return [
        _section(
            material,
            "speed",
            "Table 1: speed",
            "The optimisation against one pass of the network. Times of unlike machines are not compared: what carries "
            "over from the paper is how many times faster the network is.",
            tables=[table_1(material.machines), *measurement_tables(material.machines)],
        ),
        _section(material, "inversion", "Figures 3 and 4: what features hold"),
        _section(
            material,
            "objective",
            "Figure 5: the objective",
            tables=[*style_tables(material.results), figure_5_table()],
        ),
        _section(material, "styles", "Figures 6 and 7: styles"),
        _section(
            material,
            "upscaling-x4",
            "Figure 8: super-resolution x4",
            tables=[figure_table("figure8", 8, verdicts)],
        ),
        _section(
            material,
            "upscaling-x8",
            "Figure 9: super-resolution x8",
            tables=[figure_table("figure9", 9, verdicts)],
        ),
    ]


def _quality(material: _Material) -> Section:
    tables: list[Table] = []
    for group in material.results.groups:
        reference = material.references.get(group.id)
        tables.append(quality_table(group, reference))
        if reference is not None and len(group.models) > 1:
            tables.append(against_table(group, reference))
    text = (
        "Each table holds one data set under one definition; numbers under unlike ones never share a table. Intervals are "
        "95 % bootstrap intervals over images: of a mean as it stands, of a difference with images paired.",
    )
    return _section(material, "quality", "Quality", *(text if tables else ()), tables=tables)


def _forms(material: _Material) -> Section:
    tables = list(ladder_tables(material.machines))
    return _section(material, "forms", "Forms of a network: the optimisation ladder", tables=tables)


def _preference(material: _Material) -> Section:
    studies = enumerate(material.preferences, 1)
    tables = [table for number, study in studies for table in preference_tables(number, study)]
    text = () if tables else (f"No study was given. One is made and scored with {STUDY_COMMANDS}.",)
    return _section(material, "preference", "Preference study", *text, tables=tables)


def _protocols(groups: Sequence[Group]) -> Section:
    words = dict.fromkeys(protocol_words(group.protocol) for group in groups)
    return Section(id="protocols-in-words", title="Protocols in words", text=tuple(words))
