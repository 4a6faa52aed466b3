"""`bench.apply --list`; loads no torch."""

from __future__ import annotations

from bench.cli import DONE
from bench.registry import catalog
from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS
from bench.text import show


def list_names() -> int:
    """Print every model that can be applied."""
    show("stylizers", *(f"  {model.name:<22} {model.about}" for model in STYLIZERS.values()))
    show("", "upscalers", *(f"  {model.name:<22} {model.about}" for model in UPSCALERS.values()))
    show(*(f"  {name:<22} {about}" for name, about in catalog.EXTENDED.lines()))
    return DONE
