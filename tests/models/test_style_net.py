"""The style network: the paper's table, any size, and batch normalisation folded away."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from models.fold import fold_batch_norm
from models.style_net import (
    CAFFE_MEAN_BGR,
    ConvNorm,
    StyleNet,
    from_caffe,
    instance_norm,
    paper_image,
    released_image,
    to_caffe,
)

MEAN = torch.tensor(CAFFE_MEAN_BGR).view(1, 3, 1, 1)
VARIANTS = [("batch", "paper"), ("instance", "released")]


def image(n: int = 1, size: tuple[int, int] = (48, 56), seed: int = 0) -> Tensor:
    return torch.rand((n, 3, *size), generator=torch.Generator().manual_seed(seed))


def network(norm: str = "batch", width: int = 8, tanh: str = "paper") -> StyleNet:
    """A small network with random weights, whose normalisations are far from the identity."""
    torch.manual_seed(0)
    net = StyleNet(norm=norm, width=width, tanh=tanh)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if "norm" in name and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return net.eval()


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_activations_are_those_of_the_papers_table() -> None:
    net, shapes = StyleNet().eval(), {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda _, __, y, name=name: shapes.update({name: tuple(y.shape[1:])}))
    with torch.no_grad():
        net(torch.zeros(1, 3, 256, 256))
    assert shapes["first"] == (32, 336, 336)
    assert shapes["down1"] == (64, 168, 168)
    assert shapes["down2"] == (128, 84, 84)
    assert [shapes[f"residual.{i}"] for i in range(5)] == [(128, size, size) for size in (80, 76, 72, 68, 64)]
    assert shapes["up1"] == (64, 128, 128)
    assert shapes["up2"] == (32, 256, 256)
    assert shapes["last"] == (3, 256, 256)


@pytest.mark.parametrize(("norm", "width"), [("batch", 32), ("instance", 16)])
def test_parameters_are_those_of_the_papers_table(norm: str, width: int) -> None:
    w = width
    weights = 2 * 3 * w * 81 + 2 * 9 * (w * 2 * w + 2 * w * 4 * w) + 10 * 9 * (4 * w) ** 2
    outputs = w + 2 * w + 4 * w + 10 * 4 * w + 2 * w + w  # each with a bias, a scale and a shift
    assert parameters(StyleNet(norm=norm, width=width)) == weights + 3 * outputs + 3


def test_the_state_dict_reads_as_the_table_does() -> None:
    names = StyleNet(norm="instance").state_dict()
    layers = dict.fromkeys(name.rsplit(".", 2)[0] for name in names if "norm" in name)
    blocks = [f"residual.{i}.{part}" for i in range(5) for part in ("first", "second")]
    assert list(layers) == ["first", "down1", "down2", *blocks, "up1", "up2"]
    assert "first.conv.weight" in names
    assert "last.bias" in names


@pytest.mark.parametrize(("norm", "tanh"), VARIANTS)
@pytest.mark.parametrize("size", [(41, 41), (42, 47), (44, 43), (60, 48)])
def test_any_size_comes_back_and_the_raw_output_rounds_up_to_a_multiple_of_4(
    norm: str, tanh: str, size: tuple[int, int]
) -> None:
    net, content = network(norm, tanh=tanh), image(size=size)
    before = content.clone()
    with torch.no_grad():
        stylized, raw = net(content), net.raw(content)
    assert stylized.shape == content.shape
    assert raw.shape[-2:] == tuple(-(-side // 4) * 4 for side in size)
    torch.testing.assert_close(stylized, raw[..., : size[0], : size[1]])
    assert torch.equal(content, before)


def test_there_is_no_relu_after_the_addition_and_the_identity_is_cut_in_the_centre() -> None:
    block = network().residual[0]
    x = -torch.rand((1, 32, 9, 9), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        block.second.norm.weight.zero_()
        block.second.norm.bias.zero_()
        torch.testing.assert_close(block(x), x[..., 2:-2, 2:-2])


def test_the_papers_image_stays_in_0_to_1_and_the_released_one_overshoots_as_stated() -> None:
    y = torch.tensor([-50.0, 0.0, 50.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    assert paper_image(y, MEAN)[:, 0, 0, 0].tolist() == [0.0, 0.5, 1.0]
    low, middle, high = released_image(y, MEAN)[..., 0, 0]
    torch.testing.assert_close(middle, torch.tensor([123.68, 116.779, 103.939]) / 255)
    assert low.min().item() == pytest.approx(-0.181, abs=5e-4)
    assert high.max().item() == pytest.approx(1.074, abs=1e-3)


def test_the_caffe_steps_are_each_others_inverse_and_put_blue_first() -> None:
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(
        to_caffe(red, MEAN).flatten(), torch.tensor([-103.939, -116.779, 255 - 123.68])
    )
    content = image()
    torch.testing.assert_close(from_caffe(to_caffe(content, MEAN), MEAN), content)


@pytest.mark.parametrize(("norm", "tanh"), VARIANTS)
def test_a_batch_of_two_equals_two_of_one(norm: str, tanh: str) -> None:
    net, content = network(norm, tanh=tanh), image(2)
    with torch.no_grad():
        torch.testing.assert_close(
            net(content), torch.cat([net(content[:1]), net(content[1:])]), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize(("norm", "tanh"), VARIANTS)
def test_channels_last_gives_the_same_values_and_stays_channels_last(norm: str, tanh: str) -> None:
    net, content = network(norm, tanh=tanh), image()
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    kept = []
    last.up2.register_forward_hook(
        lambda _, __, y: kept.append(y.is_contiguous(memory_format=torch.channels_last))
    )
    with torch.no_grad():
        stylized = last(content.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(stylized, net(content), atol=1e-4, rtol=0)
    assert kept == [True]


def test_bfloat16_layers_take_and_give_a_float32_image() -> None:
    net, content = network(), image()
    with torch.no_grad():
        half, full = copy.deepcopy(net).bfloat16()(content), net(content)
    assert half.dtype == torch.float32
    assert (half - full).abs().mean() < 0.01


def test_instance_normalisation_is_that_of_torch() -> None:
    norm = network("instance").first.norm
    x = torch.randn((2, 8, 6, 5), generator=torch.Generator().manual_seed(0)) * 30 + 7
    expected = nn.functional.instance_norm(x, weight=norm.weight, bias=norm.bias, eps=1e-5)
    torch.testing.assert_close(norm(x), expected, atol=1e-5, rtol=1e-5)


def test_folded_batch_norm_gives_the_same_image_and_leaves_the_network_as_it_was() -> None:
    net, content = network(), image(size=(45, 50))
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    folded = fold_batch_norm(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(content), net(content), atol=1e-5, rtol=0)
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("layer", ["down1", "up1"])
def test_each_kind_of_convolution_folds_to_1e_5(layer: str) -> None:
    net = network()
    block, folded = getattr(net, layer), getattr(fold_batch_norm(net), layer)
    x = torch.randn((1, block.conv.in_channels, 12, 12), generator=torch.Generator().manual_seed(2))
    assert isinstance(block, ConvNorm)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), block(x), atol=1e-5, rtol=1e-5)


def test_what_cannot_fold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"in training mode, must be in that of eval\(\)"):
        fold_batch_norm(network().train())
    with pytest.raises(ValueError, match=r"StyleNet has no batch normalisation, needs at least one"):
        fold_batch_norm(network("instance"))


@pytest.mark.parametrize(("norm", "tanh"), VARIANTS)
def test_torch_traces_the_whole_network_as_one_graph(norm: str, tanh: str) -> None:
    net, content = network(norm, tanh=tanh), image()
    with torch.no_grad():
        traced = torch.export.export(net, (content,), strict=False).module()
        torch.testing.assert_close(traced(content), net(content), atol=1e-5, rtol=0)


class Raw(nn.Module):
    """The raw output as a module of its own, which is what can be exported."""

    def __init__(self, net: StyleNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, content: Tensor) -> Tensor:
        return self.net.raw(content)


def test_the_raw_output_exports_once_for_every_size() -> None:
    net, side = network(), {name: torch.export.Dim(name, min=41, max=4096) for name in ("h", "w")}
    sizes = {"content": {2: side["h"], 3: side["w"]}}
    with torch.no_grad():
        traced = torch.export.export(Raw(net), (image(),), dynamic_shapes=sizes, strict=False).module()
        other = image(size=(45, 75))
        torch.testing.assert_close(traced(other), net.raw(other), atol=1e-5, rtol=0)


def test_training_reaches_every_parameter() -> None:
    net = network().train()
    net(image(2)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (1, 1)])
def test_an_image_too_small_for_the_reflection_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(
        ValueError, match=rf"content must be at least 41 pixels per side \(got {size[1]}x{size[0]}\)"
    ):
        network()(image(size=size))


def test_unknown_variants_are_refused() -> None:
    with pytest.raises(ValueError, match=r"norm is 'layer', must be one of: batch, instance"):
        StyleNet(norm="layer")
    with pytest.raises(ValueError, match=r"tanh is 'gatys', must be one of: paper, released"):
        StyleNet(tanh="gatys")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_instance_normalisation_has_torchs_value_and_gradient_in_channels_last(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    norm = instance_norm(4)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.uniform_(0.5, 1.5, generator=generator)
    if dtype == torch.float64:
        norm.double()
    x, gradient = torch.rand(2, 2, 4, 9, 7, dtype=torch.float64, generator=generator).to(dtype)

    def of(layer: nn.Module, given: Tensor) -> tuple[Tensor, ...]:
        variable = given.detach().requires_grad_()
        y = layer(variable)
        return y, *torch.autograd.grad(y, [variable, *layer.parameters()], gradient)

    plain = nn.GroupNorm(4, 4).to(norm.weight.dtype)  # type: ignore[arg-type]
    plain.load_state_dict(norm.state_dict())
    found = of(norm, x.contiguous(memory_format=torch.channels_last))
    assert found[0].is_contiguous(memory_format=torch.channels_last)
    assert found[1].is_contiguous(memory_format=torch.channels_last)
    for mine, expected in zip(found, of(plain, x), strict=True):
        torch.testing.assert_close(mine, expected, check_stride=False)
