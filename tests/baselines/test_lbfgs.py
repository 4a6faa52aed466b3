"""L-BFGS against torch's, against the BFGS matrix written out, and image by image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from baselines.descent import Descent, minimise
from baselines.lbfgs import LBFGS, History

Function = Callable[[Tensor], Tensor]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quadratic(x: Tensor) -> Tensor:
    """Thirty variables."""
    factor = random(30, 30)
    return 0.5 * x @ (factor @ factor.T + torch.eye(30, dtype=x.dtype)) @ x - x.sum()


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def each(function: Function) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """A function of one problem as the values and gradients of a batch of them."""

    def value_and_grad(batch: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            variable = batch.detach().requires_grad_()
            values = torch.stack([function(x) for x in variable])
            (gradient,) = torch.autograd.grad(values.sum(), variable)
        return values.detach(), gradient

    return value_and_grad


def iterates(function: Function, start: Tensor, iterations: int, **options: float) -> Tensor:
    """The batch before each iteration."""
    seen: list[Tensor] = []

    def watched(batch: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(batch.clone())
        return each(function)(batch)

    minimise(Descent(watched, start, LBFGS(start, **options)), iterations=iterations)
    return torch.stack(seen)


def iterates_of_torch(function: Function, start: Tensor, iterations: int, **options: float) -> Tensor:
    x, seen = start.clone().requires_grad_(), []
    solver = torch.optim.LBFGS(
        [x], max_iter=iterations, max_eval=2 * iterations, tolerance_grad=0, tolerance_change=-1, **options
    )

    def closure() -> Tensor:
        seen.append(x.detach().clone())
        solver.zero_grad()
        value = function(x)
        value.backward()
        return value

    solver.step(closure)
    return torch.stack(seen)


@pytest.mark.parametrize("history_size", [1, 5, 100])
@pytest.mark.parametrize(
    ("function", "start", "rate"), [(quadratic, random(30), 0.3), (rosenbrock, 0.5 * random(10), 0.1)]
)
def test_the_iterates_are_those_of_torch(
    function: Function, start: Tensor, rate: float, history_size: int
) -> None:
    options = {"history_size": history_size}
    theirs = iterates_of_torch(function, start, 40, lr=rate, **options)
    ours = iterates(function, start[None], 40, learning_rate=rate, **options)
    torch.testing.assert_close(ours[:, 0], theirs, rtol=1e-9, atol=1e-9)


def test_the_direction_is_that_of_the_bfgs_matrix() -> None:
    curved = random(8, 8)
    curved = curved @ curved.T + torch.eye(8, dtype=torch.float64)
    steps, gradient = random(6, 8, seed=1), random(1, 8, seed=2)
    history = History(6, gradient)
    for s in steps:
        found = history.direction(s[None], (curved @ s)[None], gradient, torch.tensor([True]))
    one = torch.eye(8, dtype=torch.float64)
    last = curved @ steps[-1]
    matrix = one * (last @ steps[-1]) / (last @ last)
    for s in steps:
        y = curved @ s
        left = one - torch.outer(s, y) / (s @ y)
        matrix = left @ matrix @ left.T + torch.outer(s, s) / (s @ y)
    torch.testing.assert_close(found[0], -matrix @ gradient[0])


def test_a_pair_without_curvature_is_left_out_for_its_own_image_alone() -> None:
    s, gradient = random(2, 8), random(2, 8, seed=1)
    y = torch.stack([-s[0], 4 * s[1]])
    found = History(3, gradient).direction(s, y, gradient, torch.tensor([True, True]))
    torch.testing.assert_close(found, -gradient * torch.tensor([[1.0], [0.25]], dtype=torch.float64))


def test_a_step_that_is_taken_back_clears_the_history_of_its_own_image_alone() -> None:
    start = random(2, 8)
    rule, both = LBFGS(start, first_step=0.5), torch.ones(2, dtype=torch.float64)
    gradients = [random(2, 8, seed=k) for k in range(1, 4)]
    for gradient in gradients:
        last = rule.step(gradient, both > 0, both).clone()
    reach = rule.reach.clone()
    back = rule.step(random(2, 8, seed=9), torch.tensor([False, True]), both)
    steepest = -gradients[-1][0] / gradients[-1][0].abs().mean()
    torch.testing.assert_close(back[0], steepest * reach[0])
    assert rule.history.valid[0].sum() == 0
    assert rule.history.valid[1].sum() > 0
    assert not torch.equal(back[1], last[1])


def test_a_batch_of_two_equals_two_of_one() -> None:
    start = 0.5 * random(2, 10, seed=3)
    both = iterates(rosenbrock, start, 40, learning_rate=0.1, history_size=5)
    for i in range(2):
        alone = iterates(rosenbrock, start[i : i + 1], 40, learning_rate=0.1, history_size=5)
        torch.testing.assert_close(both[:, i], alone[:, 0], rtol=1e-9, atol=1e-9)


def test_images_keep_their_shape() -> None:
    start = random(2, 3, 4, 5)
    found = minimise(Descent(each(lambda x: (x**2).sum()), start, LBFGS(start)), iterations=5)
    torch.testing.assert_close(found.images, torch.zeros_like(start))


def test_the_first_step_changes_the_values_by_as_much_as_asked() -> None:
    start = random(1, 50)
    path = iterates(lambda x: (x**2).sum() * 1e6, start, 2, first_step=0.25)
    assert (path[1] - path[0]).abs().mean().item() == pytest.approx(0.25)


def test_where_there_is_no_gradient_nothing_moves() -> None:
    start = random(1, 50)
    path = iterates(lambda x: (0 * x).sum(), start, 3, first_step=1.0)
    assert torch.equal(path[-1], start)


def test_a_settled_history_gives_the_same_steps() -> None:
    start = 0.5 * random(1, 10)
    rule = LBFGS(start, learning_rate=0.1, history_size=7)
    rule.fill_history()
    found = minimise(Descent(each(rosenbrock), start, rule), iterations=20).images
    path = iterates(rosenbrock, start, 21, learning_rate=0.1, history_size=7)
    torch.testing.assert_close(found, path[-1])


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"history_size must be at least 1 \(got 0\)"):
        LBFGS(random(1, 4), history_size=0)
