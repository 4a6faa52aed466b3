"""A comparison as tables, one per data set and model, at most 80 columns wide; and as a record, for JSON."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from bench.comparing.config import Config
from bench.comparing.records import SECONDS, Comparison, Effect, Row, Unmatched
from bench.comparing.sides import Side
from bench.tables import Column, Table, columns
from bench.text import escape_control_chars
from bench.timing.table import significant

LABEL_COLUMNS = 12  # so that the widest table has 80 columns
NAMED_IMAGES = 10
NAMED_RESULTS = 6
STYLES = {"BETTER": "green", "WORSE": "red", "UNCLEAR": "yellow", "SAME": "dim"}


def tables(rows: Sequence[Row], confidence: float) -> list[Table]:
    """The rows in their order, cut where data set, protocol or model change; of tables that share a title, only the
    first has it.
    """
    found, last = [], ""
    for (title, group), block in groupby(rows, key=lambda row: (row.effect.key.title, row.effect.key.group)):
        found.append(_table("" if title == last else title, list(block), group, confidence))
        last = title
    return found


def _table(title: str, rows: Sequence[Row], group: str, confidence: float) -> Table:
    head, change = ("size, variant", "B / A - 1") if _is_time(rows[0].effect) else ("metric", "B - A")
    return Table(
        title=title,
        columns=(
            Column(head=group or head, align="left", overflow="fold", min_width=9),
            *columns(("A", "B", change, f"{confidence * 100:.4g} % interval", "p", "n"), left=()),
            Column(head="verdict", align="left", styles=STYLES),
        ),
        rows=tuple(
            (broken(escape_control_chars(row.effect.key.label)), *cells(row), row.verdict) for row in rows
        ),
        layout="open",
    )


def broken(label: str) -> str:
    """In lines of at most 12 columns where spaces, hyphens and plus signs allow it."""
    lines = [""]
    # The sign stays at the end of its line, as a hyphen does: `channels_last+` goes on below.
    for piece in re.findall(r"[^ +-]*[ +-]?", label):
        if len(lines[-1]) + len(piece) > LABEL_COLUMNS and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def cells(row: Row) -> tuple[str, ...]:
    """A, B, difference, interval, p and n as text."""
    effect = row.effect
    interval = "" if effect.interval is None else ", ".join(change(x, effect) for x in effect.interval)
    # Images are paired: one number.
    n = "/".join(str(count) for count in (effect.n if _is_time(effect) else effect.n[:1]))
    return (
        _level(effect.a, effect),
        _level(effect.b, effect),
        change(effect.difference, effect),
        interval,
        _p(row.p),
        n,
    )


def _is_time(effect: Effect) -> bool:
    return effect.metric == SECONDS


def _level(value: float | None, effect: Effect) -> str:
    if value is None:
        return "none"
    return significant(value) if _is_time(effect) else f"{value:.{effect.metric.decimals}f}"


def change(value: float | None, effect: Effect) -> str:
    """A difference, with a digit more than the metric has; one that is not zero never looks like zero."""
    if value is None:
        return "none"
    digits = 3 if _is_time(effect) else effect.metric.decimals + 1  # of a time: a tenth of a percent
    small = value != 0 and math.isfinite(value) and abs(value) < 0.5 * 10**-digits
    if _is_time(effect):
        return f"{value:+.1%}" if not small else f"{value:+.0e}"
    return f"{value:+.0e}" if small else f"{value:+.{digits}f}"


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 1e-4 else f"{value:.0e}"


def remarks(comparison: Comparison) -> Iterator[str]:
    """What stands below the tables: images and results that were skipped, then notes."""
    for (title, text), count in Counter(_unmatched(comparison.rows)).items():
        yield f"images skipped in {count} rows of {title}: {text}"
    reasons: dict[str, list[str]] = {}
    for each in comparison.left_out:
        reasons.setdefault(each.reason, []).append(each.what)
    for reason, names in reasons.items():
        yield f"not compared, {reason}: {_named(names)}"
    yield from comparison.notes


def _unmatched(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row.effect.unmatched:
            yield row.effect.key.title, _images(row.effect.unmatched)


def _images(unmatched: Unmatched) -> str:
    parts = (
        ("only in A", unmatched.only_a),
        ("only in B", unmatched.only_b),
        ("on both sides with other content", unmatched.changed),
    )
    return "; ".join(
        f"{len(names)} {where} ({_named(names, NAMED_IMAGES)})" for where, names in parts if names
    )


def _named(names: Sequence[str], most: int = NAMED_RESULTS) -> str:
    more = len(names) - most
    return ", ".join([*names[:most], *([f"and {more} more"] if more > 0 else [])])


def closing(comparison: Comparison, *, holm: bool, alpha: float) -> str:
    """Rows by verdict, and what their p values are."""
    counts = ", ".join(f"{count} {name}" for name, count in comparison.count().items() if count)
    corrected = "adjusted for their number (Holm)" if holm else "not corrected for their number (--holm does)"
    return f"{counts}; BETTER and WORSE are said of B, at alpha = {alpha:g}; p values are {corrected}"


def record(comparison: Comparison, a: Side, b: Side, config: Config) -> dict[str, Any]:
    """All of it."""
    return {
        **{side.name: _side(side) for side in (a, b)},
        "alpha": config.alpha,
        "confidence": config.confidence,
        "holm": config.holm,
        "count": dict(comparison.count()),
        "rows": [_row_record(row) for row in comparison.rows],
        "left_out": [
            {"what": each.what, "reason": each.reason, "fields": _fields(each.fields)}
            for each in comparison.left_out
        ],
        "notes": list(comparison.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    chosen = side.reading
    return {"store": str(chosen.store), "run": chosen.run, "model": chosen.model}


def _row_record(row: Row) -> dict[str, Any]:
    effect = row.effect
    return {
        **vars(effect.key),
        "metric": effect.metric.name,
        "metric_version": effect.metric.version,
        "unit": effect.metric.unit,
        "higher_is_better": effect.metric.higher_is_better,
        "a": effect.a,
        "b": effect.b,
        "difference": effect.difference,
        "interval": None if effect.interval is None else list(effect.interval),
        "p": row.p,
        "p_unadjusted": effect.test.p,
        "n_a": effect.n[0],
        "n_b": effect.n[1],
        "tolerance": effect.tolerance,
        "unmatched": {name: list(images) for name, images in vars(effect.unmatched).items()},
        "verdict": row.verdict,
    }


def _fields(fields: Any) -> dict[str, dict[str, list[str]]]:
    return {name: {"A": list(a), "B": list(b)} for name, (a, b) in fields.items()}
