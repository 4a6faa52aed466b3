"""The leaderboard as a page of its own beside the report: a table that sorts and filters, and the figures of all models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.atomic import atomic_write
from reports.parts import Report, Section
from reports.writers import PAGE
from reports.writers.page_figures import figure_views
from reports.writers.page_frame import joined, policy, templates

STYLES = ("style.css", "tables.css", "print.css", "leaderboard.css")
SCRIPTS = ("page.js", "tables.js")


def write_leaderboard(report: Report, file: Path) -> None:
    """Write the page of the section that names this file.

    Where no section does, that of an earlier report in the same folder goes: nothing leads to it any more.

    Raises:
        OSError: a figure cannot be read, or the folder cannot be written.
    """
    section = next((each for each in report.sections if each.page == file.name), None)
    if section is None:
        file.unlink(missing_ok=True)
        return
    with atomic_write(file) as part:
        part.write_text(leaderboard_html(report, section, file.parent), encoding="utf-8", newline="\n")


def leaderboard_html(report: Report, section: Section, out: Path) -> str:
    """The page. Its figures are embedded; numbers lead to their provenance in the report."""
    drawn = tuple(figure for figure in section.figures if figure.svg or figure.png)
    known = templates()
    style, script = (joined(known, names) for names in (STYLES, SCRIPTS))
    return known.get_template("leaderboard.html.j2").render(
        report=report,
        section=replace(section, figures=drawn),
        absent=tuple(figure for figure in section.figures if figure not in drawn),
        figures=figure_views(drawn, out),
        page=PAGE,
        style=style,
        script=script,
        policy=policy(style, script),
    )
