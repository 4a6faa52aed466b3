"""The self-ensemble: by hand, on equivariant upscalers, and its invariance."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines.bicubic import Bicubic
from bench.interfaces import Upscaler
from bench.self_ensemble import VIEWS, SelfEnsemble, ensemble_hash, ensemble_name, turned, turned_back


def image(n: int = 1, c: int = 3, h: int = 6, w: int = 9, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand((n, c, h, w), generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


class Corner:
    """Each pixel becomes 2x2, but only the upper left of the four is not black."""

    scale, channels = 2, None

    def __call__(self, lr: Tensor) -> Tensor:
        sr = lr.new_zeros(*lr.shape[:2], 2 * lr.shape[2], 2 * lr.shape[3])
        sr[..., ::2, ::2] = lr
        return sr


class Skewed:
    """Bicubic with a ramp from left to right that no flip leaves as it is."""

    scale, channels = 2, None

    def __call__(self, lr: Tensor) -> Tensor:
        sr = Bicubic(scale=2)(lr)
        return sr * torch.linspace(0.2, 1, sr.shape[-1], dtype=sr.dtype) ** 2


def test_it_is_an_upscaler() -> None:
    plus = SelfEnsemble(upscaler=Bicubic(scale=3))
    assert isinstance(plus, Upscaler)
    assert plus.scale == 3
    assert plus.channels is None


def test_the_eight_views_are_eight_and_turn_back() -> None:
    x = image()
    views = [turned(x, *view) for view in VIEWS]
    assert len({(tuple(v.shape), *v.flatten().tolist()) for v in views}) == 8
    for view, seen in zip(VIEWS, views, strict=True):
        assert torch.equal(turned_back(seen, *view), x)


def test_the_mean_by_hand() -> None:
    lr = image(n=2, c=1)
    sr = SelfEnsemble(upscaler=Corner())(lr)
    torch.testing.assert_close(sr, lr.repeat_interleave(2, 2).repeat_interleave(2, 3) / 4)


@pytest.mark.parametrize("shape", [(1, 3, 6, 9), (2, 1, 7, 7), (3, 4, 1, 5)])
def test_an_equivariant_upscaler_is_unchanged_to_rounding(shape: tuple[int, int, int, int]) -> None:
    lr = image(*shape)
    bicubic = Bicubic(scale=3)
    torch.testing.assert_close(SelfEnsemble(upscaler=bicubic)(lr), bicubic(lr), rtol=0, atol=1e-6)


@pytest.mark.parametrize("view", VIEWS)
def test_what_comes_out_turns_with_what_goes_in(view: tuple[bool, tuple[int, ...]]) -> None:
    plus, lr = SelfEnsemble(upscaler=Skewed()), image(2)
    assert (
        not torch.allclose(Skewed()(turned(lr, *view)), turned(Skewed()(lr), *view))
        or view == VIEWS[0]
        or (view == (False, (-2,)))
    )
    torch.testing.assert_close(plus(turned(lr, *view)), turned(plus(lr), *view), rtol=0, atol=1e-6)


def test_a_batch_is_its_images_one_by_one() -> None:
    plus, lr = SelfEnsemble(upscaler=Skewed()), image(3)
    torch.testing.assert_close(plus(lr), torch.cat([plus(one[None]) for one in lr]), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_dtype_is_kept_and_lr_not_touched(dtype: torch.dtype) -> None:
    lr = image(dtype=dtype)
    before = lr.clone()
    assert SelfEnsemble(upscaler=Corner())(lr).dtype == dtype
    assert torch.equal(lr, before)


def test_values_are_averaged_before_anything_is_clipped() -> None:
    class Over(Corner):
        def __call__(self, lr: Tensor) -> Tensor:
            return 8 * super().__call__(lr)

    sr = SelfEnsemble(upscaler=Over())(torch.ones(1, 1, 2, 2))
    torch.testing.assert_close(sr, torch.full_like(sr, 2.0))


def test_name_and_hash_are_others() -> None:
    assert ensemble_name("sr-pixel") == "sr-pixel+"
    assert ensemble_hash("a") not in {"a", ensemble_hash("b")}
