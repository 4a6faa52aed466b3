"""What stands under Figure 5."""

from __future__ import annotations

from collections.abc import Sequence

from bench.styling.summary import Comparison
from reports.figures.text import listed, printable
from reports.formatting import amount
from reports.load.objectives import Panel, Series, networks
from reports.load.paper import GridTarget, entries
from reports.protocol_words import objective_words, style_words


def drawn(panel: Panel) -> Comparison:
    """What is compared in it: on the contents alone that all subjects have."""
    assert panel.shared is not None  # _can_be_drawn() let no other through
    return panel.shared


def caption(series: Series, panels: Sequence[Panel]) -> str:
    """What is drawn, under which objective, and what the paper has."""
    stopped = sum(panel.stopped for panel in panels)
    several = any(drawn(panel).baselines[0].n > 1 for panel in panels)  # one content has no deviation
    bands = " and bands of one standard deviation" if several else ""
    early = f" {stopped} curves that end early are skipped." if stopped else ""
    return (
        f"Means over n contents of {printable(series.dataset)}{bands}. Dotted vertical: "
        f"the iteration at which the mean of the optimisation reaches a network's.{_medians(panels)} "
        f"{printable(style_words(series.protocol))} {printable(objective_words(series.protocol))} {_paper(panels)}{early}"
    )


def _medians(panels: Sequence[Panel]) -> str:
    """The medians over contents, network by network, where there are any."""
    found: dict[str, list[str]] = {}
    for panel in panels:
        for overtaking in drawn(panel).overtakings:
            median = overtaking.median
            text = f"{median:.0f}" if median is not None else f"more than {overtaking.iterations}"
            found.setdefault(overtaking.subject, []).append(f"{text} at {panel.size}")
    words = [f"{printable(subject)} {listed(texts)}" for subject, texts in found.items()]
    return f" Median over contents of the iterations that reach it: {'; '.join(words)}." if words else ""


def _paper(panels: Sequence[Panel]) -> str:
    """What was read off the paper's figure for these sizes."""
    sizes = {panel.size for panel in panels}
    cells = [
        f"{e.cell.printed} at {e.target.size}"
        for e in entries()
        if isinstance(e.target, GridTarget)
        and (e.target.table, e.target.column) == ("figure5", "crossing")
        and e.target.size in sizes
    ]
    crossed = f"cross at {listed(cells)} (read off)" if cells else "cross between 50 and 100"
    return (
        f"The paper's curves {crossed}; they are not drawn, since the weights of its objective are unpublished and its "
        "scale is another."
    )


def alt(panels: Sequence[Panel]) -> str:
    """The curves in numbers."""
    return " ".join(_alt_of(panel) for panel in panels)


def _alt_of(panel: Panel) -> str:
    found = drawn(panel)
    (baseline, *_) = found.baselines
    course = baseline.course()
    levels = [
        f"{printable(s.subject)} {amount(s.at().mean)}"
        for s in (*([found.content] if found.content else []), *networks(found))
    ]
    lines = f"; lines: {listed(levels)}" if levels else ""
    return (
        f"{panel.size}x{panel.size}: the optimisation falls from {amount(course[0].mean)} to {amount(course[-1].mean)} in "
        f"{baseline.iterations} iterations{lines}."
    )
