"""The feature distance against torchvision's VGG-16, and against plain convolutions with the real VGG-19 prefix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import normalize

from bench.metrics.feature import vgg16_relu2_2, vgg19_relu2_2
from tests.bench.metrics.conftest import pair
from tests.bench.metrics.random_weights import trunk

CPU = torch.device("cpu")


def caffe_relu2_2(image: Tensor, file: Path) -> Tensor:
    """The first four convolutions of the file, in float64, on B, G, R in 0..255 less the mean."""
    values = torch.from_numpy(np.fromfile(file, "<f4")).double()
    x = 255 * image.flip(1) - torch.tensor([103.939, 116.779, 123.68]).double()[:, None, None]
    start = 0
    for i, (out, into) in enumerate([(64, 3), (64, 64), (128, 64), (128, 128)]):
        x = F.max_pool2d(x, 2) if i == 2 else x
        end = start + out * into * 9
        x = F.conv2d(x, values[start:end].view(out, into, 3, 3), values[end : end + out], padding=1).relu()
        start = end + out
    return x


def test_vgg16_is_the_mean_squared_difference_of_torchvisions_ninth_layer(weights: Path) -> None:
    sr, hr = (image.float() for image in pair(2, 3, 33, 40))
    path = weights / "weights/trunks/vgg16-features.safetensors"
    features = trunk(path.name)[:9]
    a, b = (features(normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])) for x in (sr, hr))
    expected = (a - b).square().sum((1, 2, 3)) / (128 * 16 * 20)
    torch.testing.assert_close(vgg16_relu2_2(path, CPU)(sr, hr), expected, rtol=1e-5, atol=0)


def test_vgg19_is_the_mean_squared_difference_of_the_caffe_networks_relu2_2(real_data: Path) -> None:
    path = real_data / "weights/vgg19-caffe-conv3_1/vgg19.model"
    sr, hr = pair(2, 3, 24, 30)
    difference = caffe_relu2_2(sr, path) - caffe_relu2_2(hr, path)
    expected = difference.square().mean((1, 2, 3)).float()
    torch.testing.assert_close(vgg19_relu2_2(path, CPU)(sr, hr), expected, rtol=1e-5, atol=0)


def test_a_reference_of_another_size_is_refused(weights: Path) -> None:
    metric = vgg19_relu2_2(weights / "weights/vgg19-caffe-conv3_1/vgg19.model", CPU)
    sr, hr = pair(1, 3, 24, 30)
    with pytest.raises(ValueError, match=r"relu2_2 \(features\): sr has shape .* must be that of hr"):
        metric.against(sr, metric.reference(hr[..., :20, :]))
