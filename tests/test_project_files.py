"""The files that an open project has say what pyproject.toml says, and name programs and options that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench import compare, doctor, sr_quality

yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra docs brings")
ROOT = Path(__file__).parents[1]
LARGEST = 2_000_000  # bytes: the weights of a network of the paper are 1.8 MB
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
YAML = sorted([*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"])


@pytest.mark.parametrize(
    "card", sorted((ROOT / "models" / "weights").glob("*.md")), ids=lambda card: card.stem
)
def test_a_model_card_that_refers_to_its_remarks_has_them(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    assert ("see the remarks" in text) <= ("## Remarks" in text)


def read(name: str | Path) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", YAML, ids=lambda file: file.name)
def test_yaml_files_can_be_read(file: Path) -> None:
    assert isinstance(read(file), dict)


def test_the_citation_has_the_version_and_licence_of_the_package() -> None:
    citation = read("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["authors"] == PROJECT["authors"]


def test_every_python_that_is_named_is_tested() -> None:
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert read(".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_workflows_run_sessions_that_exist_and_hold_no_secret() -> None:
    sessions = re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    for file in (ROOT / ".github").rglob("*.yml"):
        text = file.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert set(re.findall(r"nox -s (\w+)", text)) <= set(sessions)
    matrix = read(".github/workflows/tests.yml")["jobs"]["checks"]["strategy"]["matrix"]["session"]
    assert set(matrix) <= set(sessions)


def test_the_action_uses_options_that_exist() -> None:
    steps = read(".github/actions/score/action.yml")["runs"]["steps"]
    for step, program in zip(steps, (sr_quality, compare), strict=True):
        known = {option for action in program.parser()._actions for option in action.option_strings}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", step["run"])) <= known


def test_the_bug_template_asks_for_the_report_of_the_doctor() -> None:
    assert "--report" in {o for a in doctor.parser()._actions for o in a.option_strings}
    assert "bench.doctor --report" in (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()


def test_no_large_file_and_no_package_is_under_version_control() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert not [file.name for file in files if file.suffix in {".whl", ".zip", ".pth", ".pt"}]
    assert not [file.name for file in files if file.stat().st_size > LARGEST]
