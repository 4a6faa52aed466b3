"""The losses against values by hand and against numpy in float64; the objective against its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.losses import (
    StyleObjective,
    feature_loss,
    gram,
    gram_distance,
    grid_pattern,
    pixel_loss,
    style_loss,
    total_variation,
    window_variance,
)
from models.vgg import random_loss_network


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def image(n: int = 1, size: tuple[int, int] = (12, 10), seed: int = 0) -> Tensor:
    return torch.rand((n, 3, *size), generator=torch.Generator().manual_seed(seed))


def network(rgb: Tensor) -> dict[str, Tensor]:
    """Two layers of a fixed random network; its features reach some hundreds, as those of VGG do."""
    first = F.relu(F.conv2d(rgb * 255, random(4, 3, 3, 3, seed=1)))
    return {"relu1": first, "relu2": F.relu(F.conv2d(first, random(6, 4, 3, 3, seed=2)))}


def objective(content: Tensor, style: Tensor, *, style_distance: str = "mean") -> StyleObjective:
    return StyleObjective(
        network,
        content=content,
        style=style,
        content_layers=("relu2",),
        style_layers=("relu1", "relu2"),
        content_weight=2.0,
        style_weight=3.0,
        tv_weight=1e-3,
        style_distance=style_distance,
    )


def test_pixel_and_feature_loss_are_the_squared_distance_over_chw_of_each_image() -> None:
    output = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    target = torch.tensor([[[[1.0, 0.0]], [[0.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 2.0]]]])
    by_hand = torch.tensor([(4 + 9) / 4, 4 / 4])
    torch.testing.assert_close(pixel_loss(output, target), by_hand)
    torch.testing.assert_close(feature_loss(output, target), by_hand)


def test_gram_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    torch.testing.assert_close(gram(features), torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4)


def test_gram_agrees_with_numpy_in_float64() -> None:
    features = random(2, 5, 7, 6)
    expected = np.einsum("nchw,ndhw->ncd", *[features.double().numpy()] * 2) / (5 * 7 * 6)
    np.testing.assert_allclose(gram(features).numpy(), expected, rtol=1e-5, atol=1e-7)


def test_style_loss_sums_squared_frobenius_norms_over_layers() -> None:
    grams = {"a": random(2, 3, 3), "b": random(2, 4, 4)}
    target = {"a": random(1, 3, 3, seed=1), "b": random(1, 4, 4, seed=2)}
    norms = [np.linalg.norm((grams[k] - target[k]).double().numpy(), axis=(1, 2)) ** 2 for k in grams]
    np.testing.assert_allclose(style_loss(grams, target).numpy(), sum(norms), rtol=1e-5)


def test_style_loss_by_hand() -> None:
    one = {"a": torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), "b": torch.tensor([[[2.0]]])}
    other = {"a": torch.zeros(1, 2, 2), "b": torch.tensor([[[-1.0]]])}
    assert style_loss(one, other).tolist() == [2.0 + 9.0]


def test_total_variation_by_hand() -> None:
    x = torch.tensor([[[[0.0, 1.0, 5.0], [2.0, 4.0, 9.0]]]])
    assert total_variation(x).tolist() == [
        ((1 + 4) + (16 + 9)) / 2
    ]  # the last row and column only as neighbours
    assert total_variation(torch.full((2, 3, 5, 4), 7.0)).tolist() == [0.0, 0.0]


def test_a_grid_of_the_period_is_seen_whole_and_a_flat_difference_not_at_all() -> None:
    target = torch.zeros(2, 3, 32, 48)
    grid = target.clone()
    grid[1, :, ::2, ::2] = 8.0  # a dot in each 2x2
    seen = grid_pattern(grid + 5, target, 4)
    assert seen[0] == 0
    assert seen[1].item() == pytest.approx(8**2 * (0.25 - 0.25**2))  # the variance over a period


def test_what_does_not_repeat_averages_out_of_the_grid() -> None:
    noise = random(1, 3, 192, 192)
    assert grid_pattern(noise, torch.zeros_like(noise), 4, extent=6).item() == pytest.approx(1 / 36, rel=0.15)


def test_the_grid_is_asked_of_flat_windows_alone() -> None:
    target = torch.full((1, 3, 24, 96), 100.0)
    target[..., 48:] += random(1, 3, 24, 48, scale=20)
    grid = torch.zeros_like(target)
    grid[..., ::2, ::2] = 8.0
    of_a_window = 8**2 * (0.25 - 0.25**2)
    flat, windows = 1 + (48 - 24) // 4, 1 + (96 - 24) // 4
    seen = grid_pattern(target + grid, target, 4, flat=4.0)
    assert seen.item() == pytest.approx(of_a_window * flat / windows, rel=1e-4)
    everywhere = grid_pattern(target + grid, target, 4)
    torch.testing.assert_close(grid_pattern(target + grid, target, 4, flat=1e3), everywhere)
    # Of each window by hand: the population's variance of a channel, mean over channels.
    by_hand = [target[0, :, :, at : at + 24].var((1, 2), correction=0).mean() for at in range(0, 73, 4)]
    torch.testing.assert_close(
        window_variance(target, 4, 6)[0, 0], torch.stack(by_hand), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("size", [(32, 30), (20, 32)])
def test_an_image_of_too_few_or_broken_periods_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"multiples of 4, 24 at least \(got"):
        grid_pattern(torch.zeros(1, 3, *size), torch.zeros(1, 3, *size), 4)


def test_total_variation_has_the_gradient_that_the_release_adds() -> None:
    x = image(2).double().requires_grad_()
    (gradient,) = torch.autograd.grad(total_variation(x).sum(), x)
    pixels = x.detach().numpy()
    right = pixels[..., :-1, :-1] - pixels[..., :-1, 1:]
    below = pixels[..., :-1, :-1] - pixels[..., 1:, :-1]
    expected = np.zeros_like(pixels)
    expected[..., :-1, :-1] += right + below
    expected[..., :-1, 1:] -= right
    expected[..., 1:, :-1] -= below
    np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_near_overflow_give_the_values_of_float32(dtype: torch.dtype) -> None:
    features, other = (random(2, 8, 40, 40, seed=seed, scale=1e4).to(dtype) for seed in (0, 1))
    assert features.isfinite().all()
    exact = gram(features.float())
    assert exact.max() > torch.finfo(torch.float16).max
    torch.testing.assert_close(gram(features), exact)
    torch.testing.assert_close(feature_loss(features, other), feature_loss(features.float(), other.float()))
    distance = gram_distance(gram(features), gram(other))
    torch.testing.assert_close(distance, gram_distance(exact, gram(other.float())))
    assert distance.isfinite().all()


def test_half_precision_features_keep_a_finite_gradient() -> None:
    features = random(1, 8, 40, 40, scale=1e2).half().requires_grad_()
    (gradient,) = torch.autograd.grad(gram_distance(gram(features), torch.zeros(1, 8, 8)).sum(), features)
    assert gradient.dtype == torch.float16
    assert gradient.isfinite().all()


def test_gram_stays_in_float32_under_autocast() -> None:
    features = random(1, 4, 9, 9, scale=1e4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = gram(features)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, gram(features))


def test_float64_stays_float64() -> None:
    assert gram(random(1, 2, 3, 3).double()).dtype == torch.float64


def test_the_objective_is_the_weighted_sum_of_its_terms() -> None:
    content, style, x = image(), image(size=(9, 14), seed=1), image(seed=2)
    terms = objective(content, style, style_distance="sum")(x)
    ours, theirs, painted = network(x), network(content), network(style)
    torch.testing.assert_close(terms.content, 2 * feature_loss(ours["relu2"], theirs["relu2"]))
    grams = [{k: gram(f) for k, f in features.items()} for features in (ours, painted)]
    torch.testing.assert_close(terms.style, 3 * style_loss(*grams))
    torch.testing.assert_close(terms.tv, 1e-3 * total_variation(x * 255))
    torch.testing.assert_close(terms.total, terms.content + terms.style + terms.tv)


def test_the_mean_distance_is_the_papers_equation_with_the_weight_over_c_squared() -> None:
    content, style, x = image(), image(seed=1), image(seed=2)
    ours, painted = network(x), network(style)
    expected = sum(
        3 / c**2 * gram_distance(gram(ours[k]), gram(painted[k])) for k, c in (("relu1", 4), ("relu2", 6))
    )
    torch.testing.assert_close(objective(content, style)(x).style, expected)


def test_the_content_itself_has_no_content_loss_and_the_style_itself_no_style_loss() -> None:
    content, style = image(), image(seed=1)
    judged = objective(content, style)
    assert judged(content).content.item() == 0
    assert judged(style).style.item() == 0


def test_a_batch_of_two_scores_as_two_of_one_and_gradients_do_not_mix() -> None:
    content, style, x = image(2), image(seed=1), image(2, seed=2).requires_grad_()
    both = objective(content, style)(x)
    single = [objective(content[i : i + 1], style)(x[i : i + 1]) for i in range(2)]
    for together, alone in zip(both, zip(*single, strict=True), strict=True):
        torch.testing.assert_close(together, torch.cat(alone))
    (gradient,) = torch.autograd.grad(both.total[0], x)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_one_content_serves_a_batch_and_targets_carry_no_graph() -> None:
    judged = objective(image(), image(seed=1))
    terms = judged(image(3, seed=2))
    assert all(term.shape == (3,) and not term.requires_grad for term in terms)


def test_with_content_gives_the_objective_of_that_content_and_leaves_the_first_as_it_was() -> None:
    style, x, first = image(seed=1), image(seed=2), objective(image(), image(seed=1))
    before = first(x).total
    other = first.with_content(image(seed=5))
    torch.testing.assert_close(other(x).total, objective(image(seed=5), style)(x).total)
    torch.testing.assert_close(first(x).total, before)


def test_a_content_too_small_for_the_styles_layers_is_refused_though_its_own_could_be_computed() -> None:
    network = random_loss_network("vgg16", ["relu1_2", "relu3_1"])
    large, small = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 3, 8)
    layers = {"content_layers": ["relu1_2"], "style_layers": ["relu3_1"]}
    objective = StyleObjective(network, content=large, style=large, **layers)
    with pytest.raises(ValueError, match=r"image must be at least 4x4 for relu3_1 \(got 8x3\)"):
        objective.with_content(small)


def test_without_layers_only_the_variation_is_left() -> None:
    judged = StyleObjective(network, content=image(), style=image(), content_layers=(), style_layers=())
    terms = judged(image(seed=2))
    assert terms.content.item() == terms.style.item() == 0
    torch.testing.assert_close(terms.total, terms.tv)


def test_refusals_state_the_actual_then_the_required() -> None:
    judged = objective(image(2), image(seed=1))
    with pytest.raises(ValueError, match=r"image is 10x13, must be the content's size, 10x12"):
        judged(image(2, size=(13, 10)))
    with pytest.raises(ValueError, match=r"content has 2 images, must be 1 or as many as are judged, 3"):
        judged(image(3))
    with pytest.raises(ValueError, match=r"layers relu9 asked for, needs some of: relu1, relu2"):
        StyleObjective(network, content=image(), style=image(), content_layers=("relu9",), style_layers=())
    with pytest.raises(ValueError, match=r"style_distance is 'max', must be one of: mean, sum"):
        objective(image(), image(), style_distance="max")
