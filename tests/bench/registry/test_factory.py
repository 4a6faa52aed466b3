"""Callables: what they return is found out by a call; what goes wrong in them is said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.errors import UserError
from bench.registry import catalog
from bench.registry.external import _opened
from tests.bench.registry.conftest import opened

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
SOURCE = """
import torch
import torch.nn.functional as F

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 12, 3, padding=1)
    def forward(self, lr):
        return F.pixel_shuffle(self.conv(lr), 2)

def module(): return Net()
def plain(): return lambda lr: F.interpolate(lr, scale_factor=4)
def any_scale(scale): return lambda lr: F.interpolate(lr, scale_factor=scale)
def even():
    def run(lr):
        if lr.shape[-1] % 8 or lr.shape[-2] % 8:
            raise RuntimeError("sides must be multiples of 8")
        return F.interpolate(lr, scale_factor=2)
    return run
def rounding(): return lambda lr: F.interpolate(F.avg_pool2d(lr, 2), scale_factor=4)
def invert(): return lambda image: 1 - image
def in_bytes(): return lambda image: 255 - image
def number(): return 7
def broken():
    return {}["weights"]
def shape(): return lambda lr: lr[0]
def itself(lr): return lr
constant = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(SOURCE)
    return tmp_path / "net.py"


def test_scale_and_kind_are_found_by_a_call(file: Path, lr: Tensor) -> None:
    assert (opened(f"{file}:plain").scale, opened(f"{file}:plain").kind) == (4, "upscaler")
    assert (opened(f"{file}:module").scale, opened(f"{file}:module").name) == (2, "module")
    assert opened(f"{file}:invert").kind == "stylizer"
    sr = opened(f"{file}:plain").load(4, CPU)(lr)
    assert torch.equal(sr, lr.repeat_interleave(4, -1).repeat_interleave(4, -2))


def test_a_parameter_called_scale_makes_it_one_for_every_scale(file: Path, lr: Tensor) -> None:
    model = opened(f"{file}:any_scale")
    assert model.supports(2)
    assert model.supports(3)
    assert model.load(3, CPU)(lr).shape[-1] == 3 * lr.shape[-1]
    assert model.hash(2) != model.hash(3)


def test_a_module_stays_one_and_has_forms(file: Path) -> None:
    model = catalog.load(f"{file}:module", scale=2, device=CPU)
    assert model.module is not None
    assert catalog.load(f"{file}:plain", scale=4, device=CPU).module is None


def test_sides_are_padded_to_a_multiple_and_cut_again(file: Path, lr: Tensor) -> None:
    with pytest.raises(ValueError, match=r"37x29: RuntimeError: sides must be multiples of 8; .*multiple=N"):
        opened(f"{file}:even").load(2, CPU)(lr)
    sr = opened(f"{file}:even,multiple=8").load(2, CPU)(lr)
    assert torch.equal(sr, lr.repeat_interleave(2, -1).repeat_interleave(2, -2))


def test_a_size_that_is_lost_on_the_way_is_noticed(file: Path, lr: Tensor) -> None:
    with pytest.raises(
        ValueError, match=r"returned shape \(1, 3, 56, 72\), must be \(1, 3, 58, 74\); .*multiple=N"
    ):
        opened(f"{file}:rounding").load(2, CPU)(lr)


def test_values_up_to_255_are_put_right(file: Path, lr: Tensor) -> None:
    torch.testing.assert_close(opened(f"{file}:in_bytes,range=255").load(1, CPU)(lr), 1 - lr)


def test_changed_weights_or_source_change_the_hash(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(SOURCE.replace("manual_seed(0)", "manual_seed(1)"))
    (tmp_path / "same.py").write_text(SOURCE)
    texts = [f"{tmp_path / name}.py:module" for name in ("net", "other", "same")]
    one, other, same = (opened(text).hash(2) for text in texts)
    assert one == same != other


def test_an_edit_of_the_same_length_in_the_same_second_is_run_and_not_kept_bytecode(
    tmp_path: Path, lr: Tensor
) -> None:
    file, made = tmp_path / "net.py", []
    for factor in ("0.25", "0.75"):
        file.write_text(f"def make(): return lambda image: image * {factor}\n")
        os.utime(file, (1_000_000, 1_000_000))
        _opened.cache_clear()
        made.append(opened(f"{file}:make"))
    assert made[0].hash(1) != made[1].hash(1)
    torch.testing.assert_close(made[1].load(1, CPU)(lr), lr * 0.75)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", r"has no callable 'nothing'; there are: Net, module, plain"),
        ("constant", "has no callable 'constant'"),
        ("number", "returned a int; must be a callable"),
        ("itself", "argument: 'lr'; it must return the model when called without arguments"),
        ("broken", r"broken of .* failed: KeyError: 'weights' \(line \d+\)"),
        ("shape", r"the model returned shape \(3, 48, 48\), must be a tensor of four dimensions"),
        ("plain,scale=2", "the option scale is 2, but the network makes x4"),
    ],
)
def test_what_is_wrong_with_a_callable_is_said_in_one_line(file: Path, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        opened(f"{file}:{name}")
    assert "\n" not in str(refused.value)


def test_a_module_that_cannot_be_imported_says_why_and_where(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = 1\nraise KeyError('this')\n")
    with pytest.raises(UserError, match=r"cannot be imported: KeyError: 'this' \(line 2\)"):
        opened(f"{tmp_path / 'bad.py'}:make")
    with pytest.raises(UserError, match=r"'no\.such\.package' cannot be imported: ModuleNotFoundError"):
        opened("no.such.package:make")
    with pytest.raises(UserError, match="there is no file"):
        opened(f"{tmp_path / 'none.py'}:make")


def test_a_dotted_module_is_imported(lr: Tensor) -> None:
    model = opened("tests.bench.registry.test_factory:nearest2")
    assert (model.name, model.scale) == ("nearest2", 2)


class nearest2:  # noqa: N801
    """Called like a network of a package."""

    scale = 2
    channels = 3

    def __call__(self, lr: Tensor) -> Tensor:
        return lr.repeat_interleave(2, -1).repeat_interleave(2, -2)


NETWORK = """
import torch.nn.functional as F
from utils import factor
class Net:
    scale = 4
    def __call__(self, lr):
        from utils.late import again
        return F.interpolate(lr, scale_factor=4, mode="nearest") * factor() * again()
"""


@pytest.mark.parametrize("regular", [True, False], ids=["with __init__", "without"])
@pytest.mark.parametrize("safe", [True, False], ids=["-P", ""])
@pytest.mark.parametrize("here", [True, False], ids=["from its folder", "from elsewhere"])
def test_a_repository_has_its_own_models_utils_and_bench(
    regular: bool, safe: bool, here: bool, tmp_path: Path, photographs: Path
) -> None:
    repository = tmp_path / "SwinIR"
    for package in ("models", "utils", "bench" if not here else "baselines"):
        (repository / package).mkdir(parents=True)
        if regular or package == "utils":
            (repository / package / "__init__.py").write_text("def factor(): return 1.0\n")
    (repository / "models" / "network.py").write_text(NETWORK)
    (repository / "models" / "more.py").write_text("from .network import Net as Relative\n")
    (repository / "utils" / "late.py").write_text("def again(): return 0.5\n")
    third = "bench" if not here else "baselines"
    (repository / third / "thing.py").write_text("value = 2.0\n")
    (repository / "net.py").write_text(
        f"import importlib\nimport models.network as m\nfrom models.more import Relative\nimport {third}.thing\n"
        f"assert {third}.thing.value == 2.0\nassert m.Net is Relative\n"
        "def make():\n    return importlib.import_module('models.network').Net()\n"
    )
    done = subprocess.run(
        [
            sys.executable, *["-P"] * safe, "-m", "bench.sr_quality", str(photographs), "--models",
            "net.py:make" if here else "SwinIR/net.py:make", "sr-pixel", "--metrics", "psnr", "--no-images",
            "--json", "r.json",
        ],
        cwd=repository if here else tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(((repository if here else tmp_path) / "r.json").read_text())
    assert {row["model"]: row["n"] for row in rows} == {"make": 2, "sr-pixel": 2}


def test_two_repositories_with_packages_of_one_name_stay_apart(tmp_path: Path, lr: Tensor) -> None:
    for name, value in (("one", 0.25), ("two", 0.5)):
        (tmp_path / name / "models").mkdir(parents=True)
        (tmp_path / name / "models" / "net.py").write_text(f"def run(image): return image * {value}\n")
        (tmp_path / name / "net.py").write_text(
            "def make():\n    def late(image):\n        from models.net import run\n        return run(image)\n"
            "    return late\n"
        )
    one, two = (opened(f"{tmp_path / name / 'net.py'}:make,name={name}") for name in ("one", "two"))
    torch.testing.assert_close(one.load(1, CPU)(lr), lr * 0.25)
    torch.testing.assert_close(two.load(1, CPU)(lr), lr * 0.5)
    import models

    assert Path(str(models.__file__)).parents[1] == ROOT


def test_what_a_module_lacks_is_said_by_the_name_that_it_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.py").write_text("")
    (tmp_path / "net.py").write_text("import models.b\n")
    with pytest.raises(UserError, match=r"No module named 'models\.b' \(line 1\)"):
        opened(f"{tmp_path / 'net.py'}:make")


@pytest.mark.parametrize(
    "lines",
    [
        "import importlib.util\nmodule = importlib.import_module('utils')",
        "import importlib\nimport importlib.util\nmodule = importlib.import_module('utils')",
        "import importlib.util as u\nassert u.find_spec\nimport importlib as i\nmodule = i.import_module('utils')",
        "from importlib import import_module, resources\nassert resources.files\nmodule = import_module('utils')",
        "from importlib.util import find_spec\nimport importlib.machinery\nassert importlib.machinery.ModuleSpec\n"
        "module = importlib.import_module('utils')",
    ],
)
def test_a_module_by_name_is_its_own_however_importlib_was_imported(
    tmp_path: Path, lr: Tensor, lines: str
) -> None:
    (tmp_path / "utils.py").write_text("def run(image): return image * 0.25\n")
    (tmp_path / "net.py").write_text(f"{lines}\ndef make():\n    return module.run\n")
    torch.testing.assert_close(opened(f"{tmp_path / 'net.py'}:make").load(1, CPU)(lr), lr * 0.25)
