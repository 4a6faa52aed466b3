"""Everything that can be named on the command line of `bench.sr_quality`, and what each still needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.data import cache, datasets
from bench.data.shipped import is_shipped
from bench.metrics import EXTENDED, METRICS
from bench.protocols import PROTOCOLS, protocol
from bench.registry import catalog
from bench.registry.upscalers import UPSCALERS


def lines() -> Iterator[str]:
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
