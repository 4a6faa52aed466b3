"""Files of weights as `bench.train` writes them: safetensors whose metadata say which network they are for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def read_weights(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and arrays of a safetensors file; ValueError if it is no such file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as content:
            # safe_open's object is no mapping: it has keys() and cannot be iterated.
            return dict(content.metadata() or {}), {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except SafetensorError as error:
        # The message may quote bytes of an untrusted file, which must not reach a terminal as they are.
        words = ascii(str(error))[1:-1]
        raise ValueError(f"{file.name} cannot be read, must be a safetensors file: {words}") from error


def config_of(file: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of the network, as the metadata of `file` have them.

    Raises:
        ValueError: there are none, or they are no JSON object.
    """
    try:
        config = json.loads(metadata["config"])
    except KeyError:
        raise ValueError(
            f"{file.name} has no config in its metadata; must be a file of bench.train"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} has a config in its metadata that is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(f"{file.name} has a config in its metadata that is no JSON object")
    return config


def load_network(
    file: Path, architecture: str, make: Callable[..., Network], *, scale: int | None = None
) -> Network:
    """The network of a file, on the CPU, frozen, in eval mode.

    Args:
        make: called with what the file's `config` holds.
        scale: that `config` must have; None where networks have none.

    Raises:
        ValueError: not such a file, another architecture or scale, or arrays that do not fit.
    """
    metadata, arrays = read_weights(file)
    found = metadata.get("architecture")
    if found != architecture:
        raise ValueError(f"{file.name} holds architecture {found!r}, must be {architecture!r}")
    config = config_of(file, metadata)
    if scale is not None and config.get("scale") != scale:
        raise ValueError(f"{file.name} holds a network for x{config.get('scale')}, must be x{scale}")
    try:
        network = make(**config)
    except TypeError as error:
        raise ValueError(f"{file.name} holds a config that is not one of {architecture}: {error}") from error
    try:
        network.load_state_dict(arrays)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file.name} does not fit {architecture} {config}: {reason}") from error
    return network.requires_grad_(False).eval()
