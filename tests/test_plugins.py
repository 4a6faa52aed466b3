"""Metrics and models of other packages: the plugin of docs/adding.md, built and installed; and plugins that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import metrics, plugins
from bench.errors import UserError
from bench.listings import sr_quality_lines
from bench.metrics import METRICS
from bench.registry import catalog
from bench.storage.store import Store
from tests.test_adding import SAID, steps

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the page's plugin was installed into, as pip does it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for step in steps():
        told = SAID.fullmatch(step.said)
        if told and (told["made"] or "").startswith("plugin/"):
            (source / Path(told["made"]).name).write_text(step.text, encoding="utf-8")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named pip" in built.stderr:
        pytest.skip("pip is not installed")
    assert built.returncode == 0, built.stderr
    return target


def run(installed: Path, folder: Path, *words: str) -> str:
    path = os.pathsep.join([str(ROOT), str(installed)])
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_plugin_is_scored_like_one_of_ours(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, "bench.sr_quality", "--list")
    assert "max-error              largest absolute error; from extra-entries 0.1" in listed
    assert "smoothed               nearest neighbour, then a mean over 3x3; from extra-entries 0.1" in listed
    options = ("--limit", "1", "--no-images", "--device", "cpu", "--json", "r.json")
    models = ("--models", "bicubic", "smoothed", "--metrics", "psnr", "max-error")
    run(installed, tmp_path, "bench.sr_quality", "samples", *models, *options)
    rows = {(row["model"], row["metric"]): row for row in json.loads((tmp_path / "r.json").read_text())}
    assert rows.keys() == {(m, name) for m in ("bicubic", "smoothed") for name in ("psnr", "max-error")}
    assert rows["smoothed", "psnr"]["mean"] < rows["bicubic", "psnr"]["mean"]
    assert 0 < rows["smoothed", "max-error"]["mean"] <= 1
    assert rows["bicubic", "max-error"]["metric_version"] == "1+extra-entries-0.1"
    assert rows["smoothed", "psnr"]["metric_version"] == "1"
    with Store(tmp_path / "results.db", read_only=True) as store:
        columns, found = store.table("metrics")
    (about,) = [row for row in found if row[columns.index("name")] == "max-error"]
    assert about[columns.index("version")] == "1+extra-entries-0.1"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have a distribution be there that declares entry points, with the code of its module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def declare(name: str, code: str, *, version: str = "1.0", **groups: str) -> None:
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        folder = tmp_path / f"{module}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        points = "".join(f"[perceptual_bench.{group}]\n{line}\n" for group, line in groups.items())
        (folder / "entry_points.txt").write_text(points)
        monkeypatch.delitem(sys.modules, module, raising=False)
        plugins.plugins.cache_clear()

    yield declare
    plugins.plugins.cache_clear()


METRIC = """
from bench.metrics import MetricEntry
E = MetricEntry(name="{name}", about="a", target="x:y", view="rgb", higher_is_better=True)
"""
MODEL = """
from bench.registry.upscalers import UpscalerEntry
E = UpscalerEntry(name="{name}", about="a", hash_id="h", target="baselines.bicubic:Bicubic")
"""


def test_the_distribution_and_its_version_enter_the_hash(plugin: Callable[..., None]) -> None:
    plugin("their-models", MODEL.format(name="theirs"), version="1.0", models="theirs = their_models:E")
    first = catalog.upscaler_entry("theirs").hash(4)
    assert "theirs" in catalog.names()
    sys.modules.pop("their_models")
    for part in (Path(sys.path[0]) / "their_models-1.0.dist-info").iterdir():
        part.unlink()
    (Path(sys.path[0]) / "their_models-1.0.dist-info").rmdir()
    plugin("their-models", MODEL.format(name="theirs"), version="1.1", models="theirs = their_models:E")
    second = catalog.upscaler_entry("theirs").hash(4)
    assert len({first, second, catalog.upscaler_entry("bicubic").hash(4)}) == 3
    assert catalog.load_upscaler("theirs", 4, Path, "cpu").scale == 4  # type: ignore[arg-type]


def test_a_name_that_we_have_too_is_refused_with_both_owners(plugin: Callable[..., None]) -> None:
    plugin("their-metrics", METRIC.format(name="psnr"), metrics="psnr = their_metrics:E")
    plugin("their-models", MODEL.format(name="bicubic"), models="bicubic = their_models:E")
    with pytest.raises(UserError, match="metric 'psnr' is in perceptual-bench and in their-metrics"):
        metrics.entry("psnr")
    with pytest.raises(UserError, match="model 'bicubic' is in perceptual-bench and in their-models"):
        catalog.upscaler_entry("bicubic")
    assert metrics.entry("ssim") is METRICS["ssim"]
    assert catalog.upscaler_entry("nearest").name == "nearest"


def test_a_name_of_two_plugins_is_refused_with_both(plugin: Callable[..., None]) -> None:
    for name in ("one", "two"):
        plugin(f"{name}-metrics", METRIC.format(name="same"), metrics=f"same = {name}_metrics:E")
    with pytest.raises(
        UserError, match=r"'same' is in one-metrics 1\.0 and in two-metrics 1\.0; must be one"
    ):
        metrics.entry("same")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such_package",
            "cannot be loaded: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("E = 1", "is a int called ''; must be a MetricEntry of the entry point's name"),
        (METRIC.format(name="other"), "is a MetricEntry called 'other'; must be a MetricEntry"),
        ("", "cannot be loaded: AttributeError"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named_and_breaks_no_other(
    code: str, message: str, plugin: Callable[..., None]
) -> None:
    plugin("broken-metrics", code, version="2.1", metrics="broken = broken_metrics:E")
    plugin("good-metrics", METRIC.format(name="good"), metrics="good = good_metrics:E")
    with pytest.raises(UserError) as refused:
        metrics.entry("broken")
    assert "metric 'broken' of broken-metrics 2.1" in str(refused.value)
    assert message in str(refused.value)
    assert metrics.entry("good").version == "1+good-metrics-1.0"
    assert metrics.entry("psnr") is METRICS["psnr"]
    listed = "\n".join(sr_quality_lines())
    assert "broken                 cannot be used: metric 'broken' of broken-metrics 2.1" in listed
    assert "good                   a; from good-metrics 1.0" in listed


def test_nothing_is_imported_before_it_is_named(plugin: Callable[..., None]) -> None:
    plugin("lazy-metrics", "raise KeyError", metrics="lazy = lazy_metrics:E")
    assert metrics.entry("psnr") is METRICS["psnr"]
    with pytest.raises(UserError, match=r"there are: .*, lazy$"):
        metrics.entry("unknown")
    assert "lazy_metrics" not in sys.modules


def test_a_file_does_not_take_the_name_of_a_plugins_model(
    plugin: Callable[..., None], tmp_path: Path
) -> None:
    plugin("their-models", MODEL.format(name="theirs"), models="theirs = their_models:E")
    (tmp_path / "f.py").write_text("def theirs(lr):\n    return lr\n")
    with pytest.raises(UserError, match="would be called 'theirs', which is taken"):
        catalog.upscaler_entry(f"{tmp_path}/f.py:theirs")


def test_a_plugins_name_in_other_letters_is_taken_too(plugin: Callable[..., None], tmp_path: Path) -> None:
    plugin("their-models", MODEL.format(name="Theirs"), models="Theirs = their_models:E")
    (tmp_path / "f.py").write_text("def theirs(lr):\n    return lr\n")
    with pytest.raises(UserError, match="would be called 'theirs', which is taken"):
        catalog.upscaler_entry(f"{tmp_path}/f.py:theirs")
