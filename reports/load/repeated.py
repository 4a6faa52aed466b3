"""Two timing runs of a group's models on one kind of machine, where the results hold them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records import EAGER
from bench.timing.repeat import Measured, Repeat, repeat
from reports.load.results import Group
from reports.load.speeds import Machine, Timed
from reports.load.timings import CommonTimings, input_size, provenance


def repeated(found: Sequence[Machine], shared: CommonTimings, group: Group) -> Repeat | None:
    """The first and the last timing of each model against each other; None where no two models were timed twice.

    Machines count as one kind where their processors with their instructions, cores and version of torch are the same: a
    run on another day may have another commit of the suite, or another kernel.
    """
    runs: dict[str, list[Timed]] = {}
    for machine in found:
        if machine.name != shared.machine or machine.origin:
            continue
        for one in machine.timed:
            row = one.row
            alone = provenance(row).get("protocol", {}).get("batch") == 1
            fits = row.size == shared.size and row.size // group.scale == input_size(row)
            if (
                row.method in group.models
                and row.variant == EAGER
                and row.ci
                and row.seconds
                and fits
                and alone
            ):
                runs.setdefault(row.method, []).append(one)
    twice = {
        model: sorted(timed, key=lambda one: one.age)
        for model, timed in runs.items()
        if len({one.age for one in timed}) > 1
    }
    return repeat(*({model: _measured(timed[at]) for model, timed in twice.items()} for at in (0, -1)))


def _measured(one: Timed) -> Measured:
    low, high = one.row.ci or (0.0, 0.0)
    return Measured(one.row.seconds or 0.0, low, high)
