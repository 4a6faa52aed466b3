"""OpenVINO gives the picture of plain float32 within the tolerance of each precision, or says why it cannot."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from baselines.bicubic import imresize
from bench.data.datasets import dataset
from bench.timing.workloads import PHOTOGRAPH
from bench.variants import openvino_session
from bench.variants.build import build
from bench.variants.calibration import CALIBRATION, DATASET, calibration_images, cut
from bench.variants.sweep import FLOAT32, PICTURE, closeness
from bench.variants.variant import VariantUnavailable, parse_variant
from models.style_net import StyleNet
from tests.bench.variants.networks import Enlarging, Small, output, photograph


@pytest.fixture
def installed() -> None:
    """Skips where the extra is not installed; `importorskip` would import it, and send statistics of use."""
    if not all(importlib.util.find_spec(package) for package in ("openvino", "nncf", "onnx")):
        pytest.skip("needs the openvino extra")


def without(monkeypatch: pytest.MonkeyPatch, *packages: str, given: tuple[str, ...] = ()) -> None:
    """As on a machine that lacks `packages` and has `given`."""
    real = importlib.util.find_spec

    def find_spec(name: str, *rest: Any) -> Any:
        return None if name in packages else "here" if name in given else real(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.mark.parametrize("name", ["openvino", "folded+openvino", "openvino+bfloat16", "openvino+int8"])
def test_a_missing_openvino_is_a_reason(name: str, style: StyleNet, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "openvino")
    with pytest.raises(VariantUnavailable, match="it needs openvino, which is not installed"):
        build(style, parse_variant(name), photograph())


def test_a_missing_nncf_is_a_reason_for_int8(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "nncf", given=("openvino",))
    with pytest.raises(VariantUnavailable, match="it needs nncf, which is not installed"):
        build(small, parse_variant("openvino+int8"), photograph())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int8", r"int8 is computed by OpenVINO alone \(got int8\); must be openvino\+int8"),
        ("onnxruntime+int8", r"got int8\+onnxruntime"),
        ("openvino+compiled", r"OpenVINO compiles by itself \(got openvino\+compiled\)"),
    ],
)
def test_words_that_cannot_stand_together_are_refused(name: str, message: str, small: Small) -> None:
    with pytest.raises(VariantUnavailable, match=message):
        build(small, parse_variant(name), photograph())


def test_another_device_is_a_reason(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, given=("openvino",))
    with pytest.raises(VariantUnavailable, match="OpenVINO runs on the CPU alone here; the image is on meta"):
        openvino_session.session(small, parse_variant("openvino"), photograph().to("meta"))


@pytest.mark.parametrize("name", ["openvino", "folded+openvino+bfloat16", "openvino+int8"])
def test_a_variant_is_found_by_its_name_and_holds_for_one_size(name: str) -> None:
    assert parse_variant(name).name == name
    assert parse_variant(name).per_size


def test_the_calibration_images_are_photographs_that_nothing_is_compared_on() -> None:
    names = {image.stem for image in dataset(DATASET).images}
    assert set(CALIBRATION) == names - {PHOTOGRAPH}


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (2, 1, 20, 31)])
def test_calibration_images_have_the_shape_of_the_example(shape: tuple[int, ...]) -> None:
    found = list(calibration_images(torch.zeros(shape)))
    assert [tuple(image.shape) for image in found] == [shape] * len(CALIBRATION)
    assert all(0 <= image.min() < image.max() <= 1 for image in found)


@pytest.mark.parametrize(
    ("size", "corner", "found"), [((1, 1), 1, (4, 4)), ((2, 1), 2, (4, 2)), ((1, 3), 6, (2, 6))]
)
def test_the_middle_is_cut_by_hand(size: tuple[int, int], corner: int, found: tuple[int, int]) -> None:
    image = torch.arange(24.0).reshape(1, 1, 4, 6)
    part = cut(image, *size)
    assert tuple(part.shape[-2:]) == found
    assert part[0, 0, 0, 0] == corner


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["openvino", "folded+openvino", "channels_last+folded+spread+openvino"])
def test_float32_equals_plain_eager_within_its_tolerance(name: str, style: StyleNet) -> None:
    image = photograph()
    before, weights = image.clone(), {key: value.clone() for key, value in style.state_dict().items()}
    found = output(style, name, image)
    assert (found.shape, found.dtype, found.device) == (image.shape, image.dtype, image.device)
    assert FLOAT32.admits(closeness(found, style(image)))
    assert torch.equal(image, before)
    assert all(torch.equal(value, weights[key]) for key, value in style.state_dict().items())


def capabilities() -> list[str]:
    """Of this processor, as OpenVINO names them."""
    with openvino_session.quiet():
        import openvino

    found: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return found


@pytest.mark.usefixtures("installed")
def test_bfloat16_is_that_or_a_reason(style: StyleNet) -> None:
    image = photograph()
    if "BF16" not in capabilities():
        with pytest.raises(VariantUnavailable, match="OpenVINO has no bfloat16 on this CPU; it has FP32"):
            build(style, parse_variant("openvino+bfloat16"), image)
        return
    apart = closeness(output(style, "folded+openvino+bfloat16", image), style(image))
    assert PICTURE.admits(apart)
    assert not FLOAT32.admits(apart)  # it is computed in bfloat16, not only called so


@pytest.mark.usefixtures("installed")
def test_int8_is_near_plain_float32_and_no_float32(small: Small) -> None:
    image = next(calibration_images(photograph()))
    found = output(small, "openvino+int8", image)
    apart = closeness(found, small(image))
    assert found.dtype == torch.float32
    assert apart.psnr > 35
    assert not FLOAT32.admits(apart)


@pytest.mark.usefixtures("installed")
def test_int8_says_what_it_was_calibrated_on_and_counts_in_float32(small: Small) -> None:
    image = photograph()
    built = build(small, parse_variant("openvino+int8"), image)
    assert built.calibration == tuple(f"samples/{stem}" for stem in CALIBRATION)
    assert torch.equal(built.eager(image), small(image))
    assert build(small, parse_variant("openvino"), image).calibration == ()


@pytest.mark.usefixtures("installed")
def test_a_network_without_a_second_convolution_has_no_int8() -> None:
    with pytest.raises(VariantUnavailable, match=r"int8 needs at least 2 convolutions to quantise \(got 1\)"):
        build(nn.Conv2d(3, 3, 3).eval(), parse_variant("openvino+int8"), photograph())


@pytest.mark.usefixtures("installed")
def test_int8_gives_the_same_picture_each_time_it_is_built(small: Small) -> None:
    image = photograph()
    first, second = (output(small, "openvino+int8", image) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.usefixtures("installed")
def test_an_upscaler_that_enlarges_by_imresize_is_taken() -> None:
    lr = photograph(8, 10)
    torch.testing.assert_close(
        output(Enlarging(), "openvino", lr), imresize(lr, 4), rtol=0, atol=FLOAT32.max_abs
    )


@pytest.mark.usefixtures("installed")
def test_calls_do_not_share_their_results(small: Small) -> None:
    image = photograph()
    call = build(small, parse_variant("openvino"), image).call
    first = call(image)
    before = first.clone()
    call(1 - image)
    assert torch.equal(first, before)


@pytest.mark.usefixtures("installed")
def test_a_network_that_cannot_be_exported_is_a_reason() -> None:
    class Odd(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.linalg.svd(image).S

    with pytest.raises(VariantUnavailable, match="the export to ONNX fails: "):
        build(Odd(), parse_variant("openvino"), photograph(4, 4))


@pytest.mark.usefixtures("installed")
def test_a_file_that_openvino_does_not_take_is_a_reason(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_session, "export", lambda network, example: b"no network")
    with pytest.raises(VariantUnavailable, match="OpenVINO cannot run the network: RuntimeError: "):
        build(small, parse_variant("openvino"), photograph())


def test_a_failure_of_the_quantiser_is_a_reason_and_memory_that_runs_out_is_none(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, given=("openvino", "nncf"))
    monkeypatch.setattr(openvino_session, "export", lambda network, example: b"")

    def failing(error: Exception) -> Callable[..., Any]:
        def compiled(*_: Any) -> Any:
            raise error

        return compiled

    monkeypatch.setattr(openvino_session, "compiled", failing(KeyError("no node")))
    with pytest.raises(VariantUnavailable, match="OpenVINO cannot run the network: KeyError: 'no node'"):
        build(small, parse_variant("openvino+int8"), photograph())
    monkeypatch.setattr(openvino_session, "compiled", failing(MemoryError()))
    with pytest.raises(MemoryError):
        build(small, parse_variant("openvino+int8"), photograph())


def test_a_reason_skips_places_in_openvinos_source() -> None:
    error = RuntimeError(
        "Exception from src/core.cpp:109:\nCheck 'a' failed at src/b.cpp:1:\nno such operation\n"
    )
    assert openvino_session.reason(error) == "RuntimeError: no such operation"
    assert openvino_session.reason(ValueError("")) == "ValueError: "


def test_no_statistics_are_sent_and_the_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNCF_CI", raising=False)
    monkeypatch.setenv("CI", "mine")
    with openvino_session.quiet():
        assert (os.environ["CI"], os.environ["NNCF_CI"]) == ("true", "1")
    assert os.environ["CI"] == "mine"
    assert "NNCF_CI" not in os.environ


@pytest.mark.usefixtures("installed")
def test_a_variant_of_openvino_leaves_no_file_of_statistics_and_prints_nothing(tmp_path: Path) -> None:
    code = (
        "import torch; from torch import nn\n"
        "from bench.variants.build import build; from bench.variants.variant import parse_variant\n"
        "net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3)).eval()\n"
        "build(net, parse_variant('openvino+int8'), torch.rand(1, 3, 16, 16))\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in openvino_session.NO_STATISTICS}
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(openvino_session.__file__).parents[2],
        env={**environment, "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (found.stdout, found.stderr) == ("", "")
    assert not (tmp_path / "intel").exists()


def test_versions_are_of_what_computes_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_session, "version", lambda name: f"{name} 1")
    assert openvino_session.versions(parse_variant("channels_last+onnxruntime")) == {}
    assert openvino_session.versions(parse_variant("openvino+bfloat16")) == {"openvino": "openvino 1"}
    assert list(openvino_session.versions(parse_variant("openvino+int8"))) == ["openvino", "nncf"]
