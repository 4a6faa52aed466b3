"""The optimisation sweep: how many times as fast as plain eager float32 each variant of a network is, and how exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.records import EAGER
from bench.statistics import Interval, ratio_interval
from reports.figures.drawing import Drawing, drawing, missing
from reports.figures.style import BLUE, CARD, INK, MUTED, SKY, SMALL, WIDTH, canvas
from reports.figures.text import drawable, listed, short
from reports.formatting import duration, exactness
from reports.load.results import SHORT, Results, anchor
from reports.load.speeds import Machine, Timed
from reports.load.timings import all_machines, input_size, newest, provenance, seconds
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

TITLE = "What each optimisation brings"
# In the order in which bench.speed --sweep tries them.
CHANGES = (
    EAGER,
    "channels_last",
    "folded",
    "spread",
    "bfloat16",
    "float16",
    "compiled",
    "graph",
    "onnxruntime",
    "openvino",
    "int8",
)
HEADS = ("speed-up", "time", "error", "PSNR")
COLUMN = 38.0  # points
COMMAND = "python -m bench.speed --sizes 512 --models style-paper --sweep"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The variants of one network at one size on one machine, in the order of the sweep.

    Attributes:
        size: of the image that comes out.
        input: of the image that goes in.
    """

    subject: str
    size: int
    input: int
    machine: str
    environment_hash: str
    variants: tuple[Timed, ...]

    @property
    def name(self) -> str:
        return f"ladder-{anchor(self.subject)}-{self.size}"

    @property
    def longer_name(self) -> str:
        """Where one network was timed at one size on several machines, or for several scales."""
        return f"{self.name}-{self.environment_hash[:SHORT]}-{self.input}"

    @property
    def eager(self) -> Timed:
        return next(variant for variant in self.variants if variant.row.variant == EAGER)

    @property
    def best(self) -> Timed:
        """The fastest that is within its tolerance."""
        return min(
            (variant for variant in self.variants if _admissible(variant)), key=seconds, default=self.eager
        )

    @property
    def title(self) -> str:
        return f"{TITLE}: {drawable(self.subject)} at {self.size}x{self.size}"

    def draw(self) -> Canvas:
        card = canvas(WIDTH, 0.95 + 0.24 * len(self.variants))
        axes = card.subplots()
        for y, variant in enumerate(self.variants):
            _bar(axes, y, variant, self)
        _style_axes(axes, self.variants)
        return card

    def caption(self) -> str:
        bad = [variant.row.variant for variant in self.variants if not _admissible(variant)]
        hatched = f" Hatched, because outside the tolerance: {listed(bad)}." if bad else ""
        threads = provenance(self.eager.row).get("protocol", {}).get("threads", "unknown")
        bound = "" if self.eager.seconds else ", the widest that the published intervals of the medians allow"
        return (
            f"{drawable(self.subject)}, an image of {self.size}x{self.size} pixels, {drawable(self.machine)} "
            f"({self.environment_hash[:SHORT]}), threads: {threads}. Bars are ratios of median times with 95 % intervals"
            f"{bound}; the fastest admissible variant is darkest. Error and PSNR: largest difference of a value in [0, "
            f"1] from "
            f"plain float32, and PSNR against it.{hatched} Variants that cannot run on this machine are absent."
        )

    def alt(self) -> str:
        bars = "; ".join(f"{drawable(f.row.variant)} {times(f, self.eager):.2f}" for f in self.variants)
        best = drawable(self.best.row.variant)
        return f"Bars of the speed relative to plain eager: {bars}. The fastest admissible variant is {best}."


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """One for each network, size and machine with a plain variant and at least one other."""
    sweeps = {
        sweep.longer_name: sweep
        # In reverse, as is the loop below: of two sweeps of one name that of the first machine stays.
        for machine in reversed(all_machines(results))
        for sweep in _sweeps(machine)
    }
    if not sweeps:
        reason = "the results hold no network that was timed in more than one variant at one size"
        yield missing("ladder", TITLE, reason, COMMAND)
    names = [sweep.name for sweep in sweeps.values()]
    for longer_name, sweep in reversed(sweeps.items()):
        yield drawing(sweep.name if names.count(sweep.name) == 1 else longer_name, sweep)


def _sweeps(machine: Machine) -> Iterator[Sweep]:
    found: dict[tuple[str, int, int], list[Timed]] = {}
    for timed in newest(machine.timed, lambda row: bool(row.variant_facts)):
        found.setdefault((timed.row.method, timed.row.size, input_size(timed.row)), []).append(timed)
    for (subject, size, given), variants in sorted(found.items(), reverse=True):
        plain = [variant for variant in variants if variant.row.variant == EAGER]
        if plain and len(variants) > 1:
            yield Sweep(
                subject=subject,
                size=size,
                input=given,
                machine=machine.name,
                environment_hash=plain[0].row.environment_hash,
                variants=tuple(sorted(variants, key=lambda variant: rank(variant.row.variant))),
            )


def rank(variant: str) -> tuple[Any, ...]:
    """Where a variant stands in the sweep: by the last step that it takes, then by how many it stands on."""
    words = variant.split("+")
    places = [CHANGES.index(word) if word in CHANGES else len(CHANGES) for word in words]
    return (max(places), len(words), variant)


def _admissible(variant: Timed) -> bool:
    return bool(variant.row.variant_facts.get("admissible"))


def times(variant: Timed, eager: Timed) -> float:
    """How many times as fast as eager."""
    return seconds(eager) / seconds(variant)


def times_interval(variant: Timed, eager: Timed) -> Interval | None:
    """95 %; of published rows, whose repetitions are not at hand, the widest that their intervals allow."""
    if variant is eager:
        return None
    if variant.seconds and eager.seconds:
        return ratio_interval(variant.seconds, eager.seconds)
    if variant.row.ci is None or eager.row.ci is None:
        return None
    return eager.row.ci[0] / variant.row.ci[1], eager.row.ci[1] / variant.row.ci[0]


def _bar(axes: Axes, y: int, variant: Timed, sweep: Sweep) -> None:
    admissible, ratio = _admissible(variant), times(variant, sweep.eager)
    axes.barh(
        y,
        ratio,
        height=0.66,
        facecolor=(BLUE if variant is sweep.best else SKY) if admissible else CARD,
        edgecolor="none" if admissible else INK,
        hatch=None if admissible else "/////",
        linewidth=0.6,
        zorder=2,
    )
    interval = times_interval(variant, sweep.eager)
    if interval is not None:
        # A bootstrap interval may lie beside the ratio of the medians; matplotlib takes no negative reach.
        reach = [[max(0.0, ratio - interval[0])], [max(0.0, interval[1] - ratio)]]
        axes.errorbar(ratio, y, xerr=reach, color=INK, elinewidth=0.9, capsize=2, zorder=3)
    _beside(axes, y, _annotation(variant, ratio))


def _beside(axes: Axes, y: float, texts: Sequence[str], **style: Any) -> None:
    """Columns of text on the right of the axes."""
    for position, text in enumerate(texts, start=1):
        axes.annotate(
            text,
            (1, y),
            xycoords=axes.get_yaxis_transform(),
            xytext=(COLUMN * position, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            size=SMALL,
            **style,
        )


def _annotation(variant: Timed, ratio: float) -> tuple[str, str, str, str]:
    facts = variant.row.variant_facts
    return (
        f"{ratio:.2f}",
        duration(seconds(variant)),
        exactness(facts.get("max_abs_error"), ".0e"),
        exactness(facts.get("psnr"), ".0f", " dB"),
    )


def _style_axes(axes: Axes, variants: Sequence[Timed]) -> None:
    axes.set_yticks(range(len(variants)), [short(variant.row.variant, 40) for variant in variants])
    axes.set_ylim(len(variants) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.axvline(1, color=MUTED, lw=0.8, ls="--", zorder=1)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("speed-up over eager float32")
    _beside(axes, -0.85, HEADS, weight="bold")
