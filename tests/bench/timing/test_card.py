"""What a network is made of: counted by hand, and as the challenges print it."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.interfaces import Requirements
from bench.registry.catalog import LoadedModel
from bench.timing.card import card, challenge_score, counts


class Small(nn.Module):
    """5x5, then 3x3 by a function, then four times as large."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 5, padding=2)
        self.weight = nn.Parameter(torch.rand(48, 8, 3, 3))

    def forward(self, lr: Tensor) -> Tensor:
        return F.pixel_shuffle(F.conv2d(self.first(lr), self.weight, padding=1), 4)


class WholeImage(nn.Module):
    def forward(self, lr: Tensor) -> Tensor:
        return lr - lr.mean((-2, -1), keepdim=True)


def model(network: nn.Module, scale: int) -> LoadedModel:
    return LoadedModel(
        name="n",
        hash="",
        kind="upscaler",
        network=network,
        scale=scale,
        requirements=Requirements(),
        weights="",
        device=torch.device("cpu"),
    )


def test_both_conventions_activations_and_convolutions_are_counted_by_hand() -> None:
    network, image = Small(), torch.rand(1, 3, 10, 12)
    found = counts(lambda: network(image))
    assert found.multiply_adds == 120 * (8 * 3 * 25 + 48 * 8 * 9)
    assert found.flops == 2 * found.multiply_adds
    assert found.activations == 120 * (8 + 48)
    assert found.convolutions == 2


def test_a_card_has_parameters_and_receptive_field() -> None:
    found = card(model(Small(), 4), torch.rand(1, 3, 16, 20))
    assert found["input"] == [16, 20]
    assert found["parameters"] == 8 * 3 * 25 + 8 + 48 * 8 * 9
    assert found["receptive_field"] == 7  # 5x5 behind 3x3
    assert found["receptive_field_reason"] == ""


def test_a_network_that_looks_at_the_whole_image_says_why_it_has_no_field() -> None:
    found = card(model(WholeImage(), 1), torch.rand(1, 3, 16, 16))
    assert found["receptive_field"] is None
    assert found["receptive_field_reason"]
    assert found["multiply_adds"] is None


def test_the_challenges_baseline_scores_e_squared() -> None:
    assert challenge_score((13.54, 13.54), (19.67, 19.67), (0.317, 0.317)) == pytest.approx(7.3891, abs=1e-4)
    faster = challenge_score((0.5, 1.0), (1.0, 1.0), (1.0, 1.0))
    assert faster == pytest.approx(0.7 * math.e + 0.3 * math.e**2)


class Chain(nn.Module):
    """Four maps, of which two are held at a time; the third is made in place."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        x = torch.exp(x)
        x.add_(1)
        return x * 2


def test_peak_memory_is_what_tensors_of_a_call_hold_at_a_time_by_hand() -> None:
    image = torch.rand(1, 3, 50, 40)
    assert counts(lambda: Chain()(image)).peak_bytes == 2 * image.nbytes
    assert counts(lambda: image.view(-1)[5:]).peak_bytes == 0, "a view makes nothing"


def test_peak_memory_does_not_depend_on_what_ran_before() -> None:
    image = torch.rand(1, 3, 64, 64)
    alone = counts(lambda: Chain()(image)).peak_bytes
    counts(lambda: torch.ones(2**24).square())
    assert counts(lambda: Chain()(image)).peak_bytes == alone
