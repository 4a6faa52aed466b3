"""The report before it is written: its sections, from what this run measured to what it is checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any

from bench.errors import UserError
from bench.storage.store import now
from reports.load.costs import costs, prediction_sentence, predictions
from reports.load.repeated import repeated
from reports.load.results import Group, Results
from reports.load.speeds import Machine, machines, shown_runs
from reports.load.standings import leading_groups, sentence, standings
from reports.load.timings import all_machines
from reports.parts import Figure, Report, Section, Table, Verdict
from reports.protocol_captions import protocol_caption
from reports.summary import abstract, headlines, summary
from reports.tables.leaderboard import leaderboard_table, steps_tables
from reports.tables.paper import figure_5_table, figure_table, table_1
from reports.tables.quality import against_table, quality_table
from reports.tables.speed import measurement_tables, sweep_tables
from reports.tables.style import style_tables
from reports.tables.verdicts import preference_tables
from reports.verdicts.judging import judge
from reports.verdicts.rows import counts

TITLE = "Reproduction of Johnson et al. 2016"
REFERENCE = "bicubic"
MOST_ROWS = 20  # of a table that stands open
LEADERBOARD = "leaderboard.html"
# Section id: the figures that it shows, by id or by the beginning of their ids.
PLACES: Mapping[str, tuple[str, ...]] = {
    "quality": ("figure8", "figure9"),
    "leaderboard": ("plane", "fronts", "predictors", "agreement"),
    "speed": ("table1", "pareto", "ladder"),
    "style": ("figure5", "figure6", "figure7", "figure3", "figure4"),
    "images": ("differences", "crops", "sensitivity"),
}
# The figure at the top: the first of these that was drawn.
LEADS = ("figure8", "figure9", "pareto", "fronts", "figure7", "figure6", "figure5", "table1", "plane")


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
    """All sections. The list of all verdicts, the machines and the provenance records are added by the writers.

    Args:
        reference: the model that the others are compared with, where it was scored; bicubic by default.
        preferences: what `bench.preference score --json` wrote, each as a mapping.

    Raises:
        UserError: `reference` was nowhere scored.
    """
    found = machines(results, shown_runs(results))
    verdicts = judge(results, ())  # what others measured is shown, and judges nothing
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
        abstract=abstract(results),
        headlines=headlines(results.groups, found),
        lead=_lead(figures),
        summary=summary(results.groups, found, verdicts),
        counts=counts(verdicts),
        sections=tuple(_sections(material)),
        results=results,
        verdicts=verdicts,
    )


def _lead(figures: Sequence[Figure]) -> str:
    drawn = [figure.id for figure in figures if figure.svg or figure.png]
    # By the part before the hyphen: figures of one group carry its id behind it.
    return next((name for lead in LEADS for name in drawn if name.partition("-")[0] == lead), "")


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
    """What this run measured comes first and open; what it is compared with, and how, is folded on the page."""
    made = [
        _leaderboard(material),
        _quality(material),
        _speed(material),
        _style(material),
        _scores(material),
        _differences(material),
        _preference(material),
        _protocols(material.results.groups),
        _section(material, "further", "Further figures"),
    ]
    # Absent figures keep their section: Report.absent finds them in it.
    return [section for section in made if section.text or section.tables or section.figures]


def _section(
    material: _Material,
    name: str,
    title: str,
    *text: str,
    tables: Sequence[Table] = (),
    folded: bool = False,
) -> Section:
    return Section(
        id=name, title=title, text=text, tables=tuple(tables), figures=material.shown(name), folded=folded
    )


def _leaderboard(material: _Material) -> Section:
    """Where more than ten models were scored: ranks on the largest data set of each protocol, costs, what predicts what."""
    tables, text = [], []
    for group in leading_groups(material.results):
        found = [ranked for info in group.metrics if (ranked := standings(group, info)) is not None]
        if found:
            known = costs(material.results, group)
            tables.append(leaderboard_table(group, found, known))
            told = [sentence(each, group) for each in found]
            if known:
                tables += steps_tables(known)
                told += [prediction_sentence(taus)] if (taus := predictions(known.common)) else []
                again = repeated(all_machines(material.results), known.common, group)
                told += [again.sentence] if again else []
            text.append(" ".join(told))
    section = _section(material, "leaderboard", "Leaderboard", *text, tables=tables)
    return replace(section, page=LEADERBOARD) if tables else section


def _scores(material: _Material) -> Section:
    """The tables of data sets with so many models that they would push all else off the page."""
    tables = [
        quality_table(group, material.references.get(group.id))
        for group in material.results.groups
        if len(group.models) > MOST_ROWS
    ]
    return _section(material, "scores", "All scores of many models", tables=tables, folded=True)


def _quality(material: _Material) -> Section:
    """The scores, a table for each data set, then the paper's numbers beside them."""
    groups = [group for group in material.results.groups if len(group.models) <= MOST_ROWS]
    tables = [quality_table(group, material.references.get(group.id)) for group in groups]
    for source, number in (("figure8", 8), ("figure9", 9)):
        if any(v.ours is not None for v in material.verdicts if v.cell.id.startswith(f"{source}.")):
            tables.append(figure_table(source, number, material.verdicts))
    text = (
        "Each table holds one data set under one protocol. Rows are ordered by PSNR. Intervals are 95 % bootstrap "
        "intervals over images.",
    )
    return _section(
        material, "quality", "Super-resolution: quality", *(text if groups else ()), tables=tables
    )


def _speed(material: _Material) -> Section:
    """Table 1 where this run has any of it, all measurements, and the variants of a network."""
    found = material.machines
    tables = [table_1(found)] if any(machine.table_1_cells for machine in found) else []
    tables += [*measurement_tables(found), *sweep_tables(found)]
    text = (
        "Times on different machines are not compared: what carries over from the paper is how many times faster the "
        "network is than the optimisation.",
    )
    return _section(material, "speed", "Speed", *(text if tables else ()), tables=tables)


def _style(material: _Material) -> Section:
    tables = list(style_tables(material.results))
    if tables:
        tables.append(figure_5_table())
    return _section(material, "style", "Style transfer and feature inversion", tables=tables)


def _differences(material: _Material) -> Section:
    """Paired over images: as tables, then image by image."""
    tables = [
        against_table(group, reference)
        for group in material.results.groups
        if (reference := material.references.get(group.id)) is not None and len(group.models) > 1
    ]
    return _section(material, "images", "Differences, image by image", tables=tables, folded=True)


def _preference(material: _Material) -> Section:
    studies = enumerate(material.preferences, 1)
    tables = [table for number, study in studies for table in preference_tables(number, study)]
    return _section(material, "preference", "User study", tables=tables)


def _protocols(groups: Sequence[Group]) -> Section:
    words = dict.fromkeys(protocol_caption(group.protocol) for group in groups)
    return Section(id="protocols", title="Protocols", text=tuple(words), folded=True)
