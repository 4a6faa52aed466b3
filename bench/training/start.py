"""What a run begins with: processes and devices, a network and its optimizer."""

from __future__ import annotations

import logging
import os

import torch
from lightning_fabric import Fabric
from torch import Tensor

from bench.errors import UserError
from bench.training.average import average_of
from bench.training.checkpoint import State
from bench.training.recipe import Recipe
from bench.training.tasks import Task


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
