"""The loss network against torchvision's layers, against plain convolutions, and its refusals."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers
from torchvision.transforms.functional import normalize

from models.vgg import LossNetwork, loss_network, random_loss_network
from models.vgg_weights import NETWORKS

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CONFIGURATIONS = {"vgg16": "D", "vgg19": "E"}
PREFIX = "weights/vgg19-caffe-conv3_1/vgg19.model"


def image(n: int = 1, h: int = 32, w: int = 40) -> Tensor:
    return torch.rand((n, 3, h, w), generator=torch.Generator().manual_seed(1))


def relus(name: str) -> list[str]:
    return [layer for layer in NETWORKS[name].layers if layer.startswith("relu")]


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"PK\x03\x04 cut",
        b"PK\x03\x04" + b"\0" * 40,
        b"\x80\x02R.",
        b"\x80\x02K\x01h\x07.",
    ],
)
def test_damage_of_any_kind_is_refused_in_the_same_words(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"page\.pth cannot be read, must be a state dict saved by PyTorch"):
        loss_network("vgg16", ("relu1_1",), path)


def test_a_state_dict_that_is_larger_inside_than_outside_is_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "plain.pth")
    packed = tmp_path / "packed.pth"
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in plain.infolist():
            archive.writestr(part.filename, plain.read(part))
    with pytest.raises(ValueError, match=r"packed\.pth cannot be read, must be a state dict") as refused:
        loss_network("vgg16", ("relu1_1",), packed)
    assert "unpacked" in str(refused.value.__cause__)


def test_what_is_no_array_counts_as_missing(tmp_path: Path) -> None:
    torch.save({"features.0.weight": 3}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.pth: features\.0\.weight is missing"):
        loss_network("vgg16", ("relu1_1",), tmp_path / "a.pth")


@pytest.fixture(scope="module")
def torchvision_features(name: str) -> nn.Sequential:
    """torchvision's own features, seeded, each ReLU out of place so that every layer can be looked at."""
    features = make_layers(cfgs[CONFIGURATIONS[name]])
    generator = torch.Generator().manual_seed(5)
    for module in features:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.normal_(module.bias, std=0.1, generator=generator)
        elif isinstance(module, nn.ReLU):
            module.inplace = False
    return features.requires_grad_(False)


@pytest.fixture(scope="module")
def file(name: str, torchvision_features: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(name) / "weights.pth"
    torch.save({f"features.{key}": array for key, array in torchvision_features.state_dict().items()}, path)
    return path


def test_the_layers_are_named_and_shaped_as_in_the_paper(name: str) -> None:
    layers = NETWORKS[name].layers
    features = random_loss_network(name, layers)(image())
    assert list(features) == list(layers)
    for layer, value in features.items():
        block = int(layer[4])
        depth = block if layer.startswith("pool") else block - 1
        assert value.shape == (1, (64, 128, 256, 512, 512)[block - 1], 32 >> depth, 40 >> depth), layer
    assert (layers[0], layers[-2]) == ("conv1_1", "relu5_3" if name == "vgg16" else "relu5_4")


def test_every_layer_equals_torchvisions(name: str, torchvision_features: nn.Sequential, file: Path) -> None:
    found = loss_network(name, NETWORKS[name].layers, file)(image(2))
    x = normalize(image(2), MEAN, STD)
    for module, (layer, value) in zip(torchvision_features, found.items(), strict=True):
        x = module(x)
        torch.testing.assert_close(value, x, rtol=1e-4, atol=1e-5 * x.abs().max().item(), msg=layer)


def test_asking_for_one_layer_gives_the_same_as_asking_for_all(name: str, file: Path) -> None:
    everything = loss_network(name, NETWORKS[name].layers, file)(image())
    for layer in ("relu1_2", "pool2", "relu3_3"):
        found = loss_network(name, (layer,), file)(image())
        assert list(found) == [layer]
        torch.testing.assert_close(found[layer], everything[layer], rtol=0, atol=0)


def test_nothing_is_built_beyond_the_last_layer_asked_for() -> None:
    network = random_loss_network("vgg16", ("relu2_2", "relu1_2"))
    assert list(network.convolutions) == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert network.path[-1] == "relu2_2"


def test_up_to_some_of_its_layers_it_gives_these_and_computes_no_more() -> None:
    whole = random_loss_network("vgg16", ["relu1_2", "relu2_2", "relu3_1"])
    part = whole.up_to(["relu2_2"])
    x = torch.rand(1, 3, 16, 16)
    assert part.path == whole.path[: len(part.path)]
    assert (part.path[-1], part.minimum, whole.minimum) == ("relu2_2", 2, 4)
    assert list(part(x)) == ["relu2_2"]
    assert torch.equal(part(x)["relu2_2"], whole(x)["relu2_2"])
    assert list(whole(x)) == ["relu1_2", "relu2_2", "relu3_1"]


@pytest.mark.parametrize("layers", [[], ["relu3_3"], ["relu1_2", "relu1_1"]])
def test_up_to_a_layer_that_it_does_not_have_is_refused_with_those_it_has(layers: list[str]) -> None:
    whole = random_loss_network("vgg16", ["relu1_2", "relu2_2"])
    with pytest.raises(ValueError, match=r"must be some of: relu1_2, relu2_2"):
        whole.up_to(layers)


def test_the_caffe_convention_is_bgr_in_0_255_less_the_mean(tmp_path: Path) -> None:
    weight = torch.randn((64, 3, 3, 3), generator=torch.Generator().manual_seed(2))
    state = {key: torch.zeros(shape) for key, shape in NETWORKS["vgg16-caffe"].shapes.items()}
    torch.save(state | {"conv1_1.weight": weight}, tmp_path / "caffe.pth")
    found = loss_network("vgg16-caffe", ("conv1_1",), tmp_path / "caffe.pth")(image())["conv1_1"]
    bgr = 255 * image().flip(1) - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    torch.testing.assert_close(found, F.conv2d(bgr, weight, padding=1), rtol=1e-4, atol=1e-2)


def test_average_pooling_averages() -> None:
    network = random_loss_network("vgg19", ("relu1_2", "pool1"), pooling="average")
    features = network(image())
    torch.testing.assert_close(features["pool1"], F.avg_pool2d(features["relu1_2"], 2))


def test_the_network_is_frozen_and_the_image_gets_the_gradient() -> None:
    network = random_loss_network("vgg16", ("conv2_1", "relu2_2"))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    rgb = image().requires_grad_()
    before = rgb.detach().clone()
    sum(features.square().mean() for features in network(rgb).values()).backward()
    assert rgb.grad is not None
    assert rgb.grad.abs().min() > 0
    assert torch.equal(rgb.detach(), before)


def test_a_seed_always_gives_the_same_random_weights_and_the_network_says_that_they_are_random() -> None:
    state = torch.get_rng_state()
    first, again, other = (random_loss_network("vgg16", ("relu1_2",), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first(image())["relu1_2"], again(image())["relu1_2"])
    assert not torch.equal(first(image())["relu1_2"], other(image())["relu1_2"])
    assert (first.trained, first.weights) == (False, "random, seed 3")
    assert torch.equal(torch.get_rng_state(), state)


def test_channels_last_and_autocast_give_nearly_the_same() -> None:
    network = random_loss_network("vgg16", ("relu2_2",))
    expected = network(image(1, 64, 64))["relu2_2"]
    last = network.to(memory_format=torch.channels_last)
    found = last(image(1, 64, 64).contiguous(memory_format=torch.channels_last))["relu2_2"]
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        half = last(image(1, 64, 64))["relu2_2"]
    assert half.dtype == torch.bfloat16
    assert (half.float() - expected).square().mean() < 1e-3 * expected.square().mean()


def test_an_unknown_network_or_layer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"loss network is 'vgg11', must be one of: vgg16, vgg19, .*vgg19-conv3_1"
    ):
        random_loss_network("vgg11", ("relu1_1",))
    with pytest.raises(
        ValueError, match="layer is 'relu3_4', must be one that vgg16 reaches: conv1_1, relu1_1, "
    ):
        random_loss_network("vgg16", ("relu1_1", "relu3_4"))
    with pytest.raises(ValueError, match="no layer asked for, needs at least one"):
        random_loss_network("vgg16", ())


def test_an_image_too_small_for_the_last_layer_is_refused_with_both_sizes() -> None:
    network = random_loss_network("vgg16", ("relu3_1",))
    assert network(image(1, 4, 5))["relu3_1"].shape[2:] == (1, 1)
    with pytest.raises(ValueError, match=r"image must be at least 4x4 for relu3_1 \(got 5x3\)"):
        network(image(1, 3, 5))


def test_a_state_dict_that_does_not_fit_is_refused_with_the_array(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, path)
    required = r"must be \(64, 3, 3, 3\) \(conv1_1.weight of vgg16\)"
    with pytest.raises(ValueError, match=rf"other.pth: features.0.weight is \(64, 3, 11, 11\), {required}"):
        loss_network("vgg16", ("relu1_1",), path)
    torch.save({}, path)
    with pytest.raises(ValueError, match=rf"other.pth: features.0.weight is missing, {required}"):
        loss_network("vgg16", ("relu1_1",), path)


@pytest.fixture(scope="module")
def prefix(real_data: Path) -> LossNetwork:
    return loss_network("vgg19-conv3_1", NETWORKS["vgg19-conv3_1"].layers, real_data / PREFIX)


def caffe_layers(rgb: Tensor, path: Path) -> list[Tensor]:
    """The five ReLUs of the file by plain convolutions in float64."""
    values = torch.from_numpy(np.fromfile(path, "<f4")).double()
    x = 255 * rgb.double().flip(1) - torch.tensor([103.939, 116.779, 123.68]).double()[:, None, None]
    layers, start = [], 0
    for i, (out, into) in enumerate([(64, 3), (64, 64), (128, 64), (128, 128), (256, 128)]):
        x = F.max_pool2d(x, 2) if i in (2, 4) else x
        end = start + out * into * 9
        x = F.conv2d(x, values[start:end].view(out, into, 3, 3), values[end : end + out], padding=1).relu()
        layers.append(x)
        start = end + out
    assert start == len(values)
    return layers


def test_the_caffe_prefix_equals_plain_convolutions(prefix: LossNetwork, real_data: Path) -> None:
    found = prefix(image())
    for layer, expected in zip(
        relus("vgg19-conv3_1"), caffe_layers(image(), real_data / PREFIX), strict=True
    ):
        torch.testing.assert_close(found[layer].double(), expected, rtol=1e-4, atol=1e-3, msg=layer)


def test_the_caffe_prefix_holds_trained_filters(prefix: LossNetwork) -> None:
    """Most sum to nearly nothing (edges, not brightness) and look alike in R, G and B; random ones do neither."""

    def balanced_and_alike(network: LossNetwork) -> tuple[float, float]:
        weight = network.convolutions["conv1_1"].weight
        balance = weight.sum((1, 2, 3)).abs() / weight.abs().sum((1, 2, 3))
        alike = torch.stack([torch.corrcoef(rgb)[0, 1] for rgb in weight.flatten(2)])
        return (balance < 0.1).float().mean().item(), alike.nanmedian().item()

    balanced, alike = balanced_and_alike(prefix)
    assert balanced > 0.7
    assert alike > 0.9
    balanced, alike = balanced_and_alike(random_loss_network("vgg19-conv3_1", ("conv1_1",)))
    assert balanced < 0.5
    assert alike < 0.3


def test_the_caffe_prefix_says_what_it_is_and_where_it_ends(prefix: LossNetwork, real_data: Path) -> None:
    assert (prefix.name, prefix.weights, prefix.trained) == ("vgg19-conv3_1", "vgg19.model", True)
    with pytest.raises(
        ValueError, match=r"layer is 'relu4_2', must be one that vgg19-conv3_1 reaches: .*, relu3_1$"
    ):
        loss_network("vgg19-conv3_1", ("relu4_2",), real_data / PREFIX)


@pytest.mark.parametrize("change", [-4, 4])
def test_a_prefix_of_another_length_is_refused_with_both(change: int, tmp_path: Path) -> None:
    size = 2221312
    path = tmp_path / "vgg19.model"
    path.write_bytes(bytes(size + change))
    with pytest.raises(ValueError, match=rf"vgg19\.model has {size + change} bytes, must be {size} for"):
        loss_network("vgg19-conv3_1", ("relu1_1",), path)


def test_a_prefix_with_nan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg19.model"
    values = np.zeros(2221312 // 4, "<f4")
    values[7] = np.nan
    path.write_bytes(values.tobytes())
    with pytest.raises(ValueError, match="holds NaN or infinite values, must be finite ones"):
        loss_network("vgg19-conv3_1", ("relu1_1",), path)
