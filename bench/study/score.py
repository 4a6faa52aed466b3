"""Votes to a result: majorities, Krippendorff's alpha for agreement, a ranking by Bradley and Terry's model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from bench.statistics import percentile_interval, share_interval
from bench.study.key import Study
from bench.study.result import Dropped, PairResult, PreferenceResult, Ranked
from bench.study.votes import Votes

Counts = Mapping[tuple[str, str, str], tuple[int, int]]  # (image, a, b) -> votes for a, votes for b

RESAMPLES = 1000
PRIOR_WINS = 0.5
MOST_ITERATIONS = 10_000


def score(study: Study, found: Votes, *, least_right: float, n_files: int, seed: int = 0) -> PreferenceResult:
    """All that can be said of a study. `seed` is that of the bootstrap over images."""
    counts = _counts(study, found)
    dropped = [worker for worker in found.workers if not worker.kept]
    votes = found.votes
    return PreferenceResult(
        study=study.hash,
        dataset=study.dataset,
        protocol=study.protocol,
        protocol_hash=study.protocol_hash,
        scale=study.scale,
        models=dict(study.models),
        n_images=len({trial.image for trial in study.trials if trial.right is None}),
        n_catch=sum(trial.right is not None for trial in study.trials),
        n_workers=len(found.workers) - len(dropped),
        n_dropped=len(dropped),
        n_files=n_files,
        n_refused=len(found.refused),
        n_votes=len(votes),
        least_right=least_right,
        contradictions=sum(len(worker.contradictions) for worker in found.workers),
        first_share=sum(vote.first for vote in votes) / len(votes) if votes else None,
        median_seconds=median(vote.seconds for vote in votes) if votes else None,
        pairs=tuple(_pair(a, b, _of_pair(counts, a, b)) for a, b in study.pairs),
        ranking=_ranking(list(study.models), counts, seed),
        resamples=RESAMPLES,
        seed=seed,
        dropped=tuple(Dropped(worker=w.name, right=w.right, caught=w.caught) for w in dropped),
        refused=found.refused,
    )


def _counts(study: Study, found: Votes) -> Counts:
    """For each image and pair with votes."""
    by_trial = Counter((vote.trial, vote.model) for vote in found.votes)
    counts = {}
    for trial in study.trials:
        if trial.right is not None:
            continue
        # In the order of the study, not of the trial's opaque names, so that A is one model on every image.
        a, b = (model for model in study.models if model in trial.pictures.values())
        votes = (by_trial[trial.id, a], by_trial[trial.id, b])
        if any(votes):
            counts[trial.image, a, b] = votes
    return counts


def _of_pair(counts: Counts, a: str, b: str) -> list[tuple[int, int]]:
    return [votes for (_, *models), votes in counts.items() if models == [a, b]]


def _pair(a: str, b: str, images: Sequence[tuple[int, int]]) -> PairResult:
    votes_a, votes = sum(for_a for for_a, _ in images), sum(map(sum, images))
    prefer_a, prefer_b = (sum(x > y for x, y in images), sum(x < y for x, y in images))
    n = len(images)
    return PairResult(
        a=a,
        b=b,
        images=n,
        prefer_a=prefer_a,
        prefer_b=prefer_b,
        ties=n - prefer_a - prefer_b,
        share_a=prefer_a / n if n else None,
        share_b=prefer_b / n if n else None,
        votes=votes,
        votes_a=votes_a,
        vote_share_a=votes_a / votes if votes else None,
        vote_share_a_interval=share_interval(votes_a, votes),
        alpha=krippendorff_alpha(images),
        agreement=_agreement(images),
    )


def _agreement(images: Sequence[tuple[int, int]]) -> float | None:
    """Share of the pairs of votes on one image that agree."""
    # Ordered pairs of votes, as the 2 x y below are: both count each pair twice.
    pairs = sum((x + y) * (x + y - 1) for x, y in images)
    return 1 - sum(2 * x * y for x, y in images) / pairs if pairs else None


def _ranking(models: Sequence[str], counts: Counts, seed: int) -> tuple[Ranked, ...]:
    wins = _wins(models, counts)
    strengths = bradley_terry(wins.sum(0))
    draws = bootstrap_bradley_terry(wins, seed=seed) if len(wins) > 1 else None
    ranked = [
        Ranked(
            model=model,
            strength=float(strengths[i]),
            interval=None if draws is None else percentile_interval(draws[:, i]),
        )
        for i, model in enumerate(models)
    ]
    return tuple(sorted(ranked, key=lambda model: -model.strength))


def _wins(models: Sequence[str], counts: Counts) -> np.ndarray[Any, Any]:
    """(images with votes, n, n): how often the row's model was preferred to the column's."""
    images = {image: i for i, image in enumerate(sorted({image for image, _, _ in counts}))}
    place = {model: i for i, model in enumerate(models)}
    wins = np.zeros((len(images), len(models), len(models)))
    for (image, a, b), (for_a, for_b) in counts.items():
        wins[images[image], place[a], place[b]] = for_a
        wins[images[image], place[b], place[a]] = for_b
    return wins


def krippendorff_alpha(counts: Sequence[Sequence[int]]) -> float | None:
    """1 for full agreement, 0 for that of chance, below 0 for less; None where it is not defined.

    1 - observed / expected disagreement (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): the
    chance that two votes on one unit differ, a unit weighing as many as it has votes, over the chance that two of
    all these votes differ. Units may have any number of votes; those with one say nothing and are skipped.

    Args:
        counts: for each unit, the number of votes for each value.
    """
    pairable = [unit for unit in counts if sum(unit) > 1]
    totals = [sum(column) for column in zip(*pairable, strict=True)]
    n = sum(totals)
    if not n or max(totals) == n:  # no pair of votes, or all for one value: nothing could have differed
        return None
    observed = sum(_differing(unit) / (sum(unit) - 1) for unit in pairable) / n
    return 1 - observed / (_differing(totals) / (n * (n - 1)))


def _differing(counts: Sequence[int]) -> int:
    """Ordered pairs of votes for different values."""
    return sum(counts) ** 2 - sum(count**2 for count in counts)


def bradley_terry(wins: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Log-strengths with mean 0: i is preferred to j with probability 1 / (1 + exp(s_j - s_i)).

    Before the first vote each model has beaten each other one half a time, so that strengths exist even where a
    model won or lost every vote, or two were never compared.

    Args:
        wins: (n, n) or any numbers: how often the model of the row was preferred to that of the column.
    """
    import choix

    n = len(wins)
    # The diagonal stays 0: no model is compared with itself.
    return choix.ilsr_pairwise_dense(wins + PRIOR_WINS * (1 - np.eye(n)), max_iter=MOST_ITERATIONS)


def bootstrap_bradley_terry(wins: np.ndarray[Any, Any], *, seed: int = 0) -> np.ndarray[Any, Any]:
    """Strengths of `RESAMPLES` draws of as many images with replacement, an image with all its votes: (draws, n).

    Args:
        wins: (images, n, n), as in :func:`bradley_terry` for each image.
    """
    generator, images = np.random.default_rng(seed), len(wins)
    # How often each image was drawn: (draws, images).
    draws = generator.multinomial(images, np.full(images, 1 / images), RESAMPLES)
    return np.stack([bradley_terry(np.tensordot(draw, wins, 1)) for draw in draws])
