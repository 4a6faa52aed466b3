"""The whole comparison of A and B: effects first, then verdicts over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.comparing.config import Config
from bench.comparing.records import SECONDS, Comparison, Effect, Row, Skipped
from bench.comparing.scores import compare_scores
from bench.comparing.sides import Side, check_names
from bench.comparing.timings import compare_timings
from bench.errors import UserError
from bench.metrics import METRICS
from bench.statistics import holm, verdict
from bench.text import escape_control_chars

NAMED_REASONS = 5


def compare(a: Side, b: Side, config: Config) -> Comparison:
    """Every common metric and timing of A and B, judged.

    Raises:
        UserError: a filter or tolerance names what neither side has; timings of different machines; nothing in common.
    """
    check(a, b, config)
    scores, timings = compare_scores(a, b, config), compare_timings(a, b, config)
    if timings.refused:
        raise UserError(_refused(timings.refused))
    left_out = (*scores.left_out, *timings.left_out)
    effects = (*scores.effects, *timings.effects)
    if not effects:
        reasons = _listed([f"{each.what}: {each.reason}" for each in left_out])
        raise UserError(f"A ({a.reading}) and B ({b.reading}) have no result in common{reasons}; must be one")
    notes = (*scores.notes, *timings.notes, *limits(effects, config))
    return Comparison(rows=judge(effects, config), left_out=left_out, notes=tuple(notes))


def check(a: Side, b: Side, config: Config) -> None:
    """Refuse names that neither side has."""
    metrics, datasets = (
        {name for side in (a, b) for name in side.scores[column].unique()} for column in ("metric", "dataset")
    )
    if a.timings or b.timings:
        metrics |= {SECONDS.name}
    check_names("metric", config.metrics, metrics)
    check_names("data set", config.datasets, datasets)
    # A tolerance may name any metric of the suite: one line of CI holds for every file.
    check_names("metric", tuple(config.tolerance), metrics | {SECONDS.name, *METRICS})


def judge(effects: Sequence[Effect], config: Config) -> tuple[Row, ...]:
    """A verdict for each effect; Holm's adjustment counts those that are not unchanged."""
    # What is SAME without a test is none of the tests that Holm's method counts.
    tested = [i for i, effect in enumerate(effects) if not effect.unchanged]
    p = [effect.test.p for effect in effects]
    if config.holm:
        for i, adjusted in zip(tested, holm([p[i] for i in tested]), strict=True):
            p[i] = adjusted
    return tuple(_row(effect, each, config) for effect, each in zip(effects, p, strict=True))


def _row(effect: Effect, p: float, config: Config) -> Row:
    word = verdict(
        unchanged=effect.unchanged,
        interval=effect.interval,
        test=replace(effect.test, p=p),
        higher_is_better=effect.metric.higher_is_better,
        tolerance=effect.tolerance,
        alpha=config.alpha,
    )
    return Row(effect=effect, p=p, verdict=word)


def limits(effects: Sequence[Effect], config: Config) -> Iterator[str]:
    """Notes on what the numbers of images and infinite values forbid."""
    scored = [effect for effect in effects if effect.metric != SECONDS and not effect.unchanged]
    # 2**(1 - n): the least p of a two-sided signed-rank test of n images.
    few = sorted({effect.n[0] for effect in scored if 2.0 ** (1 - effect.n[0]) >= config.alpha})
    if few:
        yield (
            f"n = {', '.join(map(str, few))}: so few images cannot give a p below alpha = {config.alpha:g} "
            f"(n gives {2.0 ** (1 - few[-1]):.3g} at best), so no BETTER or WORSE"
        )
    for effect in scored:
        if effect.difference is None or math.isinf(effect.difference):
            yield f"{effect.key.text} is infinite for some image on one side alone, so the mean difference is no number"


def _refused(refused: Sequence[Skipped]) -> str:
    reasons = _listed([f"{each.what}: {each.reason}" for each in refused])
    ways = "--allow-different-machines compares them all the same, --metrics without seconds leaves them out"
    return f"timings were made on different machines; must be alike ({ways}):{reasons}"


def _listed(reasons: Sequence[str]) -> str:
    more = len(reasons) - NAMED_REASONS
    lines = [*map(escape_control_chars, reasons[:NAMED_REASONS]), *([f"and {more} more"] if more > 0 else [])]
    return "".join(f"\n  {line}" for line in lines)
