"""The style network of PyTorch's examples, against one that is built here from torch's own layers alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.registry import catalog
from bench.registry.external import resolve_external
from models.example_style_net import example_style_net, is_example_style_net

CPU = torch.device("cpu")


class Layer(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, upsample: int | None = None
    ) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=upsample, mode="nearest") if upsample else nn.Identity()
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2d(self.reflection_pad(self.up(x)))


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Layer(channels, channels, 3, 1)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = Layer(channels, channels, 3, 1)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.in2(self.conv2(self.relu(self.in1(self.conv1(x))))) + x


class Theirs(nn.Module):
    """As the example describes it: images in 0..255, no activation at the end."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.conv1, self.in1 = Layer(3, w, 9, 1), nn.InstanceNorm2d(w, affine=True)
        self.conv2, self.in2 = Layer(w, 2 * w, 3, 2), nn.InstanceNorm2d(2 * w, affine=True)
        self.conv3, self.in3 = Layer(2 * w, 4 * w, 3, 2), nn.InstanceNorm2d(4 * w, affine=True)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (Residual(4 * w) for _ in range(5))
        self.deconv1, self.in4 = Layer(4 * w, 2 * w, 3, 1, 2), nn.InstanceNorm2d(2 * w, affine=True)
        self.deconv2, self.in5 = Layer(2 * w, w, 3, 1, 2), nn.InstanceNorm2d(w, affine=True)
        self.deconv3 = Layer(w, 3, 9, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.in1(self.conv1(x)))
        y = self.relu(self.in2(self.conv2(y)))
        y = self.relu(self.in3(self.conv3(y)))
        y = self.res5(self.res4(self.res3(self.res2(self.res1(y)))))
        y = self.relu(self.in4(self.deconv1(y)))
        y = self.relu(self.in5(self.deconv2(y)))
        return self.deconv3(y)


def theirs(width: int = 8) -> Theirs:
    torch.manual_seed(0)
    network = Theirs(width)
    for parameter in network.parameters():
        parameter.data += torch.randn_like(parameter) * 0.05
    return network.eval()


def old(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the running statistics that torch 0.3 kept, which mean nothing."""
    more = {}
    for name, array in arrays.items():
        if ".weight" in name and array.ndim == 1:
            stem = name.removesuffix("weight")
            more |= {f"{stem}running_mean": array + 3, f"{stem}running_var": array.abs() + 5}
    assert len(more) == 2 * 15
    return arrays | more


@pytest.mark.parametrize("suffix", [".pth", ".model", ".pt"])
@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "net_g.module."])
def test_a_checkpoint_gives_what_the_network_of_the_examples_gives(
    tmp_path: Path, suffix: str, statistics: bool, prefix: str
) -> None:
    network = theirs()
    arrays = old(network.state_dict()) if statistics else network.state_dict()
    file = tmp_path / f"mosaic{suffix}"
    named = {prefix + name: array for name, array in arrays.items()}
    torch.save({"state_dict": named} if prefix == "module." else named, file)
    model = resolve_external(f"{file},style=mosaic", lambda: "")
    assert (model.kind, model.scale, model.style, model.minimum) == ("stylizer", 1, "mosaic", 5)
    loaded = catalog.load(str(file), scale=1, device=CPU)
    for h, w in ((48, 40), (33, 47), (5, 9)):
        content = torch.rand((1, 3, h, w), generator=torch.Generator().manual_seed(h))
        with torch.inference_mode():
            expected = network(content * 255)[..., :h, :w] / 255
            assert torch.allclose(loaded.network(content), expected, rtol=1e-5, atol=1e-5)


def test_a_content_that_is_too_small_says_so() -> None:
    with pytest.raises(ValueError, match="must be at least 5 pixels"):
        example_style_net(theirs().state_dict())(torch.rand(1, 3, 4, 20))


def test_arrays_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    arrays = theirs().state_dict()
    del arrays["in5.bias"]
    assert is_example_style_net(arrays)
    torch.save(arrays, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"do not fit ExampleStyleNet of width 8: .*in5\.bias") as refused:
        resolve_external(str(tmp_path / "a.pth"), lambda: "")
    assert "\n" not in str(refused.value)
    torch.save(theirs().state_dict(), tmp_path / "b.pth")
    with pytest.raises(UserError, match="is a style network of any size"):
        resolve_external(f"{tmp_path / 'b.pth'},scale=4", lambda: "")


@pytest.mark.parametrize("shape", [(), (8,), (0, 3, 9, 9)])
def test_arrays_of_another_shape_under_the_names_of_the_network_are_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    torch.save({name: torch.zeros(shape) for name in theirs().state_dict()}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"conv1\.conv2d\.weight has the shape .*must be \(width, 3, 9, 9\)"):
        resolve_external(str(tmp_path / "a.pth"), lambda: "")
