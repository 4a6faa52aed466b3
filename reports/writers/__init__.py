"""The table of writers: what a report is written as. To add one, add a file, and a line to `WRITERS`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reports.parts import Report

PAGE, PDF = "index.html", "report.pdf"


@dataclass(frozen=True)
class Writer:
    """One file or folder of a report.

    Attributes:
        target: `module:function`, called with the report and the path that it writes; equal reports give equal bytes.
        beside: what else it writes into the same folder.
    """

    target: str
    beside: tuple[str, ...] = ()

    def write(self, report: Report, path: Path) -> None:
        """Load the target and write.

        Raises:
            OSError: the path cannot be written.
            RunError: what the writer needs is missing or broken; the message says what.
        """
        module, _, name = self.target.partition(":")
        # By name, so that a run without the PDF loads no typst, and one without the page no jinja2.
        getattr(importlib.import_module(module), name)(report, path)


# By the path in the report's folder; in the order in which they are written.
WRITERS: Mapping[str, Writer] = {
    "tables": Writer("reports.writers.text_tables:write_tables"),
    PAGE: Writer("reports.writers.page:write_page", beside=("images",)),
    "leaderboard.html": Writer("reports.writers.page_leaderboard:write_leaderboard"),
    PDF: Writer("reports.writers.pdf:write_pdf"),
    "report.json": Writer("reports.writers.data:write_data"),
}
