"""Votes to a result: majorities, agreement, a ranking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from bench.statistics import percentile_interval, share_interval
from bench.study.agreement import krippendorff_alpha
from bench.study.key import Study
from bench.study.ranking import RESAMPLES, bootstrap_bradley_terry, bradley_terry
from bench.study.result import Dropped, PairResult, PreferenceResult, Ranked
from bench.study.votes import Votes

Counts = Mapping[tuple[str, str, str], tuple[int, int]]  # (image, a, b) -> votes for a, votes for b


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
