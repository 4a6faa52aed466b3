"""What the shipped style networks were trained for, on real photographs: `bench.style_quality` prints these numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.registry import stylizers
from bench.style_quality import main

# The claims are about 50 images; two show as much of it as a test has time for. The optimisation should need 50
# iterations to be as good as a fully trained network, and 30 for one trained on a CPU, as these are.
CONTENTS, ITERATIONS = 2, 30


@pytest.fixture(scope="module", params=stylizers.TRAINED)
def panel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Any:
    folder = tmp_path_factory.mktemp("bars")
    # They were trained, and are counted, against the optimisation from uniform noise.
    run = [
        "--initial",
        "noise",
        "--sizes",
        "256",
        "--limit",
        str(CONTENTS),
        "--iterations",
        str(ITERATIONS),
        "--no-pictures",
    ]
    files = ["--db", str(folder / "r.db"), "--json", str(folder / "r.json")]
    style = str(request.param)
    assert main(["--style", style, "--models", f"style-{style}", "--device", "cpu", *run, *files]) == 0
    (found,) = json.loads((folder / "r.json").read_text())
    return found


def test_the_objective_is_at_most_a_fifth_of_the_content_images(panel: Any) -> None:
    (network,) = (row for row in panel["objectives"] if row["subject"].startswith("style-"))
    assert network["n"] == CONTENTS
    assert network["below_content"] >= 5


def test_the_optimisation_needs_more_than_thirty_iterations_to_be_as_good_on_average(panel: Any) -> None:
    (found,) = panel["overtakings"]
    assert found["iterations"] == ITERATIONS
    assert found["of_mean"] is None, found
