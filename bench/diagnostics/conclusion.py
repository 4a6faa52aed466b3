"""What can run on this machine, and the commands that get what is missing: the doctor's findings in a few lines."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.data.datasets import NAMED
from bench.data.shipped import is_shipped
from bench.data.styles import LOSS_WEIGHTS
from bench.diagnostics.inventory import GroupReport
from bench.errors import run_fetch, run_install
from bench.metrics import METRICS
from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS

FETCH_ALL = 4
"""From so many missing groups on all are fetched by one command that names none, where all are missing."""
NAMED_AT_MOST = 8
Kind = Literal["data sets", "metrics", "models", "loss networks"]


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Optional packages of this one: the module that says whether they are installed, and what they are for."""

    name: str
    module: str
    use: str


EXTRAS = (
    Extra(name="onnx", module="onnxruntime", use="ONNX files, the authors' style networks"),
    Extra(name="spandrel", module="spandrel", use="checkpoints of other networks"),
    Extra(name="metrics", module="piq", use="metrics gmsd and haarpsi"),
    Extra(name="train", module="lightning_fabric", use="bench.train"),
    Extra(name="cluster", module="ray", use="--engine ray"),
    Extra(name="export", module="pyarrow", use="Parquet files"),
)


@dataclass(frozen=True, kw_only=True)
class Capability:
    """Something that has a name on a command line, and the files that it needs."""

    kind: Kind
    name: str
    files: tuple[str, ...]


def conclusion(groups: Sequence[GroupReport], extras: Iterable[Extra] = EXTRAS) -> Iterator[str]:
    """Lines of text: what is ready, then what needs which command; each command ends its line.

    Args:
        groups: every group of files, with their states.
        extras: those that may be missing.
    """
    present = {file.name for group in groups for file in group.having("present")}
    everything = list(capabilities(groups))
    ready = [each for each in everything if present.issuperset(each.files)]
    yield f"ready: {_listed(ready, everything) or 'nothing that needs a file'}"
    missing = [each for each in everything if each not in ready]
    for state in ("damaged", "missing"):
        affected = [group for group in groups if group.having(state)]
        if affected:
            names = {file.name for group in affected for file in group.having(state)}
            of = [each for each in missing if names.intersection(each.files)]
            what = _listed(of, everything) or ", ".join(group.enables for group in affected[:NAMED_AT_MOST])
            yield f"{state} files: {what}. {_fetch(affected, groups)}"
    absent = [extra for extra in extras if importlib.util.find_spec(extra.module) is None]
    if absent:
        uses = ", ".join(f"{extra.use} ({extra.name})" for extra in absent)
        yield f"not installed: {uses}. {run_install(*(extra.name for extra in absent))}"


def capabilities(groups: Sequence[GroupReport]) -> Iterator[Capability]:
    """Everything that a command line can name and the manifest's files decide about."""
    by_name = {group.name: group for group in groups}
    for name in NAMED:
        if name in by_name:
            yield Capability(kind="data sets", name=name, files=tuple(f.name for f in by_name[name].files))
    for metric in METRICS.values():
        yield Capability(kind="metrics", name=metric.name, files=metric.needs)
    for model in UPSCALERS.values():
        yield _model(model.name, model.weights.values())
    for stylizer in STYLIZERS.values():
        yield _model(stylizer.name, filter(None, [stylizer.weights]))
    for name, file in LOSS_WEIGHTS.items():
        yield Capability(kind="loss networks", name=name, files=(file,))


def _model(name: str, weights: Iterable[str]) -> Capability:
    files = tuple(file for file in weights if file and not is_shipped(file))
    return Capability(kind="models", name=name, files=files)


def _listed(some: Sequence[Capability], everything: Sequence[Capability]) -> str:
    """`data sets set5, set14; all 14 metrics; 12 of 20 models`: names where they are few, else their number."""
    parts = []
    for kind in dict.fromkeys(each.kind for each in everything):
        names = [each.name for each in some if each.kind == kind]
        of = sum(each.kind == kind for each in everything)
        if names and len(names) > NAMED_AT_MOST:
            parts.append(f"all {of} {kind}" if len(names) == of else f"{len(names)} of {of} {kind}")
        elif names:
            parts.append(f"{kind} {', '.join(names)}")
    return "; ".join(parts)


def _fetch(affected: Sequence[GroupReport], groups: Sequence[GroupReport]) -> str:
    fetched = [group.name for group in affected if group.name != "samples"]
    if (
        len(fetched) >= FETCH_ALL and len(fetched) == len(groups) - 1
    ):  # all but the samples, which are installed
        return run_fetch()
    return run_fetch(*fetched)
