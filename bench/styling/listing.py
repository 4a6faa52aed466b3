"""`bench.style_quality --list`; loads no torch."""

from __future__ import annotations

from bench.cli import DONE
from bench.data.datasets import NAMED
from bench.data.styles import LOSS_WEIGHTS, names
from bench.registry.stylizers import STYLIZERS
from bench.styling.metrics import METRICS
from bench.text import show


def list_names() -> int:
    """Print styles, networks with the style that each was trained for, metrics, loss networks and data sets."""
    show("styles (or the file of an image)", f"  {', '.join(sorted(names()))}")
    show("", "networks")
    show(*(f"  {m.name:<24} {m.about}" for m in STYLIZERS.values() if m.style))
    show("", "metrics")
    show(*(f"  {metric.name:<24} {metric.about} ({metric.source})" for metric in METRICS.values()))
    show("", "loss networks", f"  {', '.join(LOSS_WEIGHTS)}")
    show("", "data sets (or a folder of images)")
    show(*(f"  {name:<24} {about}" for name, about in NAMED.items()))
    return DONE
