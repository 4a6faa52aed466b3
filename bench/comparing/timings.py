"""Timings of A and B: raw repetitions, of machines that are alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.comparing.config import Config
from bench.comparing.facts import Fields, describe, differing
from bench.comparing.records import SECONDS, ComparedResults, Effect, Skipped, TimeKey
from bench.comparing.sides import Side
from bench.records import content_hash
from bench.statistics import Interval, quantile, rank_sum, ratio_interval
from bench.storage.reader import StoredTiming

# What one compares may well be two states of this suite; anything else that differs is another experiment.
MAY_DIFFER = "suite"


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A timing and the facts of the machine that it was made on."""

    timing: StoredTiming
    facts: Mapping[str, Any]

    @property
    def machine(self) -> str:
        """Hash of all facts but the suite's version."""
        return content_hash({name: value for name, value in self.facts.items() if name != MAY_DIFFER})

    @property
    def device(self) -> str:
        return str(self.facts.get("device", ""))


Grouped = Mapping[TimeKey, Sequence[Timed]]
Pair = tuple[TimeKey, Timed, Timed]


def compare_timings(a: Side, b: Side, config: Config) -> ComparedResults:
    """Everything that both sides timed under the same speed protocol; of one content and machine, the newest.

    What both timed, but on different machines, is `refused` unless `config.allow_different_machines`.
    """
    if not config.with_timings:
        return ComparedResults()
    left, right = by_key(a), by_key(b)
    pairs = [pair for key in left if key in right for pair in matched(key, left[key], right[key])]
    alike = [pair for pair in pairs if config.allow_different_machines or pair[1].machine == pair[2].machine]
    refused = [
        pair for pair in pairs if not (config.allow_different_machines or pair[1].machine == pair[2].machine)
    ]
    return ComparedResults(
        effects=tuple(_effect(*pair, config) for pair in alike),
        left_out=tuple(unpaired(left, right)),
        refused=tuple(_refusal(*pair) for pair in refused),
        notes=(*several_versions(a, left), *several_versions(b, right), *_machines(alike)),
    )


def by_key(side: Side) -> Grouped:
    """The side's timings by what is matched, oldest first."""
    found: dict[TimeKey, list[Timed]] = {}
    for timing in sorted(side.timings, key=lambda timing: timing.run):
        result = timing.result
        key = TimeKey(
            subject="" if side.reading.model is not None else result.subject,
            variant=result.variant,
            size=result.size,
            protocol_hash=result.protocol_hash,
        )
        facts = side.contents.environments[result.environment_hash].facts
        found.setdefault(key, []).append(Timed(timing=timing, facts=facts))
    return found


def matched(key: TimeKey, left: Sequence[Timed], right: Sequence[Timed]) -> Iterator[Pair]:
    """The newest pair of each machine that both were timed on; where there is none, the newest of each."""
    # The sides are sorted oldest first, so of one machine the newest stays.
    mine, others = ({timed.machine: timed for timed in side} for side in (left, right))
    for machine, timed in mine.items():
        if machine in others:
            yield replace(key, device=timed.device), timed, others[machine]
    # A pair of different machines all the same: it is refused with the facts that differ, not passed over.
    if not mine.keys() & others.keys():
        yield key, left[-1], right[-1]


def _effect(key: TimeKey, left: Timed, right: Timed, config: Config) -> Effect:
    a, b = left.timing.result.seconds, right.timing.result.seconds
    medians = quantile(a, 0.5), quantile(b, 0.5)
    return Effect(
        key=key,
        metric=SECONDS,
        a=medians[0],
        b=medians[1],
        difference=medians[1] / medians[0] - 1,
        interval=_less_one(ratio_interval(a, b, confidence=config.confidence)),
        test=rank_sum(a, b),
        n=(len(a), len(b)),
        tolerance=config.tolerance_of(SECONDS.name),
        unchanged=a == b,  # one measurement, stored twice
    )


def _less_one(ratio: Interval | None) -> Interval | None:
    return ratio and (ratio[0] - 1, ratio[1] - 1)


def unpaired(left: Grouped, right: Grouped) -> Iterator[Skipped]:
    """What one side lacks; where it has the same under another speed protocol, the fields that differ."""
    mine, others = _definitions(left), _definitions(right)
    common = {_cell(key) for key in left if key in right}
    clashing = (mine.keys() & others.keys()) - common
    for cell, definitions in mine.items():
        if cell in clashing:
            fields = differing(definitions, others[cell])
            reason = f"different protocols: {describe(fields)}"
            yield Skipped(what=cell.text, reason=reason, fields=fields)
    for name, here, there in (("A", left, right), ("B", right, left)):
        for key in here:
            if key not in there and _cell(key) not in clashing:
                yield Skipped(what=key.text, reason=f"only {name} has it")


def _cell(key: TimeKey) -> TimeKey:
    """What is matched, but for the protocol."""
    return replace(key, protocol_hash="")


def _definitions(found: Grouped) -> dict[TimeKey, list[Mapping[str, Any]]]:
    cells: dict[TimeKey, list[Mapping[str, Any]]] = {}
    for key, timings in found.items():
        definition = timings[-1].timing.result.certificate.get("protocol", {})
        # With the hash: two protocols may differ in a field that neither provenance record shows.
        cells.setdefault(_cell(key), []).append({**definition, "hash": key.protocol_hash[:8]})
    return cells


def _differing(left: Timed, right: Timed) -> Fields:
    return differing([left.facts], [right.facts])


def _refusal(key: TimeKey, left: Timed, right: Timed) -> Skipped:
    fields = {
        name: values
        for name, values in _differing(left, right).items()
        if name.partition(".")[0] != MAY_DIFFER
    }
    return Skipped(what=key.text, reason=f"different machines: {describe(fields)}", fields=fields)


def _machines(pairs: Sequence[Pair]) -> Iterator[str]:
    """A note for each way in which the machine or suite of two timings differ."""
    described = [describe(_differing(left, right)) for _, left, right in pairs]
    for text in dict.fromkeys(described):
        if text:
            yield f"{described.count(text)} of {len(pairs)} timings were made on different machines or versions: {text}"


def several_versions(side: Side, found: Grouped) -> Iterator[str]:
    """A note for each subject of which one measurement is there in several versions."""
    for key, timings in found.items():
        count = len({timed.timing.result.subject_hash for timed in timings})
        if count > 1:
            result = timings[-1].timing.result
            yield (
                f"{side.name} holds {count} versions of the code or weights of {result.subject}, timed as {key.label}; "
                "on each machine the newest is compared"
            )
