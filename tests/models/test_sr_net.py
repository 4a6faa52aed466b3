"""The super-resolution network: the paper's table, any size, folding, and files of weights."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.fold import fold_batch_norm
from models.sr_net import SRNet, load_sr_net
from models.style_net import ConvNorm

VARIANTS = [(2, "plain"), (4, "plain"), (8, "plain"), (2, "projected")]


def image(n: int = 1, size: tuple[int, int] = (12, 14)) -> Tensor:
    return torch.rand((n, 3, *size), generator=torch.Generator().manual_seed(0))


def network(scale: int = 4, unit: str = "plain") -> SRNet:
    """A small network with random weights, whose normalisations are far from the identity."""
    torch.manual_seed(0)
    net = SRNet(scale=scale, width=8, blocks=2, unit=unit)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if "norm" in name and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return net.eval()


def saved(net: SRNet, file: Path, **metadata: str) -> Path:
    words = {"architecture": "SRNet", "config": json.dumps(net.config)} | metadata
    save_file(net.state_dict(), file, metadata=words)
    return file


@pytest.mark.parametrize(("scale", "ups"), [(4, [144, 288]), (8, [72, 144, 288])])
def test_activations_are_those_of_the_papers_table(scale: int, ups: list[int]) -> None:
    net, shapes = SRNet(scale=scale).eval(), {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda _, __, y, name=name: shapes.update({name: tuple(y.shape[1:])}))
    small = 288 // scale
    with torch.no_grad():
        net(torch.zeros(1, 3, small, small))
    assert shapes["first"] == (64, small, small)
    assert [shapes[f"residual.{i}"] for i in range(4)] == [(64, small, small)] * 4
    assert [shapes[f"up.{i}"] for i in range(len(ups))] == [(64, size, size) for size in ups]
    assert shapes["last"] == (3, 288, 288)


def test_parameters_are_those_of_the_papers_table() -> None:
    weights = 2 * 3 * 64 * 81 + (4 * 2 + 2) * 9 * 64 * 64
    outputs = 64 * (1 + 4 * 2 + 2)  # each with a bias, a scale and a shift
    assert sum(p.numel() for p in SRNet(scale=4).parameters()) == weights + 3 * outputs + 3


def test_the_state_dict_reads_as_the_table_does() -> None:
    names = SRNet(scale=8).state_dict()
    layers = dict.fromkeys(name.rsplit(".", 2)[0] for name in names if "norm" in name)
    blocks = [f"residual.{i}.{part}" for i in range(4) for part in ("first", "second")]
    assert list(layers) == ["first", *blocks, "up.0", "up.1", "up.2"]
    assert "last.bias" in names


@pytest.mark.parametrize(("scale", "unit"), VARIANTS)
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (12, 7)])
def test_any_size_is_enlarged_into_0_to_1(scale: int, unit: str, size: tuple[int, int]) -> None:
    net, lr = network(scale, unit), image(size=size)
    before = lr.clone()
    with torch.no_grad():
        sr = net(lr)
    assert sr.shape == (1, 3, scale * size[0], scale * size[1])
    assert 0 <= sr.min() <= sr.max() <= 1
    assert torch.equal(lr, before)
    assert (net.scale, net.channels) == (scale, 3)


@pytest.mark.parametrize(("scale", "unit"), VARIANTS)
def test_folding_batch_normalisation_changes_no_value(scale: int, unit: str) -> None:
    net, lr = network(scale, unit), image()
    folded = fold_batch_norm(net)
    assert not [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        torch.testing.assert_close(folded(lr), net(lr), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("scale", "unit"), VARIANTS)
def test_a_batch_of_two_equals_two_of_one(scale: int, unit: str) -> None:
    net, lr = network(scale, unit), image(2)
    with torch.no_grad():
        torch.testing.assert_close(net(lr), torch.cat([net(lr[:1]), net(lr[1:])]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("unit", ["plain", "projected"])
def test_only_the_projected_unit_has_a_relu_after_the_sum(unit: str) -> None:
    block = network(unit=unit).residual[0]
    with torch.no_grad():
        y = block(-image(1, (6, 6)).repeat(1, 3, 1, 1)[:, :8] - 5)
    assert (y.min() < 0) == (unit == "plain")
    assert isinstance(getattr(block, "shortcut", None), ConvNorm) == (unit == "projected")


def test_bfloat16_layers_take_and_give_a_float32_image() -> None:
    net, lr = network(), image()
    with torch.no_grad():
        half, full = copy.deepcopy(net).bfloat16()(lr), net(lr)
    assert half.dtype == torch.float32
    assert (half - full).abs().mean() < 0.01


def test_a_file_of_weights_gives_the_network_back(tmp_path: Path) -> None:
    net, lr = network(2, "projected"), image()
    again = load_sr_net(scale=2, weights=saved(net, tmp_path / "a.safetensors"))
    assert not again.training
    with torch.no_grad():
        torch.testing.assert_close(again(lr), net(lr), atol=1e-6, rtol=0)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="for x4, must be x8"):
        load_sr_net(scale=8, weights=saved(network(), file))
    with pytest.raises(ValueError, match="architecture 'StyleNet', must be 'SRNet'"):
        load_sr_net(scale=4, weights=saved(network(), file, architecture="StyleNet"))
    wider = json.dumps(network().config | {"width": 9})
    with pytest.raises(ValueError, match="does not fit SRNet"):
        load_sr_net(scale=4, weights=saved(network(), file, config=wider))
    file.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="must be a safetensors file"):
        load_sr_net(scale=4, weights=file)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "has no config of the network"),
        ("[1]", "has no config of the network"),
        ("{", "config that cannot be read"),
        ("{}", "for xNone, must be x4"),
        ('{"scale": 4, "depth": 3}', "has the config .*depth"),
        ('{"scale": 4, "width": "wide"}', "has the config .*wide"),
        ('{"scale": 4, "width": 1000000000000}', "has the config .*1000000000000"),
    ],
)
def test_a_file_with_a_config_of_something_else_is_refused_with_the_file(
    tmp_path: Path, config: str | None, said: str
) -> None:
    metadata = {"architecture": "SRNet"} | ({} if config is None else {"config": config})
    save_file(network().state_dict(), tmp_path / "a.safetensors", metadata=metadata)
    with pytest.raises(ValueError, match=rf"a\.safetensors .*{said}"):
        load_sr_net(scale=4, weights=tmp_path / "a.safetensors")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="scale is 3, must be one of: 2, 4, 8"):
        SRNet(scale=3)
    with pytest.raises(ValueError, match="unit is 'dense', must be one of: plain, projected"):
        SRNet(unit="dense")
    with pytest.raises(ValueError, match="width is 0"):
        SRNet(width=0)
    with pytest.raises(ValueError, match="1 channels, must be 3"):
        network()(torch.zeros(1, 1, 4, 4))
