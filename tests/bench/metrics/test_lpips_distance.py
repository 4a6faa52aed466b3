"""LPIPS equals the `lpips` package, under a seeded random trunk, for each of the three networks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lpips
import pytest
import torch
from torch import nn

from bench.metrics import METRICS
from bench.metrics.lpips_distance import MINIMUM, LpipsDistance, heads_file
from models.lpips_trunks import Net
from tests.bench.metrics.conftest import pair
from tests.bench.metrics.random_weights import trunk

CPU = torch.device("cpu")
NETS = tuple(MINIMUM)


def file(net: Net) -> str:
    return METRICS[f"lpips-{net}"].needs[0]


@pytest.fixture(scope="module", params=NETS)
def net(request: pytest.FixtureRequest) -> Net:
    return request.param


@pytest.fixture(scope="module")
def metric(net: Net, weights: Path) -> LpipsDistance:
    return LpipsDistance(net, weights / file(net), CPU)


@pytest.fixture(scope="module")
def package(net: Net) -> nn.Module:
    """The package's own model, each layer of its trunk filled from the layer of that number in torchvision's."""
    model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    features = trunk(Path(file(net)).name)
    for part in model.net.children():
        for index, layer in part.named_children():
            layer.load_state_dict(features[int(index)].state_dict())
    return model.requires_grad_(False)


def test_the_package_agrees_to_the_last_bit(metric: LpipsDistance, package: nn.Module) -> None:
    sr, hr = (image.float() for image in pair(2, 3, 67, 80))
    expected = package(2 * sr - 1, 2 * hr - 1).flatten()
    assert expected.min() > 1e-3
    assert torch.equal(metric(sr, hr), expected)


def test_the_range_mistake_gives_another_value(metric: LpipsDistance, package: nn.Module) -> None:
    sr, hr = (image.float() for image in pair(1, 3, 67, 80))
    mistaken = package(sr, hr).item()
    assert metric(sr, hr).item() == pytest.approx(package(sr, hr, normalize=True).item(), rel=1e-5)
    assert abs(metric(sr, hr).item() / mistaken - 1) > 0.05


def test_the_heads_are_the_packages_version_0_1(metric: LpipsDistance, net: Net) -> None:
    assert heads_file(net) == Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    heads = torch.load(heads_file(net), map_location="cpu", weights_only=True)
    assert len(heads) == len(metric.heads)
    for i, head in enumerate(metric.heads):
        assert torch.equal(head.weight, heads[f"lin{i}.model.1.weight"])


def test_the_model_is_frozen_and_in_evaluation_mode(metric: LpipsDistance) -> None:
    for part in (metric.trunk, metric.heads):
        assert not any(parameter.requires_grad or parameter.is_meta for parameter in part.parameters())
        assert not any(module.training for module in part.modules())


def test_it_needs_neither_torchvision_nor_the_packages_code() -> None:
    """Which take longer to import than torch, and 190 MB."""
    code = "import sys, bench.metrics.lpips_distance as m; m.heads_file('alex'); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"lpips", "torchvision", "scipy"} & set(done.stdout.split())


def test_building_it_leaves_the_global_generator_alone(net: Net, weights: Path) -> None:
    before = torch.get_rng_state()
    LpipsDistance(net, weights / file(net), CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_building_it_prints_nothing(net: Net, weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    LpipsDistance(net, weights / file(net), CPU)
    assert capfd.readouterr() == ("", "")


def test_the_least_size_is_stated_and_is_the_networks(metric: LpipsDistance, net: Net) -> None:
    least = MINIMUM[net]
    sr, hr = (image.float() for image in pair(1, 3, least, least + 9))
    assert metric(sr, hr).isfinite().all()
    smaller = hr[..., 1:, :]
    with pytest.raises(
        ValueError,
        match=rf"lpips-{net}: image must be at least {least}x{least} \(got {least + 9}x{least - 1}\)",
    ):
        metric.reference(smaller)
    with pytest.raises(RuntimeError, match=r"Output size is too small|output size"):
        metric.trunk(smaller)


def test_a_reference_of_another_number_of_images_is_refused(metric: LpipsDistance) -> None:
    sr, hr = pair(2, 3, 40, 40)
    with pytest.raises(ValueError, match=r"features.*sr has shape \(2, .*must be that of hr, \(1, "):
        metric.against(sr, metric.reference(hr[:1]))


def test_a_file_of_another_network_is_refused_with_the_array(weights: Path) -> None:
    with pytest.raises(
        ValueError, match=r"squeezenet.*features\.0\.weight is \(64, 3, 3, 3\), must be \(64, 3, 11, 11\)"
    ):
        LpipsDistance("alex", weights / file("squeeze"), CPU)


def test_a_file_that_lacks_an_array_is_refused_with_its_name(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights / file("alex"), weights_only=True)
    del state["features.10.bias"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(ValueError, match=r"cut\.pth: features\.10\.bias is missing, must be \(256,\)"):
        LpipsDistance("alex", tmp_path / "cut.pth", CPU)


def test_where_it_comes_from_is_what_the_package_gives_with_spatial(
    metric: LpipsDistance, package: nn.Module
) -> None:
    sr, hr = (image.float() for image in pair(2, 3, 67, 80))
    package.spatial = True
    try:
        expected = package(2 * sr - 1, 2 * hr - 1)[:, 0]
    finally:
        package.spatial = False
    found = metric.local(sr, metric.reference(hr))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert found.mean(dim=(1, 2)) == pytest.approx(metric(sr, hr), rel=0.05)
