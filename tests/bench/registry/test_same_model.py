"""One model as checkpoint, ONNX file, callable and folder of its images: the same scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from bench.data import images
from bench.sr_quality import main
from tests.bench.registry.conftest import Export, compact, opened

CALLABLE = """
from pathlib import Path
from bench.registry.external import resolve_external

def net():
    return resolve_external({checkpoint!r}, str).load(4, __import__("torch").device("cpu"))
"""


def scores(*models: str) -> dict[str, tuple[float, float]]:
    arguments = ["./set", "--models", *models, "--metrics", "psnr", "ssim", "--json", "r.json"]
    assert main(arguments) == 0
    found: dict[str, dict[str, float]] = {}
    for row in json.loads(Path("r.json").read_text()):
        found.setdefault(row["model"], {})[row["metric"]] = row["mean"]
    return {model: (values["psnr"], values["ssim"]) for model, values in found.items()}


def compare(checkpoint: Path, onnx: str) -> None:
    Path("net.py").write_text(CALLABLE.format(checkpoint=str(checkpoint)))
    first = scores(f"{checkpoint},name=checkpoint")["checkpoint"]
    shutil.copytree("results/images/set/x4-johnson2016/checkpoint", "images")
    others = scores(f"{onnx},name=onnx", "net.py:net,name=callable", "images")
    assert set(others) == {"onnx", "callable", "images"}
    for psnr, ssim in others.values():
        assert psnr == pytest.approx(first[0], abs=0.01)
        assert ssim == pytest.approx(first[1], abs=1e-4)


def test_a_small_network_scores_alike_in_every_shape(
    photographs: Path, checkpoint: Path, export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    compare(checkpoint, f"{export(compact(), shape=(1, 3, 16, 16))},range=1")


def test_a_published_checkpoint_scores_alike_in_every_shape(
    photographs: Path, export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, real_data: Path
) -> None:
    pytest.importorskip("spandrel", reason="needs the spandrel extra")
    monkeypatch.chdir(tmp_path)
    (photographs / "two.png").unlink()  # the ONNX file is of one size, which pads by another rule
    images.write(photographs / "one.png", images.read(photographs / "one.png")[:64, 64:])
    checkpoint = real_data / "weights/byo/craft_x4.pth"
    network = opened(checkpoint).load(4, torch.device("cpu")).network
    compare(checkpoint, f"{export(network, shape=(1, 3, 16, 16), fixed=True)},range=1")
