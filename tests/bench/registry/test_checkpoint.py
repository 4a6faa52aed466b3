"""Checkpoints: what spandrel knows, what bench.train wrote, and what would run code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.data import shipped
from bench.errors import UserError
from bench.registry import catalog
from models.weight_files import read_weights
from tests.bench.registry.conftest import compact, opened


def test_the_scale_and_the_values_come_from_the_file(checkpoint: Path, lr: torch.Tensor) -> None:
    model = opened(checkpoint)
    assert (model.kind, model.scale, model.name) == ("upscaler", 4, "net")
    assert "Compact" in model.about
    network = model.load(4, torch.device("cpu"))
    torch.testing.assert_close(network(lr), compact()(lr), rtol=0, atol=1e-6)


def test_pth_and_safetensors_hold_the_same_and_have_hashes_of_their_own(
    checkpoint: Path, lr: torch.Tensor
) -> None:
    save_file(compact().state_dict(), checkpoint.with_suffix(".safetensors"))
    one, two = opened(checkpoint), opened(checkpoint.with_suffix(".safetensors"))
    cpu = torch.device("cpu")
    torch.testing.assert_close(one.load(4, cpu)(lr), two.load(4, cpu)(lr), rtol=0, atol=0)
    assert one.hash(4) != two.hash(4)


def test_an_option_that_changes_values_changes_the_hash_and_a_name_does_not(checkpoint: Path) -> None:
    plain, named, swapped = (opened(f"{checkpoint}{o}") for o in ("", ",name=other", ",order=bgr"))
    assert plain.hash(4) == named.hash(4)
    assert plain.hash(4) != swapped.hash(4)


def test_channels_in_another_order_are_put_right(checkpoint: Path, lr: torch.Tensor) -> None:
    network = opened(f"{checkpoint},order=bgr").load(4, torch.device("cpu"))
    torch.testing.assert_close(network(lr), compact()(lr.flip(1)).flip(1), rtol=0, atol=1e-6)


class Hostile:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> object:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("suffix", [".pth", ".ckpt", ".pt"])
@pytest.mark.parametrize("old", [False, True], ids=["zip", "pickle"])
def test_a_pickle_with_code_is_refused_and_its_code_not_run(tmp_path: Path, suffix: str, old: bool) -> None:
    file, folder = tmp_path / f"bad{suffix}", tmp_path / "made-by-the-pickle"
    content = {"params": {"w": torch.zeros(1)}, "more": Hostile(folder)}
    if old:
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file)
    with pytest.raises(
        UserError, match=r"holds more than weights and is not opened|is damaged or no checkpoint"
    ):
        opened(file)
    assert not folder.exists()


def test_torchscript_is_refused_as_code(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning, match="deprecated"):
        torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(str(tmp_path / "script.pt"))
    with pytest.raises(UserError, match=r"must be a file of tensors"):
        opened(tmp_path / "script.pt")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.pth", b"", "is damaged or no checkpoint"),
        ("html.pth", b"<html>404</html>", "not opened|is damaged or no checkpoint"),
        ("cut.safetensors", b"\x10\0\0\0\0\0\0\0{", "cannot be read, must be a safetensors file"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as refused:
        opened(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_arrays_of_no_known_network_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("spandrel", reason="needs the spandrel extra")
    save_file({"strange": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(
        UserError, match="1 arrays that spandrel knows no network for, the first called 'strange'"
    ):
        opened(tmp_path / "a.safetensors")
    torch.save([1, 2], tmp_path / "b.pth")
    with pytest.raises(UserError, match="holds no arrays by name; must be a state_dict"):
        opened(tmp_path / "b.pth")


def test_a_network_of_bench_train_is_recognised_without_spandrel(lr: torch.Tensor) -> None:
    cpu = torch.device("cpu")
    file = shipped.path("shipped/sr-pixel-x4.safetensors")
    ours = catalog.load("sr-pixel", scale=4, device=cpu)
    again = catalog.load(f"{file},name=mine", scale=4, device=cpu)
    assert (again.kind, again.scale) == ("upscaler", 4)
    assert torch.equal(ours.network(lr), again.network(lr))
    style = opened(f"{shipped.path('shipped/style-la_muse.safetensors')},name=mine")
    assert (style.kind, style.style, style.loss_network) == ("stylizer", "la_muse", "vgg16")


@pytest.mark.parametrize("name", ["sr-pixel-x4", "style-la_muse"])
@pytest.mark.parametrize(
    "config", ['{"scale": 4, "depth": 3}', '{"scale": 1e999}', '{"scale": [4]}', "{}", "[]", "{"]
)
def test_a_network_of_bench_train_whose_config_is_damaged_is_refused_in_one_line(
    tmp_path: Path, name: str, config: str
) -> None:
    record, arrays = read_weights(shipped.path(f"shipped/{name}.safetensors"))
    if config == "{}" and name.startswith("style"):
        config = '{"widht": 3}'
    save_file(arrays, tmp_path / "a.safetensors", metadata=record | {"config": config})
    with pytest.raises(UserError, match="config") as refused:
        opened(tmp_path / "a.safetensors")
    assert "\n" not in str(refused.value)


def test_what_is_done_to_a_network_stays_out_of_those_that_are_loaded_later(
    checkpoint: Path, lr: torch.Tensor
) -> None:
    model, cpu = opened(checkpoint), torch.device("cpu")
    first = model.load(4, cpu)
    before = first(lr)
    second = model.load(4, cpu)
    second.to(torch.float64)
    assert {parameter.dtype for parameter in first.parameters()} == {torch.float32}
    assert torch.equal(first(lr), before)
    assert torch.equal(model.load(4, cpu)(lr), before)


def test_another_scale_than_the_files_is_refused(checkpoint: Path) -> None:
    with pytest.raises(UserError, match="is for x4; must be a model for x2"):
        opened(checkpoint).load(2, torch.device("cpu"))
    with pytest.raises(UserError, match=r"option scale=2, but its network is x4"):
        opened(f"{checkpoint},scale=2")


def wrappings(arrays: dict[str, torch.Tensor]) -> dict[str, object]:
    """One network's arrays as programs save them."""
    zero = {name: array * 0 for name, array in arrays.items()}

    def put(prefix: str, of: dict[str, torch.Tensor] = arrays) -> dict[str, torch.Tensor]:
        return {prefix + name: array for name, array in of.items()}

    return {
        "compiled": put("_orig_mod."),
        "compiled and parallel": put("module._orig_mod."),
        "mmagic": {"state_dict": put("generator."), "meta": {"epoch": 3}},
        "mmagic average": {
            "state_dict": put("generator_ema.")
            | put("generator.", zero)
            | {"step_counter": torch.tensor(1), "discriminator.conv.weight": torch.zeros(3)}
        },
        "lightning": {"state_dict": put("net_g."), "hyper_parameters": {"lr": 1e-4}},
        "lightning with a loss": {"state_dict": put("model.net_g.") | {"loss.vgg.0.weight": torch.zeros(2)}},
        "dotted params": put("params."),
        "average of torch": {"n_averaged": torch.tensor(4), **put("module.")},
        "nested": {"state_dict": {"params_ema": put("module."), "params": zero}},
        "deep": {"model": {"state_dict": put("net_g.module.")}},
        "gan": {"generator": arrays, "discriminator": {"w": torch.zeros(1)}},
        "netG": {"netG": put("netG.")},
        "average beside": {"params": zero, "params_ema": arrays},
    }


@pytest.mark.parametrize("name", list(wrappings({})))
@pytest.mark.parametrize("suffix", [".pth", ".ckpt"])
def test_what_training_programs_put_around_the_weights_is_taken_away(
    name: str, suffix: str, tmp_path: Path, lr: torch.Tensor
) -> None:
    network = compact()
    torch.save(wrappings(network.state_dict())[name], tmp_path / f"net{suffix}")
    model = opened(tmp_path / f"net{suffix}")
    assert torch.equal(model.load(4, torch.device("cpu"))(lr), network(lr))


def test_a_part_of_a_network_is_not_taken_for_one(tmp_path: Path) -> None:
    arrays = {f"net.{name}": array for name, array in compact().state_dict().items()}
    torch.save(arrays | {"refine.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "two.pth")
    with pytest.raises(UserError, match="arrays that spandrel knows no network for"):
        opened(tmp_path / "two.pth")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".model", ".safetensors", ".onnx,range=1"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 67040989\n",
            "a Git LFS pointer.*67040989",
        ),
        (b"<!DOCTYPE html><html><head><title>Quota exceeded</title></head></html>", "an HTML page"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 60, "a JPEG image"),
        (b"", "empty"),
        (b"\x1f\x8b\x08" + b"\0" * 60, "a compressed archive"),
    ],
)
def test_a_file_that_is_no_weights_is_called_what_it_is(
    suffix: str, content: bytes, what: str, tmp_path: Path
) -> None:
    if suffix.startswith(".onnx"):
        pytest.importorskip("onnxruntime", reason="needs the onnx extra")
    (tmp_path / f"net{suffix.partition(',')[0]}").write_bytes(content)
    with pytest.raises(UserError, match=f"it is {what}") as refused:
        opened(f"{tmp_path / 'net'}{suffix}")
    assert "\n" not in str(refused.value)
