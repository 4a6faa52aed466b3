"""A comparison as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from bench.comparing.config import Config
from bench.comparing.records import Comparison, Row
from bench.comparing.sides import Side


def to_json(comparison: Comparison, a: Side, b: Side, config: Config) -> str:
    """One object. JSON has no infinity: it is the string "inf" or "-inf"."""
    content = {
        **{side.name: _side(side) for side in (a, b)},
        "alpha": config.alpha,
        "confidence": config.confidence,
        "holm": config.holm,
        "count": dict(comparison.count()),
        "rows": [_row(row) for row in comparison.rows],
        "left_out": [
            {"what": each.what, "reason": each.reason, "fields": _fields(each.fields)}
            for each in comparison.left_out
        ],
        "notes": list(comparison.notes),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _side(side: Side) -> dict[str, Any]:
    chosen = side.reading
    return {"store": str(chosen.store), "run": chosen.run, "model": chosen.model}


def _row(row: Row) -> dict[str, Any]:
    effect = row.effect
    return {
        **vars(effect.key),
        "metric": effect.metric.name,
        "metric_version": effect.metric.version,
        "unit": effect.metric.unit,
        "higher_is_better": effect.metric.higher_is_better,
        "a": _number(effect.a),
        "b": _number(effect.b),
        "difference": _number(effect.difference),
        "interval": None if effect.interval is None else [_number(bound) for bound in effect.interval],
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


def _number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
