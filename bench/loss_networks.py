"""The loss networks, loaded. Which file holds whose weights stands in :mod:`bench.data.styles`, which loads no torch."""

from __future__ import annotations

from collections.abc import Sequence

from bench.data import cache
from bench.data.styles import LOSS_WEIGHTS
from bench.errors import MissingFile, UserError
from models.vgg import LossNetwork, loss_network

PREFIX = "vgg19-conv3_1"
INSTEAD = f"; or take --loss-network {PREFIX}, the first five convolutions of VGG-19, at 2 MB"


def load(name: str, layers: Sequence[str]) -> LossNetwork:
    """The loss network `name`, one of :data:`LOSS_WEIGHTS`, on the CPU, cut behind the last of `layers`.

    Raises:
        MissingFile: its weights are not to be had.
        UserError: a layer that it does not reach, or a damaged file.
    """
    try:
        return loss_network(name, layers, cache.find(LOSS_WEIGHTS[name]))
    except MissingFile as error:
        raise error.of("", "" if name == PREFIX else INSTEAD) from error
    except ValueError as error:
        raise UserError(str(error)) from error
