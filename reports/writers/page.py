"""The report as one HTML file that works offline, with the full-size pictures beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.atomic import atomic_write
from reports.formatting import listed
from reports.parts import JUDGEMENTS, Report, Section, Verdict
from reports.verdicts.rows import VerdictRow, counts, verdict_rows
from reports.writers.page_figures import figure_views
from reports.writers.page_frame import joined, policy, templates
from reports.writers.page_images import copy_images
from reports.writers.page_provenance import environment_views, provenance_views
from reports.writers.page_viewer import Gallery, galleries, missing_images, viewer_data

STYLES = ("style.css", "tables.css", "viewer.css", "print.css")
SCRIPTS = (
    "page.js",
    "tables.js",
    "viewer-data.js",
    "viewer-panes.js",
    "viewer-input.js",
    "viewer.js",
)


def write_page(report: Report, file: Path) -> None:
    """Write the page and, of the pictures that there are, hard links or copies in the folder `images` beside it.

    What lies there under other names stays as it is.

    Raises:
        OSError: a figure or picture cannot be read, or the folder cannot be written.
    """
    out = file.parent
    shown = galleries(report.results)
    copy_images(shown, out / "images")
    text = html(report, out, shown)
    with atomic_write(file) as part:
        # newline: the bytes are the same on Windows.
        part.write_text(text, encoding="utf-8", newline="\n")


def html(report: Report, out: Path, shown: tuple[Gallery, ...]) -> str:
    """The page. Figures are embedded in it; their PNG files are linked where they lie in `out`, else copied there."""
    known = templates()
    style, script = (joined(known, names) for names in (STYLES, SCRIPTS))
    drawn = report.drawn
    return known.get_template("index.html.j2").render(
        report=report,
        sections=tuple(shown_sections(report)),
        lead=next((figure for figure in drawn if figure.id == report.lead), None),
        absent=report.absent,
        judgements=JUDGEMENTS,
        judged=Counter(verdict.judgement for verdict in report.verdicts),
        figures=figure_views(drawn, out),
        cells=cell_groups(report.verdicts),
        provenance=provenance_views(report.results),
        environments=environment_views(report.results),
        viewer=viewer_data(shown),
        missing=missing_images(report.results, shown),
        style=style,
        script=script,
        policy=policy(style, script),
    )


def shown_sections(report: Report) -> Iterator[Section]:
    """The sections with the figures that were drawn; a section of nothing but absent figures is not shown.

    One with a page of its own has its text and a link here.
    """
    drawn = set(report.drawn)
    for section in report.sections:
        if section.page:
            yield replace(section, tables=(), figures=())
            continue
        figures = tuple(figure for figure in section.figures if figure in drawn)
        if section.text or section.tables or any(figure.id != report.lead for figure in figures):
            yield replace(section, figures=figures)


@dataclass(frozen=True, kw_only=True)
class CellGroup:
    """The printed numbers of one figure or source. `tally` counts the verdicts; `open` where this run has any."""

    title: str
    tally: str
    open: bool
    rows: tuple[VerdictRow, ...]


def cell_groups(verdicts: Sequence[Verdict]) -> tuple[CellGroup, ...]:
    """By where the numbers were printed, in their order."""
    groups: dict[str, list[VerdictRow]] = {}
    for row in verdict_rows(verdicts):
        groups.setdefault(row.verdict.cell.where, []).append(row)
    return tuple(
        CellGroup(
            title=where,
            tally=listed(
                f"{n} {judgement}" for judgement, n in counts([r.verdict for r in rows]).items() if n
            ),
            open=any(row.verdict.ours is not None for row in rows),
            rows=tuple(rows),
        )
        for where, rows in groups.items()
    )
