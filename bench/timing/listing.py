"""`bench.speed --list`; loads no torch."""

from __future__ import annotations

from bench.cli import DONE
from bench.registry import catalog
from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS
from bench.text import show


def list_names() -> int:
    """Print what can be timed."""
    show("gatys                  the optimisation that the paper's networks replace: L-BFGS, VGG-16")
    for stylizer in STYLIZERS.values():
        show(f"{stylizer.name:<22} {stylizer.about}")
    for upscaler in UPSCALERS.values():
        show(f"{upscaler.name:<22} {upscaler.about}")
    for name, about in catalog.EXTENDED.lines():
        show(f"{name:<22} {about}")
    return DONE
