"""The report as one HTML file that works offline, with the full-size pictures beside it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.files.replacing import replacing
from reports.parts import JUDGEMENTS, Report
from reports.verdicts.rows import verdict_rows
from reports.writers.page_certificates import certificate_views, environment_views
from reports.writers.page_figures import figure_views
from reports.writers.page_pictures import copy_pictures
from reports.writers.page_viewer import Gallery, galleries, missing_pictures, viewer_data
from reports.writers.pdf_text import spelled

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
    with replacing(file) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def html(report: Report, out: Path, shown: tuple[Gallery, ...]) -> str:
    """The page. Figures are embedded in it; their PNG files are linked where they lie in `out`, else copied there."""
    templates = _templates()
    style, script = (_joined(templates, names) for names in (STYLES, SCRIPTS))
    return templates.get_template("index.html.j2").render(
        report=report,
        judgements=JUDGEMENTS,
        judged=Counter(verdict.judgement for verdict in report.verdicts),
        figures=figure_views(report, out),
        verdicts=verdict_rows(report.verdicts),
        certificates=certificate_views(report.results),
        environments=environment_views(report.results),
        viewer=viewer_data(shown),
        missing=missing_pictures(report.results, shown),
        style=style,
        script=script,
        policy=_policy(style, script),
    )


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compact: Mapping[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    templates.policies["json.dumps_kwargs"] = compact
    return templates


def _seen(value: object) -> object:
    """A text with what cannot be seen, or turns the direction of what is, written out: as `<U+202E>`."""
    return spelled(value) if type(value) is str else value


def _joined(templates: Environment, names: tuple[str, ...]) -> str:
    """Our own files, put into the page as they are."""
    from markupsafe import Markup

    assert templates.loader
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
