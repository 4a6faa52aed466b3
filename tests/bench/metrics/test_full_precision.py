"""Scores never use reduced precision, whatever the program around them has switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.metrics import METRICS, load
from tests.bench.metrics.test_table import images

CPU = torch.device("cpu")


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


AROUND: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast-bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "default-bfloat16": lambda: default_dtype(torch.bfloat16),
    "default-float64": lambda: default_dtype(torch.float64),
    "matmul-medium": lambda: matmul_precision("medium"),
}


def value(name: str, weights: Path, sr: Tensor, hr: Tensor) -> Tensor:
    metric = load(name, lambda file: weights / file, CPU)
    return metric(sr, hr) if METRICS[name].reference else metric(sr)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("around", AROUND)
def test_a_metric_gives_the_same_bits_whatever_precision_is_switched_on_around_it(
    name: str, around: str, weights: Path
) -> None:
    sr, hr = (image.float() for image in images(name))
    plain = value(name, weights, sr, hr)
    with AROUND[around]():
        found = value(name, weights, sr, hr)
    assert found.dtype == plain.dtype
    assert found.dtype in {torch.float32, torch.float64}
    assert torch.equal(found, plain)


def test_what_was_switched_on_is_on_again_behind_a_metric(weights: Path) -> None:
    sr, hr = (image.float() for image in images("lpips-alex"))
    with matmul_precision("medium"), torch.autocast("cpu", torch.bfloat16):
        value("lpips-alex", weights, sr, hr)
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.is_autocast_enabled("cpu")
