"""One small network in every shape that it can come in from outside."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.data import images
from bench.registry.external import ExternalModel, resolve_external

Export = Callable[..., Path]


def opened(text: str | Path) -> ExternalModel:
    """The external model that is written as `text`."""
    return resolve_external(str(text), lambda: "bicubic, ...")


def compact() -> nn.Module:
    """A x4 network that spandrel knows: its input enlarged, plus convolutions with seeded weights."""
    pytest.importorskip("spandrel", reason="needs the spandrel extra")
    from spandrel import ModelLoader

    # What is known of the network's file: its convolutions, and a slope per channel after each but the last.
    shapes = {"0": (8, 3), "2": (8, 8), "4": (8, 8), "6": (48, 8)}
    random = torch.Generator().manual_seed(0)
    arrays = {}
    for layer, (outputs, inputs) in shapes.items():
        arrays[f"body.{layer}.weight"] = torch.randn((outputs, inputs, 3, 3), generator=random) / 10
        arrays[f"body.{layer}.bias"] = torch.zeros(outputs)
    arrays |= {f"body.{layer}.weight": torch.full((8,), 0.2) for layer in ("1", "3", "5")}
    return ModelLoader(device="cpu").load_from_state_dict(arrays).model.requires_grad_(False).eval()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """`net.pth`, as a training program saves it."""
    file = tmp_path / "net.pth"
    torch.save({"params": {f"module.{k}": v for k, v in compact().state_dict().items()}}, file)
    return file


class As(nn.Module):
    """A network under another convention than ours."""

    def __init__(self, network: Callable[[Tensor], Tensor], limit: float = 1, nhwc: bool = False) -> None:
        super().__init__()
        self.network, self.limit, self.nhwc = network, limit, nhwc

    def forward(self, image: Tensor) -> Tensor:
        image = image.permute(0, 3, 1, 2) if self.nhwc else image
        result = self.network(image / self.limit) * self.limit
        return result.permute(0, 2, 3, 1) if self.nhwc else result


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Writes a network as ONNX: of one size where `size` is given."""
    pytest.importorskip("onnx", reason="needs the onnx extra")
    pytest.importorskip("onnxruntime", reason="needs the onnx extra")

    def write(
        network: nn.Module, name: str = "net.onnx", *, shape: tuple[int, ...], fixed: bool = False
    ) -> Path:
        axes: dict[str, Any] = (
            {} if fixed else {"in": {2: "h", 3: "w"} if shape[1] == 3 else {1: "h", 2: "w"}}
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing, and of the exporter's age
            torch.onnx.export(
                network,
                (torch.rand(shape),),
                tmp_path / name,
                dynamo=False,
                opset_version=17,
                input_names=["in"],
                output_names=["out"],
                dynamic_axes=axes,
            )
        return tmp_path / name

    return write


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """`set`: two cut-outs of a photograph of 128x128 and 130x100 pixels."""
    from bench.data.datasets import samples_folder

    whole = images.read(samples_folder() / "astronaut.png")
    images.write(tmp_path / "set" / "one.png", whole[:128, :128])
    images.write(tmp_path / "set" / "two.png", whole[200:300, 130:260])
    return tmp_path / "set"


@pytest.fixture
def lr() -> Tensor:
    """37x29: a multiple of nothing."""
    return torch.rand((1, 3, 29, 37), generator=torch.Generator().manual_seed(1))
