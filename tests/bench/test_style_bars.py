"""What the shipped style networks were trained for, on real photographs: `bench.style_quality` prints these numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.registry import stylizers
from bench.style_quality import main

ITERATIONS = 20
"""That the optimisation should need to be as good as a network trained on a CPU (50 for one that is fully trained)."""
BELOW_CONTENT = {"la_muse": 5.0, "starry_night": 5.0, "composition_vii": 5.0, "wave": 4.1}
"""Times that the objective is below the content image's. Photographs are nearer to wave than to the others: there the
optimisation itself is 3.7 times below after 35 iterations and 4.6 after 50."""


@pytest.fixture(scope="module", params=stylizers.TRAINED)
def style(request: pytest.FixtureRequest, real_data: Path) -> str:
    return str(request.param)


def panel(folder: Path, style: str, *options: str) -> Any:
    """What `bench.style_quality` measures of our network for a style at 256x256."""
    run = [
        "--style",
        style,
        "--models",
        f"style-{style}",
        "--device",
        "cpu",
        "--sizes",
        "256",
        "--no-images",
    ]
    files = ["--db", str(folder / "r.db"), "--json", str(folder / "r.json")]
    assert main([*run, *options, *files]) == 0
    (found,) = json.loads((folder / "r.json").read_text())
    return found


def test_the_objective_is_as_far_below_the_content_images_as_the_bar(style: str, tmp_path: Path) -> None:
    """Over all of coco50: the ratio of single images was 2.1 to 7.5 for composition_vii."""
    found = panel(tmp_path, style, "--no-baseline")
    (network,) = (row for row in found["objectives"] if row["subject"].startswith("style-"))
    assert network["n"] == 50
    assert network["below_content"] >= BELOW_CONTENT[style]


def test_the_optimisation_needs_more_iterations_than_the_bar_to_be_as_good_on_average(
    style: str, tmp_path: Path
) -> None:
    # two images show as much of it as a test has time for
    found = panel(tmp_path, style, "--limit", "2", "--iterations", str(ITERATIONS))
    (overtaking,) = found["overtakings"]
    assert overtaking["iterations"] == ITERATIONS
    assert overtaking["of_mean"] is None, overtaking
