"""The author's released networks: equal to their ONNX files, and to the pictures that the author published.

PSNR in dB over RGB bytes, and the share of bytes that differ, against the published JPEG (the author's
`fast-neural-style -image_size 1024`), measured with torch 2.15 on a CPU:

    | | candy | mosaic | la_muse |
    |---|---|---|---|
    | our bytes, never compressed | 30.65 | 31.32 | 30.49 |
    | our bytes through JPEG, quality 75, 4:2:0 | 65.4 (0.45 %) | 67.1 (0.29 %) | 70.6 (0.22 %) |
    | as above, but bytes rounded, not truncated | 41.3 | 41.3 | 41.2 |
    | ... JPEG quality 76 | 39.8 | 39.6 | 39.5 |
    | ... the resize's coordinates in float64 | 60.2 | 61.3 | 61.5 |
    | ... content rounded to bytes after the resize | 27.2 | 31.2 | 34.1 |
    | ... content 1024x682, rounded, not truncated | 20.4 | 22.5 | 21.2 |
    | ... bilinear without aligned corners | 26.5 | 29.1 | 28.8 |
    | ... bicubic with aligned corners | 30.7 | 30.1 | 30.7 |

What is left is what another order of float32 sums does (the author's ran on cuDNN or Torch7): a value next
to a whole number is truncated to the other side of it.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from models.johnson_onnx import array_names, load_johnson
from models.median import median_filter
from models.style_net import StyleNet

STYLES = ("candy", "mosaic", "la_muse", "udnie")
PUBLISHED = {"candy": "chicago_candy.jpg", "mosaic": "chicago_mosaic.jpg", "la_muse": "chicago_muse.jpg"}
UNCOMPRESSED_PSNR = {"candy": 30.6, "mosaic": 31.3, "la_muse": 30.4}
COMPRESSED_PSNR = 60.0  # below the least of the three by what another order of summation may cost

onnx = pytest.importorskip("onnx", reason="needs the onnx extra")


def file_of(real_data: Path, style: str) -> Path:
    return real_data / "weights" / "style-johnson-in" / f"{style}.onnx"


def read(path: Path | io.BytesIO) -> Tensor:
    """RGB bytes of an image file, 1 3 h w."""
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None]


def authors_content(real_data: Path) -> Tensor:
    """chicago.jpg at 1024x681, as Torch7's image.scale enlarges it: bilinear, corner pixels aligned."""
    photograph = read(real_data / "data" / "contents" / "chicago.jpg") / 255
    return F.interpolate(photograph, size=(681, 1024), mode="bilinear", align_corners=True)


def as_saved(stylized: Tensor) -> Tensor:
    """Bytes as Torch7's image.save makes them: clipped and truncated."""
    return (stylized.clamp(0, 1) * 255).to(torch.uint8)


def through_jpeg(image: Tensor) -> Tensor:
    file = io.BytesIO()
    Image.fromarray(image[0].permute(1, 2, 0).numpy()).save(file, "JPEG", quality=75, subsampling="4:2:0")
    return read(file)


def psnr(one: Tensor, other: Tensor) -> float:
    return float(10 * torch.log10(255**2 / (one.double() - other.double()).square().mean()))


@pytest.mark.parametrize("style", STYLES)
def test_onnx_runtime_gives_the_same_image_within_a_tenth_of_a_level(style: str, real_data: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs the onnx extra")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(file_of(real_data, style), options, providers=["CPUExecutionProvider"])
    photograph = read(real_data / "data" / "contents" / "chicago.jpg") / 255
    content = F.interpolate(photograph, size=(720, 720), mode="bilinear")
    (bgr,) = session.run(None, {"inputImage": (content.flip(1) * 255).numpy()})
    with torch.no_grad():
        ours = load_johnson(file_of(real_data, style))(content)
    levels = (ours * 255 - torch.from_numpy(bgr).flip(1)).abs()
    assert levels.max() < 0.1
    assert levels.mean() < 0.002


@pytest.mark.parametrize("style", PUBLISHED)
def test_the_authors_published_picture_comes_out(style: str, real_data: Path) -> None:
    published = read(real_data / "golden" / "style" / PUBLISHED[style])
    with torch.no_grad():
        raw = load_johnson(file_of(real_data, style)).raw(authors_content(real_data))
    assert raw.shape == (1, 3, 684, 1024)
    ours = as_saved(median_filter(raw))
    assert ours.shape == published.shape
    assert psnr(ours, published) > UNCOMPRESSED_PSNR[style]
    assert psnr(through_jpeg(ours), published) > COMPRESSED_PSNR


@pytest.fixture
def released(real_data: Path) -> onnx.ModelProto:
    return onnx.load(file_of(real_data, "candy"))


def test_every_array_is_used_once_and_every_weight_gets_one(released: onnx.ModelProto) -> None:
    names = array_names()
    weights = StyleNet(norm="instance", width=16, tanh="released").state_dict()
    assert sorted(names.values()) == sorted(weights)
    assert {array.name for array in released.graph.initializer} - set(names) == {"Mul_B", "scale_B"}


def refused(model: onnx.ModelProto, folder: Path, message: str) -> None:
    path = folder / "changed.onnx"
    onnx.save(model, path)
    with pytest.raises(ValueError, match=message):
        load_johnson(path)


def test_an_array_too_many_too_few_or_twice_is_refused(released: onnx.ModelProto, tmp_path: Path) -> None:
    array = released.graph.initializer.pop()
    refused(released, tmp_path, r"arrays scale_B are missing, unknown or repeated, must be 64")
    array.name = "another"
    released.graph.initializer.append(array)
    refused(released, tmp_path, r"arrays another, scale_B are missing")
    array.name = "convolution_B"
    released.graph.initializer.append(array)
    refused(released, tmp_path, r"are missing, unknown or repeated")


def test_an_array_of_another_shape_is_refused(released: onnx.ModelProto, tmp_path: Path) -> None:
    array = next(a for a in released.graph.initializer if a.name == "convolution3_B")
    array.CopyFrom(onnx.numpy_helper.from_array(np.zeros(5, np.float32), "convolution3_B"))
    refused(released, tmp_path, r"residual\.0\.first\.conv\.bias is \(5,\), must be \(64,\)")


def test_another_mean_another_scale_and_another_graph_are_refused(
    released: onnx.ModelProto, tmp_path: Path
) -> None:
    affine = next(node for node in released.graph.node if node.op_type == "Affine")
    affine.attribute[0].f = 127.5
    refused(released, tmp_path, r"Affine has alpha 127.5, must be 150.0")
    affine.attribute[0].f = 150
    padding = next(node for node in released.graph.node if node.op_type == "Pad")
    padding.attribute[0].s = b"edge"
    refused(released, tmp_path, r"Pad has mode b'edge', must be b'reflect'")
    padding.attribute[0].s = b"reflect"
    mean = next(a for a in released.graph.initializer if a.name == "scale_B")
    mean.CopyFrom(onnx.numpy_helper.from_array(np.ones((3, 1, 1), np.float32), "scale_B"))
    refused(released, tmp_path, r"array scale_B is \[1\.0, 1\.0, 1\.0\], must be \(103\.939")
    released.graph.node.pop()
    refused(released, tmp_path, r"operations are .*, must be .*'Add'\)")


def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.onnx"
    path.write_bytes(b"\xff\xd8\xff\xe0 not a network")
    with pytest.raises(ValueError, match=r"picture\.onnx: not an ONNX file, must be one of the released"):
        load_johnson(path)


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        ImportError, match=r"onnx, which is not installed\. Run: pip install 'perceptual-bench\[onnx\]'"
    ):
        load_johnson(tmp_path / "candy.onnx")
