"""The loop: it stays in its box, keeps the last good image, and never waits for the device."""

from __future__ import annotations

import typing as tp
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from baselines.adam import Adam
from baselines.descent import Descent, Minimum, Rule, minimise, require_float64
from baselines.lbfgs import LBFGS

RULES: dict[str, Callable[[Tensor], Rule]] = {
    "lbfgs": lambda start: LBFGS(start, history_size=4, first_step=0.1),
    "adam": lambda start: Adam(start, learning_rate=0.1),
}
WAITS = ("aten._local_scalar_dense", "aten.item", "aten.is_nonzero", "aten.nonzero", "aten.equal")


class Refusing(TorchDispatchMode):
    """Fails where a value is asked for on the host: each such operation waits for a GPU."""

    def __torch_dispatch__(
        self, func: tp.Any, types: tp.Any, args: tp.Any = (), kwargs: tp.Any = None
    ) -> tp.Any:
        assert not str(func).startswith(WAITS), func
        return func(*args, **(kwargs or {}))


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def bowl(centre: float) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Squared distance to an image of one value."""

    def value_and_grad(images: Tensor) -> tuple[Tensor, Tensor]:
        away = images - centre
        return away.square().flatten(1).sum(1), 2 * away

    return value_and_grad


class FailsAt:
    """A bowl whose value is NaN in one call, for one image of the batch."""

    def __init__(self, call: int, image: int | slice) -> None:
        self.call, self.image = call, image
        self.seen: list[Tensor] = []

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(images.clone())
        value, gradient = bowl(0.3)(images)
        if len(self.seen) == self.call:
            value[self.image] = torch.nan
        return value, gradient


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> Callable[[Tensor], Rule]:
    return RULES[request.param]


def run(value_and_grad: tp.Any, start: Tensor, rule: tp.Any, iterations: int, **options: tp.Any) -> Minimum:
    return minimise(Descent(value_and_grad, start, rule(start), (0, 1)), iterations=iterations, **options)


def test_it_finds_the_minimum_and_leaves_the_start_alone(rule: Callable[[Tensor], Rule]) -> None:
    start = random(2, 3, 4, 4)
    before = start.clone()
    found = run(bowl(0.3), start, rule, 300)
    torch.testing.assert_close(found.images, torch.full_like(start, 0.3), rtol=0, atol=1e-3)
    assert torch.equal(start, before)
    assert found.failed_at.tolist() == [0, 0]


def test_every_image_evaluated_is_in_the_box_and_the_nearest_point_of_it_is_found(
    rule: Callable[[Tensor], Rule],
) -> None:
    keep_best, highest = [], []

    def outside(images: Tensor) -> tuple[Tensor, Tensor]:
        keep_best.append(images.min())
        highest.append(images.max())
        return bowl(1.5)(images)

    found = run(outside, random(1, 3, 4, 4), rule, 60)
    assert min(keep_best) >= 0
    assert max(highest) <= 1
    assert torch.equal(found.images, torch.ones_like(found.images))


class JumpsAt(FailsAt):
    """A bowl that is a thousand times as high in one call, for one image."""

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(images.clone())
        value, gradient = bowl(0.3)(images)
        if len(self.seen) == self.call:
            value[self.image] *= 1000
        return value + 1, gradient


def test_a_step_to_a_much_higher_value_is_taken_back_and_the_other_image_goes_on(
    rule: Callable[[Tensor], Rule],
) -> None:
    start = random(2, 3, 4, 4)
    jumping, calm = JumpsAt(3, 0), JumpsAt(0, 0)
    for objective in (jumping, calm):
        descent = Descent(objective, start, rule(start), (0, 1), largest_rise=1.1)
        found = minimise(descent, iterations=60)
    before, jumped, after = jumping.seen[1:4]
    assert (after[0] - before[0]).abs().mean() < (jumped[0] - before[0]).abs().mean()
    assert all(torch.equal(a[1], b[1]) for a, b in zip(jumping.seen, calm.seen, strict=True))
    assert found.failed_at.tolist() == [0, 0]
    torch.testing.assert_close(jumping.seen[-1], torch.full_like(start, 0.3), atol=0.05, rtol=0)


def test_an_image_that_fails_keeps_the_last_good_one_and_the_other_goes_on(
    rule: Callable[[Tensor], Rule],
) -> None:
    start, failing = random(2, 3, 4, 4), FailsAt(4, 0)
    found = run(failing, start, rule, 30)
    whole = run(bowl(0.3), start, rule, 30)
    assert found.failed_at.tolist() == [4, 0]
    assert found.iterations == 30
    assert torch.equal(found.images[0], failing.seen[2][0])
    assert torch.equal(found.images[1], whole.images[1])


def test_it_stops_at_the_next_look_when_all_images_have_failed(rule: Callable[[Tensor], Rule]) -> None:
    failing = FailsAt(4, slice(None))
    found = run(failing, random(2, 3, 4, 4), rule, 30, check_every=5)
    assert found.iterations == 5
    assert found.failed_at.tolist() == [4, 4]
    assert torch.equal(found.images, failing.seen[2])


def test_a_gradient_or_a_step_that_is_not_finite_is_a_failure_too(rule: Callable[[Tensor], Rule]) -> None:
    start = random(1, 3, 4, 4)
    for value in (torch.inf, 1e308):

        def steep(images: Tensor, value: float = value) -> tuple[Tensor, Tensor]:
            return images.flatten(1).sum(1), torch.full_like(images, value)

        descent = Descent(steep, start, LBFGS(start, learning_rate=1e10, first_step=torch.inf))
        found = minimise(descent, iterations=3)
        assert found.failed_at.tolist() == [1]
        assert torch.equal(found.images, start)


def test_an_iteration_asks_for_no_value_on_the_host(rule: Callable[[Tensor], Rule]) -> None:
    start = random(2, 3, 4, 4)
    descent = Descent(bowl(0.3), start, rule(start), (0, 1))
    with Refusing():
        for _ in range(6):
            descent.iterate()
    with pytest.raises(AssertionError, match="_local_scalar_dense"), Refusing():
        descent.images.sum().item()


def test_the_number_of_iterations_done_is_told_after_each(rule: Callable[[Tensor], Rule]) -> None:
    told: list[int] = []
    run(bowl(0.3), random(1, 3, 4, 4), rule, 3, after=told.append)
    assert told == [1, 2, 3]


@pytest.mark.cuda
def test_a_cuda_graph_gives_the_same_image(rule: Callable[[Tensor], Rule]) -> None:
    start = random(2, 3, 4, 4).cuda()
    plain, graph = (run(bowl(0.3), start, rule, 30, graph=graph).images for graph in (False, True))
    torch.testing.assert_close(graph, plain)


def test_what_cannot_be_is_refused(rule: Callable[[Tensor], Rule]) -> None:
    start = random(1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"iterations must be at least 0 \(got -1\)"):
        run(bowl(0.3), start, rule, -1)
    with pytest.raises(ValueError, match=r"start is in \[.*\], must be \[0, 1\]"):
        run(bowl(0.3), start + 1, rule, 1)
    with pytest.raises(ValueError, match=r"box is \[1, 1\], must be low below high"):
        Descent(bowl(0.3), start, rule(start), (1, 1))
    with pytest.raises(ValueError, match="images are on cpu, must be cuda for a CUDA graph"):
        run(bowl(0.3), start, rule, 1, graph=True)


def test_a_device_without_float64_is_refused_in_words() -> None:
    require_float64(torch.device("cpu"))
    with pytest.raises(ValueError, match="needs float64, which mps does not have; use another device: cpu"):
        require_float64(torch.device("mps"))
