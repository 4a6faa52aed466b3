"""The task of style transfer: what is minimised, and what a held-out image scores."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.errors import UserError
from bench.records import StyleProtocol
from bench.styling.objective import square
from bench.training.recipe import StyleNetSettings
from bench.training.style_task import StyleTask
from models.losses import StyleObjective
from models.vgg import random_loss_network

PROTOCOL = StyleProtocol(
    size=44,
    style="s",
    style_sha256="0" * 64,
    style_size=32,
    loss_network="vgg19-conv3_1",
    loss_weights="random",
    content_layers=("relu2_1",),
    style_layers=("relu1_1", "relu2_1"),
    style_weight=10.0,
    tv_weight=1e-5,
)


def image(n: int = 1, h: int = 44, w: int = 44, *, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed))


def task() -> StyleTask:
    features = random_loss_network("vgg19-conv3_1", [*PROTOCOL.content_layers, *PROTOCOL.style_layers])
    settings = StyleNetSettings(norm="instance", width=4)
    return StyleTask(settings, PROTOCOL, features, image(1, 24, 32, seed=1))


def test_the_loss_is_the_objective_of_the_paper_averaged_over_the_batch_and_reaches_the_weights() -> None:
    made = task()
    network = made.network()
    shown, target = made.examples(image(2))
    output = network(shown)
    loss = made.objective(output, target)
    expected = StyleObjective(
        made.features,
        content=shown,
        style=made.style,
        content_layers=["relu2_1"],
        style_layers=["relu1_1", "relu2_1"],
        style_weight=10.0,
        tv_weight=1e-5,
    )
    torch.testing.assert_close(loss, expected(output).total.mean())
    loss.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert all(p.grad is None for p in made.features.parameters())


def test_the_gradient_is_that_of_autograd_for_the_contents_of_every_step() -> None:
    made = task()
    for seed in (0, 1):
        content = image(2, seed=seed)
        output = image(2, seed=5).requires_grad_()
        (found,) = torch.autograd.grad(made.objective(output, content), output)
        (expected,) = torch.autograd.grad(made.aimed(content)(output).total.mean(), output)
        # In float32 the convolutions by hand are Winograd's.
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_under_autocast_the_layers_are_bfloat16() -> None:
    made = task()
    content, output = image(2), image(2, seed=5).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = made.objective(output, content)
        expected = made.aimed(content)(output).total.mean()
    assert float(loss.detach()) == float(expected.detach())


def test_a_held_out_image_is_scored_as_the_protocol_cuts_it() -> None:
    made = task()
    network = made.network().eval()
    scores, stylized = made.score(network, image(1, 60, 90))
    content = square(image(1, 60, 90), 44)
    with torch.no_grad():
        terms, own = made.aimed(content)(network(content)), made.aimed(content)(content)
    assert stylized.shape == (1, 3, 44, 44)
    assert scores["total"] == pytest.approx(float(terms.total))
    assert scores["content"] + scores["style"] + scores["tv"] == pytest.approx(scores["total"])
    assert scores["content_image_ratio"] == pytest.approx(float(own.total / terms.total))


def test_the_settings_name_everything_that_decides_the_result() -> None:
    settings = task().settings()
    assert settings["task"] == "style"
    assert (settings["norm"], settings["width"], settings["tanh"]) == ("instance", 4, "paper")
    assert PROTOCOL.definition.items() <= settings.items()


def test_a_style_too_small_for_the_loss_network_is_refused() -> None:
    made = task()
    with pytest.raises(UserError, match=r"the content must be at least 2 pixels per side \(got 1x1\)"):
        StyleTask(made.chosen, replace(PROTOCOL, style_size=1), made.features, image(1, 1, 1))
