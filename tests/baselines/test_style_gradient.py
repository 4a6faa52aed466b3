"""The gradient by hand is that of autograd; nothing of one call is left in the results of another."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines.style_gradient import StyleGradient
from models.losses import StyleObjective, Terms
from models.vgg import LossNetwork, random_loss_network

LAYERS = ("conv1_1", "relu1_1", "relu1_2", "pool1", "relu2_1", "conv2_2", "relu2_2", "relu3_1")
CHOICES = {
    "usual": (("relu2_2",), ("relu1_1", "relu2_1", "relu3_1")),
    "content last": (("relu3_1",), ("relu1_2", "relu2_1")),
    "one layer for both": (("relu2_1",), ("relu2_1",)),
    "before relu and after": (("conv2_2",), ("conv1_1", "relu1_1", "conv2_2", "relu2_2")),
    "behind a pooling": (("pool1",), ("pool1",)),
    "no content": ((), ("relu1_1",)),
    "no style": (("relu1_1", "relu3_1"), ()),
}


def image(n: int = 1, size: tuple[int, int] = (24, 36), seed: int = 0) -> Tensor:
    return torch.rand((n, 3, *size), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(pooling: str = "max", dtype: torch.dtype = torch.float64) -> LossNetwork:
    return random_loss_network("vgg19-conv3_1", LAYERS, pooling=pooling).to(dtype)


def objective(
    choice: str = "usual", *, pooling: str = "max", n: int = 1, tv_weight: float = 1e-6, **options: object
) -> StyleObjective:
    content_layers, style_layers = CHOICES[choice]
    return StyleObjective(
        network(pooling),
        content=image(n),
        style=image(size=(30, 20), seed=1),
        content_layers=content_layers,
        style_layers=style_layers,
        content_weight=2.0,
        style_weight=300.0,
        tv_weight=tv_weight,
        **options,
    )


def by_autograd(asked: StyleObjective, at: Tensor) -> tuple[Terms, Tensor]:
    variable = at.clone().requires_grad_()
    terms = asked(variable)
    (gradient,) = torch.autograd.grad(terms.total.sum(), variable)
    return Terms(*(term.detach() for term in terms)), gradient


def require_equal(found: tuple[Terms, Tensor], expected: tuple[Terms, Tensor]) -> None:
    for ours, theirs in zip((*found[0], found[1]), (*expected[0], expected[1]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("tv_weight", [0.0, 1e-4])
@pytest.mark.parametrize("choice", CHOICES)
def test_terms_and_gradient_are_those_of_autograd(choice: str, tv_weight: float) -> None:
    asked, at = objective(choice, n=2, tv_weight=tv_weight), image(2, seed=2)
    require_equal(StyleGradient(asked, dtype=torch.float64)(at), by_autograd(asked, at))


@pytest.mark.parametrize("distance", ["mean", "sum"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_so_they_are_for_either_pooling_and_distance(pooling: str, distance: str) -> None:
    asked, at = objective(pooling=pooling, style_distance=distance), image(seed=2)
    require_equal(StyleGradient(asked, dtype=torch.float64)(at), by_autograd(asked, at))


def test_aimed_at_another_content_it_is_that_objectives() -> None:
    asked, at = objective(n=2), image(2, seed=2)
    by_hand = StyleGradient(asked, dtype=torch.float64)
    by_hand(at)
    other = image(2, seed=7)
    by_hand.aim_at(other)
    require_equal(by_hand(at), by_autograd(asked.with_content(other), at))


def test_a_later_call_changes_no_earlier_result() -> None:
    asked, first, second = objective(n=2), image(2, seed=2), image(2, seed=3)
    by_hand = StyleGradient(asked, dtype=torch.float64)
    before = first.clone()
    found = by_hand(first)
    by_hand(second)
    require_equal(found, by_autograd(asked, first))
    require_equal(by_hand(first), found)
    assert torch.equal(first, before)


def test_a_batch_of_two_equals_two_of_one() -> None:
    at = image(2, seed=2)
    both = StyleGradient(objective(n=2), dtype=torch.float64)(at)[1]
    for i in range(2):
        asked = objective()
        asked.aim_at(image(2)[i : i + 1])
        alone = StyleGradient(asked, dtype=torch.float64)(at[i : i + 1])[1]
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-9, atol=1e-12)


def vgg16(dtype: torch.dtype = torch.float32) -> StyleObjective:
    """The paper's layers, of which four convolutions are Winograd's in float32; no variation to hide them."""
    layers = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    return StyleObjective(
        random_loss_network("vgg16", layers).to(dtype),
        content=image(size=(48, 40)).to(dtype),
        style=image(size=(40, 40), seed=1).to(dtype),
        style_weight=1e3,
        tv_weight=0.0,
    )


def distance(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def test_in_float32_it_is_about_as_exact_as_autograd() -> None:
    at = image(size=(48, 40), seed=2)
    exact = by_autograd(vgg16(torch.float64), at)[1]
    ours, theirs = StyleGradient(vgg16())(at.float())[1], by_autograd(vgg16(), at.float())[1]
    assert distance(ours, exact) < max(1e-5, 10 * distance(theirs, exact))


def test_in_bfloat16_the_gradient_is_near_and_what_comes_out_is_float32() -> None:
    at = image(size=(48, 40), seed=2).float()
    terms, gradient = StyleGradient(vgg16(), dtype=torch.bfloat16)(at)
    expected_terms, expected = by_autograd(vgg16(), at)
    assert {gradient.dtype, *(term.dtype for term in terms)} == {torch.float32}
    torch.testing.assert_close(terms.total, expected_terms.total, rtol=0.02, atol=0)
    assert distance(gradient, expected) < 0.2


@pytest.mark.cuda
def test_on_a_gpu_it_is_the_same() -> None:
    asked, at = objective(n=2), image(2, seed=2)
    on_gpu = objective(n=2)
    on_gpu.network.cuda()
    on_gpu.grams = {name: value.cuda() for name, value in on_gpu.grams.items()}
    on_gpu.features = {name: value.cuda() for name, value in on_gpu.features.items()}
    found = StyleGradient(on_gpu, dtype=torch.float64)(at.cuda())[1]
    torch.testing.assert_close(found.cpu(), by_autograd(asked, at)[1], rtol=1e-9, atol=1e-12)


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dtype is torch\.float16, must be one of: torch\.float32"):
        StyleGradient(objective(), dtype=torch.float16)
    with pytest.raises(ValueError, match="the objective has no layer, needs at least one"):
        StyleGradient(
            StyleObjective(network(), content=image(), style=image(), content_layers=(), style_layers=())
        )
    other = objective()
    other.network = lambda rgb: {"relu1_1": rgb}
    with pytest.raises(ValueError, match="network is function, must be LossNetwork"):
        StyleGradient(other)
    with pytest.raises(ValueError, match="image is 20x24, must be the content's size, 36x24"):
        StyleGradient(objective(), dtype=torch.float64)(image(size=(24, 20)))
