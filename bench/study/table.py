"""A result on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench.study.result import PairResult, PreferenceResult


def pairs_table(result: PreferenceResult) -> Table:
    """A line per pair: images by majority, votes, agreement."""
    table = _table("A", "B", "n", "A", "tie", "B", "votes", "for A", "95 %", "agree", "alpha")
    for pair in result.pairs:
        table.add_row(Text(plain(pair.a)), Text(plain(pair.b)), *_cells(pair))
    return table


def _cells(pair: PairResult) -> tuple[str, ...]:
    low, high = pair.vote_share_a_interval
    return (
        str(pair.images),
        _percent(pair.share_a),
        str(pair.ties),
        _percent(pair.share_b),
        str(pair.votes),
        _percent(pair.vote_share_a),
        f"{low:.0%}-{high:.0%}" if pair.votes else "",
        _percent(pair.agreement),
        "" if pair.alpha is None else f"{pair.alpha:z.2f}",
    )


def ranking_table(result: PreferenceResult) -> Table:
    """A line per model, the strongest first."""
    table = _table("model", "strength", "95 %")
    for ranked in result.ranking:
        ends = ranked.interval
        interval = "" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}"
        table.add_row(Text(plain(ranked.model)), f"{ranked.strength:+.2f}", interval)
    return table


def _table(*heads: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for head in heads:
        name = head in {"A", "B", "model"} and len(table.columns) < 2
        table.add_column(head, justify="left" if name else "right", no_wrap=not name, overflow="fold")
    return table


def notes(result: PreferenceResult) -> Iterator[str]:
    """What must be said below the tables."""
    yield "n: images; A, B: share of those on which a majority prefers it; tie: images with as many votes for each"
    yield "for A: share of the votes, with Wilson's interval; agree, alpha: of two votes on an image, and beyond chance"
    yield "strength: Bradley-Terry, log-odds with mean 0; interval: bootstrap over images"
    for worker in result.dropped:
        why = (
            f"{worker.right} of {worker.caught} catch trials right"
            if worker.caught
            else "no catch trial answered"
        )
        yield f"dropped: {worker.worker}, {why}; required {result.least_right:.0%}"
    if result.contradictions:
        yield f"{result.contradictions} answers left out: two files of one worker differ in them"


def plain(text: str) -> str:
    """Text on one line that does nothing to a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
