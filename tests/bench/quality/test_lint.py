"""The linter names what is wrong, and is silent on what is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.bicubic import Bicubic
from bench.data import cache, images
from bench.data.datasets import dataset
from bench.data.images import load, to_array, to_tensor
from bench.data.pairing import pair
from bench.lr import degrade
from bench.prepare import modcrop
from bench.protocols import protocol
from bench.quality.lint import Finding, lint, lint_pixels, lint_size, lint_stems, refusal
from bench.quality.whole import upscale
from bench.registry.catalog import load_upscaler
from bench.registry.upscalers import UPSCALERS

SIDE = 256
SAMPLES = {image.stem: image for image in dataset("samples").images}
Change = Callable[[Tensor], Tensor]


def cropped(name: str, scale: int) -> Tensor:
    return modcrop(to_tensor(load(SAMPLES[name]).pixels)[..., :SIDE, :SIDE], scale)


def made(model: str, name: str, scale: int) -> tuple[Tensor, Tensor]:
    """(sr, hr) of a registered upscaler."""
    hr = cropped(name, scale)
    upscaler = load_upscaler(model, scale, cache.find, torch.device("cpu"))
    with torch.inference_mode():
        return upscale(upscaler, degrade(hr, protocol("johnson2016", scale))), hr


def bicubic(name: str, scale: int = 4) -> tuple[Tensor, Tensor]:
    hr = cropped(name, scale)
    return Bicubic(scale=scale)(degrade(hr, protocol("johnson2016", scale))), hr


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in findings]


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("name", SAMPLES)
def test_interpolation_raises_no_alarm(name: str, scale: int) -> None:
    for model in ("nearest", "bicubic", "lanczos"):
        sr, hr = made(model, name, scale)
        assert not lint(sr, hr, scale, source="model")
        assert not lint_pixels(to_array(sr), to_array(hr), scale)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("name", ["astronaut", "coins", "rocket"])
def test_the_shipped_networks_raise_no_alarm(name: str, scale: int) -> None:
    for model in ("sr-pixel", "sr-feature"):
        sr, hr = made(model, name, scale)
        assert not lint(sr, hr, scale, source="model")


def test_srcnn_raises_no_alarm(real_data: Path) -> None:
    for name in ("astronaut", "camera", "rocket"):
        for model in ("srcnn-915", "srcnn-955"):
            for scale in UPSCALERS[model].weights:
                assert not lint(*made(model, name, scale), scale, source="model")


def test_identical_images_raise_no_alarm_but_that_they_are_identical() -> None:
    hr = cropped("astronaut", 4)
    assert [finding.kind for finding in lint(hr, hr, 4, source="file")] == ["identical"]
    for level in (0.0, 0.5, 1.0):
        flat = torch.full((1, 3, 64, 64), level)
        assert {finding.kind for finding in lint(flat, flat, 4, source="model")} <= {"identical"}
    assert not lint(torch.rand(1, 3, 5, 5), torch.rand(1, 3, 5, 5), 2, source="model")


CHANGED: dict[str, tuple[Change, str, str, str]] = {
    "0..255": (lambda x: x * 255, "range", "refuse", "divide by 255"),
    "-1..1": (lambda x: 2 * x - 1, "range", "refuse", "(x + 1) / 2"),
    "-1..1 twice": (lambda x: x / 2 + 0.5, "range", "refuse", "leave out"),
    "divided twice": (lambda x: x / 255, "range", "refuse", "multiply by 255"),
    "negative": (lambda x: 1 - x, "range", "refuse", "1 - x"),
    "far outside": (lambda x: x * 3 - 1.2, "range", "refuse", "must be [0, 1]"),
    "NaN": (lambda x: torch.where(x > 0.9, torch.nan, x), "range", "refuse", "float16"),
    "BGR": (lambda x: x.flip(1), "order", "refuse", "OpenCV"),
    "RBG": (lambda x: x[:, [0, 2, 1]], "order", "refuse", "reorder"),
    "studio range": (lambda x: (16 + 219 * x) / 255, "luma", "warn", "stretch it back"),
    "grey in three channels": (lambda x: x.mean(1, keepdim=True).expand_as(x), "channels", "warn", "luma only"),
    "grey": (lambda x: x.mean(1, keepdim=True), "channels", "refuse", "give RGB"),
    "alpha": (lambda x: torch.cat([x, torch.ones_like(x[:, :1])], 1), "channels", "refuse", "drop the last one"),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), "channels", "refuse", "channels before rows"),
    "16 levels": (lambda x: (x * 15).round() / 15, "quantisation", "warn", "without a palette"),
    "uint8": (lambda x: (x * 255).to(torch.uint8), "quantisation", "refuse", "return float in [0, 1]"),
    "moved": (lambda x: x.roll((1, -2), (-1, -2)), "shift", "warn", "align the resize kernels"),
    "transposed": (lambda x: x[..., :200].mT, "size", "refuse", "swap its rows and columns"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_each_mistake_is_named_with_what_to_do(what: str) -> None:
    change, kind, severity, remedy = CHANGED[what]
    sr, hr = bicubic("astronaut")
    hr = hr[..., :200] if what == "transposed" else hr
    findings = lint(change(sr.clamp(0, 1)), hr, 4, source="model")
    assert kinds(findings) == [(kind, severity)]
    assert remedy in findings[0].text


@pytest.mark.parametrize("name", ["coffee", "chelsea", "camera"])
@pytest.mark.parametrize("scale", [2, 4])
def test_every_photograph_shows_a_wrong_range_and_a_shift(name: str, scale: int) -> None:
    sr, hr = bicubic(name, scale)
    for change in (lambda x: 2 * x - 1, lambda x: x * 255, lambda x: x / 2 + 0.5):
        assert refusal(lint(change(sr.clamp(0, 1)), hr, scale, source="model"))
    moved = lint(sr.roll(3, -1), hr, scale, source="model")
    assert kinds(moved) == [("shift", "warn")]
    right, down = (float(number) for number in re.findall(r"[+-]\d\.\d", moved[0].what))
    assert right == pytest.approx(3, abs=0.3)
    assert down == pytest.approx(0, abs=0.1)


def test_a_shift_of_part_of_a_pixel_is_measured() -> None:
    """Every second pixel taken, then enlarged as if blocks had been averaged: half a pixel each way."""
    hr = modcrop(to_tensor(load(SAMPLES["astronaut"]).pixels), 2)
    sr = F.interpolate(hr[..., ::2, ::2], scale_factor=2, mode="bicubic")
    (found,) = lint(sr, hr, 2, source="model")
    assert found.what == "sr lies +0.4 pixels to the right of hr and +0.4 below it"


def test_a_file_is_read_as_it_is_stored() -> None:
    sr, hr = bicubic("astronaut")
    pixels = to_array(sr)
    assert not lint_pixels(pixels, to_array(hr), 4)
    assert kinds(lint_pixels(pixels.astype(np.uint16) * 257, to_array(hr), 4)) == [("quantisation", "refuse")]
    assert kinds(lint_pixels(pixels.astype(np.float32), to_array(hr), 4)) == [("range", "refuse")]
    between = np.clip(pixels / 255 + 0.001, 0, 1).astype(np.float32)
    assert kinds(lint_pixels(between, to_array(hr), 4)) == [("quantisation", "warn")]
    assert kinds(lint_pixels(pixels // 128, to_array(hr), 4)) == [("range", "refuse")]


@pytest.mark.parametrize(
    ("sr", "hr", "words"),
    [
        ((64, 128), (256, 512), "the size of lr"),
        ((64, 128), (258, 515), "the size of lr"),
        ((512, 256), (256, 512), "transposed"),
        ((128, 256), (256, 512), "1/2 of hr's size"),
        ((512, 1024), (256, 512), "2 times hr's size"),
        ((260, 516), (258, 515), "by what is missing to a multiple of 4"),
        ((250, 500), (256, 512), "must be hr's size, or 512x256"),
    ],
)
def test_sizes_are_refused_with_what_they_look_like(
    sr: tuple[int, int], hr: tuple[int, int], words: str
) -> None:
    (found,) = lint_size(sr, hr, 4)
    assert found.severity == "refuse"
    assert words in found.text
    assert f"{sr[1]}x{sr[0]}" in found.text
    assert f"{hr[1]}x{hr[0]}" in found.text


def test_an_hr_that_is_not_cropped_is_only_a_warning() -> None:
    assert not list(lint_size((258, 515), (258, 515), 4))
    (found,) = lint_size((256, 512), (258, 515), 4)
    assert (found.kind, found.severity) == ("crop", "warn")
    sr, hr = bicubic("coffee")
    assert kinds(lint(sr, F.pad(hr, (0, 3, 0, 1)), 4, source="model")) == [("crop", "warn")]


def test_a_colour_sr_of_a_grey_hr_is_right() -> None:
    sr, hr = bicubic("coins")
    assert hr.shape[1] == 1
    assert not lint(sr.expand(-1, 3, -1, -1), hr, 4, source="model")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_is_looked_at(dtype: torch.dtype) -> None:
    sr, hr = bicubic("astronaut")
    assert not lint(sr.to(dtype), hr, 4, source="model")


def test_nothing_is_changed() -> None:
    sr, hr = bicubic("astronaut")
    before = sr.clone(), hr.clone()
    lint(sr, hr, 4, source="model")
    assert torch.equal(sr, before[0])
    assert torch.equal(hr, before[1])


def test_stems_are_told() -> None:
    files = [Path("baby_x4.png"), Path("cat.png")]
    found = [finding.what for finding in lint_stems(pair(["baby", "bird"], files))]
    assert found[0] == "no file for 'bird'"
    assert found[1] == "no hr image for 'cat.png'"
    assert found[2] == "1 name pairs only without an ending, as 'baby_x4.png' with 'baby'"
    assert not list(lint_stems(pair(["baby"], [Path("baby.png")])))


def test_a_picture_read_back_from_a_file_is_silent(tmp_path: Path) -> None:
    sr, hr = bicubic("chelsea")
    images.write(tmp_path / "sr.png", to_array(sr))
    assert not lint_pixels(images.read(tmp_path / "sr.png"), to_array(hr), 4)
