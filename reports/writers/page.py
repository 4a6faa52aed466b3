"""The report as one HTML file that works offline, with the full-size pictures beside it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.atomic import atomic_write
from reports.formatting import listed
from reports.parts import JUDGEMENTS, Report, Section, Verdict
from reports.verdicts.rows import VerdictRow, counts, verdict_rows
from reports.writers.page_certificates import certificate_views, environment_views
from reports.writers.page_figures import figure_views
from reports.writers.page_pictures import copy_pictures
from reports.writers.page_viewer import Gallery, galleries, missing_pictures, viewer_data
from reports.writers.pdf_text import to_ascii

if TYPE_CHECKING:
    from jinja2 import Environment

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
    copy_pictures(shown, out / "images")
    text = html(report, out, shown)
    with atomic_write(file) as part:
        # newline: the bytes are the same on Windows.
        part.write_text(text, encoding="utf-8", newline="\n")


def html(report: Report, out: Path, shown: tuple[Gallery, ...]) -> str:
    """The page. Figures are embedded in it; their PNG files are linked where they lie in `out`, else copied there."""
    templates = _templates()
    style, script = (_joined(templates, names) for names in (STYLES, SCRIPTS))
    drawn = report.drawn
    return templates.get_template("index.html.j2").render(
        report=report,
        sections=tuple(shown_sections(report)),
        lead=next((figure for figure in drawn if figure.id == report.lead), None),
        absent=report.absent,
        judgements=JUDGEMENTS,
        judged=Counter(verdict.judgement for verdict in report.verdicts),
        figures=figure_views(drawn, out),
        cells=cell_groups(report.verdicts),
        certificates=certificate_views(report.results),
        environments=environment_views(report.results),
        viewer=viewer_data(shown),
        missing=missing_pictures(report.results, shown),
        style=style,
        script=script,
        policy=_policy(style, script),
    )


def shown_sections(report: Report) -> Iterator[Section]:
    """The sections with the figures that were drawn; a section of nothing but absent figures is not shown."""
    drawn = set(report.drawn)
    for section in report.sections:
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


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,  # a misspelt field is an error, not an empty cell
        # Every text of a template goes through it: names of models come from files of strangers.
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compact: Mapping[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    # `tojson` of jinja2 also escapes <, >, & and ', so that data cannot end the script that they stand in.
    templates.policies["json.dumps_kwargs"] = compact
    return templates


def _seen(value: object) -> object:
    """A text with what cannot be seen, or turns the direction of what is, written out: as `<U+202E>`."""
    # type(): Markup is a str too, is ours, and would lose its mark here.
    return to_ascii(value) if type(value) is str else value


def _joined(templates: Environment, names: tuple[str, ...]) -> str:
    """Our own files, put into the page as they are."""
    from markupsafe import Markup

    assert templates.loader
    # Unescaped, and hashed by _policy() exactly as it stands in the page.
    return Markup("").join(Markup(templates.loader.get_source(templates, name)[0]) for name in names)


def _policy(style: str, script: str) -> str:
    """The content security policy: this very style and script run and nothing else, and nothing is fetched.

    `file:` is there because a page that was opened from a file has no origin that 'self' could mean.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' file: data:",
            f"style-src '{_integrity(style)}'",
            f"script-src '{_integrity(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _integrity(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
