"""Ratios of this run against the committed ones: pure functions, which need no clock."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.records import BF16_UNITS

FILE = Path(__file__).with_name("baseline.json")
LARGEST_LOSS = 0.15
BUSY = 0.25
Verdict = Literal["ok", "faster", "lost", "below the bar", "failed", "skipped", "vanished", "no baseline"]
FAILING: frozenset[Verdict] = frozenset({"lost", "below the bar", "failed", "vanished"})
COLUMNS = ("benchmark", "times as fast as", "bar", "baseline", "now", "change", "verdict")


@dataclass(frozen=True, kw_only=True)
class MeasuredImage:
    """What one benchmark gave in this run.

    Attributes:
        ratio: times as fast as `reference`, higher is better; None where it was not measured.
        required: on every machine; None for no such bar.
        reason: why it was skipped or failed.
        seconds: of the fastest round of what was benchmarked.
    """

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    reference: str = ""
    ratio: float | None = None
    required: float | None = None
    reason: str = ""
    seconds: float | None = None

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return self.name.partition("::")[0]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one benchmark gave when the baseline of a machine was made.

    Attributes:
        runs: that `ratio` is the median of.
        busy: share of the machine that others used just before, 0 to 1.
        machine: one line; `versions` by package.
    """

    ratio: float
    reference: str
    date: str
    runs: int
    busy: float
    machine: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table. `change` is this ratio over the baseline's, less one."""

    name: str
    reference: str
    required: float | None
    baseline: float | None
    ratio: float | None
    verdict: Verdict
    reason: str = ""

    @property
    def change(self) -> float | None:
        if self.ratio is None or self.baseline is None:
            return None
        return self.ratio / self.baseline - 1

    @property
    def fails(self) -> bool:
        return self.verdict in FAILING


def machine_key(facts: Mapping[str, Any]) -> str:
    """The kind of machine that ratios are compared within: processor, instruction sets, units for bfloat16, cores, GPU.

    Two makers' processors with the same instructions give other ratios: the best variant of the paper's network is 3.4
    times as fast as plain float32 on an EPYC, 1.7 on a Xeon.
    """
    cpu, gpu = facts["cpu"], facts["gpu"]
    units = [unit for unit in BF16_UNITS if unit in cpu["capabilities"]]
    kind = "+".join([cpu["kernels"], *units])
    return f"{cpu['model']}, {kind}, {cpu['cores_allowed']} cores, {gpu['name'] if gpu else 'no GPU'}"


def compare(
    measured: Iterable[MeasuredImage], baseline: Mapping[str, Entry], files: Iterable[str] | None = None
) -> list[Line]:
    """A line for each benchmark that has a ratio or should have one, in the order of the run.

    Args:
        baseline: of this kind of machine; empty where there is none.
        files: that were run; None for all. A benchmark that the baseline has of others is not missed.
    """
    found = {each.name: each for each in measured}
    chosen = None if files is None else set(files)
    gone = [
        name
        for name in baseline
        if name not in found and (chosen is None or name.partition("::")[0] in chosen)
    ]
    lines = [_line(each, baseline.get(each.name)) for each in found.values() if _counts(each, baseline)]
    return lines + [_vanished(name, baseline[name]) for name in gone]


def _counts(each: MeasuredImage, baseline: Mapping[str, Entry]) -> bool:
    """Not one that times something for its own sake, as the groups of imresize do."""
    return each.ratio is not None or each.outcome != "passed" or each.name in baseline


def _line(each: MeasuredImage, entry: Entry | None) -> Line:
    verdict, reason = _verdict(each, entry)
    return Line(
        name=each.name,
        reference=each.reference or (entry.reference if entry else ""),
        required=each.required,
        baseline=entry.ratio if entry else None,
        ratio=each.ratio,
        verdict=verdict,
        reason=reason,
    )


def _verdict(each: MeasuredImage, entry: Entry | None) -> tuple[Verdict, str]:
    if each.outcome == "skipped":
        return "skipped", each.reason
    if each.ratio is None:
        return (
            "failed" if each.outcome == "failed" else "vanished",
            each.reason or "it measures no ratio any more",
        )
    if each.required is not None and each.ratio < each.required:
        return "below the bar", f"must be {each.required:g} on every machine"
    if each.outcome == "failed":
        return "failed", each.reason
    if entry is not None and entry.reference != each.reference:
        return "vanished", f"the baseline is against {entry.reference}; --update-baseline"
    return _against(each.ratio, entry)


def _against(ratio: float, entry: Entry | None) -> tuple[Verdict, str]:
    if entry is None:
        return "no baseline", "add it with --update-baseline"
    if ratio < entry.ratio * (1 - LARGEST_LOSS):
        return "lost", f"more than {LARGEST_LOSS:.0%} below {entry.machine}, {entry.date}"
    return ("faster" if ratio > entry.ratio * (1 + LARGEST_LOSS) else "ok"), ""


def _vanished(name: str, entry: Entry) -> Line:
    return Line(
        name=name,
        reference=entry.reference,
        required=None,
        baseline=entry.ratio,
        ratio=None,
        verdict="vanished",
        reason="it is in the baseline and was not run; if it was taken out on purpose, --update-baseline",
    )


def to_repeat(lines: Iterable[Line]) -> list[str]:
    """Benchmarks whose failure may be the machine's: they are measured again before it is declared."""
    return [line.name for line in lines if line.verdict in {"lost", "below the bar", "failed"}]


def best(runs: Iterable[Iterable[MeasuredImage]]) -> list[MeasuredImage]:
    """Of repeated runs the highest ratio of each benchmark: what else ran on the machine only ever lowers it."""
    kept: dict[str, MeasuredImage] = {}
    for run in runs:
        for each in run:
            if each.name not in kept or _rank(each) > _rank(kept[each.name]):
                kept[each.name] = each
    return list(kept.values())


def _rank(each: MeasuredImage) -> tuple[bool, float]:
    return each.outcome == "passed", each.ratio or 0.0


def entries(
    runs: Sequence[Iterable[MeasuredImage]],
    *,
    date: str,
    busy: float,
    machine: str,
    versions: Mapping[str, str],
) -> dict[str, Entry]:
    """What is committed: of each benchmark that passed every time it was run, the median of its ratios."""
    ratios: dict[str, list[float]] = {}
    references: dict[str, str] = {}
    failed = {each.name for run in runs for each in run if each.outcome != "passed"}
    for each in (each for run in runs for each in run):
        if each.ratio is not None and each.name not in failed:
            ratios.setdefault(each.name, []).append(each.ratio)
            references[each.name] = each.reference
    return {
        name: Entry(
            ratio=round(statistics.median(values), 3),
            reference=references[name],
            date=date,
            runs=len(values),
            busy=round(busy, 2),
            machine=machine,
            versions=dict(versions),
        )
        for name, values in ratios.items()
    }


def updated(
    machines: Mapping[str, Mapping[str, Entry]], key: str, new: Mapping[str, Entry], files: Iterable[str]
) -> dict[str, dict[str, Entry]]:
    """Every machine's entries, those of `key` for these files replaced by the new ones."""
    done = set(files)
    kept = {name: e for name, e in machines.get(key, {}).items() if name.partition("::")[0] not in done}
    return {**{k: dict(v) for k, v in machines.items()}, key: dict(sorted({**kept, **new}.items()))}


def read(file: Path = FILE) -> dict[str, dict[str, Entry]]:
    """Kind of machine to benchmark to entry; empty where there is no file yet."""
    if not file.exists():
        return {}
    machines = json.loads(file.read_text(encoding="utf-8"))
    return {key: {name: Entry(**e) for name, e in found.items()} for key, found in machines.items()}


def write(machines: Mapping[str, Mapping[str, Entry]], file: Path = FILE) -> None:
    """As JSON with one benchmark after the other, so that a change shows what changed."""
    content = {key: {name: asdict(e) for name, e in found.items()} for key, found in sorted(machines.items())}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def rows(lines: Iterable[Line]) -> list[tuple[str, ...]]:
    """The cells of the table, as text."""
    return [
        (
            line.name.partition("::")[2].removeprefix("test_"),
            line.reference,
            "" if line.required is None else f"{line.required:g}",
            _times(line.baseline),
            _times(line.ratio),
            "" if line.change is None else f"{line.change:+.0%}",
            f"{line.verdict}: {line.reason}" if line.reason else line.verdict,
        )
        for line in lines
    ]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0f}"


def remarks(key: str, known: Mapping[str, Mapping[str, Entry]]) -> list[str]:
    """What must be known to read the table: whether this kind of machine has a baseline, and how quiet it was then."""
    if key not in known:
        have = "; ".join(known) or "none"
        return [
            f"no baseline for this kind of machine ({key}); there are: {have}.",
            "The bars that hold on every machine were checked. To add a baseline, on a quiet machine: "
            "nox -s benchmarks -- --update-baseline, and commit tests/benchmarks/baseline.json",
        ]
    loaded = [name for name, entry in known[key].items() if entry.busy > BUSY]
    return [
        f"baseline: {key}",
        *(f"the baseline of {name} was taken while others used the machine" for name in loaded),
    ]
