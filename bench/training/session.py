"""From a config to a finished run: processes and devices, images, task, checkpoint, loop, weights."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from bench.cli import Reporter, Silent, progress
from bench.data.digest import sha256
from bench.environment import environment, suite, summary, version
from bench.errors import UserError
from bench.training import checkpoint
from bench.training.average import average_of
from bench.training.checkpoint import State
from bench.training.config import WEIGHTS, Config
from bench.training.data import Images, Patches, load_images
from bench.training.export import export
from bench.training.logger import RunLogger, tensorboard_installed
from bench.training.loop import Trainer
from bench.training.recipe import Recipe, require
from bench.training.tasks import Task
from models.weight_files import read_weights

VERSIONS = ("torch", "lightning-fabric", "numpy", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a run; `weights` is None in all processes but the first."""

    step: int
    complete: bool
    weights: Path | None


def train(config: Config) -> Outcome:
    """Start the run, or go on where it was stopped, and export what it has come to.

    Raises:
        UserError: a folder without images, weights or a checkpoint of another kind, sizes that do not fit.
        RunError: the loss is no longer finite.
        OSError: the disk is full.
    """
    check_sizes(config)
    initial = read_initial(config.init)
    recipe = config.recipe
    images = load_images(
        config.data,
        patch=recipe.patch,
        validation_share=recipe.validation_share,
        whole=recipe.fit == "whole",
    )
    lightning = fabric(config.device, config.devices, config.recipe.precision)
    lightning.launch()
    check_batch(config.recipe.batch, lightning.world_size)
    state = new_state(config.task, config.recipe, lightning.device, initial)
    identity = identity_of(config, images)
    # Once options, images and weights were accepted: a command that is refused leaves no folder.
    config.out.mkdir(parents=True, exist_ok=True)
    checkpoint.restore(config.out, state, identity)
    record = record_of(config, images, lightning)
    complete = loop(config, images, lightning, state, partial(write, config.out, identity, record))
    if not lightning.is_global_zero:
        return Outcome(step=state.step, complete=complete, weights=None)
    weights = config.out / WEIGHTS
    export(config.out, weights)
    return Outcome(step=state.step, complete=complete, weights=weights)


def loop(
    config: Config, images: Images, lightning: Fabric, state: State, save: Callable[[State], None]
) -> bool:
    """The loop with its logger and progress bar; whether it came to the end."""
    recipe, first = config.recipe, lightning.is_global_zero
    config.task.to(lightning.device)
    patches = Patches(
        images.training,
        patch=recipe.patch,
        batch=recipe.batch,
        seed=recipe.seed,
        turns=recipe.turns,
        device=lightning.device,
    )
    with (
        open_logger(config, state, first) as logger,
        open_reporter(recipe.iterations - state.step, first) as reporter,
    ):
        announce(reporter, images, state)
        return Trainer(
            fabric=lightning,
            config=config,
            state=state,
            patches=patches,
            validation=images.validation[: config.validation_images],
            save=save,
            logger=logger,
            reporter=reporter,
        ).run()


def write(folder: Path, identity: dict[str, Any], record: dict[str, str], state: State) -> None:
    """The checkpoint of a step."""
    checkpoint.save(folder, state, identity, record)


def check_sizes(config: Config) -> None:
    """Refuse patches that the network or the loss cannot take."""
    patch, multiple, least = config.recipe.patch, config.task.multiple, config.task.least
    require(patch % multiple == 0, "patch", patch, f"a multiple of {multiple}")
    require(patch >= least, "patch", patch, f"at least {least}")


def check_batch(batch: int, processes: int) -> None:
    """Refuse a batch that processes cannot share equally."""
    require(batch % processes == 0, "batch", batch, f"a multiple of the number of processes, {processes}")


def read_initial(file: Path | None) -> dict[str, Tensor] | None:
    """The weights to begin with.

    Raises:
        UserError: the file is not one of weights.
        OSError: it cannot be read.
    """
    try:
        return None if file is None else read_weights(file)[1]
    except ValueError as error:
        raise UserError(str(error)) from error


def identity_of(config: Config, images: Images) -> dict[str, Any]:
    """What two sessions of one run have in common."""
    # By its bytes: a file that was moved or renamed is the same beginning.
    initial = config.init and sha256(config.init)
    return (
        config.task.settings() | asdict(config.recipe) | {"images": images.hash, "initial weights": initial}
    )


def record_of(config: Config, images: Images, lightning: Fabric) -> dict[str, str]:
    """What the exported file says: all of it text, no path of this machine."""
    held_out = len(images.validation)
    data = {"sources": images.sources, "trained on": len(images.training), "held out": held_out}
    versions = {"perceptual-bench": suite(), **{name: version(name) for name in VERSIONS}}
    return config.task.metadata() | {
        "recipe": json.dumps(config.task.settings() | asdict(config.recipe)),
        # Every run calls its network alike: the hash says which.
        "initial_weights": f"{config.init.name}, sha256 {sha256(config.init)}" if config.init else "random",
        "data": json.dumps(data | {"skipped": len(images.skipped), "sha256": images.hash}),
        "versions": json.dumps(versions),
        "machine": summary(environment(str(lightning.device))),
        "processes": str(lightning.world_size),
    }


def announce(reporter: Reporter, images: Images, state: State) -> None:
    """Name what is skipped, and say how many images there are and from which step training goes on."""
    for reason in images.skipped:
        reporter.note(f"skipped: {reason}")
    counts = f"{len(images.training)} images to train on, {len(images.validation)} held out"
    start = f"; resuming from step {state.step}" if state.step else ""
    reporter.note(f"{counts}, {len(images.skipped)} skipped{start}")


@contextmanager
def open_logger(config: Config, state: State, first: bool) -> Iterator[RunLogger | None]:
    """The run's, in the first process."""
    if not first:
        yield None
        return
    tensorboard = config.tensorboard and tensorboard_installed()
    notes = RunLogger(config.out, step=state.step, tensorboard=tensorboard)
    try:
        yield notes
    finally:
        notes.close()


@contextmanager
def open_reporter(steps: int, first: bool) -> Iterator[Reporter]:
    """A progress bar, in the first process."""
    if not first:
        yield Silent()
        return
    with progress("train", steps) as shown:
        yield shown


def fabric(device: torch.device, devices: int, precision: str) -> Fabric:
    """Lightning Fabric on this process's device; under torchrun the number of processes is torchrun's.

    Args:
        devices: processes to be started on this machine where torchrun started none.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.backends.cudnn.benchmark = True  # patches have one size: the fastest algorithm is looked for once
    # torchrun sets both variables; without it --devices is all that there is.
    local = int(os.environ.get("LOCAL_WORLD_SIZE", devices))
    world = int(os.environ.get("WORLD_SIZE", local)) if "LOCAL_WORLD_SIZE" in os.environ else local
    return Fabric(
        accelerator=device.type,
        # A list names the GPU itself; a number takes the first ones.
        devices=[device.index] if device.index is not None and world == 1 else local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )


def new_state(task: Task, recipe: Recipe, device: torch.device, initial: dict[str, Tensor] | None) -> State:
    """Seeded weights, or those of `initial`, and Adam.

    Raises:
        UserError: `initial` is of another network.
    """
    torch.manual_seed(recipe.seed)
    network = task.network()
    if initial is not None:
        try:
            network.load_state_dict(task.initial(initial))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"the initial weights do not fit: {reason}") from error
    # Before Adam and the average, whose tensors are made like these.
    network = network.to(device).to(memory_format=recipe.layout)
    fused = device.type in {"cpu", "cuda"}
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=fused)
    average = average_of(network) if recipe.average else None
    return State(network=network, average=average, optimizer=optimizer)
