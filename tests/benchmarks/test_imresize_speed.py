"""x1/4 and x4 beside a plain NumPy gather; compare within one run of the `benchmarks` session."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from baselines.bicubic import imresize
from baselines.kernels import taps
from tests.benchmarks.ratio import require_times_faster

SHRINK = Fraction(1, 4)
NUMPY = "a gather in NumPy"
IMAGE = np.random.default_rng(0).random((1, 3, 1024, 1024), dtype=np.float32)
SMALL = np.random.default_rng(0).random((1, 3, 256, 256), dtype=np.float32)


def gather(image: np.ndarray, scale: Fraction) -> np.ndarray:
    """The plain way: for every output pixel its taps side by side, weighted and added up."""
    for dim in (2, 3):
        length = image.shape[dim]
        t = taps(length, int(length * scale), scale, "bicubic", "symmetric")
        kept = t.weights.any(0)
        weights, index = t.weights[:, kept].astype(image.dtype), t.index[:, kept]
        if dim == 2:
            image = (image[:, :, index] * weights[:, :, None]).sum(3)
        else:
            image = (image[:, :, :, index] * weights).sum(4)
    return image


def gather_by_tap(image: np.ndarray, scale: Fraction) -> np.ndarray:
    """The same with a loop over the taps, which spares the memory."""
    for dim in (2, 3):
        length = image.shape[dim]
        t = taps(length, int(length * scale), scale, "bicubic", "symmetric")
        shape = (-1, 1) if dim == 2 else (-1,)
        image = sum(
            image.take(i, dim) * w.astype(image.dtype).reshape(shape)
            for i, w in zip(t.index.T, t.weights.T, strict=True)
            if w.any()
        )
    return image


def in_torch(image: np.ndarray, scale: Fraction, arithmetic: str = "float") -> np.ndarray:
    return imresize(torch.from_numpy(image), scale, arithmetic=arithmetic).numpy()


def in_uint8(image: np.ndarray, scale: Fraction) -> np.ndarray:
    return in_torch(image, scale, "uint8")


@pytest.mark.parametrize("resize", [gather, gather_by_tap, in_torch, in_uint8])
@pytest.mark.benchmark(group="imresize x1/4 of 1024x1024 RGB float32", warmup=True)
def test_shrinking(benchmark: BenchmarkFixture, resize: Callable[[np.ndarray, Fraction], np.ndarray]) -> None:
    lr = benchmark(resize, IMAGE, SHRINK)
    np.testing.assert_allclose(lr, gather(IMAGE, SHRINK), atol=2 / 255 if resize is in_uint8 else 1e-5)


@pytest.mark.parametrize("resize", [gather, gather_by_tap, in_torch])
@pytest.mark.benchmark(group="imresize x4 of 256x256 RGB float32", warmup=True)
def test_enlarging(benchmark: BenchmarkFixture, resize: Callable[[np.ndarray, Fraction], np.ndarray]) -> None:
    sr = benchmark(resize, SMALL, Fraction(4))
    np.testing.assert_allclose(sr, gather(SMALL, Fraction(4)), atol=1e-5)


def test_shrinking_is_at_least_five_times_as_fast_as_the_plain_way(benchmark: BenchmarkFixture) -> None:
    image = torch.from_numpy(IMAGE)
    require_times_faster(
        benchmark,
        lambda: gather(IMAGE, SHRINK),
        lambda: imresize(image, SHRINK),
        reference=NUMPY,
        required=5.0,
        rounds=15,
    )


def test_shrinking_in_uint8_against_the_plain_way(benchmark: BenchmarkFixture) -> None:
    image = torch.from_numpy(IMAGE)
    require_times_faster(
        benchmark,
        lambda: gather(IMAGE, SHRINK),
        lambda: imresize(image, SHRINK, arithmetic="uint8"),
        reference=NUMPY,
        required=None,
        rounds=15,
    )


def test_enlarging_against_the_plain_way(benchmark: BenchmarkFixture) -> None:
    image = torch.from_numpy(SMALL)
    require_times_faster(
        benchmark,
        lambda: gather(SMALL, Fraction(4)),
        lambda: imresize(image, Fraction(4)),
        reference=NUMPY,
        required=None,
        rounds=15,
    )
