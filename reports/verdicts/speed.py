"""Verdicts on the cells of Table 1: a time is judged on the paper's own hardware alone, a speed-up on any machine."""

from __future__ import annotations

from collections.abc import Sequence

from bench.statistics import ratio_interval
from reports.load.paper import Entry, GridTarget
from reports.load.speeds import REFERENCE_RUN, Machine, Timed
from reports.parts import Judgement, Verdict

PAPER_MACHINE = "GTX Titan X (2016)"
COMMAND = "python -m bench.speed --sizes 256 512 1024"
PAPER_GPU = "gtx titan x"  # in a machine's name, case folded
SPEED_UP = "speed-up-"
OURS = "ours"


def judge_speed(entry: Entry, target: GridTarget, found: Sequence[Machine]) -> Verdict:
    """By the first machine that has anything of Table 1, so that no ratio is one of two machines."""
    machine = next((m for m in found if m.table_1_cells), None)
    if machine is None:
        return Verdict(cell=entry.cell, judgement="not run", command=COMMAND)
    if target.column.startswith(SPEED_UP):
        return _ratio(entry, target, machine)
    return _seconds(entry, target, machine)


def _seconds(entry: Entry, target: GridTarget, machine: Machine) -> Verdict:
    timed = _timed(target.column, target.size, machine)
    if timed is None or timed.row.seconds is None:
        return _not_run(entry, target, machine)
    ours = timed.row.seconds
    same = PAPER_GPU in machine.name.casefold()
    return Verdict(
        cell=entry.cell,
        judgement=_judgement(entry, ours, better=ours < entry.cell.value) if same else "not comparable",
        ours=ours,
        difference=ours / entry.cell.value if same else None,
        interval=timed.row.ci,
        why=_why(machine, timed) if same else f"not comparable: other hardware; {_why(machine, timed)}",
        certificate=timed.certificate,
    )


def _ratio(entry: Entry, target: GridTarget, machine: Machine) -> Verdict:
    count = int(target.column.removeprefix(SPEED_UP))
    slow, fast = machine.gatys(target.size, count), machine.network(target.size)
    if slow is None or fast is None or not slow.row.seconds or not fast.row.seconds:
        return _not_run(entry, target, machine)
    ours = slow.row.seconds / fast.row.seconds
    return Verdict(
        cell=entry.cell,
        judgement=_judgement(entry, ours, better=ours > entry.cell.value),
        ours=ours,
        difference=ours - entry.cell.value,
        interval=_ratio_interval(slow, fast, count),
        why=_why(machine, slow),
        certificate=slow.certificate,
    )


def _timed(column: str, size: int, machine: Machine) -> Timed | None:
    if column == OURS:
        return machine.network(size)
    return machine.gatys(size, int(column.rpartition("-")[2]))


def _ratio_interval(slow: Timed, fast: Timed, count: int) -> tuple[float, float] | None:
    """None where raw repetitions are not at hand, or a whole run was timed once."""
    # Raw seconds are of one iteration where a run was scaled; of a whole run there is one value, and no spread.
    if not slow.seconds or not fast.seconds or slow.row.extrapolated_from is None:
        return None
    ends = ratio_interval(fast.seconds, slow.seconds)
    return None if ends is None else (count * ends[0], count * ends[1])  # from one iteration to the whole run


def _judgement(entry: Entry, ours: float, *, better: bool) -> Judgement:
    if entry.cell.is_within_a_unit(ours):
        return "reproduced"
    return "better" if better else "off by"


def _why(machine: Machine, timed: Timed) -> str:
    origin = f" ({REFERENCE_RUN}, {machine.origin})" if machine.origin else ""
    sampled = timed.row.extrapolated_from
    few = f"; the median of {sampled} iterations, multiplied" if sampled is not None else ""
    return f"{machine.name}{origin}, against {PAPER_MACHINE}{few}"


def _not_run(entry: Entry, target: GridTarget, machine: Machine) -> Verdict:
    return Verdict(
        cell=entry.cell,
        judgement="not run",
        why=f"{machine.name} has no such time at {target.size}x{target.size}",
        command=COMMAND,
    )
