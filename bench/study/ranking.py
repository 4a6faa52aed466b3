"""Votes on pairs to one scale: Bradley and Terry's model, by the `choix` package."""

from __future__ import annotations

from typing import Any

import numpy as np

RESAMPLES = 1000
PRIOR_WINS = 0.5
MOST_ITERATIONS = 10_000


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
