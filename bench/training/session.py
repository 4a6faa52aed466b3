"""From what was asked for to a finished run: images, task, checkpoint, loop, weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli import Reporter, progress
from bench.environment import environment, suite, summary, version
from bench.errors import UserError
from bench.training import checkpoint
from bench.training.data import Images, Patches, load_images
from bench.training.export import export
from bench.training.journal import Journal, tensorboard_installed
from bench.training.loop import Running, Trainer
from bench.training.recipe import Recipe, require
from bench.training.start import fabric, new_state
from bench.training.tasks import Task

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric
    from torch import Tensor

    from bench.training.checkpoint import State

WEIGHTS = "network.safetensors"
VERSIONS = ("torch", "lightning-fabric", "numpy", "safetensors")


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
    refuse_sizes(asked)
    initial = read_initial(asked.initial)
    recipe = asked.recipe
    images = load_images(
        asked.data,
        patch=recipe.patch,
        validation_share=recipe.validation_share,
        whole=recipe.fit == "whole",
    )
    lightning = fabric(asked.device, asked.devices, asked.recipe.precision)
    lightning.launch()
    refuse_batch(asked.recipe.batch, lightning.world_size)
    state = new_state(asked.task, asked.recipe, lightning.device, initial)
    identity = identity_of(asked, images)
    asked.running.folder.mkdir(parents=True, exist_ok=True)
    checkpoint.restore(asked.running.folder, state, identity)
    record = record_of(asked, images, lightning)
    complete = run(asked, images, lightning, state, partial(write, asked.running.folder, identity, record))
    if not lightning.is_global_zero:
        return Outcome(step=state.step, complete=complete, weights=None)
    weights = asked.running.folder / WEIGHTS
    export(asked.running.folder, weights)
    return Outcome(step=state.step, complete=complete, weights=weights)


def run(asked: Asked, images: Images, lightning: Fabric, state: State, save: Callable[[State], None]) -> bool:
    """The loop with its journal and progress bar; whether it came to the end."""
    recipe, first = asked.recipe, lightning.is_global_zero
    asked.task.to(lightning.device)
    patches = Patches(
        images.training,
        patch=recipe.patch,
        batch=recipe.batch,
        seed=recipe.seed,
        flips=recipe.flips,
        device=lightning.device,
    )
    with journal(asked, state, first) as notes, reporter(recipe.iterations - state.step, first) as says:
        announce(says, images, state)
        return Trainer(
            fabric=lightning,
            task=asked.task,
            recipe=recipe,
            running=asked.running,
            state=state,
            patches=patches,
            validation=images.validation[: asked.validation_images],
            save=save,
            journal=notes,
            reporter=says,
        ).run()


def write(folder: Path, identity: dict[str, Any], record: dict[str, str], state: State) -> None:
    checkpoint.save(folder, state, identity, record)


def refuse_sizes(asked: Asked) -> None:
    patch, multiple, least = asked.recipe.patch, asked.task.multiple, asked.task.least
    require(patch % multiple == 0, "patch", patch, f"a multiple of {multiple}")
    require(patch >= least, "patch", patch, f"at least {least}")


def refuse_batch(batch: int, processes: int) -> None:
    require(batch % processes == 0, "batch", batch, f"a multiple of the number of processes, {processes}")


def read_initial(file: Path | None) -> dict[str, Tensor] | None:
    """The weights to begin with.

    Raises:
        UserError: the file is not one of weights.
        OSError: it cannot be read.
    """
    from models.weight_files import read_weights

    try:
        return None if file is None else read_weights(file)[1]
    except ValueError as error:
        raise UserError(str(error)) from error


def identity_of(asked: Asked, images: Images) -> dict[str, Any]:
    """What two sessions of one run have in common."""
    initial = asked.initial and hashlib.sha256(asked.initial.read_bytes()).hexdigest()
    return asked.task.settings() | asdict(asked.recipe) | {"images": images.hash, "initial weights": initial}


def record_of(asked: Asked, images: Images, lightning: Fabric) -> dict[str, str]:
    """What the exported file says: all of it text, no path of this machine."""
    held_out = len(images.validation)
    data = {"sources": images.sources, "trained on": len(images.training), "held out": held_out}
    versions = {"perceptual-bench": suite(), **{name: version(name) for name in VERSIONS}}
    return asked.task.metadata() | {
        "recipe": json.dumps(asked.task.settings() | asdict(asked.recipe)),
        "initial_weights": asked.initial.name if asked.initial else "random",
        "data": json.dumps(data | {"skipped": len(images.skipped), "sha256": images.hash}),
        "versions": json.dumps(versions),
        "machine": summary(environment(str(lightning.device))),
        "processes": str(lightning.world_size),
    }


def announce(says: Reporter, images: Images, state: State) -> None:
    for reason in images.skipped:
        says.note(f"skipped: {reason}")
    counts = f"{len(images.training)} images to train on, {len(images.validation)} held out"
    start = f"; going on from step {state.step}" if state.step else ""
    says.note(f"{counts}, {len(images.skipped)} skipped{start}")


@contextmanager
def journal(asked: Asked, state: State, first: bool) -> Iterator[Journal | None]:
    """The run's, in the first process."""
    if not first:
        yield None
        return
    tensorboard = asked.tensorboard and tensorboard_installed()
    notes = Journal(asked.running.folder, step=state.step, tensorboard=tensorboard)
    try:
        yield notes
    finally:
        notes.close()


class Silent:
    """The reporter of all processes but the first."""

    def advance(self, label: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


@contextmanager
def reporter(steps: int, first: bool) -> Iterator[Reporter]:
    """A progress bar, in the first process."""
    if not first:
        yield Silent()
        return
    with progress("train", steps) as says:
        yield says
