"""What a report consists of, before it is HTML, PDF, Markdown, LaTeX or CSV: every writer reads these records alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reports.load.paper import PaperCell
from reports.load.results import Results

Mark = Literal["", "best", "second"]
Judgement = Literal[
    "reproduced", "better", "off by", "undertrained", "not comparable", "cannot be reproduced", "not run"
]
JUDGEMENTS: tuple[Judgement, ...] = (
    "reproduced",
    "better",
    "off by",
    "undertrained",
    "not comparable",
    "cannot be reproduced",
    "not run",
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table: plain text, to be escaped by whoever writes it.

    Attributes:
        sort: what the column is sorted by; None sorts by the text.
        mark: best and second best of a column.
        muted: what others print, or what is not distinguishable from the reference.
        certificate: id of the provenance record that the number leads to; empty for none.
        note: more about the number: interval, n; shown on demand.
    """

    text: str
    sort: float | None = None
    mark: Mark = ""
    muted: bool = False
    certificate: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A column. `better` says which way a number is better."""

    text: str
    numeric: bool = True
    better: Literal["", "higher", "lower"] = ""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Sets of rows that a reader can look at alone.

    Attributes:
        title: of all of them together: `Pareto fronts`.
        sets: each with its title and the positions of its rows.
    """

    title: str
    sets: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the rows of a table hold that others published.

    Attributes:
        names: of each row, the method and the source.
    """

    dataset: str
    scale: int
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its caption.

    Attributes:
        id: usable as an HTML anchor, a LaTeX label and a file name.
        caption: one or more sentences, with protocol and hash.
        rows: each as long as `heads`.
        rules: positions of rows above which a line is drawn.
        parts: positions of rows at which a part of its own begins, each with its title: rows that others published,
            by convention. Sorting leaves parts where they are.
        notes: below the table.
        choices: None for a table of which all rows are looked at together.
        published: of the rows of the last part, where others published them; not in the report's JSON.
    """

    id: str
    title: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    rules: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[int, str], ...] = ()
    choices: Choices | None = None
    published: Published | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.heads):
                raise ValueError(f"table {self.id}: a row has {len(row)} cells, must be {len(self.heads)}")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure with its caption, or the reason why there is none.

    Attributes:
        id: usable as an HTML anchor and a file name.
        svg: the file; None where there is none.
        pdf: the same for a document.
        png: the same at 300 dots per inch.
        alt: what it shows, for those who cannot see it.
        reason: why there is none; empty where there is one.
        command: that would make it possible; empty where none would.
        wide: takes the page's whole width in print.
    """

    id: str
    title: str
    caption: str
    svg: Path | None = None
    pdf: Path | None = None
    png: Path | None = None
    alt: str = ""
    reason: str = ""
    command: str = ""
    wide: bool = True


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """A command of `bench.sr_quality` in its parts, so that several can be printed as one."""

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def command(self) -> str:
        """As a shell takes it."""
        return " ".join(
            ["python -m bench.sr_quality", *self.datasets, "--models", *self.models, *self.options]
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A printed number beside ours.

    Attributes:
        ours: None where there is none.
        difference: ours minus the paper's; for times the factor, ours over the paper's.
        interval: 95 %, of ours.
        why: of a judgement that needs it: which machine, which other protocol, why it cannot be had.
        command: that would run what has not been run; empty elsewhere.
        certificate: id; empty where there is no value of ours.
        scoring: the command, where it is one of `bench.sr_quality`; not in the report's JSON.
        missing: what of the model is missing, where that is what `why` says of it: its checkpoint, which somebody has
            to bring, or its weights, which have to be trained; not in the report's JSON.
    """

    cell: PaperCell
    judgement: Judgement
    ours: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    why: str = ""
    command: str = ""
    certificate: str = ""
    scoring: Scoring | None = None
    missing: Literal["", "checkpoint", "weights"] = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report.

    Attributes:
        folded: on the page, closed until a reader opens it.
        page: name of the page beside it that has the tables and figures; the page itself has the text and a link.
    """

    id: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    folded: bool = False
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One of the few numbers that stand at the top: `27.03 dB`, and what it is."""

    value: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it.

    Attributes:
        made: ISO 8601, UTC.
        version: of the suite that made the report.
        abstract: what the report is about and what it is made from, a sentence each.
        headlines: at most three numbers of this run.
        lead: id of the figure that stands at the top; empty for none.
        summary: what a reader should know first, a sentence each.
        counts: how many cells of the paper got which judgement.
    """

    title: str
    made: str
    version: str
    summary: tuple[str, ...]
    counts: Mapping[Judgement, int]
    sections: tuple[Section, ...]
    results: Results
    verdicts: tuple[Verdict, ...] = field(default=())
    abstract: tuple[str, ...] = ()
    headlines: tuple[Headline, ...] = ()
    lead: str = ""

    @property
    def drawn(self) -> tuple[Figure, ...]:
        """The figures that there are, section by section."""
        return tuple(f for section in self.sections for f in section.figures if f.svg or f.png)

    @property
    def absent(self) -> tuple[Figure, ...]:
        """Those that the results hold nothing for, each with its reason."""
        return tuple(f for section in self.sections for f in section.figures if not (f.svg or f.png))
