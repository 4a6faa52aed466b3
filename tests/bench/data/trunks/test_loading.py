"""A trunk that is not the network's is refused by what stands on it, whoever put it there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.trunks.convert import to_safetensors
from bench.data.trunks.pins import TRUNKS
from bench.metrics import METRICS, load

Change = Callable[[dict[str, np.ndarray]], None]
STANDING = {
    "lpips-alex": "alexnet",
    "lpips-vgg": "vgg16",
    "feature-relu2_2": "vgg16",
    "dists": "vgg16",
    "dists-256": "vgg16",
}


def zeros(name: str) -> dict[str, np.ndarray]:
    return {key: np.zeros(shape, np.float32) for key, shape in TRUNKS[name].shapes.items()}


def another_shape(arrays: dict[str, np.ndarray]) -> None:
    arrays["features.0.weight"] = arrays["features.0.weight"][:, :, :2]


def without_an_array(arrays: dict[str, np.ndarray]) -> None:
    del arrays["features.10.bias"]


def not_a_number(arrays: dict[str, np.ndarray]) -> None:
    arrays["features.10.bias"][3] = np.nan


def infinite(arrays: dict[str, np.ndarray]) -> None:
    arrays["features.0.bias"][0] = np.inf


CHANGES: dict[str, tuple[Change, str]] = {
    "another shape": (another_shape, r"features\.0\.weight is \(64, 3, 2, "),
    "an array less": (without_an_array, r"features\.10\.bias is missing"),
    "NaN": (not_a_number, r"features\.10\.bias holds NaN or infinite values, must be finite"),
    "infinity": (infinite, r"features\.0\.bias holds NaN or infinite values, must be finite"),
}


def refused(metric: str, content: bytes, folder: Path, message: str) -> None:
    """The metric does not take the bytes for its trunk."""
    pytest.importorskip("piq")
    file = folder / "trunk.safetensors"
    file.write_bytes(content)
    other = folder / "weights.pt"
    torch.save({"alpha": torch.zeros(1), "beta": torch.zeros(1)}, other)
    with pytest.raises(ValueError, match=message):
        load(metric, lambda name: file if "trunks" in name else other, torch.device("cpu"))


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("metric", STANDING)
def test_arrays_that_are_not_the_networks_are_refused(metric: str, kind: str, tmp_path: Path) -> None:
    change, message = CHANGES[kind]
    arrays = zeros(STANDING[metric])
    change(arrays)
    refused(metric, to_safetensors(arrays), tmp_path, message)


@pytest.mark.parametrize("metric", STANDING)
def test_the_trunk_of_another_network_is_refused(metric: str, tmp_path: Path) -> None:
    other = "vgg16" if STANDING[metric] == "alexnet" else "alexnet"
    refused(metric, to_safetensors(zeros(other)), tmp_path, r"features\.\d+\.\w+ is (missing|\()")


@pytest.mark.parametrize("metric", ["lpips-alex", "feature-relu2_2"])
@pytest.mark.parametrize("cut", ["half", "empty", "header", "page"])
def test_bytes_that_are_no_whole_file_are_refused(metric: str, cut: str, tmp_path: Path) -> None:
    whole = to_safetensors(zeros(STANDING[metric]))
    content = {
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "header": whole[:100],
        "page": b"<html></html>",
    }
    refused(metric, content[cut], tmp_path, "must be a safetensors file")


def test_every_metric_that_stands_on_a_trunk_is_tried_here() -> None:
    assert set(STANDING) == {
        name for name, entry in METRICS.items() if any("trunks/" in file for file in entry.needs)
    }
