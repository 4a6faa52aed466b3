"""docs/adding.md, followed literally in a copy of the source tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "adding.md"
SAID = re.compile(
    r"(?:(?P<new>New file) `(?P<made>[^`]+)`|In `(?P<changed>[^`]+)`, below the line `(?P<line>[^`]+)`"
    r"|At the end of `(?P<ended>[^`]+)`):"
)

RANDOM = """

def load(name: str, layers: Sequence[str]) -> LossNetwork:
    from models.vgg import random_loss_network

    return random_loss_network(name, layers)
"""


@dataclass(frozen=True)
class Step:
    """One code block of the page and the sentence above it."""

    said: str
    language: str
    text: str

    def apply(self, tree: Path) -> None:
        """Make the change; AssertionError where the page does not fit the tree."""
        told = SAID.fullmatch(self.said)
        assert told, f"above a block of code the page says {self.said!r}"
        if told["new"]:
            file = tree / told["made"]
            assert not file.exists(), file
            file.parent.mkdir(exist_ok=True)
            file.write_text(self.text, encoding="utf-8")
        elif told["ended"]:
            with (tree / told["ended"]).open("a", encoding="utf-8") as file:
                file.write("\n" + self.text)
        else:
            insert(tree / told["changed"], told["line"], self.text)


def insert(file: Path, line: str, text: str) -> None:
    lines = file.read_text(encoding="utf-8").split("\n")
    assert lines.count(line) == 1, (
        f"{file.name} has the line {line!r} {lines.count(line)} times, must be once"
    )
    lines.insert(lines.index(line) + 1, text.rstrip("\n"))
    file.write_text("\n".join(lines), encoding="utf-8")


def steps() -> list[Step]:
    """Every block between two fences, with the last line of text above it."""
    found = []
    *parts, _ = re.split(r"^```(.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for prose, language, text, closed in zip(*(parts[i::4] for i in range(4)), strict=True):
        assert not closed
        said = [line for line in prose.split("\n") if line][-1:]
        found.append(Step("".join(said), language, text.removeprefix("\n")))
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The packages, without the weights' bytes."""
    for name in ("bench", "baselines", "models", "reports"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (tmp_path / "models" / "weights").symlink_to(ROOT / "models" / "weights")
    with (tmp_path / "bench" / "loss_networks.py").open("a", encoding="utf-8") as file:
        file.write(RANDOM)  # what the page does needs no download
    return tmp_path


def run(tree: Path, console: str) -> str:
    """What the one command of a console block prints."""
    first = console.partition("\n")[0]
    assert first.startswith("$ python ")
    variables = {"PERCEPTUAL_BENCH_DATA": str(tree / "cache"), "PYTHONPATH": str(tree)}
    words = [word.replace("$PERCEPTUAL_BENCH_DATA", str(tree / "cache")) for word in first.split()[2:]]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_followed_literally_scores_the_new_model_with_the_new_metric_on_the_new_set(
    tree: Path,
) -> None:
    *before, last, style, report = steps()
    for step in before:
        if step.language == "console":
            assert run(tree, step.text) == step.text.partition("\n")[2]
        else:
            step.apply(tree)
    assert "tiles x4, protocol unshaved (" in run(tree, last.text)
    rows = json.loads((tree / "tiles.json").read_text())
    assert {(row["model"], row["metric"]) for row in rows} == {
        (model, metric) for model in ("bicubic", "sharpened") for metric in ("psnr", "mae")
    }
    for row in rows:
        assert (row["dataset"], row["protocol"], row["n"]) == ("tiles", "unshaved", 3)
        assert list(row["values"]) == ["checks", "rings", "slope"]
    means = {(row["model"], row["metric"]): row["mean"] for row in rows}
    assert means["sharpened", "mae"] != means["bicubic", "mae"] > 0
    html = (tree / "tiles.html").read_text(encoding="utf-8")
    assert html.startswith("<table>\n<caption>tiles x4, protocol unshaved (")
    assert "<tr><th>model</th><th>psnr ↑</th><th>mae ↓</th><th>n</th></tr>" in html
    assert html.count("<tr><td>") == 2
    said = run(tree, style.text)
    assert (
        "content-mae: mean absolute difference between the image and the content, in levels (docs/adding.md)"
        in said
    )
    (panel,) = json.loads((tree / "style.json").read_text())
    mae, *grams = panel["metrics"]
    assert [metric["name"] for metric in grams] == ["gram-relu1_1", "gram-relu2_1", "gram-relu3_1"]
    assert mae["values"]["content"] == {"checks": 0.0, "rings": 0.0, "slope": 0.0}
    assert mae["means"]["gatys, 5 iterations"]["mean"] > 0
    run(tree, report.text)
    outline = (tree / "report" / "outline.txt").read_text(encoding="utf-8")
    assert "tiles x4" in outline.partition("\nSuper-resolution: quality\n- ")[2].partition("\n")[0]
    assert not list((tree / "bench" / "metrics").glob("*.db")), "results lie where the command was started"


def test_the_page_names_lines_of_the_tables_as_they_stand() -> None:
    named = [told for step in steps() if (told := SAID.fullmatch(step.said)) and told["changed"]]
    assert {told["changed"] for told in named} == {
        *("bench/registry/upscalers.py", "bench/metrics/__init__.py", "bench/styling/metrics/__init__.py"),
        *("bench/protocols.py", "bench/data/datasets.py", "bench/tables.py"),
        "reports/writers/__init__.py",
    }
    for told in named:
        assert (ROOT / told["changed"]).read_text(encoding="utf-8").split("\n").count(told["line"]) == 1
