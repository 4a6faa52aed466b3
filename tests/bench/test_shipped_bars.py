"""What the shipped networks were trained for, on the real sets: `bench.sr_quality` prints these numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import images, shipped
from bench.lr import degrade
from bench.prepare import modcrop, rgb_to_y
from bench.protocols import protocol
from bench.sr_quality import main
from models.sr_net import load_sr_net

SETS = ("set5", "set14", "bsd100")
FEATURE, LPIPS = "feature-relu2_2", "lpips-alex"
CLOSER = {
    "sr-feature": {"set5": 0.7, "set14": 0.73, "bsd100": 0.71},
    "sr-feature-vgg16": dict.fromkeys(SETS, 0.7),
}
CLOSER_AT_X8 = 0.85
SIDE, LARGEST_ENERGY = 32, 1.5
LARGEST_LPIPS = {"set5": 0.135, "set14": 0.235, "bsd100": 0.305}

Means = Mapping[tuple[str, int, str, str], float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """Where everything was scored, once."""
    folder = tmp_path_factory.mktemp("bars")
    store = ["--db", str(folder / "r.db")]
    asked = ["--metrics", "psnr", FEATURE, LPIPS, "--no-images", *store, "--models", "sr-pixel", "sr-feature"]
    matched = ["--models", "sr-feature", "sr-feature+match", "--metrics", "psnr"]
    assert main([*SETS, "--json", str(folder / "x4.json"), *asked, "sr-feature-vgg16"]) == 0
    assert main([*SETS, "--json", str(folder / "x8.json"), "--scales", "8", *asked]) == 0
    assert main(["set5", *matched, *store, "--images", str(folder / "images")]) == 0
    return folder


@pytest.fixture(scope="module")
def means(folder: Path) -> Means:
    rows = [row for name in ("x4", "x8") for row in json.loads((folder / f"{name}.json").read_text())]
    return {(r["dataset"], r["scale"], r["model"], r["metric"]): r["mean"] for r in rows}


def test_the_pixel_network_is_above_its_bars_on_set5(means: Means) -> None:
    assert means["set5", 4, "sr-pixel", "psnr"] >= 30.0
    assert means["set5", 8, "sr-pixel", "psnr"] >= 24.9


def test_the_pixel_network_at_x4_is_above_srcnn_on_set5(means: Means) -> None:
    assert means["set5", 4, "sr-pixel", "psnr"] > 30.48


@pytest.mark.parametrize("model", CLOSER)
def test_the_feature_network_keeps_its_psnr(model: str, means: Means) -> None:
    assert means["set5", 4, model, "psnr"] >= 27.5


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("model", CLOSER)
def test_the_feature_network_trades_psnr_for_closer_features(model: str, name: str, means: Means) -> None:
    assert means[name, 4, model, "psnr"] < means[name, 4, "sr-pixel", "psnr"]
    assert means[name, 4, model, FEATURE] < CLOSER[model][name] * means[name, 4, "sr-pixel", FEATURE]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("model", CLOSER)
def test_the_feature_network_looks_nearer_to_hr_by_lpips(model: str, name: str, means: Means) -> None:
    assert means[name, 4, model, LPIPS] < LARGEST_LPIPS[name] < means[name, 4, "sr-pixel", LPIPS]


@pytest.mark.parametrize("name", SETS)
def test_the_feature_network_at_x8_is_nearer_in_features_and_by_lpips(name: str, means: Means) -> None:
    assert means[name, 8, "sr-feature", FEATURE] < CLOSER_AT_X8 * means[name, 8, "sr-pixel", FEATURE]
    assert means[name, 8, "sr-feature", LPIPS] < means[name, 8, "sr-pixel", LPIPS]


@pytest.mark.parametrize(
    ("model", "scale"),
    [("sr-feature", 4), ("sr-feature", 8), ("sr-feature-vgg16", 2), ("sr-feature-vgg16", 4)],
)
def test_the_feature_network_prints_no_grid_on_flat_patches(model: str, scale: int, real_data: Path) -> None:
    """Energy of luma at the period of the up-sampling, on 32x32 patches of set14 where HR is nearly flat."""
    rule, network = protocol("johnson2016", scale), shipped.path(f"shipped/{model}-x{scale}.safetensors")
    upscaler = load_sr_net(scale=scale, weights=network).eval()
    of_hr, of_sr = [], []
    for file in sorted((real_data / "data" / "set14").iterdir()):
        pixels = images.read(file)
        hr = modcrop(images.to_tensor(np.broadcast_to(pixels, (*pixels.shape[:2], 3))), scale)
        with torch.inference_mode():
            sr = upscaler(degrade(hr, rule)).clamp(0, 1)
        a, b = (patches(255 * rgb_to_y(image.double())) for image in (hr, sr))
        flat = a.std((1, 2)) < 4
        if flat.any():
            of_hr.append(energy(a[flat], scale))
            of_sr.append(energy(b[flat], scale))
    assert sum(map(len, of_hr)) > 100
    assert torch.cat(of_sr).mean() < LARGEST_ENERGY * torch.cat(of_hr).mean()


def patches(luma: torch.Tensor) -> torch.Tensor:
    return luma.unfold(2, SIDE, SIDE).unfold(3, SIDE, SIDE).reshape(-1, SIDE, SIDE)


def energy(found: torch.Tensor, period: int) -> torch.Tensor:
    """At the frequencies whose period divides `period` pixels in both directions, but for the mean."""
    spectrum = torch.fft.fft2(found - found.mean((1, 2), keepdim=True)).abs().square() / SIDE**4
    at = torch.arange(0, SIDE, SIDE // period)
    return spectrum[:, at][:, :, at].sum((1, 2))


def test_histogram_matching_lowers_the_colour_error_of_the_feature_network(folder: Path) -> None:
    plain, matched = (colour_error(folder, model) for model in ("sr-feature", "sr-feature+match"))
    assert matched < plain


def colour_error(folder: Path, model: str) -> float:
    """Of set5: how far an image's mean red, green and blue are from those of hr, mean over channels and images."""
    place = folder / "images" / "set5" / "x4-johnson2016"
    pairs = [
        (images.read(place / model / hr.name), images.read(hr)) for hr in sorted((place / "hr").iterdir())
    ]
    assert len(pairs) == 5
    return float(np.mean([np.abs(sr.mean((0, 1)) - hr.mean((0, 1))).mean() for sr, hr in pairs]))
