"""Verdicts on the paper's Figure 5: after how many iterations the optimisation is as good as the network."""

from __future__ import annotations

from collections.abc import Iterator

from bench.styling.summary import Crossover, share_of_the_papers_training
from reports.load.gather_styles import PAPER_STYLE
from reports.load.objectives import STYLE_COMMAND, Panel, Series, all_series, is_ours
from reports.load.paper import Entry, GridTarget
from reports.load.results import Results
from reports.parts import Judgement, Verdict

CLAIM = (50.0, 100.0)  # section 4.1: comparable to between 50 and 100 iterations
DATASET, CONTENTS = "coco50", 50  # as many photographs of MS-COCO as the paper has


def judge_objective(entry: Entry, target: GridTarget, results: Results) -> Verdict:
    """The iterations alone can be compared: *reproduced* within the paper's claim, *better* above it, *off by* below it.

    Ours is the median over all 50 contents of coco50 in the paper's style, of the network of ours with the most, else of
    one that the authors released; until then *not run*.
    """
    if entry.cannot:
        return Verdict(cell=entry.cell, judgement="not comparable", why=entry.cannot)
    found = list(_found(results, target.size))
    # The paper's claim is over 50 contents; some of them would make another claim.
    complete = [one for one in found if len(one[2].crossings) >= CONTENTS]
    if not complete:
        most = max((len(crossover.crossings) for _, _, crossover in found), default=0)
        why = f"n = {most}, must be all {CONTENTS} contents of {DATASET}" if most else ""
        return Verdict(cell=entry.cell, judgement="not run", why=why, command=STYLE_COMMAND)
    series, panel, crossover = max(complete, key=_worth)
    return _judged(entry, series, panel, crossover)


def _found(results: Results, size: int) -> Iterator[tuple[Series, Panel, Crossover]]:
    """Everything of the paper's style at a size."""
    for series in all_series(results):
        if (series.protocol.style, series.dataset) != (PAPER_STYLE, DATASET):
            continue
        for panel in series.panels:
            if panel.size == size:
                yield from ((series, panel, crossover) for crossover in panel.comparison.crossovers)


def _worth(one: tuple[Series, Panel, Crossover]) -> tuple[bool, bool, float]:
    """Ours goes before the authors', the paper's loss network before another."""
    series, _, crossover = one
    # Never overtaken: the best there is.
    iterations = float("inf") if crossover.median is None else crossover.median
    return is_ours(crossover.subject), series.protocol.loss_network == "vgg16", iterations


def _judged(entry: Entry, series: Series, panel: Panel, crossover: Crossover) -> Verdict:
    median = crossover.median
    low, high = CLAIM
    about = (
        f"{crossover.subject}, median of {len(crossover.crossings)} contents, loss network "
        f"{series.protocol.loss_network}; the paper's claim is {low:.0f} to {high:.0f}"
    )
    provenance = panel.group.provenance[crossover.subject].id
    if median is None:
        # Not overtaken says nothing where fewer iterations were run than the paper claims.
        enough = crossover.iterations > high
        return Verdict(
            cell=entry.cell,
            judgement="better" if enough else "not run",
            why=f"not reached within {crossover.iterations} iterations; {about}",
            command="" if enough else STYLE_COMMAND,
            certificate=provenance if enough else "",
        )
    judgement: Judgement = "reproduced" if low <= median <= high else "better" if median > high else "off by"
    seen = share_of_the_papers_training(
        crossover.subject, panel.group.provenance[crossover.subject].subject_hash
    )
    # Less training cannot flatter a network: what is better in spite of it stays better.
    if seen is not None and seen < 1 and judgement != "better":
        judgement, about = (
            "undertrained",
            f"{about}; its last run saw {seen:.1%} of the pixels of the paper's training",
        )
    return Verdict(
        cell=entry.cell,
        judgement=judgement,
        ours=median,
        difference=median - entry.cell.value,
        why=about,
        certificate=provenance,
    )
