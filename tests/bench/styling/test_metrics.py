"""Style metrics: each value by hand or by a second route; the table loads nothing."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity
from torch import Tensor

from bench.data import manifest
from bench.errors import MissingFile, UserError
from bench.metrics.lpips_distance import LpipsDistance
from bench.metrics.ssim import SIGMA, WINDOW
from bench.styling.metrics import METRICS, StyleMetric, load
from bench.styling.metrics.stability import LEVEL
from bench.styling.stylized import Stylized
from models.losses import gram

CPU = torch.device("cpu")
TRUNK = "weights/trunks/alexnet-features.safetensors"


def noise(h: int, w: int, seed: int) -> Tensor:
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(seed))


def one_layer(image: Tensor) -> Mapping[str, Tensor]:
    """A loss network of one layer: the image itself, twice as bright."""
    return {"relu1_1": 2 * image}


def stylized(
    image: Tensor,
    *,
    content: Tensor | None = None,
    style: Tensor | None = None,
    stylize: Callable[[Tensor], Tensor] | None = None,
) -> Stylized:
    style = image if style is None else style
    return Stylized(
        image=image,
        content=image if content is None else content,
        style=style,
        network=one_layer,
        style_grams={layer: gram(features) for layer, features in one_layer(style).items()},
        stylize=stylize,
    )


def metric(name: str, find: Callable[[str], Path] = Path) -> StyleMetric:
    (found,) = load(name, ["relu1_1"], find, CPU)
    return found


def test_the_names_are_those_of_the_command_line() -> None:
    assert list(METRICS) == [
        *("content-lpips", "content-ssim", "gram", "colour-histogram", "stability-shift", "stability-noise"),
    ]
    assert all(name == entry.name and entry.about and entry.source for name, entry in METRICS.items())
    assert {file for entry in METRICS.values() for file in entry.needs} <= set(manifest.files())


def test_importing_the_table_imports_no_torch() -> None:
    code = "import sys, bench.styling.metrics; sys.exit(bool({'torch', 'numpy', 'lpips'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"no style metric is called 'lpips'; there are: content-lpips, .*gram"
    ):
        metric("lpips")


def test_a_missing_file_is_the_finders_error() -> None:
    def find(file: str) -> Path:
        raise MissingFile(f"{file} is missing")

    with pytest.raises(MissingFile, match=r"alexnet-features\.safetensors is missing"):
        metric("content-lpips", find)


def test_a_metric_of_layers_has_a_value_for_each() -> None:
    names = [each.info.name for each in load("gram", ["relu1_2", "relu2_2"], Path, CPU)]
    assert names == ["gram-relu1_2", "gram-relu2_2"]


def test_content_lpips_is_that_of_the_metric_of_super_resolution(real_data: Path) -> None:
    found = metric("content-lpips", lambda file: real_data / file)
    image, content = noise(40, 48, 0), noise(40, 48, 1)
    expected = LpipsDistance("alex", real_data / TRUNK, CPU)(image, content).item()
    assert found.measure(stylized(image, content=content)) == expected > 0.01
    assert found.measure(stylized(content)) == 0


def test_content_ssim_is_that_of_scikit_image_on_studio_range_luma() -> None:
    image, content = noise(20, 24, 0), noise(20, 24, 1)
    luma = [
        (16 + np.tensordot([65.481, 128.553, 24.966], x[0].double().numpy(), 1)) / 255
        for x in (image, content)
    ]
    expected = structural_similarity(
        *luma,
        data_range=1.0,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        win_size=WINDOW,
    )
    assert metric("content-ssim").measure(stylized(image, content=content)) == pytest.approx(
        expected, abs=1e-9
    )
    assert metric("content-ssim").measure(stylized(image)) == 1


def test_gram_distance_of_two_even_images_by_hand() -> None:
    # Features are 2 x grey in 3 channels, so that each of 9 entries is (2 v)^2 h w / (3 h w) = 4 v^2 / 3.
    bright, dark = torch.full((1, 3, 5, 4), 0.9), torch.full((1, 3, 2, 6), 0.3)
    expected = 9 * (4 * (0.81 - 0.09) / 3) ** 2
    found = metric("gram")
    assert found.name == "gram-relu1_1"
    assert found.measure(stylized(bright, style=dark)) == pytest.approx(expected, rel=1e-5)
    assert found.measure(stylized(dark)) == 0


def test_colour_histogram_of_two_even_images_is_how_far_apart_they_are() -> None:
    image = torch.tensor([0.0, 10.0, 100.0])[None, :, None, None].expand(1, 3, 4, 4) / 255
    style = torch.tensor([3.0, 4.0, 100.0])[None, :, None, None].expand(1, 3, 7, 2) / 255
    assert metric("colour-histogram").measure(stylized(image, style=style)) == pytest.approx((3 + 6 + 0) / 3)


def test_colour_histogram_is_the_wasserstein_distance_of_scipy() -> None:
    image, style = noise(13, 9, 0) ** 2, noise(20, 7, 1)
    levels = [np.floor(255 * x[0].numpy().reshape(3, -1) + 0.5) for x in (image, style)]
    expected = np.mean([wasserstein_distance(a, b) for a, b in zip(*levels, strict=True)])
    assert metric("colour-histogram").measure(stylized(image, style=style)) == pytest.approx(
        expected, abs=1e-9
    )


def test_what_treats_every_place_alike_is_stable_under_a_shift() -> None:
    content = noise(12, 15, 0)
    found = metric("stability-shift")
    assert found.measure(stylized(1 - content, content=content, stylize=lambda x: 1 - x)) == 0


def test_stability_under_a_shift_of_what_looks_at_every_second_column_by_hand() -> None:
    # Columns 0, 1, 2, 3 hold 0, 10, 20, 30 levels. The network repeats each even column: 0, 0, 20, 20. Moved right they are
    # 0, 0, 10, 20, which becomes 0, 0, 10, 10; moved back 0, 10, 10, where 0, 0, 20 was: a mean square of 200 / 3.
    content = (10 * torch.arange(4.0) / 255).expand(1, 3, 2, 4)

    def repeat(x: Tensor) -> Tensor:
        return x[..., ::2].repeat_interleave(2, -1)

    found = metric("stability-shift").measure(stylized(repeat(content), content=content, stylize=repeat))
    assert found == pytest.approx(math.sqrt(200 / 3), rel=1e-5)


def test_stability_under_noise_of_a_gain_of_three_is_three_levels() -> None:
    content = 0.2 + 0.1 * noise(12, 15, 0)
    found = metric("stability-noise").measure(stylized(3 * content, content=content, stylize=lambda x: 3 * x))
    assert found == pytest.approx(3, rel=1e-4)
    flat = metric("stability-noise").measure(
        stylized(torch.zeros(1, 3, 8, 8), stylize=lambda x: (x - LEVEL).clamp(0, 1))
    )
    assert flat == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", ["stability-shift", "stability-noise"])
def test_what_no_network_made_has_no_stability(name: str) -> None:
    assert METRICS[name].of_network
    with pytest.raises(ValueError, match="made by no network; must be a style network's image"):
        metric(name).measure(stylized(noise(12, 15, 0)))


def test_arguments_are_not_changed_and_twice_gives_the_same(real_data: Path) -> None:
    parts = noise(40, 40, 0), noise(40, 40, 1), noise(50, 30, 2)
    before = [part.clone() for part in parts]
    image, content, style = parts
    for name in METRICS:
        found = metric(name, lambda file: real_data / file)
        seen = stylized(image, content=content, style=style, stylize=lambda x: x.square())
        assert found.measure(seen) == found.measure(seen)
        assert found.info.name in {name, f"{name}-relu1_1"}
    assert all(torch.equal(part, copy) for part, copy in zip(parts, before, strict=True))
