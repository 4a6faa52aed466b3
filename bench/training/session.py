"""From what was asked for to a finished run: images, task, checkpoint, loop, weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli import progress
from bench.environment import environment, suite, summary, version
from bench.errors import UserError
from bench.training import checkpoint
from bench.training.data import Images, Patches, load_images
from bench.training.export import export
from bench.training.journal import Journal, tensorboard_installed
from bench.training.loop import Running, Trainer, fabric, new_state
from bench.training.recipe import Recipe
from bench.training.tasks import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.training.checkpoint import State

WEIGHTS = "network.safetensors"
VERSIONS = ("torch", "lightning-fabric", "numpy", "safetensors")
ALL_IMAGES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One run as the command line has it.

    Attributes:
        data: folders, and groups of the manifest.
        initial: weights to begin with, as `bench.train` writes them; None for random ones.
        validation_images: how many held-out images are scored at most.
        tensorboard: write curves for it, where it is installed.
    """

    task: Task
    recipe: Recipe
    running: Running
    data: Sequence[str]
    device: torch.device
    devices: int = 1
    initial: Path | None = None
    validation_images: int = 16
    tensorboard: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a run; `weights` is None in all processes but the first."""

    step: int
    complete: bool
    weights: Path | None


def train(asked: Asked) -> Outcome:
    """Start the run, or go on where it was stopped, and export what it has come to.

    Raises:
        UserError: a folder without images, weights or a checkpoint of another kind, sizes that do not fit.
        RunError: the loss is no longer finite.
        OSError: the disk is full.
    """
    recipe, running = asked.recipe, asked.running
    refuse_sizes(asked)
    images = load_images(asked.data, patch=recipe.patch, validation_share=recipe.validation_share)
    lightning = fabric(asked.device, asked.devices, recipe.precision)
    lightning.launch()
    refuse_batch(recipe.batch, lightning.world_size)
    asked.task.to(lightning.device)
    state = new_state(asked.task, recipe, lightning.device, initial_weights(asked.initial))
    identity = identity_of(asked, images)
    running.folder.mkdir(parents=True, exist_ok=True)
    checkpoint.restore(running.folder, state, identity)
    record = record_of(asked, images, lightning.world_size)
    patches = Patches(
        images.training,
        patch=recipe.patch,
        batch=recipe.batch,
        seed=recipe.seed,
        flips=recipe.flips,
        device=lightning.device,
    )
    with progress("train", recipe.iterations - state.step) as reporter:
        first = lightning.is_global_zero
        if first:
            announce(reporter.note, images, state)
        trainer = Trainer(
            fabric=lightning,
            task=asked.task,
            recipe=recipe,
            running=running,
            state=state,
            patches=patches,
            validation=images.validation[: asked.validation_images],
            save=lambda state: checkpoint.save(running.folder, state, identity, record),
            journal=journal(asked, state) if first else None,
            reporter=reporter,
        )
        complete = trainer.run()
    return finished(asked, state, complete, first)
