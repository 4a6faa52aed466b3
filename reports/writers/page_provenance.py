"""Provenance records and machines as the page shows them: every fact on a line of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.load.results import SHORT, Provenance, Results

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ProvenanceView:
    """A provenance record with its mappings as lines.

    Attributes:
        measured: the metric, or the form and the size that were timed.
    """

    record: Provenance
    measured: str
    definition: Facts
    extra: Facts
    environment: str


@dataclass(frozen=True, kw_only=True)
class EnvironmentView:
    """A machine. `summary` is what one would say of it in a line; `id` is its anchor."""

    id: str
    hash: str
    summary: str
    facts: Facts


def provenance_views(results: Results) -> tuple[ProvenanceView, ...]:
    """In the order of use."""
    return tuple(
        ProvenanceView(
            record=record,
            measured=_measured(record.extra),
            definition=lines(record.definition),
            extra=lines(record.extra),
            environment=environment_anchor(record.environment_hash),
        )
        for record in results.provenance.values()
    )


def environment_views(results: Results) -> tuple[EnvironmentView, ...]:
    """Those of the results, in their order."""
    return tuple(
        EnvironmentView(
            id=environment_anchor(digest), hash=digest, summary=_machine(facts), facts=lines(facts)
        )
        for digest, facts in results.environments.items()
    )


def environment_anchor(digest: str) -> str:
    """`m6537c2be`."""
    return f"m{digest[:SHORT]}"  # "m": an anchor does not begin with a digit


def lines(facts: Mapping[str, Any]) -> Facts:
    """Nested facts by their path: `torch.version`, `2.15.0`."""
    return tuple(_lines(facts, ""))


def _lines(facts: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False, default=str)


def _measured(extra: Mapping[str, Any]) -> str:
    if "metric" in extra:
        return f"{extra['metric']} {extra.get('data set', '')}".strip()
    return f"{extra.get('form', '')} {extra.get('size', '')}".strip()


def _machine(facts: Mapping[str, Any]) -> str:
    """Processor, accelerator and torch, as far as the facts name them."""
    paths = (("cpu", "model"), ("gpu", "name"), ("torch", "version"), ("system", "name"))
    words = []
    for part, key in paths:
        inner = facts.get(part)
        if isinstance(inner, Mapping) and inner.get(key):
            words.append(f"torch {inner[key]}" if part == "torch" else str(inner[key]))
    return ", ".join(words)
