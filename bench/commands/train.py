"""What `bench.train` does once its options are parsed: train, and say where the weights are."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from bench import interrupts
from bench.cli import DONE
from bench.training.config import Config, read_config
from bench.training.session import train
from bench.training.tasks import SRTask


def run(args: argparse.Namespace) -> int:
    """Train, and say where the weights are."""
    config = read_config(args)
    interrupts.keeps(f"the last checkpoint is in {config.out}")
    outcome = train(config)
    if outcome.weights is not None:
        end = "done" if outcome.complete else "time is up; repeat the same command to resume"
        print(f"{outcome.step} of {config.recipe.iterations} steps, {end}\nweights: {outcome.weights}")
        if outcome.complete:
            print(f"next:    {next_command(config, outcome.weights)}")
    return DONE


def next_command(config: Config, weights: Path) -> str:
    """What to do with the weights: score them, or stylize with them."""
    file, task = shlex.quote(str(weights)), config.task
    if isinstance(task, SRTask):
        return f"python -m bench.sr_quality set5 --models {file} --scales {task.chosen.scale}"
    return f"python -m bench.apply {file} photo.jpg --out stylized"
