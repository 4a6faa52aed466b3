"""The loss networks that there are, and their weights files: by array name, checked for shape and length."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.weights_only import DAMAGE, load

WIDTHS = (64, 128, 256, 512, 512)  # filters in each block; the tuples below: convolutions in each
VGG16 = (2, 2, 3, 3, 3)
VGG19 = (2, 2, 4, 4, 4)
CONV3_1 = (2, 2, 1)

Arrays = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """The input that weights were trained on: `scale * (image - mean)` for an RGB image in [0, 1].

    Attributes:
        mean: R, G, B.
        scale: R, G, B.
        bgr: the first convolution takes its channels in the order B, G, R.
    """

    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    bgr: bool


TORCHVISION = Convention(mean=(0.485, 0.456, 0.406), scale=(1 / 0.229, 1 / 0.224, 1 / 0.225), bgr=False)
# Caffe's mean in 0..255, over 255: `mean` is subtracted in [0, 1], `scale` multiplies afterwards.
CAFFE = Convention(mean=(123.68 / 255, 116.779 / 255, 103.939 / 255), scale=(255.0, 255.0, 255.0), bgr=True)


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One kind of weights file, and the layers that it reaches.

    Attributes:
        blocks: number of convolutions before each pooling.
        read: path to arrays by `conv1_1.weight`, `conv1_1.bias`, ...
    """

    name: str
    blocks: tuple[int, ...]
    convention: Convention
    read: Callable[[Path, Architecture], Arrays]

    @property
    def layers(self) -> tuple[str, ...]:
        """conv1_1, relu1_1, conv1_2, relu1_2, pool1, ...; no pooling behind an incomplete last block."""
        names: list[str] = []
        for block, count in enumerate(self.blocks, 1):
            for i in range(1, count + 1):
                names += [f"conv{block}_{i}", f"relu{block}_{i}"]
            names.append(f"pool{block}")
        return tuple(names if len(self.blocks) == len(WIDTHS) else names[:-1])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Array name to shape, in the network's order."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 3
        for layer in self.layers:
            if layer.startswith("conv"):
                width = WIDTHS[int(layer[4]) - 1]
                shapes |= {f"{layer}.weight": (width, channels, 3, 3), f"{layer}.bias": (width,)}
                channels = width
        return shapes


def load_state_dict(path: Path) -> Arrays:
    """Arrays by name from a safetensors file, or from one that `torch.save` wrote; nothing is executed.

    Raises:
        ValueError: it is neither, is damaged, is larger inside than outside, holds something else than a dictionary, or a
            value that is not finite.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = load(path)
    except SafetensorError as error:
        raise ValueError(f"{path.name} must be a safetensors file (got: {error})") from error
    except (pickle.UnpicklingError, *DAMAGE) as error:
        raise ValueError(f"{path.name} cannot be read, must be a state dict saved by PyTorch") from error
    if not isinstance(state, Mapping):
        raise ValueError(f"{path.name} holds a {type(state).__name__}, must be a state dict")
    # What is no array is left out: whoever asks for it by name finds it missing.
    arrays = {name: array for name, array in state.items() if isinstance(array, Tensor)}
    for name, array in arrays.items():
        if not array.isfinite().all():
            raise ValueError(f"{path.name}: {name} holds NaN or infinite values, must be finite")
    return arrays


def read_state_dict(path: Path, architecture: Architecture) -> Arrays:
    """A PyTorch state dict with torchvision's keys (`features.0.weight`) or layer names (`conv1_1.weight`).

    Raises:
        ValueError: the file is not a state dict, or an array is missing or has another shape.
    """
    state = load_state_dict(path)
    arrays = {}
    for name, shape in architecture.shapes.items():
        layer, kind = name.split(".")
        # torchvision numbers convolutions, ReLUs and poolings in one sequence, just as `layers` lists them.
        key = name if name in state else f"features.{architecture.layers.index(layer)}.{kind}"
        found = tuple(state[key].shape) if key in state else "missing"
        if found != shape:
            raise ValueError(
                f"{path.name}: {key} is {found}, must be {shape} ({name} of {architecture.name})"
            )
        arrays[name] = state[key].float()
    return arrays


def read_consecutive(path: Path, architecture: Architecture) -> Arrays:
    """Little-endian float32 arrays, weight then bias, one layer after the other and nothing else.

    Raises:
        ValueError: the file is shorter or longer, or holds a value that is not finite.
    """
    data = path.read_bytes()
    sizes = [int(np.prod(shape)) for shape in architecture.shapes.values()]
    # There is no header: the length is all that tells such a file from another.
    if len(data) != 4 * sum(sizes):
        raise ValueError(
            f"{path.name} has {len(data)} bytes, must be {4 * sum(sizes)} for {architecture.name}"
        )
    # astype makes the copy that torch may write into; a buffer of bytes is read-only.
    values = torch.from_numpy(np.frombuffer(data, "<f4").astype(np.float32))
    if not values.isfinite().all():
        raise ValueError(f"{path.name} holds NaN or infinite values, must be finite ones")
    parts = zip(architecture.shapes.items(), torch.split(values, sizes), strict=True)
    return {name: part.reshape(shape) for (name, shape), part in parts}


def random_arrays(architecture: Architecture, seed: int) -> Arrays:
    """He's normal initialisation (2015, arXiv:1502.01852) with biases of 0; a seed always gives the same."""
    # On the CPU and in the order of the layers: the same weights for every device.
    generator = torch.Generator().manual_seed(seed)

    def array(shape: tuple[int, ...]) -> Tensor:
        if len(shape) == 1:
            return torch.zeros(shape)
        return torch.randn(shape, generator=generator) * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5

    return {name: array(shape) for name, shape in architecture.shapes.items()}


NETWORKS: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(name="vgg16", blocks=VGG16, convention=TORCHVISION, read=read_state_dict),
        Architecture(name="vgg19", blocks=VGG19, convention=TORCHVISION, read=read_state_dict),
        Architecture(name="vgg16-caffe", blocks=VGG16, convention=CAFFE, read=read_state_dict),
        Architecture(name="vgg19-caffe", blocks=VGG19, convention=CAFFE, read=read_state_dict),
        Architecture(name="vgg19-conv3_1", blocks=CONV3_1, convention=CAFFE, read=read_consecutive),
    )
}


def find_architecture(name: str) -> Architecture:
    """The kind of network called `name`; ValueError with the known names if there is none."""
    if name not in NETWORKS:
        raise ValueError(f"loss network is {name!r}, must be one of: {', '.join(NETWORKS)}")
    return NETWORKS[name]
