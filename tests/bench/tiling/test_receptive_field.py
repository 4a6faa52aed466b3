"""The receptive field, by hand and by two routes; what has none is recognised."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.bicubic import Bicubic
from baselines.histogram import Matched
from baselines.interpolate import Interpolation
from bench.interfaces import Upscaler
from bench.tiling.receptive_field import Probe, ReceptiveField, error_of, receptive_field
from models.sr_net import SRNet

LIKE = torch.zeros(1, 3, 1, 1)


def field(upscaler: Upscaler, multiple: int = 1, minimum: int = 1) -> ReceptiveField:
    return receptive_field(Probe(upscaler=upscaler, like=LIKE, multiple=multiple, minimum=minimum))


def sr_net(scale: int, blocks: int = 2) -> SRNet:
    torch.manual_seed(0)
    return SRNet(scale=scale, width=8, blocks=blocks).eval().requires_grad_(False)


class Opaque:
    """An upscaler as a callable without gradients."""

    def __init__(self, upscaler: Upscaler) -> None:
        self.upscaler, self.scale, self.channels = upscaler, upscaler.scale, upscaler.channels

    def __call__(self, lr: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.upscaler(lr.detach())


KNOWN = [
    (Interpolation(kernel="box", scale=2), 0),
    (Interpolation(kernel="triangle", scale=2), 1),
    (Bicubic(scale=4), 2),
    (Interpolation(kernel="lanczos3", scale=3), 3),
    # the 9x9 convolution, two of 3x3 a block, then, per doubling, half of what its output needs and the pixel after
    (sr_net(2), 4 + 2 * 2 + 3),
    (sr_net(4), 4 + 2 * 2 + 2),
    (sr_net(4, blocks=0), 4 + 2),
]
NAMES = ["nearest", "bilinear", "bicubic", "lanczos", "sr-net-x2", "sr-net-x4", "no-blocks"]


@pytest.mark.parametrize(("upscaler", "radius"), KNOWN, ids=NAMES)
def test_radius_is_that_worked_out_by_hand(upscaler: Upscaler, radius: int) -> None:
    assert field(upscaler) == ReceptiveField(radius=radius, method="gradient")


@pytest.mark.parametrize(("upscaler", "radius"), KNOWN, ids=NAMES)
def test_without_gradients_the_radius_is_the_same(upscaler: Upscaler, radius: int) -> None:
    assert field(Opaque(upscaler)) == ReceptiveField(radius=radius, method="perturbation")


@pytest.mark.parametrize(("upscaler", "radius"), KNOWN[2:], ids=NAMES[2:])
def test_with_one_pixel_less_the_value_is_another(upscaler: Upscaler, radius: int) -> None:
    probe = Probe(upscaler=upscaler, like=LIKE)
    with torch.no_grad():
        assert max(error_of(probe, radius, axis) for axis in (-2, -1)) <= 1e-6
        assert max(error_of(probe, radius - 1, axis) for axis in (-2, -1)) > 1e-6


class Wide(nn.Module):
    """Takes the mean of 1201 rows away."""

    scale, channels = 1, None

    def forward(self, lr: Tensor) -> Tensor:
        return lr - nn.functional.avg_pool2d(lr, (1201, 1), stride=1, padding=(600, 0))


class Pooled(nn.Module):
    """Divides by the largest value of the image, of which the gradient sees one pixel only."""

    scale, channels = 2, None

    def forward(self, lr: Tensor) -> Tensor:
        y = lr / lr.amax((2, 3), keepdim=True)
        return y.repeat_interleave(2, 2).repeat_interleave(2, 3)


def instance_normalised() -> nn.Module:
    class Net(nn.Sequential):
        scale, channels = 2, None

    return Net(nn.Conv2d(3, 12, 3, padding=1), nn.InstanceNorm2d(12), nn.PixelShuffle(2)).eval()


def in_training() -> nn.Module:
    return SRNet(scale=2, width=4, blocks=1).train()


@pytest.mark.parametrize(
    "make", [instance_normalised, in_training, Pooled, Wide, lambda: Matched(upscaler=Bicubic(scale=2))]
)
def test_what_looks_at_the_whole_image_has_no_radius_and_says_so(make: object) -> None:
    torch.manual_seed(0)
    found = field(make())  # type: ignore[operator]
    assert found.radius is None
    assert found.reason


class Windows(nn.Module):
    """Each pixel becomes the mean of its cell of 8x8, cells counted from the upper left."""

    scale, channels = 1, None

    def forward(self, lr: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(lr, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_a_network_of_windows_has_a_radius_counted_from_its_cells() -> None:
    assert field(Windows(), multiple=8) == ReceptiveField(radius=0, method="gradient")


def test_a_minimum_size_is_kept_to() -> None:
    class Large(Bicubic):
        def __call__(self, lr: Tensor) -> Tensor:
            assert min(lr.shape[-2:]) >= 40
            return super().__call__(lr)

    assert field(Large(scale=2), minimum=40).radius == 2


def test_it_works_where_gradients_are_off() -> None:
    with torch.inference_mode():
        assert field(Bicubic(scale=2)) == ReceptiveField(radius=2, method="gradient")


def test_an_upscaler_that_ignores_its_input_has_radius_nought() -> None:
    class Constant:
        scale, channels = 2, None

        def __call__(self, lr: Tensor) -> Tensor:
            return torch.full((1, 3, 2 * lr.shape[2], 2 * lr.shape[3]), 0.5)

    assert field(Constant()).radius == 0


def test_the_random_numbers_of_the_process_go_on_as_they_were() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    field(Bicubic(scale=2))
    assert torch.equal(torch.get_rng_state(), before)
