"""The paper's Table 1 on this machine beside the paper's own numbers, and every measurement below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bench.data import published
from bench.records import EAGER
from bench.tables import Table, columns
from bench.timing import GATYS
from bench.timing.rows import Row

SCALED = "*"

Line = tuple[str, ...]


def tables(rows: Sequence[Row]) -> list[Table]:
    """Table 1 where both sides were measured, everything that belongs to no sweep, and each sweep."""
    plain, steps = [row for row in rows if not row.rung], [row for row in rows if row.rung]
    found = [table_1(rows), measurements(plain) if plain else None, cards(rows), *sweeps(steps)]
    return [table for table in found if table is not None]


def table_1(rows: Sequence[Row]) -> Table | None:
    """Table 1: plain float32 on both sides; None unless both the optimisation and a style network were measured."""
    # Table 1 has one network: the first style network of the rows.
    network = next((r.method for r in rows if r.method.startswith("style-")), None)
    counts = sorted({r.iterations for r in rows if r.iterations is not None})
    if network is None or not counts:
        return None
    heads = ("size", "", *(f"Gatys\n{c}" for c in counts), "network", *(f"speed-up\n{c}" for c in counts))
    papers = published.table_1()
    lines: list[Line] = []
    muted = []
    for size in dict.fromkeys(r.size for r in rows):
        plain = [r for r in rows if r.size == size and r.variant == "eager"]
        by_count = {r.iterations: r for r in plain if r.method == GATYS}
        own = next((r for r in plain if r.method == network), None)
        lines.append((str(size), "here", *_here(by_count, own, counts)))
        if size in papers:
            muted.append(len(lines))
            lines.append(("", "paper", *_paper(papers[size], counts)))
    return Table(
        title=f"Table 1: seconds for one image, speed-ups of {network} (paper: GTX Titan X)",
        columns=columns(heads, left={1}),
        rows=tuple(lines),
        muted=tuple(muted),
        wrap_title=True,
    )


def _here(by_count: dict[int | None, Row], network: Row | None, counts: Sequence[int]) -> Line:
    times = [cell(by_count.get(count)) for count in counts]
    ratios = [speed_up(by_count.get(count), network) for count in counts]
    return (*times, cell(network), *ratios)


def _paper(printed: Mapping[str, str], counts: Sequence[int]) -> Line:
    times = [printed.get(f"gatys-{count}", "") for count in counts]
    return (*times, printed["ours"], *(printed.get(f"speed-up-{count}", "") for count in counts))


def cell(row: Row | None, *, per_iteration: bool = False) -> str:
    """Seconds with three significant digits, marked where they were scaled."""
    if row is None:
        return ""
    if row.seconds is None:
        return "no memory" if row.error.startswith("out of memory") else "failed"
    if per_iteration:
        return significant(row.seconds / (row.iterations or 1))
    return significant(row.seconds) + (SCALED if row.extrapolated_from is not None else "")


def speed_up(slow: Row | None, fast: Row | None) -> str:
    """Ratio of the two, marked where one was scaled."""
    if slow is None or fast is None or slow.seconds is None or fast.seconds is None:
        return ""
    return f"{slow.seconds / fast.seconds:.0f}" + (SCALED if slow.extrapolated_from is not None else "")


def significant(value: float) -> str:
    """Three significant digits at least, never in powers of ten."""
    # The exponent after rounding, which makes 100 of 99.97; infinity has none.
    _, _, exponent = f"{value:.2e}".partition("e")
    return f"{value:.{max(0, 2 - int(exponent or 0))}f}"


HEADS = ("model", "size", "seconds", "95 %", "n", "MPx/s", "% peak", "MiB", "protocol")


def measurements(rows: Sequence[Row]) -> Table:
    """Every measurement but a ladder's: time, half its interval, repetitions, throughput, memory."""
    # Rows of one optimisation at several numbers of iterations are one measurement.
    measured = list({(r.method, r.size, r.variant): r for r in rows}.values())
    return Table(
        title="Measurements",
        columns=columns(HEADS),
        keys=2,
        rows=tuple(_measurement(row) for row in measured),
        muted=_failed(measured),
    )


def _measurement(row: Row) -> Line:
    variant = "" if row.variant == "eager" else f", {row.variant}"
    speed = row.megapixels_per_second
    return (
        row.method + variant if row.iterations is None else f"{row.method}{variant}, iteration",
        str(row.size),
        cell(row, per_iteration=True),
        interval(row),
        str(row.n or ""),
        "" if speed is None else significant(speed),
        share(row),
        memory(row),
        row.protocol_hash[:8],
    )


CARD_HEADS = (
    "network",
    "in",
    "parameters",
    "multiply-adds",
    "FLOPs",
    "activations",
    "convolutions",
    "receptive field",
    "seconds",
    "95 %",
    "MPx/s",
    "% peak",
    "MiB",
)


SHORT = {
    "parameters": "params",
    "multiply-adds": "MACs",
    "activations": "acts",
    "convolutions": "convs",
    "receptive field": "field",
}
"""Heads for narrow terminals."""


def cards(rows: Sequence[Row]) -> Table | None:
    """What each network is made of, beside its time; None where no card was asked for."""
    # Reversed twice: of several rows the first counts, and the order stays.
    measured = {(r.method, r.size): r for r in reversed(rows) if r.card}
    lines = [_card(row) for row in reversed(measured.values())]
    if not lines:
        return None
    return Table(
        title="Cards: what one call computes",
        columns=tuple(replace(c, short=SHORT.get(c.head, "")) for c in columns(CARD_HEADS)),
        keys=2,
        rows=tuple(lines),
        notes=tuple(
            f"{r.method}: no receptive field: {r.card['receptive_field_reason']}"
            for r in rows
            if r.card and r.card["receptive_field"] is None
        ),
    )


def _card(row: Row) -> Line:
    made, speed = row.card, row.megapixels_per_second
    side = made["receptive_field"]
    return (
        row.method,
        "x".join(map(str, reversed(made["input"]))),
        counted(made["parameters"]),
        counted(made["multiply_adds"]),
        counted(made["flops"]),
        counted(made["activations"]),
        "" if made["convolutions"] is None else str(made["convolutions"]),
        "" if side is None else f"{side}x{side}",
        cell(row),
        interval(row),
        "" if speed is None else significant(speed),
        share(row),
        _tensor_memory(row),
    )


def _tensor_memory(row: Row) -> str:
    """MiB that tensors of one call hold at most; empty for a card that an older version stored."""
    found = row.card.get("peak_tensor_bytes")
    return "" if found is None else f"{found / 2**20:.0f}"


def counted(number: int | None) -> str:
    """A count in K, M or G with three digits after the point, as the challenges print it; small ones whole."""
    if number is None:
        return ""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "K")):
        if number >= unit:
            return f"{number / unit:.3f} {letter}"
    return str(number)


def _failed(rows: Sequence[Row]) -> tuple[int, ...]:
    """Positions of those without a time."""
    return tuple(i for i, row in enumerate(rows) if row.seconds is None)


SWEEP_HEADS = ("variant", "", "seconds", "95 %", "speed-up", "MiB", "error", "PSNR", "build")
# Columns of their own where any step of a sweep has the value: field, head, format.
LOSS_COLUMNS = (("psnr_lost", "dB lost", "z.3f"), ("lpips_lost", "LPIPS lost", "z.4f"))  # z: no -0.000


def sweeps(rows: Sequence[Row]) -> Iterator[Table]:
    """One table per network and size: what each variant brings, costs and changes; `kept` ones carry the next.

    `speed-up` over eager; `error`, the largest of any value, and `PSNR` in dB against it; `build` in seconds; what an
    upscaler's PSNR and any picture's LPIPS lose against plain float32.
    """
    for method, size in dict.fromkeys((r.method, r.size) for r in rows):
        steps = [r for r in rows if (r.method, r.size) == (method, size)]
        losses = [column for column in LOSS_COLUMNS if any(column[0] in row.variant_facts for row in steps)]
        heads = (*SWEEP_HEADS, *(head for _, head, _ in losses))
        yield Table(
            title=f"Optimisation sweep: {method} at {size}x{size}",
            columns=columns(heads, left={0, 1}),
            rows=tuple(
                (
                    *_step(row, _eager_seconds(steps)),
                    *(_lost(row, field, digits) for field, _, digits in losses),
                )
                for row in steps
            ),
            muted=_failed(steps),
            wrap_title=True,
        )


def _eager_seconds(steps: Sequence[Row]) -> float | None:
    """Of plain eager float32 among the steps of a sweep; None where it has no time."""
    return next((row.seconds for row in steps if row.rung == EAGER), None)


def _step(row: Row, eager: float | None) -> Line:
    if row.seconds is None:
        return (row.rung, "not here", *[""] * (len(SWEEP_HEADS) - 2))
    facts = row.variant_facts
    error, psnr = facts["max_abs_error"], facts["psnr"]
    return (
        row.rung,
        "kept" if row.kept else "slower" if facts["admissible"] else "inexact",
        cell(row),
        interval(row),
        f"{eager / row.seconds:.2f}" if eager else "",
        memory(row),
        error if isinstance(error, str) else f"{error:.0e}",
        psnr if isinstance(psnr, str) else f"{psnr:.1f}",
        f"{facts['build_seconds']:.1f}",
    )


def _lost(row: Row, field: str, digits: str) -> str:
    """A loss; a name where it is not finite, empty where there is none."""
    lost = row.variant_facts.get(field, "")
    return lost if isinstance(lost, str) else format(lost, digits)


def interval(row: Row) -> str:
    """Half the width of the 95 % interval as a share of the time."""
    if row.ci is None or row.seconds is None:
        return ""
    return f"±{(row.ci[1] - row.ci[0]) / 2 / row.seconds:.1%}"


def memory(row: Row) -> str:
    """Peak memory of one call in MiB; a CPU's is a lower bound, see its provenance."""
    if row.peak_memory_bytes is None:
        return ""
    mebibytes = row.peak_memory_bytes / 2**20
    return f"{mebibytes:.0f}" if mebibytes >= 1 else "< 1"


def share(row: Row) -> str:
    """Of the machine's measured peak; Winograd's algorithm can exceed it."""
    return "" if row.share_of_peak is None else f"{row.share_of_peak:.0%}"


def notes(rows: Sequence[Row]) -> Iterator[str]:
    """What must be said below the tables, once each."""
    sampled = sorted({(r.size, r.extrapolated_from) for r in rows if r.extrapolated_from is not None})
    if sampled:
        counts = ", ".join(f"{n} at {size}" for size, n in sampled)
        yield f"{SCALED} iterations times the median of a few ({counts}); --full runs them all"
    for method, weights in dict.fromkeys((r.method, r.weights) for r in rows if "random" in r.weights):
        yield f"{method}: {weights}; values do not change the time"
    if any(row.seconds is not None for row in rows):
        yield "% peak: of the measured peak FLOP/s; MiB: growth of peak memory in one call"
    yield from _best(rows)
    for row in rows:
        if row.error:
            yield f"{row.method} at {row.size}, {row.rung or row.variant}: {row.error}"
    yield from dict.fromkeys(
        f"{r.method} at {r.size}: {r.variant_facts['lpips_reason']}"
        for r in rows
        if r.variant_facts.get("lpips_reason")
    )
    for row in rows:
        if data := row.variant_facts.get("calibration"):
            yield f"{row.method} at {row.size}, {row.rung}: calibrated on {', '.join(data)}"
    yield from dict.fromkeys(
        f"{r.method} at {r.size}, {r.variant}: {'; '.join(r.warnings)}" for r in rows if r.warnings
    )


def _best(rows: Sequence[Row]) -> Iterator[str]:
    """The fastest admissible step of each sweep."""
    steps = [r for r in rows if r.rung and r.seconds is not None and r.variant_facts["admissible"]]
    for method, size in dict.fromkeys((r.method, r.size) for r in steps):
        own = [r for r in steps if (r.method, r.size) == (method, size)]
        best = min(own, key=lambda r: r.seconds or 0.0)
        eager = _eager_seconds(own)
        if best.seconds and eager:
            yield f"{method} at {size}: fastest is {best.variant}, {eager / best.seconds:.2f} times plain eager float32"
        elif best.seconds:
            yield f"{method} at {size}: fastest is {best.variant}; plain eager float32 was not measured"
