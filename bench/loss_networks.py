"""Which manifest file holds the weights of which loss network."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench import cache
from bench.errors import MissingFile, UserError

if TYPE_CHECKING:
    from models.vgg import LossNetwork

LOSS_WEIGHTS = {
    "vgg16": "weights/trunks/vgg16-features.safetensors",
    "vgg19-conv3_1": "weights/vgg19-caffe-conv3_1/vgg19.model",
}
PREFIX = "vgg19-conv3_1"
INSTEAD = f"; or take --loss-network {PREFIX}, the first five convolutions of VGG-19, at 2 MB"


def weights_name(name: str) -> str:
    """What the file is called whose weights `name`, one of :data:`LOSS_WEIGHTS`, has here."""
    return cache.used_name(LOSS_WEIGHTS[name])


def load(name: str, layers: Sequence[str]) -> LossNetwork:
    """The loss network `name`, one of :data:`LOSS_WEIGHTS`, on the CPU, cut behind the last of `layers`.

    Raises:
        MissingFile: its weights are not to be had.
        UserError: a layer that it does not reach, or a damaged file.
    """
    # a parser lists these names: what needs torch is imported when a network is
    network = importlib.import_module("models.vgg").loss_network
    try:
        return network(name, layers, cache.find(LOSS_WEIGHTS[name]))
    except MissingFile as error:
        raise MissingFile(f"{error}{'' if name == PREFIX else INSTEAD}") from error
    except ValueError as error:
        raise UserError(str(error)) from error
