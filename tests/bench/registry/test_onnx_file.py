"""ONNX: sizes, layouts, ranges and bytes as the file says them, and asked for where it does not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import UserError
from bench.registry.adapters.onnx_file import _session
from bench.registry.spec import Spec
from tests.bench.registry.conftest import As, Export, compact, opened

CPU = torch.device("cpu")


class Wide(nn.Module):
    """Nearest neighbour plus a blur: depends on one pixel around."""

    def forward(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(F.interpolate(image, scale_factor=2.0), 3, 1, 1)


class Bytes(nn.Module):
    """Takes and gives uint8."""

    def forward(self, image: Tensor) -> Tensor:
        return F.interpolate(image.float(), scale_factor=2.0).to(torch.uint8)


@pytest.mark.parametrize("limit", [1, 255])
@pytest.mark.parametrize("nhwc", [False, True], ids=["nchw", "nhwc"])
def test_every_layout_and_range_gives_the_same_values(
    export: Export, lr: Tensor, limit: int, nhwc: bool
) -> None:
    shape = (1, 16, 16, 3) if nhwc else (1, 3, 16, 16)
    file = export(As(compact(), limit, nhwc), shape=shape)
    model = opened(f"{file},range={limit}")
    assert (model.kind, model.scale) == ("upscaler", 4)
    torch.testing.assert_close(model.load(4, CPU)(lr), compact()(lr), rtol=0, atol=2e-6)


def test_a_file_that_does_not_say_its_range_is_asked_about_with_what_each_gives(export: Export) -> None:
    file = export(compact(), shape=(1, 3, 16, 16))
    with pytest.raises(
        UserError, match=r"whether white is 1 or 255 \(given 0..1 it makes .*; must be .*range=255"
    ):
        opened(file)


def test_bytes_say_their_range_themselves(export: Export) -> None:
    shape = (1, 3, 16, 16)
    network = Bytes()
    file = export(As(network), shape=shape)  # floats: the exporter's example is one
    import onnx

    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    cast = onnx.helper.make_node("Cast", ["in"], ["as_float"], to=onnx.TensorProto.FLOAT)
    for node in model.graph.node:
        node.input[:] = ["as_float" if name == "in" else name for name in node.input]
    model.graph.node.insert(0, cast)
    onnx.save(model, file)
    loaded = opened(file)
    image = torch.rand(1, 3, 8, 8).mul(255).round().div(255)
    torch.testing.assert_close(
        loaded.load(2, CPU)(image), F.interpolate(image, scale_factor=2.0), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("size", [(16, 16), (29, 37), (5, 9)])
def test_a_file_of_one_size_is_moved_over_images_of_any(export: Export, size: tuple[int, int]) -> None:
    file = export(Wide(), shape=(1, 3, 16, 16), fixed=True)
    model = opened(f"{file},range=1")
    assert "16x16 only" in model.about
    image = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(2))
    inner = (
        ...,
        slice(0, 2 * size[0] - 2),
        slice(0, 2 * size[1] - 2),
    )  # it pads with zeros at the far borders
    torch.testing.assert_close(model.load(2, CPU)(image)[inner], Wide()(image)[inner], rtol=0, atol=1e-6)


def test_a_stylizer_of_one_size_refuses_others(export: Export) -> None:
    file = export(nn.InstanceNorm2d(3), shape=(1, 3, 16, 16), fixed=True)
    model = opened(f"{file},range=1")
    assert model.kind == "stylizer"
    assert model.load(1, CPU)(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    with pytest.raises(ValueError, match="image is 20x16; must be 16x16, the one size that the model takes"):
        model.load(1, CPU)(torch.rand(1, 3, 16, 20))


def test_luma_networks_get_luma_and_colours_are_enlarged(export: Export, lr: Tensor) -> None:
    from baselines.bicubic import imresize
    from baselines.srcnn import rgb_to_ycbcr

    file = export(Wide(), shape=(1, 1, 16, 16), fixed=True)
    network = opened(f"{file},range=1").load(2, CPU)
    assert network.channels is None
    ycbcr = rgb_to_ycbcr(network(lr))
    inner = (..., slice(0, -2), slice(0, -2))
    torch.testing.assert_close(ycbcr[:, :1][inner], Wide()(rgb_to_ycbcr(lr)[:, :1])[inner], rtol=0, atol=1e-5)
    torch.testing.assert_close(ycbcr[:, 1:], imresize(rgb_to_ycbcr(lr)[:, 1:], 2.0), rtol=0, atol=1e-5)


def test_unknown_operators_and_broken_files_are_refused_in_one_line(export: Export, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(export(Wide(), shape=(1, 3, 16, 16)))
    model.graph.node[0].op_type = "Frobnicate"
    onnx.save(model, tmp_path / "strange.onnx")
    with pytest.raises(UserError, match=r"cannot be run by onnxruntime .*Frobnicate") as refused:
        opened(tmp_path / "strange.onnx")
    assert "\n" not in str(refused.value)
    (tmp_path / "broken.onnx").write_bytes(b"<html>")
    with pytest.raises(UserError, match="cannot be run by onnxruntime"):
        opened(tmp_path / "broken.onnx")


def test_arrays_that_lie_elsewhere_are_refused(export: Export, tmp_path: Path) -> None:
    import onnx

    from bench.registry.adapters.onnx_file import _arrays_beside

    file = export(compact(), shape=(1, 3, 16, 16))
    onnx.save_model(
        onnx.load(file),
        tmp_path / "apart.onnx",
        save_as_external_data=True,
        location="a.bin",
        size_threshold=0,
    )
    assert _arrays_beside(tmp_path / "apart.onnx") == ["a.bin"]
    before = opened(f"{tmp_path / 'apart.onnx'},range=1").content
    (tmp_path / "a.bin").write_bytes(bytes(len((tmp_path / "a.bin").read_bytes())))
    assert opened(f"{tmp_path / 'apart.onnx'},range=1,name=changed").content != before
    model = onnx.load(tmp_path / "apart.onnx", load_external_data=False)
    for array in model.graph.initializer:
        for entry in array.external_data:
            if entry.key == "location":
                entry.value = "../a.bin"
    (tmp_path / "escape.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(
        UserError, match=r"keeps arrays in '../a.bin'; must be a file beside it|cannot be run"
    ):
        opened(f"{tmp_path / 'escape.onnx'},range=1")


def test_arrays_in_the_nodes_of_a_file_are_found_and_refused_before_onnxruntime_opens_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import onnx
    import onnxruntime

    array = onnx.helper.make_tensor("a", onnx.TensorProto.FLOAT, [1], [2.0])
    array.ClearField("float_data")
    array.data_location = onnx.TensorProto.EXTERNAL
    array.external_data.add(key="location", value="../secret.bin")
    nodes = [
        onnx.helper.make_node("Constant", [], ["c"], value=array),
        onnx.helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    shape = [1, 3, "h", "w"]
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in "xy")
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [x], [y]))
    (tmp_path / "escape.onnx").write_bytes(model.SerializeToString())

    def opens(*args: object, **kwargs: object) -> None:
        raise AssertionError("onnxruntime was asked to open it")

    monkeypatch.setattr(onnxruntime, "InferenceSession", opens)
    with pytest.raises(UserError, match=r"keeps arrays in '../secret\.bin'; must be a file beside it"):
        opened(f"{tmp_path / 'escape.onnx'},range=1")


def test_without_onnx_a_file_with_arrays_beside_it_is_refused(
    export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import onnx

    file = export(compact(), shape=(1, 3, 16, 16))
    apart = tmp_path / "apart.onnx"
    onnx.save_model(onnx.load(file), apart, save_as_external_data=True, location="a.bin", size_threshold=0)
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else there(name))
    with pytest.raises(UserError, match=r"apart\.onnx', whose arrays lie in other files, needs onnx"):
        opened(f"{apart},range=1")
    assert opened(f"{file},range=1").scale == 4


def test_four_channels_are_refused_before_a_layout_is_asked_for_and_every_refusal_names_the_file(
    export: Export, tmp_path: Path
) -> None:
    class Four(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image * 0.5

    file = export(Four(), "rgba.onnx", shape=(1, 4, 32, 32), fixed=True)
    with pytest.raises(UserError, match=r"rgba\.onnx' takes 4 channels, .*must be 3 \(RGB\) or 1 \(luma\)"):
        opened(f"{file},range=1")

    class Cut(torch.nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image[..., 1:-1, 1:-1]

    file = export(Cut(), "cut.onnx", shape=(1, 3, 32, 32))
    with pytest.raises(UserError, match=r"cut\.onnx': of an image of"):
        opened(f"{file},range=1")


@pytest.mark.parametrize(
    ("device", "given"),
    [("cpu", ("CPUExecutionProvider", {})), ("cuda:1", ("CUDAExecutionProvider", {"device_id": "1"}))],
)
def test_a_session_runs_on_the_gpu_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, device: str, given: tuple[str, dict[str, str]]
) -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def session(
        file: str, options: Any, *, providers: list[str], provider_options: list[dict[str, str]]
    ) -> Any:
        asked.extend(zip(providers, provider_options, strict=True))
        one = [SimpleNamespace(name="image", type="tensor(float)")]
        return SimpleNamespace(get_inputs=lambda: one, get_outputs=lambda: one)

    runtime = SimpleNamespace(
        InferenceSession=session,
        SessionOptions=SimpleNamespace,
        get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    _session(Spec(text="a.onnx", kind="onnx", source="a.onnx", options={}), torch.device(device))
    assert asked == [given]
