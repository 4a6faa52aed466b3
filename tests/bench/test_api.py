"""The Python interface gives the programs' numbers, takes what a researcher has at hand, and puts it back as it was."""

from __future__ import annotations

import doctest
import importlib.util
import json
import math
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import api, sr_quality
from bench.data import images
from bench.errors import RunError, UserError
from bench.protocols import PROTOCOLS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A colour and a grey cut-out of photographs."""
    for name in ("chelsea", "coins"):
        pixels = np.atleast_3d(getattr(skimage.data, name)()[40:160, 80:212])
        images.write(tmp_path / "set" / f"{name}.png", pixels)
    return tmp_path / "set"


class Enlarge(nn.Module):
    """Nearest neighbour, with a layer whose mode can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, lr: Tensor) -> Tensor:
        return self.drop(F.interpolate(lr * self.weight, scale_factor=4, mode="nearest"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_are_those_of_the_program_to_the_last_bit(folder: Path, protocol: str, tmp_path: Path) -> None:
    options = ("--models", "bicubic", "--protocol", protocol, "--metrics", "psnr", "ssim", "--no-images")
    files = ("--db", str(tmp_path / "r.db"), "--json", str(tmp_path / "r.json"))
    assert sr_quality.main([str(folder), *options, *files]) == 0
    exported = json.loads((tmp_path / "r.json").read_text())
    frame = api.evaluate("bicubic", folder, protocol=protocol)
    assert list(frame.columns) == list(api.COLUMNS)
    found = {(row.metric, row.image): row.value for row in frame.itertuples()}
    assert found == {(row["metric"], stem): v for row in exported for stem, v in row["values"].items()}
    assert set(frame["protocol_hash"]) == {row["protocol_hash"] for row in exported}


def test_a_metric_is_the_programs(folder: Path) -> None:
    frame = api.evaluate("nearest", folder, metrics=["psnr", "ssim"])
    pixels = images.to_tensor(images.read(folder / "chelsea.png"))
    lr = api.make_lr(pixels)
    sr = F.interpolate(lr, scale_factor=4, mode="nearest")
    for name in ("psnr", "ssim"):
        (value,) = frame.query("metric == @name and image == 'chelsea'")["value"]
        assert float(api.metric(name)(sr, pixels)) == value


def test_a_metric_measures_each_image_of_a_batch_alone() -> None:
    hr = torch.rand(3, 3, 40, 44, generator=torch.Generator().manual_seed(0))
    sr = (hr + 0.05 * torch.arange(3)[:, None, None, None]).clamp(0, 1)
    ssim = api.metric("ssim")
    together = ssim(sr, hr)
    assert together.dtype == torch.float64
    assert together.tolist() == [float(ssim(sr[i : i + 1], hr[i : i + 1])) for i in range(3)]


def test_a_module_is_left_as_it_was(folder: Path) -> None:
    module = Enlarge().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    frame = api.evaluate(module, folder)
    assert module.training
    assert module.drop.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    nearest = api.evaluate("nearest", folder)
    assert frame["value"].tolist() == pytest.approx(nearest["value"].tolist(), rel=1e-12)
    assert set(frame["model"]) == {"Enlarge"}


def test_a_part_in_eval_mode_stays_so_in_a_module_that_trains(folder: Path) -> None:
    module = Enlarge().train()
    module.drop.eval()
    api.evaluate(module, folder, metrics=["psnr"])
    assert (module.training, module.drop.training) == (True, False)


def test_a_lambda_and_arrays_will_do() -> None:
    pictures = [skimage.data.chelsea()[:64, :72], skimage.data.coins()[:64, :72]]
    frame = api.evaluate(
        lambda lr: F.interpolate(lr, scale_factor=4, mode="bicubic"), pictures, metrics=["psnr"], name="mine"
    )
    assert frame["model"].tolist() == ["mine", "mine"]
    assert frame["image"].tolist() == ["000000", "000001"]
    assert frame.attrs["protocol"]["scale"] == 4


def test_a_results_file_is_used_on(folder: Path, tmp_path: Path) -> None:
    first = api.evaluate(Enlarge(), folder, db=tmp_path / "r.db")
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("update scores set value = 1.0 where metric = 'psnr'")
    db.close()
    again = api.evaluate(Enlarge(), folder, db=tmp_path / "r.db")
    assert set(again.query("metric == 'psnr'")["value"]) == {1.0}
    assert again.query("metric == 'ssim'").equals(first.query("metric == 'ssim'"))


def module_of(file: Path, mode: str) -> nn.Module:
    """A network of a file of its own, without weights: its code alone decides what it makes."""
    file.write_text(
        "import torch.nn.functional as F\nfrom torch import nn\n\n\nclass Own(nn.Module):\n"
        f"    def forward(self, lr):\n        return F.interpolate(lr, scale_factor=4, mode='{mode}')\n"
    )
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[file.stem] = module
    network = module.Own()
    assert isinstance(network, nn.Module)
    return network


def test_a_module_whose_code_changed_is_another_model(folder: Path, tmp_path: Path) -> None:
    values = []
    for name, mode in (("own_before", "nearest"), ("own_after", "bicubic")):
        frame = api.evaluate(
            module_of(tmp_path / f"{name}.py", mode), folder, metrics=["psnr"], db=tmp_path / "r.db"
        )
        values.append(frame["value"].tolist())
        del sys.modules[name]
    assert values[0] != values[1]


def test_summary_marks_the_best_of_several(folder: Path) -> None:
    frames = [api.evaluate(name, folder) for name in ("nearest", "bicubic")]
    table = api.summary(pd.concat(frames))
    assert table.index.tolist() == ["nearest", "bicubic"]
    assert table.columns.tolist() == ["set x4 psnr", "set x4 ssim"]
    assert table.loc["bicubic", "set x4 psnr"].endswith("*")
    assert not table.loc["nearest", "set x4 psnr"].endswith("*")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "bicubc"}, "no model is called 'bicubc'"),
        ({"metrics": ["psnrr"]}, "no metric is called 'psnrr'"),
        ({"model": 3}, "model is a int; must be a name, a path"),
        ({"dataset": (p for p in "ab")}, "dataset is generator; must be"),
        ({"dataset": [np.zeros((40, 40, 3))]}, r"image 0 is float64 \(40, 40, 3\); must be uint8"),
        ({"dataset": [np.zeros((40, 40, 4), np.uint8)]}, r"image 0 is uint8 \(40, 40, 4\)"),
        ({"model": lambda lr: lr}, "makes x1; must be x4, or scale=1"),
        ({"model": lambda lr: F.interpolate(lr, scale_factor=4), "db": "r.db"}, "no content that could be"),
        ({"model": lambda lr: "sr"}, "the model returned str, must be a tensor"),
        ({"scale": 0}, "scale"),
        ({"scale": 4.0}, r"scale is 4\.0; must be an integer of at least 2"),
        ({"scale": "4"}, "scale is '4'; must be an integer"),
        ({"scale": True}, "scale is True; must be an integer"),
        ({"protocol": "set5"}, "set5"),
        ({"metrics": "psnr"}, "metrics is 'psnr'; must be a sequence of names"),
        ({"metrics": []}, r"metrics is \[\]; must be a sequence of names, one at least"),
        ({"metrics": [3]}, r"metrics is \[3\]; must be a sequence of names"),
        ({"dataset": []}, "dataset is empty; must be a name, a folder"),
        ({"dataset": np.zeros((40, 40, 3), np.uint8)}, "dataset is ndarray; must be a name"),
        ({"dataset": torch.zeros(1, 3, 40, 40)}, "dataset is Tensor; must be a name"),
        ({"dataset": [np.zeros((0, 40, 3), np.uint8)]}, r"image 0 is uint8 \(0, 40, 3\); must be uint8"),
        ({"dataset": ["a.png"]}, "image 0 is <U5"),
        ({"dataset": "no_such_set"}, "no data set or folder is called 'no_such_set'"),
        ({"device": "gpu"}, "device is 'gpu'; must be one of: cpu"),
        ({"device": "cuda:99"}, "device is 'cuda:99', which is not here; must be one of: cpu"),
        ({"model": Enlarge().to("meta")}, "the module lies on meta, where parameters have no values"),
        ({"model": (part for part in "ab")}, "model is a generator; must be a name, a path"),
        ({"model": lambda lr: (each for each in lr)}, "the model returned generator, must be a tensor"),
        (
            {"model": lambda lr: F.interpolate(lr, scale_factor=4).numpy()},
            "returned ndarray, must be a tensor",
        ),
        (
            {"model": lambda lr: F.interpolate(lr, scale_factor=4)[0]},
            r"returned shape \(3, \d+, \d+\), must be",
        ),
        (
            {"model": lambda lr: F.interpolate(lr, scale_factor=4)[:, :1]},
            r"made shape \(1, 1, .*must be \(1, 3",
        ),
        ({"model": lambda lr: F.interpolate(lr, scale_factor=4)[..., 1:]}, r"must be \(1, 3, N\*"),
        ({"model": lambda lr: 1 / 0}, "the model failed on an image of .*ZeroDivisionError"),
        ({"model": lambda lr: F.interpolate(lr, scale_factor=4) * 255}, r"values from .*, must be \[0, 1\]"),
        ({"model": lambda lr: F.interpolate(lr, scale_factor=4) * math.inf}, "NaN or infinite values"),
        ({"model": Enlarge(), "name": "hr"}, "name is 'hr'; must be printable text, and neither"),
        ({"model": Enlarge(), "name": "a\n"}, "name is 'a.n'; must be printable text"),
        ({"model": Enlarge(), "name": 3}, "name is 3; must be printable text"),
        ({"db": "."}, "it is a folder; must be a file"),
    ],
)
def test_what_cannot_be_is_refused_with_what_must(
    folder: Path, arguments: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"model": "bicubic", "dataset": folder} | arguments
    with pytest.raises((ValueError, RunError), match=message):
        api.evaluate(**given)  # type: ignore[arg-type]


def test_a_model_that_returns_nan_is_an_error_and_no_number(folder: Path) -> None:
    with pytest.raises(RunError, match=r"2 could not be scored, first: .*NaN"):
        api.evaluate(lambda lr: F.interpolate(lr, scale_factor=4) / 0, folder, name="nan")


@pytest.mark.parametrize(
    ("sr", "message"),
    [
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), r"sr is torch.uint8 \(1, 3, 32, 32\); must be float"),
        (torch.zeros(3, 32, 32), r"sr is torch.float32 \(3, 32, 32\)"),
        (torch.full((1, 3, 32, 32), 255.0), "sr has values from 255 to 255; must be"),
        (torch.full((1, 3, 32, 32), float("nan")), "sr has values from nan to nan"),
        (torch.zeros(1, 3, 32, 30), "sr is 30x32, must be the size of hr"),
        (np.zeros((32, 32, 3)), "sr is a ndarray; must be a tensor"),
        (torch.zeros(0, 3, 32, 32), r"sr is torch.float32 \(0, 3, 32, 32\); must be float"),
        (torch.zeros(2, 3, 32, 32), r"sr has shape \(2, 3, 32, 32\), hr \(1, 3, 32, 32\); must be as many"),
        (
            torch.zeros(1, 1, 32, 32),
            r"sr has shape \(1, 1, 32, 32\), hr .*; must be as many images and channels",
        ),
        (torch.zeros(1, 3, 32, 32, device="meta"), "sr lies on meta, where tensors have no values"),
        (torch.zeros(1, 3, 32, 32, dtype=torch.complex64), "sr is torch.complex64"),
        (None, "sr is a NoneType; must be a tensor"),
        ((each for each in "ab"), "sr is a generator; must be a tensor"),
    ],
)
def test_a_metric_refuses_what_is_no_image(sr: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        api.metric("psnr")(sr, torch.zeros(1, 3, 32, 32))


def test_a_metric_refuses_hr_likewise() -> None:
    sr = torch.zeros(1, 3, 32, 32)
    for hr, message in (
        (sr / 0, "hr has values from nan to nan"),
        (sr.int(), r"hr is torch.int32 \(1, 3, 32, 32\); must be float"),
        (sr - 3, "hr has values from -3 to -3"),
    ):
        with pytest.raises(ValueError, match=message):
            api.metric("psnr")(sr, hr)


def test_a_module_on_another_gpu_than_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnTheFirstGpu(nn.Module):
        def parameters(self, recurse: bool = True) -> Iterator[Any]:
            yield SimpleNamespace(device=torch.device("cuda:0"))

    monkeypatch.setattr(api, "find_device", lambda name: torch.device(name if ":" in name else "cuda:1"))
    with pytest.raises(UserError, match=r"device is 'cuda:1', and the module lies on cuda:0"):
        api._device(OnTheFirstGpu(), "cuda:1")
    for name in ("auto", "cuda:0", "cuda"):
        assert api._device(OnTheFirstGpu(), name) == torch.device("cuda:0")


@pytest.mark.cuda
def test_a_metric_refuses_two_devices() -> None:
    with pytest.raises(ValueError, match="sr lies on cuda:0, hr on cpu; must be one device"):
        api.metric("psnr")(torch.zeros(1, 3, 32, 32, device="cuda"), torch.zeros(1, 3, 32, 32))


def test_a_metric_that_cannot_be_is_refused() -> None:
    for arguments, message in (
        ({"name": "x"}, "no metric is called 'x'"),
        ({"name": "psnr", "protocol": "x"}, "no protocol is called 'x'"),
        ({"name": "psnr", "scale": 0}, "scale is 0; must be an integer of at least 2"),
        ({"name": "psnr", "scale": 2.5}, r"scale is 2\.5; must be an integer"),
        ({"name": "psnr", "device": "tpu"}, "device is 'tpu'; must be one of: cpu"),
        ({"name": "vif-p", "protocol": "srcnn2014"}, "vif-p measures colour images, but protocol srcnn2014"),
    ):
        with pytest.raises(UserError, match=message):
            api.metric(**arguments)


@pytest.mark.parametrize(
    ("hr", "scale", "message"),
    [
        (torch.zeros(1, 3, 32, 32) / 0, 4, "hr has values from nan to nan"),
        (torch.zeros(1, 3, 32, 32).int(), 4, "hr is torch.int32"),
        (torch.full((1, 3, 32, 32), 200.0), 4, "hr has values from 200 to 200"),
        (torch.zeros(3, 32, 32), 4, "hr is torch.float32 .3, 32, 32.; must be float, .n, 3, h, w."),
        (torch.zeros(0, 3, 32, 32), 4, "hr is torch.float32 .0, 3, 32, 32."),
        (torch.zeros(1, 3, 3, 3), 4, "needs at least one pixel"),
        (np.zeros((32, 32, 3)), 4, "hr is a ndarray; must be a tensor"),
        (torch.zeros(1, 3, 32, 32), 0, "scale is 0; must be an integer of at least 2"),
        (torch.zeros(1, 3, 32, 32), 4.0, "scale is 4.0; must be an integer of at least 2"),
    ],
)
def test_no_lr_is_made_of_what_is_no_image(hr: Tensor, scale: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        api.make_lr(hr, scale=scale)


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(api, raise_on_error=True).attempted >= 5


@pytest.mark.usefixtures("real_data")
def test_bicubic_on_set5_is_what_the_paper_prints() -> None:
    frame = api.evaluate("bicubic", "set5", scale=4, metrics=["psnr", "ssim"])
    assert len(frame) == 10
    means = frame.groupby("metric")["value"].mean()
    assert (round(means["psnr"], 3), round(means["ssim"], 4)) == (28.431, 0.8113)


def test_explain_lists_what_the_program_lists(folder: Path) -> None:
    hr = images.read(folder / "chelsea.png")
    sr = np.roll(hr, 1, axis=1)
    frame = api.explain(sr, hr)
    assert set(frame["metric"]) == {"psnr", "ssim"}
    assert len(frame) > 40
    with pytest.raises(ValueError, match=r"sr is float64 .*; must be uint8"):
        api.explain(sr / 255, hr)
    with pytest.raises(ValueError, match="must be one height and width"):
        api.explain(sr[:-4], hr)
    with pytest.raises(ValueError, match=r"sr is uint8 .*, 4\); must be uint8"):
        api.explain(np.zeros((8, 8, 4), np.uint8), hr)
    with pytest.raises(ValueError, match=r"sr is uint8 \(0, "):
        api.explain(sr[:0], hr[:0])
    with pytest.raises(UserError, match=r"scale is 1\.5; must be an integer of at least 1"):
        api.explain(sr, hr, scale=1.5)  # type: ignore[arg-type]


def test_a_module_is_timed_and_left_as_it_was() -> None:
    module = Enlarge().train()
    row = api.time_model(module, size=64, time_limit=0.2, device="cpu")
    assert row.method == "Enlarge"
    assert row.ci[0] <= row.seconds <= row.ci[1]
    assert module.training
    with pytest.raises(UserError, match="no model is called 'bicubc'"):
        api.time_model("bicubc")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size is 0; must be a whole number of pixels"),
        ({"size": 64.5}, r"size is 64\.5; must be a whole number of pixels"),
        ({"size": 66}, "size is 66; must be a whole number of pixels, a multiple"),
        ({"model": "bicubic", "size": 66}, "must be multiples of the scale, 4, for bicubic .got 66"),
        ({"time_limit": -1}, r"must be a number of seconds above 0 \(got -1"),
        ({"time_limit": math.nan}, r"must be a number of seconds above 0 \(got nan"),
        ({"scale": 2}, "makes x4; must be x2, or scale=4"),
        ({"device": "cuda:99"}, "device is 'cuda:99', which is not here"),
        ({"model": 3}, "model is a int; must be a name"),
        ({"model": Enlarge().to("meta")}, "the module lies on meta"),
    ],
)
def test_what_cannot_be_timed_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        api.time_model(**{"model": Enlarge(), "size": 64, "device": "cpu"} | arguments)  # type: ignore[arg-type]


def test_a_small_size_is_no_matter_of_models_that_are_not_timed() -> None:
    assert api.time_model("bicubic", size=16, time_limit=0.1, device="cpu").seconds > 0


def test_only_a_frame_of_results_has_a_summary() -> None:
    for frame, message in ((None, "frame is a NoneType"), (pd.DataFrame({"a": [1]}), "frame has no column")):
        with pytest.raises(UserError, match=message):
            api.summary(frame)  # type: ignore[arg-type]


def test_a_model_of_ones_own_is_scored_without_loading_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a model of the table was loaded")

    monkeypatch.setattr("bench.registry.catalog.load_upscaler", refuse)
    assert set(api.evaluate(Enlarge(), folder, metrics=["psnr"])["model"]) == {"Enlarge"}


def test_import_bench_takes_less_than_a_tenth_of_a_second() -> None:
    code = "import time; t = time.process_time(); import bench; print(time.process_time() - t)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert float(found.stdout) < 0.1


def test_import_of_the_api_loads_no_large_package_but_torch() -> None:
    """Each of these takes about as long as everything else together that it imports after torch."""
    large = {
        "pandas",
        "scipy",
        "rich",
        "triton",
        "torchvision",
        "matplotlib",
        "skimage",
        "lpips",
        "onnxruntime",
    }
    code = (
        "import sys, torch; before = set(sys.modules); import bench.api; "
        f"print(*sorted({large!r} & (set(sys.modules) - before)))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_import_bench_stays_light() -> None:
    code = "import bench, sys; sys.exit(bool({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def examples() -> list[str]:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("code", examples(), ids=lambda code: code.strip().splitlines()[-1][:30])
def test_an_example_of_the_page_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/python.md", "exec"), {})


def test_the_random_state_is_left_as_it_was(folder: Path) -> None:
    before = torch.get_rng_state()
    api.evaluate(Enlarge(), folder, metrics=["psnr"])
    assert torch.equal(torch.get_rng_state(), before)
