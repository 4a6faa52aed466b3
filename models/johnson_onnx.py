"""The networks that the paper's first author released: candy, mosaic, la_muse, udnie, from their ONNX files.

The author's command, `-image_size 1024` on chicago.jpg, comes out with 99.5 % of the published pictures'
bytes equal, 65 dB and more (`tests/models/test_johnson_onnx.py` has the numbers, step by step). It takes:
- 712x474 becomes 1024x681 (681.7 truncated), enlarged bilinearly with the corners of both grids aligned, the
  coordinates in float32 and the result not rounded to bytes;
- all 684 rows of the raw output stay; then a 3x3 median without padding;
- bytes are truncated, not rounded, and saved as JPEG of quality 75 with halved chroma. The JPEG alone keeps
  uncompressed bytes 30 dB away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.style_net import CAFFE_MEAN_BGR, REFLECTION, RELEASED_TANH, StyleNet

BLOCKS = tuple(f"residual.{block}.{part}" for block in range(5) for part in ("first", "second"))
# In the order of the file's nodes, which number its arrays; the first has no number (`array_names`).
LAYERS = ("first", "down1", "down2", *BLOCKS, "up1", "up2")

RESIDUAL = ("Conv", "InstanceNormalization", "Relu", "Conv", "InstanceNormalization", "Crop", "Add")
OPERATIONS = (
    *("ImageScaler", "Pad"),
    *("Conv", "InstanceNormalization", "Relu") * 3,
    *RESIDUAL * 5,
    *("ConvTranspose", "Crop", "InstanceNormalization", "Relu") * 2,
    *("Conv", "Tanh", "Affine", "Mul", "Add"),
)
CONSTANTS: dict[tuple[str, str], Any] = {
    ("ImageScaler", "scale"): 1.0,
    ("ImageScaler", "bias"): [-value for value in CAFFE_MEAN_BGR],
    ("Pad", "mode"): b"reflect",
    ("Pad", "pads"): [0, 0, REFLECTION, REFLECTION] * 2,
    ("InstanceNormalization", "epsilon"): 1e-5,
    ("Affine", "alpha"): RELEASED_TANH,
    ("Affine", "beta"): 0.0,
}
# Arrays of the file that are no weights: the factor behind tanh, and the mean that is added back.
FIXED = {"Mul_B": (1.0, 1.0, 1.0), "scale_B": CAFFE_MEAN_BGR}


def array_names() -> dict[str, str]:
    """Name in the file to name in :class:`StyleNet`'s state dict, for every array that is a weight."""
    names = {}
    for index, layer in enumerate(LAYERS):
        number = index or ""
        names[f"convolution{number}_W"] = f"{layer}.conv.weight"
        names[f"convolution{number}_B"] = f"{layer}.conv.bias"
        names[f"InstanceNormalization_scale{number}"] = f"{layer}.norm.weight"
        names[f"InstanceNormalization_B{number}"] = f"{layer}.norm.bias"
    last = len(LAYERS)
    return {**names, f"convolution{last}_W": "last.weight", f"convolution{last}_B": "last.bias"}


def load_johnson(path: Path) -> StyleNet:
    """The released network in `path`, for any image size, in eval mode, float32, on the CPU.

    Nothing is left over: the file's operations and constants must be those of the released variant, each of
    its arrays is used once, and each weight gets one.

    Raises:
        ImportError: the `onnx` extra is not installed.
        OSError: the file cannot be read.
        ValueError: the file is not ONNX, or not this network.
    """
    graph = read_graph(path)
    check_operations(graph, path)
    arrays = read_arrays(graph, path)
    # Taken out, so that what is left is weights alone.
    check_fixed({name: arrays.pop(name) for name in FIXED}, path)
    net = StyleNet(norm="instance", width=16, tanh="released")
    weights = {key: arrays[name] for name, key in array_names().items()}
    check_shapes(weights, net.state_dict(), path)
    net.load_state_dict(weights)
    return net.eval()


def read_graph(path: Path) -> Any:
    """Raises ImportError without onnx, ValueError for another kind of file."""

    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} needs onnx, which is not installed. Run: pip install 'perceptual-bench[onnx]'"
        ) from error
    try:
        return onnx.load(path).graph
    except DecodeError as error:
        raise ValueError(f"{path}: not an ONNX file, must be one of the released style networks") from error


def check_operations(graph: Any, path: Path) -> None:
    """Raises ValueError unless they are those of the released networks, with the same constants."""

    from onnx.helper import get_attribute_value

    operations = tuple(node.op_type for node in graph.node)
    if operations != OPERATIONS:
        raise ValueError(f"{path}: operations are {operations}, must be {OPERATIONS}")
    for node in graph.node:
        for attribute in node.attribute:
            required = CONSTANTS.get((node.op_type, attribute.name))
            actual = get_attribute_value(attribute)
            if required is not None and not agree(actual, required):
                raise ValueError(f"{path}: {node.op_type} has {attribute.name} {actual}, must be {required}")


def agree(actual: Any, required: Any) -> bool:
    """Whether an attribute of a node has the value that this network needs, up to rounding."""
    # Bytes (the mode of padding) are equal or not; allclose takes numbers alone.
    return actual == required or (not isinstance(required, bytes) and np.allclose(actual, required))


def read_arrays(graph: Any, path: Path) -> dict[str, Tensor]:
    """By name; raises ValueError unless they are just those of a released network."""

    from onnx.numpy_helper import to_array

    names = [array.name for array in graph.initializer]
    required = [*array_names(), *FIXED]
    if sorted(names) != sorted(required):
        wrong = sorted(set(names) ^ set(required)) or sorted(names)
        raise ValueError(
            f"{path}: arrays {', '.join(wrong)} are missing, unknown or repeated, must be {len(required)}"
        )
    # A copy: to_array gives a read-only view of the file, of which torch warns.
    return {array.name: torch.from_numpy(to_array(array).copy()) for array in graph.initializer}


def check_fixed(arrays: dict[str, Tensor], path: Path) -> None:
    """Raises ValueError unless factor and mean are those of the released networks."""
    for name, required in FIXED.items():
        actual = arrays[name].flatten().tolist()
        if len(actual) != len(required) or not np.allclose(actual, required):
            raise ValueError(f"{path}: array {name} is {actual}, must be {required}")


def check_shapes(arrays: dict[str, Tensor], required: dict[str, Tensor], path: Path) -> None:
    """Raises ValueError for an array that is missing or of another shape."""
    for name, tensor in required.items():
        if name not in arrays or arrays[name].shape != tensor.shape:
            actual = tuple(arrays[name].shape) if name in arrays else "missing"
            raise ValueError(f"{path}: {name} is {actual}, must be {tuple(tensor.shape)}")
