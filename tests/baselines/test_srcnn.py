"""SRCNN equals the authors' program, written again with scipy's correlation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from scipy.ndimage import correlate

from baselines.bicubic import imresize
from baselines.srcnn import SRCNN, rgb_to_ycbcr, ycbcr_to_rgb
from bench.prepare import rgb_to_y

Arrays = dict[str, np.ndarray]


def arrays(middle: int) -> Arrays:
    """Random weights in the layout of the authors' files, small enough to keep values near [0, 1]."""
    rng = np.random.default_rng(0)
    shapes = {"weights_conv1": (81, 6), "weights_conv2": (6, middle**2, 4), "weights_conv3": (4, 25)}
    biases = {"biases_conv1": (6, 1), "biases_conv2": (4, 1), "biases_conv3": (1, 1)}
    return {name: rng.normal(0, 0.05, shape) for name, shape in (shapes | biases).items()}


@pytest.fixture(params=[1, 5])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Arrays]:
    """A file as the authors write it, and what is in it."""
    content = arrays(request.param)
    savemat(tmp_path / "x4.mat", content)
    return tmp_path / "x4.mat", content


def filtered(planes: np.ndarray, kernels: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """One layer of `SRCNN.m`: kernels (in, k*k, out), columns first; imfilter with replicated borders."""
    side = int(np.sqrt(kernels.shape[1]))
    layers = []
    for out in range(kernels.shape[2]):
        taps = [kernels[i, :, out].reshape(side, side, order="F") for i in range(kernels.shape[0])]
        layers.append(
            sum(correlate(p, k, mode="nearest") for p, k in zip(planes, taps, strict=True)) + biases[out, 0]
        )
    return np.stack(layers)


def reference(y: np.ndarray, content: Arrays) -> np.ndarray:
    first = np.maximum(filtered(y[None], content["weights_conv1"][None], content["biases_conv1"]), 0)
    second = np.maximum(filtered(first, content["weights_conv2"], content["biases_conv2"]), 0)
    return filtered(second, content["weights_conv3"][..., None], content["biases_conv3"])[0]


def test_luma_equals_the_authors_program(weights: tuple[Path, Arrays]) -> None:
    file, content = weights
    lr = torch.rand(1, 1, 9, 11, generator=torch.Generator().manual_seed(1))
    enlarged = imresize(lr.double(), 4.0)[0, 0].numpy()
    sr = SRCNN(scale=4, weights=file)(lr)
    np.testing.assert_allclose(sr[0, 0].numpy(), reference(enlarged, content), atol=1e-6)


def test_colour_keeps_bicubic_chroma_and_luma_of_the_network(weights: tuple[Path, Arrays]) -> None:
    network = SRCNN(scale=4, weights=weights[0])
    lr = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(1))
    sr = rgb_to_ycbcr(network(lr))
    enlarged = imresize(rgb_to_ycbcr(lr), 4.0)
    torch.testing.assert_close(sr[:, 1:], enlarged[:, 1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(sr[:, :1], network.luma(enlarged[:, :1]), atol=1e-5, rtol=0)


def test_a_batch_of_two_equals_two_of_one(weights: tuple[Path, Arrays]) -> None:
    network = SRCNN(scale=4, weights=weights[0])
    lr = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(1))
    before = lr.clone()
    torch.testing.assert_close(network(lr), torch.cat([network(lr[:1]), network(lr[1:])]), atol=1e-6, rtol=0)
    assert torch.equal(lr, before)


def test_ycbcr_there_and_back_is_the_same() -> None:
    rgb = torch.rand(1, 3, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb)
    torch.testing.assert_close(rgb_to_ycbcr(rgb)[:, :1], rgb_to_y(rgb))


def test_the_authors_files_load_with_their_shapes(real_data: Path) -> None:
    files = sorted((real_data / "weights" / "srcnn").rglob("*.mat"))
    assert len(files) == 8
    for file in files:
        network = SRCNN(scale=int(file.stem[1:]), weights=file)
        middle = {"9-1-5": 1, "9-3-5": 3, "9-5-5": 5}[file.parent.name[:5]]
        assert [tuple(p.shape) for name, p in network.named_parameters() if name.endswith("weight")] == [
            (64, 1, 9, 9),
            (32, 64, middle, middle),
            (1, 32, 5, 5),
        ]


def test_a_file_that_is_not_matlabs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x4.mat").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match="is not a MATLAB file of SRCNN weights"):
        SRCNN(scale=4, weights=tmp_path / "x4.mat")


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    content = arrays(1)
    del content["biases_conv2"]
    savemat(tmp_path / "x4.mat", content)
    with pytest.raises(ValueError, match="has no biases_conv2"):
        SRCNN(scale=4, weights=tmp_path / "x4.mat")


def test_a_filter_that_is_not_square_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "x4.mat", arrays(1) | {"weights_conv1": np.zeros((80, 6))})
    with pytest.raises(ValueError, match="has 80 taps per filter, must be a square number"):
        SRCNN(scale=4, weights=tmp_path / "x4.mat")
