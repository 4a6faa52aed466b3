"""What `--list` of each program prints: every name that its command line knows. Loads no torch and no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.cli import DONE
from bench.data import cache, datasets
from bench.data.shipped import is_shipped
from bench.data.styles import LOSS_WEIGHTS, names
from bench.metrics import EXTENDED, METRICS
from bench.protocols import PROTOCOLS, protocol
from bench.registry import catalog
from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS
from bench.styling.metrics import METRICS as STYLE_METRICS
from bench.text import show


def list_applied() -> int:
    """Print every model that can be applied."""
    show("stylizers", *(f"  {model.name:<22} {model.about}" for model in STYLIZERS.values()))
    show("", "upscalers", *(f"  {model.name:<22} {model.about}" for model in UPSCALERS.values()))
    show(*(f"  {name:<22} {about}" for name, about in catalog.EXTENDED.lines()))
    return DONE


def list_timed() -> int:
    """Print what can be timed."""
    show("gatys                  the optimisation that the paper's networks replace: L-BFGS, VGG-16")
    for stylizer in STYLIZERS.values():
        show(f"{stylizer.name:<22} {stylizer.about}")
    for upscaler in UPSCALERS.values():
        show(f"{upscaler.name:<22} {upscaler.about}")
    for name, about in catalog.EXTENDED.lines():
        show(f"{name:<22} {about}")
    return DONE


def list_style_quality() -> int:
    """Print styles, networks with the style that each was trained for, metrics, loss networks and data sets."""
    show("styles (or the file of an image)", f"  {', '.join(sorted(names()))}")
    show("", "networks")
    show(*(f"  {m.name:<24} {m.about}" for m in STYLIZERS.values() if m.style))
    show("", "metrics")
    show(*(f"  {metric.name:<24} {metric.about} ({metric.source})" for metric in STYLE_METRICS.values()))
    show("", "loss networks", f"  {', '.join(LOSS_WEIGHTS)}")
    show("", "data sets (or a folder of images)")
    show(*(f"  {name:<24} {about}" for name, about in datasets.NAMED.items()))
    return DONE


def sr_quality_lines() -> Iterator[str]:
    """The listing, line by line; loads no model."""
    yield "models"
    for model in UPSCALERS.values():
        scales = ", ".join(f"x{s}" for s in model.weights) or "any scale"
        yield _line(model.name, f"{model.about}; {scales}", model.weights.values())
    yield from (f"  {name:<22} {about}" for name, about in catalog.EXTENDED.lines())
    yield "\ndata sets (or any folder of images)"
    for name, about in datasets.NAMED.items():
        yield _line(name, about, datasets.files(name))
    yield "\nmetrics"
    for metric in METRICS.values():
        extra = f"; needs the extra {metric.extra}" if metric.missing_extra else ""
        untried = "; never run with its trained weights" if metric.never_run else ""
        yield _line(metric.name, f"{metric.about}{untried}", metric.needs) + extra
    yield from (f"  {name:<22} {about}" for name, about in EXTENDED.lines())
    yield "\nprotocols"
    for name, make in PROTOCOLS.items():
        yield _line(name, f"{(make.__doc__ or '').splitlines()[0]} [x4: {protocol(name, 4).hash[:8]}]", ())
    yield f"\nfiles are looked for in {cache.folder()} and fetched when first needed; see python -m bench.doctor"


def _line(name: str, about: str, needs: Iterable[str]) -> str:
    # by size alone: hashing all files would make a listing wait
    missing = [file for file in needs if not is_shipped(file) and cache.state(file) != "present"]
    return f"  {name:<22} {about}{_needs(missing)}"


def _needs(missing: list[str]) -> str:
    if not missing:
        return ""
    return f"; still needs {missing[0]}" + (f" and {len(missing) - 1} more files" if len(missing) > 1 else "")
