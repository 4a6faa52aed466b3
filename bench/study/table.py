"""A result on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.study.result import PairResult, PreferenceResult
from bench.tables import Column, Table


def pairs_table(result: PreferenceResult) -> Table:
    """A line per pair: images by majority, votes, agreement."""
    heads = ("n", "A", "tie", "B", "votes", "for A", "95 %", "agree", "alpha")
    rows = ((plain(pair.a), plain(pair.b), *_cells(pair)) for pair in result.pairs)
    return Table(columns=_columns(("A", "B"), heads), rows=tuple(rows))


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
        "" if pair.alpha is None else f"{pair.alpha:z.2f}",  # z: no "-0.00"
    )


def ranking_table(result: PreferenceResult) -> Table:
    """A line per model, the strongest first."""
    rows = []
    for ranked in result.ranking:
        ends = ranked.interval
        interval = "" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}"
        rows.append((plain(ranked.model), f"{ranked.strength:+.2f}", interval))
    return Table(columns=_columns(("model",), ("strength", "95 %")), rows=tuple(rows))


def _columns(names: Sequence[str], numbers: Sequence[str]) -> tuple[Column, ...]:
    """A name is broken where it does not fit, a number is not."""
    return (
        *(Column(head=head, align="left", overflow="fold") for head in names),
        *(Column(head=head, overflow="crop") for head in numbers),
    )


def notes(result: PreferenceResult) -> Iterator[str]:
    """What must be said below the tables."""
    yield "n: images; A, B: share of those on which a majority prefers it; tie: images with as many votes for each"
    yield "for A: share of the votes, with Wilson's interval; agree, alpha: of two votes on an image, and beyond chance"
    yield "strength: Bradley-Terry, log-odds with mean 0; interval: bootstrap over images"
    for worker in result.dropped:
        why = (
            f"{worker.right} of {worker.caught} attention checks right"
            if worker.caught
            else "no attention check answered"
        )
        yield f"dropped: {worker.worker}, {why}; must be at least {result.least_right:.0%}"
    if result.contradictions:
        yield f"{result.contradictions} answers skipped: two files of one worker differ in them"


def plain(text: str) -> str:
    """Text on one line that does nothing to a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
