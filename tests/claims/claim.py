"""A claim of README.md, and how its fresh numbers are made of what the sources give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.claims import readme
from tests.claims.printed_tables import Values
from tests.claims.readme import Token
from tests.claims.runs import FEATURE, SETS

# A ratio within one run differs less from one run to the next than a time.
RATIO = 1.25


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Words of README.md with one or more numbers, and how to get those afresh.

    Attributes:
        text: with each number between « and »; blanks stand for any.
        sources: names in :data:`tests.claims.sources.SOURCES`; all are needed.
        values: the fresh numbers in the order of the text, from the sources' results by name; a text is compared as it
            stands, True and False are a test's verdict.
        factor: the most by which a time or a ratio may differ, either way; None for equal to the printed digit.
    """

    text: str
    sources: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], Values]
    factor: float | None = None

    def tokens(self, text: str) -> list[Token]:
        """Where its numbers stand."""
        return readme.marked(text, self.text)


def all_sets(r: Mapping[str, Any]) -> dict[Any, float]:
    """The three sets at x4."""
    return {key: value for name in SETS for key, value in r[name].items()}


def loss(r: Mapping[str, Any]) -> Values:
    """dB that sr-feature loses against sr-pixel: least and most over the sets."""
    found = all_sets(r)
    each = [found[d, "sr-pixel", "psnr"] - found[d, "sr-feature", "psnr"] for d in SETS]
    return min(each), max(each)


def closer(found: Mapping[Any, float], model: str = "sr-feature") -> Values:
    """Per cent by which `model` is closer in features than sr-pixel: least and most over the sets."""
    each = [100 * (1 - found[d, model, FEATURE] / found[d, "sr-pixel", FEATURE]) for d in SETS]
    return min(each), max(each)


def objective(style: str, subject: str) -> Callable[[Mapping[str, Any]], Values]:
    """Mean and deviation of a network's objective, and how far it is below the content's."""

    def values(r: Mapping[str, Any]) -> Values:
        row = r["style"][style, 256]["objectives"][subject]
        return row["total"]["mean"], row["total"]["sd"], row["below_content"]

    return values


def overtaken(style: str) -> Callable[[Mapping[str, Any]], Values]:
    """After how many iterations the optimisation is as good as our network, and of how many images that is the median."""

    def values(r: Mapping[str, Any]) -> Values:
        panel = r["overtaking"][style, 256]
        subject = f"style-{style}"
        return panel["overtakings"][subject]["median"], panel["objectives"][subject]["n"]

    return values


def larger(r: Mapping[str, Any]) -> Values:
    """Content terms, style terms and distances from the content's objective at 512 and 1024."""
    rows = [r["large styles"]["la_muse", size]["objectives"]["style-la_muse"] for size in (512, 1024)]
    terms = [row[term]["mean"] for term in ("content", "style") for row in rows]
    return rows[0]["n"], *terms, *(row["below_content"] for row in rows)


def ratio(test: str) -> Callable[[Mapping[str, Any]], Values]:
    return lambda r: [r["benchmarks"][test]["ratio"]]


def in_seconds(test: str, unit: float = 1.0) -> Callable[[Mapping[str, Any]], Values]:
    return lambda r: [r["benchmarks"][test]["seconds"] / unit]


def bar(name: str) -> Callable[[Mapping[str, Any]], Values]:
    return lambda r: [r["constants"][name]]


def checked(
    dataset: str, scale: int, source: str, model: str, short: str
) -> Callable[[Mapping[str, Any]], Values]:
    """Published PSNR and SSIM without the remark on a misprint, then ours."""

    def values(r: Mapping[str, Any]) -> Values:
        theirs = r["printed"][dataset, scale, model, short]
        return *(theirs[m].removesuffix(" (sic)") for m in ("psnr", "ssim")), *ours(r)

    def ours(r: Mapping[str, Any]) -> Values:
        return [r[source][dataset, model, m] for m in ("psnr", "ssim")]

    return values
