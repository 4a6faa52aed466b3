"""Repositories of authors: where each network is, and how its own test program makes and calls it.

Where this changes the values of an image, raise `VERSION` in authors.py, whose bytes are part of every network's hash.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.registry.adapters.isolated_modules import IsolatedModules

SCALES = (2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a network is, and how its repository makes and calls it.

    Attributes:
        variable: the environment variable that holds the path of a checkout.
        folder: of the checkout: the one that its programs are started in, whose modules they import.
        module, network: the class.
        options: called with a scale, for the class.
        weights: a file of the checkout, with {scale} in it where each scale has its own.
        takes_scale: its forward takes the scale as well.
    """

    variable: str
    repository: str
    commit: str
    folder: str
    module: str
    network: str
    options: Callable[[int], Mapping[str, Any]]
    weights: str
    takes_scale: bool = False

    def checkout(self) -> Path:
        """
        Raises:
            FileNotFoundError: there is none; the message has the command that makes it.
        """
        given = os.environ.get(self.variable, "")
        found = Path(given).expanduser().absolute()
        if given and (found / self.folder).is_dir():
            return found
        name = self.repository.rpartition("/")[2]
        raise FileNotFoundError(
            f"${self.variable} must be a checkout of {self.repository} (got {given!r}): git clone {self.repository} && "
            f"git -C {name} checkout {self.commit} && export {self.variable}=$PWD/{name}"
        )


SOURCES = {
    "imdn": Source(
        variable="IMDN",
        repository="https://github.com/Zheng222/IMDN",
        commit="8f158e6a5ac9db6e5857d9159fd4a6c4214da574",
        folder=".",
        module="model.architecture",
        network="IMDN",
        options=lambda scale: {"upscale": scale},  # test_IMDN.py
        weights="checkpoints/IMDN_x{scale}.pth",
    ),
    "pan": Source(
        variable="PAN",
        repository="https://github.com/zhaohengyuan1/PAN",
        commit="4d045d18592c5771cd3990da88f292812774e538",
        folder="codes",
        module="models.archs.PAN_arch",
        network="PAN",
        # options/test/test_PANx4.yml
        options=lambda scale: {"in_nc": 3, "out_nc": 3, "nf": 40, "unf": 24, "nb": 16, "scale": scale},
        weights="experiments/pretrained_models/PANx{scale}_DF2K.pth",
    ),
    "carn_m": Source(
        variable="CARN",
        repository="https://github.com/nmhkahn/CARN-pytorch",
        commit="40d3514f81cccd680d846cd5ab07af35f2c8e0e2",
        folder="carn",
        module="model.carn_m",
        network="Net",
        options=lambda scale: {"multi_scale": True, "group": 4},  # sample.py, and README for CARN-M
        weights="checkpoint/carn_m.pth",
        takes_scale=True,
    ),
}


class Network(nn.Module):
    """A network called as its repository's test program calls it: the whole image, RGB in [0, 1]; sr is not clipped."""

    def __init__(self, name: str, scale: int) -> None:
        super().__init__()
        source = SOURCES[name]
        if scale not in SCALES:
            raise ValueError(f"{name} has weights for x2, x3 and x4 (got x{scale})")
        checkout = source.checkout()
        world = IsolatedModules(checkout / source.folder, f"{checkout}:{name}")
        world.begin()
        network = getattr(world.module(source.module), source.network)(**source.options(scale))
        file = checkout / source.weights.format(scale=scale)
        weights = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict({key.removeprefix("module."): value for key, value in weights.items()})
        self.network, self.scale, self.takes_scale = network.eval(), scale, source.takes_scale
        self.source_files = [__file__, file, *world.files]

    def forward(self, lr: Tensor) -> Tensor:
        """sr, float RGB."""
        return self.network(lr, self.scale) if self.takes_scale else self.network(lr)
