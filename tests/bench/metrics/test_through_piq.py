"""What reaches piq at the end of the protocol's road is what piq gives on the raw bytes of the two images."""

from __future__ import annotations

from pathlib import Path

import piq
import pytest
import torch
from torch import Tensor

from bench.data.datasets import dataset
from bench.data.images import load as load_image
from bench.data.images import to_tensor
from bench.metrics import METRICS, load
from bench.prepare import prepare
from bench.protocols import protocol
from bench.quality import DEFAULT_METRICS
from bench.sr_quality import main

DIRECT = {"gmsd": piq.gmsd, "haarpsi": piq.haarpsi, "vif-p": piq.vif_p}


def raw() -> tuple[Tensor, Tensor]:
    """(sr, hr): a cat at a quarter of its size and back, and the cat, as bytes in 0..255."""
    image = next(i for i in dataset("samples").images if i.stem == "chelsea")
    hr = load_image(image).pixels[60:188, 100:228]
    sr = hr[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)
    return torch.tensor(sr), torch.tensor(hr)


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("under", ["johnson2016", "rgb"])
def test_piq_on_the_raw_bytes_agrees_to_1e_6(name: str, under: str) -> None:
    sr, hr = raw()
    p = protocol(under, 4)
    a, b = prepare(to_tensor(sr.numpy()), to_tensor(hr.numpy()), p)
    value = load(name, Path, torch.device("cpu"))(a.rgb, b.rgb).item()
    inner = [
        image[p.shave : -p.shave, p.shave : -p.shave].permute(2, 0, 1)[None].double() for image in (sr, hr)
    ]
    direct = DIRECT[name](*inner, data_range=255, reduction="none").item()
    assert value == pytest.approx(direct, abs=1e-6)
    assert abs(value - (0 if name == "gmsd" else 1)) > 0.05


def test_the_program_without_piq_says_what_to_install_and_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.metrics._installed", lambda module: module != "piq")
    assert main(["samples", "--models", "bicubic", "--metrics", "psnr", "gmsd"]) == 2
    err = capsys.readouterr().err
    assert "metric gmsd needs piq" in err
    assert "pip install 'perceptual-bench[metrics]'" in err
    assert "Traceback" not in err


def test_metrics_of_an_extra_are_not_among_the_defaults() -> None:
    assert not [name for name in DEFAULT_METRICS if METRICS[name].extra]
