"""What `bench.train` does once its options are parsed: train, and say where the weights are."""

from __future__ import annotations

import argparse

from bench.cli import DONE
from bench.training.config import read_config
from bench.training.session import train


def run(args: argparse.Namespace) -> int:
    """Train, and say where the weights are."""
    config = read_config(args)
    outcome = train(config)
    if outcome.weights is not None:
        end = "done" if outcome.complete else "time is up; the same command resumes it"
        print(f"{outcome.step} of {config.recipe.iterations} steps, {end}\nweights: {outcome.weights}")
    return DONE
