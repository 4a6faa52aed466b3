"""The objective of style transfer as tables: our networks, the authors', the optimisation and the content itself."""

from __future__ import annotations

from collections.abc import Iterator

from bench.styling.summary import Crossover, Summary
from reports.formatting import counted, seconds
from reports.load.gather_styles import RELEASED
from reports.load.objectives import Panel, Series, all_series, networks, same_machine
from reports.load.results import GATYS, SHORT, Results
from reports.parts import Cell, Head, Table
from reports.protocol_captions import objective_caption, style_caption

DIGITS = 4
HEADS = (
    Head(text="size"),
    Head(text="method", numeric=False),
    Head(text="objective", better="lower"),
    Head(text="sd"),
    Head(text="reduction", better="higher"),
    Head(text="iterations to match", better="higher"),
    Head(text="time to match, s"),
    Head(text="own time, s", better="lower"),
    Head(text="speed-up", better="higher"),
    Head(text="n"),
)


def style_tables(results: Results) -> Iterator[Table]:
    """One for each style, its sizes one below the other; the paper's style first."""
    for series in all_series(results):
        yield _table(results, series)


def _table(results: Results, series: Series) -> Table:
    blocks = [list(_lines(results, panel)) for panel in series.panels]
    ends = [sum(map(len, blocks[:i])) for i in range(1, len(blocks))]
    hashes = ", ".join(f"{p.size} ({p.group.protocol.hash[:SHORT]})" for p in series.panels)
    protocol = series.protocol
    return Table(
        id=f"objective-{series.name}",
        title=f"Style transfer: the objective, {protocol.style}",
        caption=f"Means over n contents of {series.dataset}. {style_caption(protocol)} {objective_caption(protocol)} "
        f"Protocol {protocol.name}, by size: {hashes}.",
        heads=HEADS,
        rows=tuple(line for block in blocks for line in block),
        rules=tuple(ends),
        notes=tuple(_notes(results, series)),
    )


def _lines(results: Results, panel: Panel) -> Iterator[tuple[Cell, ...]]:
    found = panel.comparison
    for summary in (*([found.content] if found.content else []), *networks(found), *found.baselines):
        yield _line(results, panel, summary)


def _line(results: Results, panel: Panel, summary: Summary) -> tuple[Cell, ...]:
    name, last = summary.subject, summary.at()
    ratio = panel.comparison.below_content(summary)
    crossover = panel.crossover(name)
    comparable = crossover is not None and same_machine(results, panel.group, name, GATYS)
    return (
        Cell(text=str(panel.size), sort=panel.size),
        Cell(text=f"{name}, {counted(summary.iterations, 'iteration')}" if name == GATYS else name),
        Cell(text=_digits(last.mean), sort=last.mean, certificate=panel.group.provenance[name].id),
        Cell(text="" if last.sd is None else _digits(last.sd), sort=last.sd),
        _times(ratio),
        *(_equal_loss(crossover) if crossover else (Cell(text=""), Cell(text=""))),
        _seconds(summary),
        _times(crossover.times_faster if crossover and comparable else None),
        Cell(text=str(summary.n), sort=summary.n),
    )


def _seconds(summary: Summary) -> Cell:
    """Empty for what is not made: contents, and images that were made elsewhere."""
    return Cell(text=seconds(summary.seconds), sort=summary.seconds) if summary.seconds else Cell(text="")


def _equal_loss(crossover: Crossover) -> tuple[Cell, Cell]:
    """Iterations of the optimisation that reach a network's objective, and what they take."""
    if crossover.median is None:
        bound = f"> {crossover.iterations}"
        return Cell(text=bound, note="not reached for at least half of the contents"), Cell(text="")
    found = [crossing for crossing in crossover.crossings.values() if crossing is not None]
    never = len(crossover.crossings) - len(found)
    note = f"median; from {min(found):.0f} to {max(found):.0f}" + (f"; {never} never" if never else "")
    if crossover.of_mean is not None:
        note += f"; the means cross at {crossover.of_mean:.0f}"
    time = crossover.seconds_to_match
    return (
        Cell(text=f"{crossover.median:.1f}", sort=crossover.median, note=note),
        Cell(text="" if time is None else seconds(time), sort=time),
    )


def _times(ratio: float | None) -> Cell:
    return Cell(text="" if ratio is None else _digits(ratio, 3), sort=ratio)


def _digits(value: float, digits: int = DIGITS) -> str:
    """So many as count, without an exponent."""
    # Rounded by the inner format, which may write an exponent; the outer one writes none below 1e10.
    return f"{float(f'{value:.{digits}g}'):.10g}"


def _notes(results: Results, series: Series) -> Iterator[str]:
    yield (
        "Reduction: the contents' mean objective divided by the method's. Iterations to match: those after which the "
        "optimisation is as good as the network, the median over contents; time to match: their number times the "
        "seconds of one iteration. Own time: for one content, the median; for the optimisation, its share of a batch."
    )
    yield f"Networks called {RELEASED} are those that the paper's authors released; the others are the suite's."
    stopped = sum(panel.stopped for panel in series.panels)
    if stopped:
        yield f"{counted(stopped, 'curve')} skipped, ended before most others."
    if any(_apart(results, panel) for panel in series.panels):
        yield "Without a factor, network and optimisation were run on different machines or versions."


def _apart(results: Results, panel: Panel) -> bool:
    subjects = [o.subject for o in panel.comparison.crossovers]
    return any(not same_machine(results, panel.group, subject, GATYS) for subject in subjects)
