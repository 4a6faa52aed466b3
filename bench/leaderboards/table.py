"""A leaderboard on the terminal: its models by the first metric, their cards, published values beside these."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Literal

from bench.data.datasets import dataset
from bench.leaderboards.config import Leaderboard
from bench.metrics import METRICS
from bench.quality.summary import Row as ScoreRow
from bench.records import HR
from bench.tables import Column, Table, columns
from bench.timing.card import challenge_score
from bench.timing.rows import Row as TimingRow
from bench.timing.table import cards, counted, interval, significant

WIDTH_OF_A_FILE = 200
CHALLENGE = "challenge score"


def tables(board: Leaderboard, scores: Sequence[ScoreRow], times: Sequence[TimingRow]) -> Iterator[Table]:
    """The leaderboard, the cards, and published values; each only where there is something in it."""
    if scores or times:
        yield ranking(board, scores, times)
    made = cards(times)
    if made is not None:
        yield made
    beside = published(board, scores)
    if beside.rows:
        yield beside


def ranking(board: Leaderboard, scores: Sequence[ScoreRow], times: Sequence[TimingRow]) -> Table:
    """A line for each model: every mean, and time, size and challenge score at the largest size.

    In order of the first metric of the first data set, the best first. Only models with a finite value of each of the same
    images are ranked, as on the report's page; a mean over a part of the images says how many, and its model stands below
    the ranked ones.
    """
    keys = list(
        dict.fromkeys(
            (r.dataset, r.scale, r.metric) for r in scores if METRICS[r.metric].reference or r.model != HR
        )
    )
    cell = {(r.model, r.dataset, r.scale, r.metric): r for r in scores}
    size = max((row.size for row in times), default=0)
    timed = {row.method: row for row in times if row.size == size}
    baseline = timed.get(board.speed.baseline) if board.speed else None

    images = {key: _images(scores, key) for key in keys}
    first = {r.model: r for r in scores if keys and (r.dataset, r.scale, r.metric) == keys[0]}
    ranked = {
        label: row
        for label, row in first.items()
        if row.values.keys() == images[keys[0]] and math.isfinite(row.mean)
    }

    def place(label: str) -> tuple[bool, float]:
        row = ranked.get(label)
        if row is None:
            return True, 0.0
        return False, -row.mean if METRICS[row.metric].higher_is_better else row.mean

    found = {row.model for row in scores} | set(timed)
    labels = sorted((e.label for e in board.entries if e.label in found), key=place)
    lines = []
    for rank, label in enumerate(labels, 1):
        rows = [(cell.get((label, *key)), images[key]) for key in keys]
        lines.append(
            (
                str(rank) if label in ranked else "",
                label,
                *(_mean(row, shared) if row else "" for row, shared in rows),
                *_timed(timed.get(label), baseline),
            )
        )
    heads = [Column(head=f"{d} x{s} {m}", better=_better(m)) for d, s, m in keys]
    notes = []
    apart = len(labels) - sum(label in ranked for label in labels)
    if ranked and apart:
        dataset, scale, metric = keys[0]
        notes.append(
            f"not ranked: models without a finite {metric} of all {len(images[keys[0]])} images of {dataset} x{scale} that "
            "the others share"
        )
    if baseline is not None:
        notes.append(
            # 7.389 is e^2.
            f"{CHALLENGE}: of NTIRE 2024 and 2025, 0.7 e^(2 t/t0) + 0.15 e^(2 F/F0) + 0.15 e^(2 P/P0), with the times of "
            f"this machine and {baseline.method} as the baseline; lower is better, the baseline has 7.389"
        )
    return Table(
        title=board.title,
        columns=(
            *columns(("rank", "model"), left={1}),
            *heads,
            *columns(("seconds", "95 %", "parameters", CHALLENGE), left=()),
        ),
        rows=tuple(lines),
        rules=(len(ranked),) if ranked and apart else (),
        notes=tuple(notes),
        keys=2,
        wrap_title=True,
    )


def _images(scores: Sequence[ScoreRow], key: tuple[str, int, str]) -> Set[str]:
    """The images that models are ranked over: the largest set that a model has, of several the one that most have."""
    sets = Counter(
        frozenset(row.values)
        for row in scores
        if (row.dataset, row.scale, row.metric) == key and row.model != HR
    )
    return max(sets, key=lambda images: (len(images), sets[images], sorted(images)), default=frozenset())


def _mean(row: ScoreRow, shared: Set[str]) -> str:
    """The mean; with the number of images where they are not those that models are ranked over."""
    if row.values.keys() == shared:
        return row.text()
    return f"{row.text()} ({len(row.values.keys() & shared)} of {len(shared)})"


def _better(metric: str) -> Literal["higher", "lower"]:
    return "higher" if METRICS[metric].higher_is_better else "lower"


def _timed(row: TimingRow | None, baseline: TimingRow | None) -> tuple[str, str, str, str]:
    if row is None or row.seconds is None:
        return "", "", "", ""
    score = None if baseline is None else relative_score(row, baseline)
    return (
        significant(row.seconds),
        interval(row),
        counted(row.card.get("parameters")),
        "" if score is None else f"{score:.3f}",
    )


def relative_score(row: TimingRow, baseline: TimingRow) -> float | None:
    """The challenges' score; None where one of the two has no parameters, operations or time that were counted."""
    own, other = row.card, baseline.card
    pairs: list[tuple[float, float]] = []
    for mine, theirs in (
        (row.seconds, baseline.seconds),
        (own.get("multiply_adds"), other.get("multiply_adds")),
        (own.get("parameters"), other.get("parameters")),
    ):
        if not mine or not theirs:
            return None
        pairs.append((mine, theirs))
    return challenge_score(*pairs)


def published(board: Leaderboard, scores: Sequence[ScoreRow]) -> Table:
    """Each published value beside ours, and their difference at the digits that were printed."""
    cell: Mapping[tuple[str, str, int, str], ScoreRow] = {
        (r.model, r.dataset, r.scale, r.metric): r for r in scores
    }
    lines = []
    for entry in board.entries:
        for printed in entry.published:
            row = cell.get((entry.label, printed.dataset, printed.scale, printed.metric))
            if row is None:
                continue
            digits = len(printed.value.partition(".")[2])
            # Rounded before it is compared: the difference is that of what would be printed.
            here = f"{row.mean:.{digits}f}"
            off = float(here) - float(printed.value)
            difference = "equal" if here == printed.value else f"{off:+.{digits}f}"
            images = len(dataset(printed.dataset).images)
            # A published mean is over the whole data set.
            if row.n < images:
                here, difference = f"{here} ({row.n} of {images})", "over a part"
            lines.append(
                (
                    entry.label,
                    f"{printed.dataset} x{printed.scale}",
                    printed.metric,
                    printed.value,
                    here,
                    difference,
                    entry.paper or entry.source,
                )
            )
    return Table(
        title="Published values beside the measured ones",
        columns=columns(
            ("model", "data set", "metric", "published", "here", "difference", "source"), left={0, 1, 2, 6}
        ),
        rows=tuple(lines),
    )
