"""Where a run is: written whole or not at all, and read only by the run that it belongs to."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.atomic import atomic_write
from bench.data.untrusted import short_repr
from bench.errors import UserError
from bench.training.recipe import differences
from models.weights_only import DAMAGE, load

FORMAT = 1
NAME = "checkpoint.pt"
# Checked before anything is used: a run's folder may come from anybody.
PARTS: dict[str, tuple[type, ...]] = {
    "identity": (dict,),
    "record": (dict,),
    "step": (int,),
    "seconds": (float, int),
    "scores": (dict,),
    "network": (dict,),
    "average": (dict, type(None)),
    "optimizer": (dict,),
    "random": (dict,),
}


@dataclass(kw_only=True)
class State:
    """What changes from step to step. Patches follow from the number of the step: it is the data's position.

    Attributes:
        average: None where no average is kept.
        step: steps done.
        seconds: of training, all sessions together.
        scores: the last validation's means.
    """

    network: nn.Module
    average: nn.Module | None
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> nn.Module:
        """The network that is validated and exported."""
        return self.network if self.average is None else self.average


def save(folder: Path, state: State, identity: dict[str, Any], record: dict[str, str]) -> None:
    """Replace the run's checkpoint.

    Args:
        identity: plain values; a run with other ones cannot go on from it.
        record: what an exported file says of the run.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the last checkpoint is as it was.
    """
    content = {
        "format": FORMAT,
        "identity": identity,
        "record": record,
        "step": state.step,
        "seconds": state.seconds,
        "scores": state.scores,
        "network": state.network.state_dict(),
        "average": state.average.state_dict() if state.average else None,
        "optimizer": state.optimizer.state_dict(),
        "random": random_state(),
    }
    with atomic_write(folder / NAME) as part, part.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        # On the disk before it takes the last one's name, or a power cut could cost both.
        os.fsync(stream.fileno())


def read(folder: Path) -> dict[str, Any]:
    """The run's checkpoint as plain values and tensors, on the CPU.

    Raises:
        UserError: there is none, it is damaged, or another version of the suite wrote it.
    """
    file = folder / NAME
    try:
        content = load(file)
    except FileNotFoundError as error:
        raise UserError(f"{str(folder)!r} holds no {NAME}; must be the folder of a run") from error
    except (pickle.UnpicklingError, *DAMAGE) as error:
        raise UserError(f"{str(file)!r} cannot be read; must be a checkpoint of bench.train") from error
    found = content.get("format") if isinstance(content, dict) else None
    # The type, too: True == 1.
    if type(found) is not int or found != FORMAT:
        raise UserError(
            f"{str(file)!r} has format {short_repr(found)}, must be {FORMAT}: another version wrote it"
        )
    odd = [name for name, kind in PARTS.items() if not isinstance(content.get(name), kind)]
    if odd:
        raise UserError(
            f"{str(file)!r} is damaged: {odd[0]} is {short_repr(content.get(odd[0]))}; must be a checkpoint of bench.train"
        )
    return content


def restore(folder: Path, state: State, identity: dict[str, Any]) -> bool:
    """Put `state` where the run's checkpoint was; False if there is none.

    Raises:
        UserError: it is another run's: recipe, network, scale or images differ; the message says in what.
    """
    if not (folder / NAME).exists():
        return False
    content = read(folder)
    different = differences(identity, content["identity"])
    if different:
        raise UserError(
            f"{str(folder)!r} holds the checkpoint of another run: {'; '.join(different)}, or another --out"
        )
    try:
        # The types are right, the contents may still not fit: each of torch's loaders says so by another error.
        state.network.load_state_dict(content["network"])
        if state.average is not None:
            state.average.load_state_dict(content["average"])
        state.optimizer.load_state_dict(content["optimizer"])
        restore_random(content["random"])
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        words = " ".join(str(error).split())[:200]
        raise UserError(
            f"{str(folder / NAME)!r} does not fit its own run: {words}; must be an undamaged checkpoint"
        ) from error
    state.step, state.seconds, state.scores = (content[key] for key in ("step", "seconds", "scores"))
    return True


def random_state() -> dict[str, Any]:
    """Torch's generators; nothing else is drawn from."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def restore_random(states: dict[str, Any]) -> None:
    """A machine with other GPUs keeps their own states."""
    torch.set_rng_state(states["cpu"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
