"""Every metric of the table keeps the contract; listing them loads nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor

from bench.data import manifest
from bench.errors import MissingFile, UserError
from bench.interfaces import CachedMetric, Metric, NoReferenceMetric
from bench.metrics import METRICS, load
from tests.bench.metrics.conftest import pair

CPU = torch.device("cpu")


def images(name: str, *, n: int = 1, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """A pair of the size and the channels that suit the metric."""
    size = {"ms-ssim": (163, 170), "niqe": (192, 200)}.get(name, (48, 56))
    return pair(n, 3 if METRICS[name].view == "rgb" else 1, *size, noise=noise)


def value(name: str, metric: Metric | NoReferenceMetric, sr: Tensor, hr: Tensor) -> Tensor:
    """Of sr against hr, or of sr alone."""
    return metric(sr, hr) if METRICS[name].reference else metric(sr)  # type: ignore[call-arg]


against_hr = pytest.mark.parametrize(
    "name", [entry.name for entry in METRICS.values() if entry.reference], indirect=True
)


@pytest.fixture(params=METRICS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def metric(name: str, weights: Path) -> Metric | NoReferenceMetric:
    return load(name, lambda file: weights / file, CPU)


def test_importing_the_table_imports_no_torch() -> None:
    code = "import sys, bench.metrics; sys.exit(bool({'torch', 'numpy', 'piq'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_names_are_those_of_the_command_line() -> None:
    assert list(METRICS) == [
        *("psnr", "ssim", "ms-ssim", "lpips-alex", "lpips-vgg", "lpips-squeeze"),
        *("feature-relu2_2", "feature-vgg19-relu2_2"),
        *("dists", "dists-256", "gmsd", "haarpsi", "vif-p", "niqe"),
    ]
    assert all(name == entry.name for name, entry in METRICS.items())


def test_every_file_that_a_metric_needs_is_in_the_manifest() -> None:
    for entry in METRICS.values():
        assert set(entry.needs) <= set(manifest.files()), entry.name


@against_hr
def test_the_least_side_is_where_a_metric_begins_to_refuse(name: str, metric: Metric) -> None:
    least, channels = METRICS[name].least, 1 if METRICS[name].view == "channel" else 3
    if least > 1:
        metric(*(torch.rand(1, channels, least, least) for _ in range(2)))
        with pytest.raises(ValueError, match=str(least)):
            metric(*(torch.rand(1, channels, least, least - 1) for _ in range(2)))


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UserError,
        match=r"no metric is called 'lpips' \(did you mean 'lpips-vgg'\?\); there are: psnr, ssim, .*lpips-alex",
    ):
        load("lpips", Path, CPU)


def test_a_metric_of_an_extra_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [name for name, entry in METRICS.items() if entry.extra] == ["gmsd", "haarpsi"]
    assert METRICS["gmsd"].missing_extra == ""
    monkeypatch.setattr("bench.metrics._installed", lambda module: module != "piq")
    assert METRICS["psnr"].missing_extra == ""
    with pytest.raises(
        UserError,
        match=r"metric gmsd needs piq, which is not installed\. Run: pip install 'perceptual-bench\[metrics\]'",
    ):
        load("gmsd", Path, CPU)


def test_a_missing_file_is_the_finders_error() -> None:
    def find(file: str) -> Path:
        raise MissingFile(f"{file} is missing")

    with pytest.raises(MissingFile, match=r"vgg16-features\.safetensors is missing"):
        load("lpips-vgg", find, CPU)


def test_a_metric_conforms_and_caches_where_it_needs_a_network(name: str, metric: Metric) -> None:
    assert isinstance(metric, Metric)
    assert isinstance(metric, CachedMetric) == (bool(METRICS[name].needs) and METRICS[name].reference)


def test_a_batch_equals_its_images_one_by_one(name: str, metric: Metric) -> None:
    sr, hr = images(name, n=3)
    together = value(name, metric, sr.float(), hr.float())
    assert together.shape == (3,)
    one_by_one = torch.cat(
        [value(name, metric, a[None].float(), b[None].float()) for a, b in zip(sr, hr, strict=True)]
    )
    torch.testing.assert_close(together, one_by_one, rtol=1e-5, atol=1e-9)


@against_hr
def test_identical_images_have_the_best_value(name: str, metric: Metric) -> None:
    _, hr = images(name)
    best = {"psnr": torch.inf, "ssim": 1.0, "ms-ssim": 1.0, "haarpsi": 1.0, "vif-p": 1.0}.get(name, 0.0)
    rounding = {"dists": 1e-6, "dists-256": 1e-6, "haarpsi": 1e-12, "vif-p": 1e-7}.get(name, 0.0)
    assert metric(hr, hr.clone()).item() == pytest.approx(best, rel=0, abs=rounding)


@against_hr
def test_more_noise_is_worse(name: str, metric: Metric) -> None:
    little, much = (metric(*images(name, noise=noise)).item() for noise in (0.02, 0.2))
    assert (little > much) == METRICS[name].higher_is_better


def test_the_reference_serves_many_models(name: str, metric: Metric) -> None:
    if not isinstance(metric, CachedMetric):
        pytest.skip("computes nothing of hr alone")
    sr, hr = images(name)
    other, _ = images(name, noise=0.3)
    reference = metric.reference(hr)
    for image in (sr, other, sr):
        torch.testing.assert_close(metric.against(image, reference), metric(image, hr), rtol=0, atol=0)


def test_arguments_are_not_changed_and_twice_gives_the_same(name: str, metric: Metric) -> None:
    sr, hr = images(name)
    before = sr.clone(), hr.clone()
    first = value(name, metric, sr, hr)
    assert torch.equal(first, value(name, metric, sr, hr))
    assert torch.equal(sr, before[0])
    assert torch.equal(hr, before[1])


def test_no_gradient_is_kept_and_inference_mode_will_do(name: str, metric: Metric) -> None:
    sr, hr = images(name)
    found = value(name, metric, sr.clone().requires_grad_(), hr)
    assert not found.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(value(name, metric, sr, hr), found)


@against_hr
def test_images_of_two_sizes_are_refused(name: str, metric: Metric) -> None:
    sr, hr = images(name)
    with pytest.raises((ValueError, TypeCheckError), match=r"sr has shape|type-?checking parameter 'hr'"):
        metric(sr[..., 1:], hr)


@pytest.mark.cuda
def test_a_gpu_gives_the_cpus_value(name: str, metric: Metric, weights: Path) -> None:
    sr, hr = images(name, n=2)
    cuda = torch.device("cuda")
    there = value(name, load(name, lambda file: weights / file, cuda), sr.to(cuda), hr.to(cuda))
    torch.testing.assert_close(there.cpu(), value(name, metric, sr, hr), rtol=2e-3, atol=1e-9)
