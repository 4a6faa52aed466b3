"""The run of bench.speed that the suite ships stands in a report only where it was asked for, and never in the summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.storage.reader import read
from reports.content import build
from reports.load.gather import gather
from reports.load.results import Results
from reports.load.speeds import REFERENCE_RUN, published_runs, shown_runs
from reports.writers.text_tables import FORMATS
from tests.reports.test_figures import add, timing
from tests.stores import fill


@pytest.fixture
def measured(tmp_path: Path) -> Results:
    """Scores, and the time of one network on a machine of one's own."""
    fill(tmp_path / "r.db", levels={"bicubic": 0.0, "sr-pixel": 1.0})
    add(tmp_path / "r.db", timing("style-paper", seconds=0.1, size=256))
    return gather(read([tmp_path / "r.db"]))


def test_the_summary_quotes_no_machine_but_the_users(measured: Results) -> None:
    assert published_runs()
    for results in (measured, replace(measured, with_published=True)):
        sentences = " ".join(build(results, []).summary)
        assert "Xeon" not in sentences
        assert "times faster than 500 iterations" not in sentences


def test_the_reference_run_is_shown_only_where_it_was_asked_for_and_is_called_so(measured: Results) -> None:
    assert shown_runs(measured) == ()
    asked = replace(measured, with_published=True)
    assert shown_runs(asked) == published_runs()
    plain, labelled = (
        "".join(FORMATS["md"](table) for part in build(results, []).sections for table in part.tables)
        for results in (measured, asked)
    )
    assert REFERENCE_RUN not in plain
    assert REFERENCE_RUN in labelled


def test_a_provenance_heading_names_the_variant_and_holds_no_dictionary(measured: Results) -> None:
    (certificate,) = (c for c in measured.provenance.values() if "form" in c.extra)
    assert certificate.extra["form"] == "eager"
    assert "{" not in f"{certificate.subject} {certificate.extra['form']} {certificate.extra['size']}"
