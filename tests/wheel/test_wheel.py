"""The wheel, built here without a network: all that the programs need, and nothing of the machine it was built on."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from bench import environment
from tests.wheel.contents import (
    LAYERS,
    ROOT,
    differences,
    machine_paths,
    main,
    package_files,
    sdist_files,
    sdist_problems,
    wheel_files,
    wheel_problems,
)

SETUPTOOLS = 77
FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in", "noxfile.py", "mkdocs.yml")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "pictures", ".*")


def build(source: Path, out: Path, *kinds: str) -> None:
    """With what is installed here; nothing is downloaded."""
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=source)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist and the wheel made from it."""
    if importlib.util.find_spec("build") is None:
        pytest.skip("needs build: pip install build")
    if importlib.util.find_spec("setuptools") is None or int(version("setuptools")) < SETUPTOOLS:
        pytest.skip(f"needs setuptools {SETUPTOOLS} or newer, for a build without a network")
    source = tmp_path_factory.mktemp("source")
    for folder in (*LAYERS, "tests", "docs"):
        shutil.copytree(ROOT / folder, source / folder, ignore=NOT_COPIED)
    for file in FILES:
        shutil.copy(ROOT / file, source)
    out = tmp_path_factory.mktemp("dist")
    build(source, out)
    return out


def version(distribution: str) -> str:
    return metadata.version(distribution).partition(".")[0]


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_the_wheel_has_all_code_and_data_of_the_four_layers_and_nothing_else(dist: Path) -> None:
    files = wheel_files(only(dist, "*.whl"))
    assert list(wheel_problems(files)) == []
    assert {"bench/data/manifest.toml", "bench/data/paper.toml", "bench/templates/preference.html"} <= set(
        files
    )
    assert any(name.startswith("reports/published/") for name in files)
    assert sum(name.endswith(".safetensors") for name in files) == len(
        list(ROOT.glob("models/weights/*.safetensors"))
    )


def test_the_sdist_has_what_builds_and_tests_it(dist: Path) -> None:
    assert list(sdist_problems(sdist_files(only(dist, "*.tar.gz")))) == []


def test_the_sdist_and_the_wheel_carry_the_version_of_pyproject(dist: Path) -> None:
    number = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    names = {file.name for file in dist.iterdir()}
    assert names == {f"perceptual_bench-{number}-py3-none-any.whl", f"perceptual_bench-{number}.tar.gz"}


def test_the_changelog_has_a_section_that_is_not_released_or_of_this_version() -> None:
    number = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    heads = [
        line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line[:3] == "## "
    ]
    assert any(number in head or "unreleased" in head.lower() for head in heads[:2]), heads[:2]


def test_unpacked_anywhere_it_runs_without_the_source_tree_and_its_commit_is_unknown(
    dist: Path, tmp_path: Path
) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(only(dist, "*.whl")) as archive:
        archive.extractall(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import bench, bench.environment as e\n"
        f"assert bench.__file__.startswith({str(site)!r}), bench.__file__\n"
        "assert e.suite()['commit'] is None and e.suite()['version'][0].isdigit(), e.suite()\n"
        "from bench import sr_quality\n"
        "sys.exit(sr_quality.main('samples --models bicubic sr-pixel --metrics psnr --limit 1 --no-images'.split()))"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [file.name for file in empty.iterdir() if not file.name.startswith("results.db")] == []


def test_a_package_that_is_not_installed_has_an_unknown_version_and_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "DISTRIBUTION", "perceptual-bench-that-is-not-installed")
    assert environment.suite()["version"] == "unknown"


def test_what_is_wrong_with_an_archive_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = dict.fromkeys(package_files(), b"")
    whole = {**files, "x.dist-info/licenses/LICENSE": b""}
    assert list(wheel_problems(whole)) == []
    missing = {name: content for name, content in whole.items() if name != "bench/data/paper.toml"}
    assert list(wheel_problems({**missing, "tests/a.py": b""})) == [
        "lacks bench/data/paper.toml",
        "has tests/a.py, which is not in the source tree",
    ]
    assert list(wheel_problems(files)) == ["lacks the licence"]
    somebody = "/".join(("", "home", "somebody", "a.py"))
    assert list(machine_paths({"a.py": f'open("{somebody}")'.encode()})) == [
        f"a.py names {somebody.removesuffix('/a.py')}"
    ]
    assert list(differences({"a": b"1", "b": b""}, {"a": b"2", "c": b""})) == [
        "a differs",
        "b is in one alone",
        "c is in one alone",
    ]
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr("tests/a.py", "")
    assert main([str(tmp_path / "x.whl")]) == 1
    assert "lacks bench/data/manifest.toml" in capsys.readouterr().err
