"""The adapter of networks of authors' own repositories, on checkouts made like those."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import models
from bench.errors import UserError
from bench.registry import catalog
from bench.registry.external import ExternalModel

ADAPTER = Path(__file__).parents[2] / "reports" / "leaderboards" / "efficient_sr" / "authors.py"
IMDN = """
import torch
from . import block as B


class IMDN(torch.nn.Module):
    def __init__(self, upscale=4):
        super().__init__()
        self.upscale, self.conv = upscale, torch.nn.Conv2d(3, 3 * upscale**2, 1)

    def forward(self, lr):
        return torch.nn.functional.pixel_shuffle(self.conv(lr), self.upscale) * B.ONE
"""
PAN = """
import torch
import models.archs.arch_util as arch_util


class PAN(torch.nn.Module):
    def __init__(self, in_nc, out_nc, nf, unf, nb, scale=4):
        super().__init__()
        assert (in_nc, out_nc, nf, unf, nb) == (3, 3, 40, 24, 16)
        self.scale, self.conv = scale, torch.nn.Conv2d(3, 3 * scale**2, 1)

    def forward(self, lr):
        return torch.nn.functional.pixel_shuffle(self.conv(lr), self.scale) * arch_util.ONE
"""
CARN = """
import torch
import model.ops as ops


class Net(torch.nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        assert kwargs == {"multi_scale": True, "group": 4}
        self.up = torch.nn.ModuleDict({str(s): torch.nn.Conv2d(3, 3 * s**2, 1) for s in (2, 3, 4)})

    def forward(self, lr, scale):
        return torch.nn.functional.pixel_shuffle(self.up[str(scale)](lr), scale) * ops.ONE
"""
ONE = "ONE = 1\n"


def repeating(scale: int, prefix: str = "") -> dict[str, torch.Tensor]:
    """Weights of a 1x1 convolution that with a pixel shuffle repeats each pixel."""
    weight = torch.zeros(3 * scale**2, 3, 1, 1)
    for channel in range(3 * scale**2):
        weight[channel, channel // scale**2] = 1
    return {f"{prefix}weight": weight, f"{prefix}bias": torch.zeros(3 * scale**2)}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each network repeats pixels."""
    imdn, pan, carn = (tmp_path / name for name in ("imdn", "pan", "carn"))
    write(imdn, {"model/architecture.py": IMDN, "model/block.py": ONE})
    archs = "codes/models/archs"
    write(pan, {f"{archs}/PAN_arch.py": PAN, f"{archs}/arch_util.py": ONE, f"{archs}/__init__.py": ""})
    write(pan, {"codes/models/__init__.py": ""})
    write(carn, {"carn/model/carn_m.py": CARN, "carn/model/ops.py": ONE, "carn/model/__init__.py": ""})
    for folder in (imdn / "checkpoints", pan / "experiments/pretrained_models", carn / "checkpoint"):
        folder.mkdir(parents=True)
    for scale in (2, 3, 4):
        torch.save(repeating(scale, "module.conv."), imdn / f"checkpoints/IMDN_x{scale}.pth")
        torch.save(repeating(scale, "conv."), pan / f"experiments/pretrained_models/PANx{scale}_DF2K.pth")
    every = {key: value for scale in (2, 3, 4) for key, value in repeating(scale, f"up.{scale}.").items()}
    torch.save(every, carn / "checkpoint" / "carn_m.pth")
    for variable, folder in (("IMDN", imdn), ("PAN", pan), ("CARN", carn)):
        monkeypatch.setenv(variable, str(folder))
    return tmp_path


def opened(text: str) -> ExternalModel:
    found = catalog.upscaler_entry(f"{ADAPTER}:{text}")
    assert isinstance(found, ExternalModel)
    return found


@pytest.mark.usefixtures("checkouts")
@pytest.mark.parametrize("name", ["imdn", "pan", "carn_m"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_network_has_the_weights_of_each_scale(name: str, scale: int) -> None:
    found = opened(f"{name},name={name}-{scale}")
    lr = torch.rand(1, 3, 5, 7)
    sr = found.load(scale, torch.device("cpu"))(lr)
    torch.testing.assert_close(sr, lr.repeat_interleave(scale, -1).repeat_interleave(scale, -2))
    assert not hasattr(models, "archs")


@pytest.mark.usefixtures("checkouts")
def test_a_scale_without_weights_is_named() -> None:
    with pytest.raises(UserError, match=r"imdn has weights for x2, x3 and x4 \(got x8\)"):
        opened("imdn,name=imdn-8").load(8, torch.device("cpu"))


def test_weights_that_are_code_are_refused(checkouts: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 48, 1), checkouts / "imdn" / "checkpoints" / "IMDN_x4.pth")
    with pytest.raises(UserError, match="Weights only load failed"):
        opened("imdn,name=unsafe")


def test_a_checkout_that_is_not_there_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAN", raising=False)
    with pytest.raises(
        UserError, match=r"git clone https://github.com/zhaohengyuan1/PAN && git -C PAN checkout 4d045d"
    ):
        opened("pan,name=absent")
