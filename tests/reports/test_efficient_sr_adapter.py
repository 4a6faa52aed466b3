"""The adapter of the leaderboard of efficient super-resolution, on a repository made like those of the challenges."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import models
from bench.errors import UserError
from bench.registry import catalog
from bench.registry.external import ExternalModel

FOLDER = Path(__file__).parents[2] / "reports" / "leaderboards" / "efficient_sr"
ADAPTER = FOLDER / "adapter.py"
DEMO = """
import os.path
import torch
from a_package_that_is_not_installed import FlopCountAnalysis


def select_model(args, device):
    if args.model_id == 1:
        from models.team01_net import Net
        name, data_range = f"{args.model_id:02}_My-Net", 255.0
        model = Net().cuda()
        model.load_state_dict(torch.load(os.path.join("model_zoo", "net.pth"), weights_only=False), strict=True)
    return model.to(device), name, data_range, None


def forward(img_lq, model, tile=None, tile_overlap=32, scale=4):
    return model(img_lq)
"""
NET = """
import torch
from models.block import WHITE


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 48, 1)

    def forward(self, lr):
        assert WHITE < lr.max() <= 255, lr.max()
        return torch.nn.functional.pixel_shuffle(self.conv(lr), 4)
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One network that repeats each pixel 16 times, and wants white to be 255."""
    for name, text in {
        "test_demo.py": DEMO,
        "models/team01_net.py": NET,
        "models/block.py": "WHITE = 2\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "model_zoo").mkdir()
    weight = torch.zeros(48, 3, 1, 1)
    for channel in range(48):
        weight[channel, channel // 16] = 1
    torch.save({"conv.weight": weight, "conv.bias": torch.zeros(48)}, tmp_path / "model_zoo" / "net.pth")
    monkeypatch.setenv("NTIRE2024_ESR", str(tmp_path))
    return tmp_path


def opened(name: str) -> ExternalModel:
    found = catalog.upscaler_entry(f"{ADAPTER}:{name}")
    assert isinstance(found, ExternalModel)
    return found


@pytest.mark.usefixtures("checkout")
def test_an_entry_is_called_in_its_own_range_with_its_own_packages() -> None:
    found = opened("e24_01_mynet")
    assert (found.name, found.scale) == ("e24_01_mynet", 4)
    lr = torch.rand(1, 3, 5, 7)
    sr = found.load(4, torch.device("cpu"))(lr)
    torch.testing.assert_close(sr, lr.repeat_interleave(4, -1).repeat_interleave(4, -2))
    assert not hasattr(models, "team01_net")


@pytest.mark.usefixtures("checkout")
def test_another_name_than_the_repositorys_is_refused() -> None:
    with pytest.raises(UserError, match=r"entry 1 of NTIRE2024_ESR is called 01_My-Net \(got yournet\)"):
        opened("e24_01_yournet")


def test_weights_that_are_code_are_refused_whatever_the_entry_says(checkout: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 48, 1), checkout / "model_zoo" / "net.pth")
    with pytest.raises(UserError, match="Weights only load failed"):
        opened("e24_01_mynet,name=unsafe")


def test_a_checkout_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NTIRE2022_ESR", raising=False)
    with pytest.raises(UserError, match=r"\$NTIRE2022_ESR must be a checkout"):
        opened("e22_01_efdn")
