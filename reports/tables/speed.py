"""Times as tables: what each variant of a network brings, and everything that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.records import EAGER
from reports.formatting import mebibytes, seconds
from reports.load.results import anchor
from reports.load.speeds import REFERENCE_RUN, Machine, Timed
from reports.parts import Cell, Head, Table


def sweep_tables(machines: Sequence[Machine]) -> Iterator[Table]:
    """A table for each network, size and machine with more than one variant, the fastest variant last."""
    for number, machine in enumerate(machines, 1):
        groups: dict[tuple[str, int], list[Timed]] = {}
        for timed in machine.timed:
            if timed.row.iterations is None and timed.row.seconds is not None:
                groups.setdefault((timed.row.method, timed.row.size), []).append(timed)
        for (method, size), variants in groups.items():
            # The last one of a key stays.
            newest = {timed.row.variant: timed for timed in sorted(variants, key=lambda t: t.age)}
            if len(newest) > 1:
                yield _sweep(machine, number, method, size, newest)


def _sweep(machine: Machine, number: int, method: str, size: int, variants: Mapping[str, Timed]) -> Table:
    ordered = sorted(variants.values(), key=lambda t: -(t.row.seconds or 0.0))
    eager = variants[EAGER].row.seconds if EAGER in variants else None
    # `ordered` is slowest first, so the last admissible one is the fastest.
    right = [timed for timed in ordered if timed.row.variant_facts.get("admissible")]
    return Table(
        id=f"ladder-{anchor(method)}-{size}-{number}",
        title=f"Variants of {method} at {size}x{size}",
        caption=f"{_where(machine)}. Errors are against plain eager float32; the best is the fastest within its tolerance.",
        heads=(
            Head(text="variant", numeric=False),
            Head(text="seconds", better="lower"),
            Head(text="95 %"),
            Head(text="speed-up", better="higher"),
            Head(text="MiB", better="lower"),
            Head(text="largest error", better="lower"),
            Head(text="PSNR, dB", better="higher"),
            Head(text="within tolerance", numeric=False),
            Head(text="build, s", better="lower"),
        ),
        rows=tuple(_variant_row(timed, eager, best=right[-1:] == [timed]) for timed in ordered),
    )


def _variant_row(timed: Timed, eager: float | None, *, best: bool) -> tuple[Cell, ...]:
    row, facts = timed.row, timed.row.variant_facts
    value = row.seconds or 0.0
    ratio = eager / value if eager and value else None
    return (
        Cell(text=row.variant),
        Cell(text=seconds(value), sort=value, mark="best" if best else "", certificate=timed.certificate),
        _half_width(timed),
        Cell(text="" if ratio is None else f"{ratio:.2f}", sort=ratio),
        Cell(text=mebibytes(row.peak_memory_bytes), sort=row.peak_memory_bytes),
        _number(facts.get("max_abs_error"), ".0e"),
        _number(facts.get("psnr"), ".1f"),
        Cell(text={True: "yes", False: "no"}.get(facts.get("admissible", ""), "")),
        _number(facts.get("build_seconds"), ".1f"),
    )


def _number(value: object, pattern: str) -> Cell:
    """Of a provenance record: a number, the text that stands for infinity, or nothing."""
    if isinstance(value, int | float):
        return Cell(text=format(float(value), pattern), sort=float(value))
    return Cell(text="" if value is None else str(value))


def _half_width(timed: Timed) -> Cell:
    row = timed.row
    if row.ci is None or not row.seconds:
        return Cell(text="")
    share = (row.ci[1] - row.ci[0]) / 2 / row.seconds
    return Cell(text=f"±{share:.1%}", sort=share, note=f"{seconds(row.ci[0])} to {seconds(row.ci[1])} s")


def measurement_tables(machines: Sequence[Machine]) -> Iterator[Table]:
    """All times of a machine, variants of a sweep excepted."""
    for number, machine in enumerate(machines, 1):
        plain = [t for t in machine.timed if t.row.variant == EAGER and t.row.seconds is not None]
        if plain:
            yield _measurements(machine, number, plain)


def _measurements(machine: Machine, number: int, timed: Sequence[Timed]) -> Table:
    warnings = dict.fromkeys(
        f"{t.row.method} at {t.row.size}: {'; '.join(t.row.warnings)}" for t in timed if t.row.warnings
    )
    return Table(
        id=f"measurements-{number}",
        title=f"Measurements: {machine.name}",
        caption=f"{_where(machine)}. Plain float32; memory is the peak of one call.",
        heads=(
            Head(text="method", numeric=False),
            Head(text="size"),
            Head(text="iterations"),
            Head(text="seconds", better="lower"),
            Head(text="95 %"),
            Head(text="n"),
            Head(text="megapixels/s", better="higher"),
            Head(text="of peak FLOP/s"),
            Head(text="MiB", better="lower"),
        ),
        rows=tuple(_measurement(t) for t in timed),
        notes=tuple(warnings),
    )


def _measurement(timed: Timed) -> tuple[Cell, ...]:
    row = timed.row
    speed, share = row.megapixels_per_second, row.share_of_peak
    return (
        Cell(text=row.method, note=row.weights),
        Cell(text=str(row.size), sort=row.size),
        Cell(text=str(row.iterations or ""), sort=row.iterations),
        Cell(text=seconds(row.seconds or 0.0), sort=row.seconds, certificate=timed.certificate),
        _half_width(timed),
        Cell(text=str(row.n), sort=row.n),
        Cell(text="" if speed is None else f"{speed:.3g}", sort=speed),
        Cell(text="" if share is None else f"{share:.0%}", sort=share),
        Cell(text=mebibytes(row.peak_memory_bytes), sort=row.peak_memory_bytes),
    )


def _where(machine: Machine) -> str:
    return f"{machine.name} ({REFERENCE_RUN}, {machine.origin})" if machine.origin else machine.name
