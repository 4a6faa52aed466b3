"""The paper's tables in the paper's form, ours beside theirs: Table 1, and the numbers of Figures 5, 8 and 9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.formatting import fixed, seconds
from reports.load.paper import Entry, GridTarget, entries
from reports.load.speeds import ITERATIONS, REFERENCE_RUN, Machine, Timed
from reports.parts import Cell, Head, Table, Verdict
from reports.tables.quality import SIC
from reports.verdicts.speed import PAPER_MACHINE

SIZES = (256, 512, 1024)
SCALED = "*"
CURVE_UNIT = 1e5
CURVE_DIGITS = 3
PAPER, HERE = "Johnson 2016", "this run"
Pair = dict[str, Verdict]


def table_1(machines: Sequence[Machine]) -> Table:
    """Seconds and speed-ups: the paper's, then every machine that has any of them."""
    found = [machine for machine in machines if machine.table_1_cells]
    printed = {entry.cell.id: entry for entry in entries() if entry.source == "table1"}
    rows: list[tuple[Cell, ...]] = []
    for size in SIZES:
        rows.append((_size(size), Cell(text=PAPER_MACHINE, muted=True), *_printed_line(printed, size)))
        rows += [(_size(size), Cell(text=machine.name), *_machine_line(machine, size)) for machine in found]
    counts = [f"Gatys {count}" for count in ITERATIONS]
    return Table(
        id="table1-seconds",
        title="The paper's Table 1: seconds for one image, and speed-ups",
        caption="Gatys after 100, 300 and 500 iterations, and the network, both in plain float32; then how many times "
        "faster the network is.",
        heads=(
            Head(text="size"),
            Head(text="machine", numeric=False),
            *(Head(text=text, better="lower") for text in (*counts, "network")),
            *(Head(text=f"speed-up {count}", better="higher") for count in ITERATIONS),
        ),
        rows=tuple(rows),
        # A block per size: the paper, then each machine.
        rules=tuple(i for i in range(1 + len(found), len(rows), 1 + len(found))),
        notes=_table_1_notes(found),
    )


def _size(size: int) -> Cell:
    return Cell(text=str(size), sort=size)


def _printed_line(printed: Mapping[str, Entry], size: int) -> list[Cell]:
    columns = [f"gatys-{c}" for c in ITERATIONS] + ["ours"] + [f"speed-up-{c}" for c in ITERATIONS]
    cells = [printed[f"table1.{size}.{column}"].cell for column in columns]
    return [Cell(text=cell.printed, sort=cell.value, muted=True, note=cell.remark) for cell in cells]


def _machine_line(machine: Machine, size: int) -> list[Cell]:
    slow = [machine.gatys(size, count) for count in ITERATIONS]
    fast = machine.network(size)
    return [*(_seconds_cell(timed) for timed in (*slow, fast)), *(_ratio_cell(timed, fast) for timed in slow)]


def _seconds_cell(timed: Timed | None) -> Cell:
    if timed is None or timed.row.seconds is None:
        return Cell(text="")
    row, value = timed.row, timed.row.seconds
    sure = f"95 % interval {seconds(row.ci[0])} to {seconds(row.ci[1])}" if row.ci else "no interval"
    scaled = SCALED if row.extrapolated_from is not None else ""
    return Cell(
        text=seconds(value) + scaled,
        sort=value,
        certificate=timed.certificate,
        note=f"{sure}; n = {row.n}; weights: {row.weights}",
    )


def _ratio_cell(slow: Timed | None, fast: Timed | None) -> Cell:
    if slow is None or fast is None or not slow.row.seconds or not fast.row.seconds:
        return Cell(text="")
    ratio = slow.row.seconds / fast.row.seconds
    scaled = SCALED if slow.row.extrapolated_from is not None else ""
    return Cell(text=f"{ratio:.0f}{scaled}", sort=ratio, certificate=slow.certificate)


def _table_1_notes(found: Sequence[Machine]) -> tuple[str, ...]:
    origins = [f"{m.name}: {REFERENCE_RUN} ({m.origin})." for m in found if m.origin]
    networks = [f"{m.name}: the network is {m.network_name}." for m in found if m.network_name]
    scaled = any(t.row.extrapolated_from is not None for m in found for t in m.timed)
    note = [f"{SCALED} the median of a few iterations, multiplied."] if scaled else []
    return (*note, *networks, *origins)


def figure_table(source: str, number: int, verdicts: Sequence[Verdict]) -> Table:
    """Figure 8 or 9 as a table: a line of the paper's and a line of ours for each image and data set."""
    own = [v for v in verdicts if v.cell.id.startswith(f"{source}.")]
    methods = list(dict.fromkeys(_method(v) for v in own))
    places: dict[str, dict[str, Pair]] = {}
    for verdict in own:
        pair = places.setdefault(verdict.cell.row, {}).setdefault(_method(verdict), {})
        # The last part of an id is the metric: PSNR and SSIM of one place make one cell.
        pair[verdict.cell.id.rpartition(".")[2]] = verdict
    rows: list[tuple[Cell, ...]] = []
    for place in sorted(places, key=list(places).index):
        pairs = [places[place].get(method, {}) for method in methods]
        rows.append((Cell(text=place), Cell(text=PAPER, muted=True), *map(_paper_pair, pairs)))
        rows.append((Cell(text=place), Cell(text=HERE), *map(_our_pair, pairs)))
    return Table(
        id=f"{source}-numbers",
        title=f"The paper's Figure {number}: PSNR / SSIM",
        caption="On luma. An empty cell of this run was not measured; the list of all printed numbers has the command.",
        heads=(
            Head(text="images", numeric=False),
            Head(text="source", numeric=False),
            *(Head(text=method) for method in methods),
        ),
        rows=tuple(rows),
        rules=tuple(range(2, len(rows), 2)),
        notes=_figure_notes(own),
    )


def _method(verdict: Verdict) -> str:
    return verdict.cell.column.rpartition(",")[0]  # "SRCNN, PSNR"


def _paper_pair(pair: Pair) -> Cell:
    if not pair:
        return Cell(text="")
    words = [verdict.cell.printed + SIC * bool(verdict.cell.likely) for verdict in pair.values()]
    remarks = dict.fromkeys(v.cell.remark for v in pair.values() if v.cell.remark)
    first = next(iter(pair.values()))
    return Cell(text=" / ".join(words), sort=first.cell.value, muted=True, note="; ".join(remarks))


def _our_pair(pair: Pair) -> Cell:
    found = [verdict for verdict in pair.values() if verdict.ours is not None]
    # Half of a pair would be read as the other half.
    if not found or len(found) < len(pair):
        return Cell(text="", note="not run" if pair else "")
    return Cell(
        text=" / ".join(fixed(v.ours or 0.0, v.cell.decimals) for v in found),
        sort=found[0].ours,
        certificate=found[0].certificate,
        note="; ".join(dict.fromkeys(_verdict_words(v) for v in found)),
    )


def _verdict_words(verdict: Verdict) -> str:
    return f"{verdict.judgement}: {verdict.why}" if verdict.why else verdict.judgement


def _figure_notes(own: Sequence[Verdict]) -> tuple[str, ...]:
    misprints = [
        f"{v.cell.row}, {v.cell.column}: {v.cell.printed} means {v.cell.likely}" for v in own if v.cell.likely
    ]
    why = dict.fromkeys(v.why for v in own if v.judgement == "cannot be reproduced" and v.why)
    shown = dict.fromkeys(f"{_method(v)}: {v.why}" for v in own if v.judgement == "better")
    return (
        *(f"(sic) {text}." for text in misprints),
        *(f"{text}." for text in shown),
        *(f"{text[:1].upper()}{text[1:]}." for text in why),
    )


def figure_5_table() -> Table:
    """What was read off the curves of Figure 5, in units of 1e5: a column per size."""
    found = {e.target: e for e in entries() if e.source == "figure5" and isinstance(e.target, GridTarget)}
    columns = dict.fromkeys((target.column, entry.cell.column) for target, entry in found.items())
    rows = []
    for column, title in columns:
        cells = [found[GridTarget(table="figure5", size=size, column=column)].cell for size in SIZES]
        scale = 1.0 if column == "crossing" else CURVE_UNIT  # a crossing is in iterations
        rows.append((Cell(text=title), *(_curve_cell(cell.value / scale) for cell in cells)))
    return Table(
        id="figure5-numbers",
        title="The paper's Figure 5: the objective, in units of 100,000",
        caption="Read off the paper's curves: good to 5 %. Means over 50 images of MS-COCO, style: The Muse; sd is the "
        "standard deviation over images.",
        heads=(Head(text="curve", numeric=False), *(Head(text=f"{size}x{size}") for size in SIZES)),
        rows=tuple(rows),
        rules=(len(rows) - 1,),
    )


def _curve_cell(value: float) -> Cell:
    return Cell(text=f"{value:.{CURVE_DIGITS}g}", sort=value, muted=True)
