"""DISTS equals torchmetrics, with the resize piq's own class, under a seeded random trunk and the authors' weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import piq
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import dists as other

from bench.data import manifest
from bench.metrics import METRICS
from bench.metrics.dists import SIDE, DistsDistance, dists, dists_256, shrink
from tests.bench.metrics.conftest import pair
from tests.bench.metrics.random_weights import dists_weights, trunk

CPU = torch.device("cpu")
VGG16 = "vgg16-features.safetensors"


@pytest.fixture(scope="module")
def files(weights: Path) -> list[Path]:
    return [weights / name for name in METRICS["dists"].needs]


@pytest.fixture(scope="module")
def metric(files: list[Path]) -> DistsDistance:
    return dists(*files, CPU)


@pytest.fixture(scope="module")
def resizing(files: list[Path]) -> DistsDistance:
    return dists_256(*files, CPU)


def random_vgg16(*_: object, **__: object) -> SimpleNamespace:
    return SimpleNamespace(features=trunk(VGG16))


@pytest.fixture
def piqs(monkeypatch: pytest.MonkeyPatch, files: list[Path]) -> piq.DISTS:
    """piq's own class, its two downloads replaced by the files of the test."""
    monkeypatch.setattr("piq.perceptual.vgg16", random_vgg16)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: torch.load(files[1]))
    return piq.DISTS(reduction="none")


def test_the_pinned_weights_are_those_that_torchmetrics_installs() -> None:
    pinned = manifest.file(METRICS["dists"].needs[1])
    content = dists_weights().read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (pinned.bytes, pinned.sha256)


@pytest.mark.parametrize("size", [(64, 71), (16, 16), (270, 260)])
def test_piqs_own_class_agrees_to_1e_6_below_and_above_256_pixels(
    resizing: DistsDistance, metric: DistsDistance, piqs: piq.DISTS, size: tuple[int, int]
) -> None:
    sr, hr = (image.float() for image in pair(1, 3, *size))
    expected = piqs(sr, hr)
    assert expected.item() > 1e-3
    torch.testing.assert_close(resizing(sr, hr), expected, rtol=0, atol=1e-6)
    assert torch.equal(resizing(sr, hr), metric(sr, hr)) == (min(size) <= SIDE)


@pytest.mark.parametrize("size", [(64, 71), (270, 260)])
def test_torchmetrics_which_resizes_nothing_agrees_to_1e_5(
    metric: DistsDistance, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(other, "vgg16", random_vgg16)
    sr, hr = (image.float() for image in pair(2, 3, *size))
    expected: Tensor = other.deep_image_structure_and_texture_similarity(sr, hr)
    torch.testing.assert_close(metric(sr, hr), expected, rtol=0, atol=1e-5)


def test_the_shorter_side_becomes_256_and_smaller_images_stay_as_they_are() -> None:
    assert shrink(torch.zeros(1, 3, 2 * SIDE, 3 * SIDE)).shape[-2:] == (SIDE, 384)
    assert shrink(torch.zeros(1, 3, SIDE, 900)).shape[-2:] == (SIDE, 900)
    small = torch.rand(1, 3, 20, 30)
    assert torch.equal(shrink(small), small)


def test_the_order_of_the_pair_does_not_matter(metric: DistsDistance) -> None:
    sr, hr = pair(1, 3, 48, 56)
    torch.testing.assert_close(metric(sr, hr), metric(hr, sr), rtol=0, atol=1e-6)


def test_building_it_downloads_nothing_and_prints_nothing(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download was asked for")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    dists(*files, CPU)
    assert capfd.readouterr() == ("", "")


def test_the_model_is_frozen_and_in_evaluation_mode(metric: DistsDistance) -> None:
    parameters = [*metric.network.parameters(), *metric.weights]
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in parameters)
    assert not any(module.training for module in metric.network.modules())


def test_weights_of_another_shape_are_refused_with_the_array(files: list[Path], tmp_path: Path) -> None:
    torch.save({"alpha": torch.zeros(1, 1475, 1, 1), "beta": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt: beta is \(3,\), must be \(1, 1475, 1, 1\)"):
        dists(files[0], tmp_path / "other.pt", CPU)


def test_what_was_called_dists_goes_on_as_dists_256_and_dists_has_a_new_version() -> None:
    assert (METRICS["dists"].version, METRICS["dists-256"].version) == ("2", "1")


def test_a_value_outside_the_range_is_refused_with_the_values(metric: DistsDistance) -> None:
    sr, hr = pair(1, 3, 48, 56)
    with pytest.raises(ValueError, match=r"dists: image has values from .*, must be \[0, 1\]"):
        metric(sr, 3 * hr)
