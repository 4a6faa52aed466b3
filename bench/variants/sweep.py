"""The optimisation sweep: from plain eager float32 upwards, a step at a time, each kept only if it pays and is right.

A step is compared with plain float32 on a photograph. It is **admissible** when it stays within its tolerance; it is
kept, so that the next ones stand on it, when it is admissible and not slower than what was kept before.
"""

from __future__ import annotations

import math
import typing as tp
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from jaxtyping import Float

from bench.records import SpeedResult
from bench.statistics import quantile
from bench.variants.variant import CHANGES, Variant, parse_variant

if tp.TYPE_CHECKING:
    import torch

# In this order, each on top of those that were kept; float16 takes bfloat16's place.
TORCH_STEPS = ("channels_last", "folded", "spread", "bfloat16", "float16", "compiled", "graph")
# Tried last, each on the network itself, folded where that was kept: they have layouts of their own.
ENGINES = ("onnxruntime", "openvino", "openvino+bfloat16", "openvino+int8")
STEPS = ("eager", *TORCH_STEPS, *ENGINES)
"""Every step, by its words of :data:`bench.variants.variant.CHANGES`."""

# A step this much slower than the best so far is still kept: medians are known to about two percent.
NOISE = 1.02


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What a variant may differ by from plain float32, values clipped to [0, 1]; `psnr` in dB."""

    max_abs: float
    psnr: float

    def admits(self, closeness: Closeness) -> bool:
        return closeness.max_abs <= self.max_abs and closeness.psnr >= self.psnr


# Float32 variants differ in the order of sums. The authors' candy amplifies that to 3.5e-4 at 512x512, 94 dB, in single
# pixels (the paper's network to 5e-6). A quarter of a grey level cannot be seen and hardly ever changes a byte.
FLOAT32 = Tolerance(max_abs=1e-3, psnr=80.0)
# Pictures to look at: a quarter of the error of saving them as JPEG of quality 95 without chroma subsampling, which
# costs the authors' candy and udnie 39 and 37 dB and moves single values by 18 and 23 levels of 255.
PICTURE = Tolerance(max_abs=0.1, psnr=45.0)
# Pictures to measure: an sr 30 dB away from hr changes by 0.01 dB.
MEASURED = Tolerance(max_abs=4 / 255, psnr=55.0)


def tolerance(kind: str, variant: Variant) -> Tolerance:
    """Of a stylizer or an upscaler in a variant."""
    if variant.dtype == "float32":
        return FLOAT32
    return PICTURE if kind == "stylizer" else MEASURED


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """The largest difference of any value in [0, 1], and the PSNR in dB, infinite for equal images."""

    max_abs: float
    psnr: float


def closeness(output: Float[torch.Tensor, "n c h w"], reference: Float[torch.Tensor, "n c h w"]) -> Closeness:
    """Of two images, both clipped to [0, 1] as they are when they are written. NaN is infinitely far away."""
    given, required = (image.clamp(0, 1).cpu().double() for image in (output, reference))
    difference = (given - required).abs()
    if not bool(difference.isfinite().all()):
        return Closeness(max_abs=math.inf, psnr=-math.inf)
    error = float(difference.square().mean())
    return Closeness(max_abs=float(difference.max()), psnr=-10 * math.log10(error) if error else math.inf)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What became of one step.

    Attributes:
        word: what was tried on top of what had been kept.
        result: the timing with its provenance; None where it could not run.
        reason: why it could not.
        kept: the next steps stand on it.
    """

    word: str
    variant: Variant
    result: SpeedResult | None
    reason: str = ""
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class VariantFacts:
    """What the provenance says of a variant.

    Attributes:
        max_abs_error, psnr: against plain float32 (:class:`Closeness`); as text where they are not finite.
        tolerance: that was allowed.
        admissible: whether it is within its tolerance; one that is slower is not kept all the same.
        build_seconds: that building it took.
        psnr_lost: dB by which an upscaler's PSNR against the photograph is below plain float32's; None of a stylizer,
            which has no reference but plain float32.
        lpips_lost: by how much LPIPS (AlexNet) is above plain float32's; against the photograph, of a stylizer against
            plain float32's picture.
        lpips_reason: why there is no `lpips_lost`.
        calibration: of int8: the images that its ranges were taken from, as `samples/camera`.
        engine: versions of packages that computed it, where the environment does not state them.
    """

    max_abs_error: float | str | None = None
    psnr: float | str | None = None
    tolerance: Mapping[str, tp.Any] | None = None
    admissible: bool | None = None
    build_seconds: float | None = None
    psnr_lost: float | str | None = None
    lpips_lost: float | str | None = None
    lpips_reason: str | None = None
    calibration: tuple[str, ...] | None = None
    engine: Mapping[str, tp.Any] | None = None

    @classmethod
    def of(cls, result: SpeedResult) -> VariantFacts:
        """Of a stored timing."""
        stored = result.certificate["form"]
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__ if name in stored})


LATER_FACTS = ("psnr_lost", "lpips_lost", "lpips_reason", "calibration", "engine")
"""Fields that a stored record has only where they say something: records of before had none of them."""


def facts(closeness: Closeness, tolerance: Tolerance, build_seconds: float) -> VariantFacts:
    """Of a variant that was built and compared."""
    return VariantFacts(
        max_abs_error=storable(closeness.max_abs),
        psnr=storable(closeness.psnr),
        tolerance=asdict(tolerance),
        admissible=tolerance.admits(closeness),
        build_seconds=build_seconds,
    )


def storable(value: float) -> float | str:
    """A number as JSON has it; one that is not finite is its name."""
    return value if math.isfinite(value) else str(value)


def run_sweep(measure: Callable[[Variant], SpeedResult | str], *, only_eager: bool = False) -> Iterator[Step]:
    """Every step of :data:`STEPS`, as it is measured.

    Args:
        measure: a variant to its result, or to the reason why there is none.
        only_eager: stop at the first, for what has no other variant.
    """
    kept, best = Variant(), math.inf
    for word in ("eager", *(() if only_eager else TORCH_STEPS)):
        tried = replace(kept, **CHANGES[word])
        step = _step(word, tried, measure(tried), best)
        if step.kept and step.result is not None:
            # `best` never rises: steps that are kept within NOISE would else add up.
            kept, best = tried, min(best, median(step.result))
        yield step
    if only_eager:
        return
    for word in ENGINES:
        tried = replace(
            parse_variant(word), folded=kept.folded
        )  # their layouts have no use for spread filters
        step = _step(word, tried, measure(tried), best)
        if step.kept and step.result is not None:
            best = min(best, median(step.result))
        yield step


def _step(word: str, tried: Variant, found: SpeedResult | str, best: float) -> Step:
    if isinstance(found, str):
        return Step(word=word, variant=tried, result=None, reason=found)
    kept = admissible(found) and median(found) <= NOISE * best
    return Step(word=word, variant=tried, result=found, kept=kept)


def admissible(result: SpeedResult) -> bool:
    """Whether it is within its tolerance of plain float32."""
    return bool(VariantFacts.of(result).admissible)


def same_engine(result: SpeedResult, versions: Mapping[str, tp.Any]) -> bool:
    """Whether a stored timing was computed by packages of these versions, as far as its environment does not say it."""
    facts = result.certificate.get("form")
    return versions == ((facts or {}).get("engine") or {})


def median(result: SpeedResult) -> float:
    """Seconds of one call."""
    return quantile(result.seconds, 0.5)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Images of one size that are waiting: how many, of how many pixels each."""

    images: int
    pixels: int


def total_seconds(result: SpeedResult, work: Sequence[Work]) -> float:
    """Estimate for images of several sizes, time growing with their pixels; what is built per size is built for each."""
    built = parse_variant(result.variant).per_size
    builds = len(work) if built else 1
    # `size` is the side of the image that comes out, as `pixels` are those that come out.
    passes = sum(w.images * w.pixels / result.size**2 for w in work)
    return builds * (VariantFacts.of(result).build_seconds or 0.0) + passes * median(result)


def cheapest(results: Iterable[SpeedResult], work: Sequence[Work]) -> SpeedResult | None:
    """The admissible one that finishes `work` first, building included; None if there is none."""
    return min((r for r in results if admissible(r)), key=lambda r: total_seconds(r, work), default=None)
