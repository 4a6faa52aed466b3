"""The task of super-resolution: examples and losses."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from baselines.bicubic import imresize
from bench.errors import UserError
from bench.lr import blur
from bench.training.recipe import SRSettings
from bench.training.tasks import SRTask
from models.losses import grid_pattern
from models.vgg import random_loss_network


def test_lr_is_blurred_and_reduced_from_the_patch() -> None:
    hr = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    sharp, target = SRTask(SRSettings(scale=4, blur_sigma=0.0)).examples(hr)
    soft, _ = SRTask(SRSettings(scale=4, blur_sigma=1.0)).examples(hr)
    assert sharp.shape == (2, 3, 4, 4)
    assert torch.equal(target, hr)
    assert soft.std() < sharp.std()


@pytest.mark.parametrize("arithmetic", ["float", "uint8"])
@pytest.mark.parametrize(("scale", "sigma"), [(2, 0.0), (4, 1.0), (8, 0.7)])
def test_lr_is_what_blur_and_imresize_make_of_each_patch(scale: int, sigma: float, arithmetic: str) -> None:
    hr = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    lr, _ = SRTask(SRSettings(scale=scale, blur_sigma=sigma, arithmetic=arithmetic)).examples(hr)
    soft = blur(hr, sigma, "symmetric") if sigma else hr
    expected = imresize(soft, Fraction(1, scale), arithmetic=arithmetic)
    torch.testing.assert_close(lr, expected, atol=1e-6, rtol=0)


def test_the_feature_loss_is_that_of_the_loss_network_and_reaches_the_weights() -> None:
    features = random_loss_network("vgg19-conv3_1", ["relu2_2"])
    settings = SRSettings(scale=2, loss="feature", loss_network="vgg19-conv3_1", width=4, blocks=1)
    task = SRTask(settings, features)
    network = task.network()
    lr, hr = task.examples(torch.rand(2, 3, 16, 16))
    sr = network(lr)
    loss = task.objective(sr, hr)
    expected = (features(sr)["relu2_2"] - features(hr)["relu2_2"]).square().mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert all(p.grad is None for p in features.parameters())


def test_total_variation_is_added_with_its_weight() -> None:
    sr, hr = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    plain, smooth = (SRTask(SRSettings(tv_weight=w)).objective(sr, hr) for w in (0.0, 1e-6))
    assert smooth > plain


def test_a_loss_and_a_loss_network_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match="loss is 'feature', must be a loss network for 'feature' alone"):
        SRTask(SRSettings(loss="feature"))


def test_a_second_loss_network_is_added_with_its_weight() -> None:
    first, second = (random_loss_network("vgg19-conv3_1", ["relu2_2"], seed=seed) for seed in (0, 1))
    settings = SRSettings(loss="feature", second_loss_network="vgg19-conv3_1", second_weight=0.5)
    sr, hr = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    alone = [SRTask(SRSettings(loss="feature"), network).objective(sr, hr) for network in (first, second)]
    torch.testing.assert_close(SRTask(settings, first, second).objective(sr, hr), alone[0] + 0.5 * alone[1])


@pytest.mark.parametrize(
    "given",
    [
        {"loss": "feature", "second_loss_network": "vgg16"},
        {"loss": "feature", "second_weight": 0.5},
        {"loss": "pixel", "second_loss_network": "vgg16", "second_weight": 0.5},
    ],
)
def test_a_second_loss_network_without_its_weight_or_a_first_one_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="second"):
        SRSettings(**given)


def test_the_grid_is_added_with_its_weight() -> None:
    sr, hr = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    plain, with_grid = (SRTask(SRSettings(grid_weight=w)).objective(sr, hr) for w in (0.0, 0.01))
    torch.testing.assert_close(with_grid - plain, 0.01 * grid_pattern(255 * sr, 255 * hr, 4).mean())
    of_flat = SRTask(SRSettings(grid_weight=0.01, grid_flat=4)).objective(sr, hr)
    torch.testing.assert_close(of_flat, plain)  # noise is flat nowhere
    with pytest.raises(UserError, match="grid_flat"):
        SRSettings(grid_flat=4)


def test_what_is_not_used_stands_not_in_the_identity_of_a_run_so_that_older_ones_resume() -> None:
    later = {"second_loss_network", "second_weight", "grid_weight", "grid_flat"}
    assert not later & SRTask(SRSettings()).settings().keys()
    assert SRTask(SRSettings(grid_weight=0.01)).settings()["grid_weight"] == 0.01
