"""The figure of what each metric makes of shifts and noise is drawn from stored scores of perturbed copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.storage.reader import read
from reports.figures import sensitivity
from reports.figures.drawing import Drawing
from reports.load.gather import gather
from tests.reports.test_figures import one, texts
from tests.stores import fill


def test_errors_stand_relative_to_bicubics(tmp_path: Path) -> None:
    levels = {"bicubic": 0.0, "shift-1": -10.0, "noise-5": 10.0, "noise-10": 0.0}
    fill(tmp_path / "r.db", levels=levels, images=("a",), spread=0.0)
    made = one(sensitivity.drawings(gather(read([tmp_path / "r.db"]))))
    assert isinstance(made, Drawing)
    # 10 dB less are ten times the squared error; 0.7 - 0.1 of SSIM instead of 0.7 are 0.4 instead of 0.3
    assert "psnr shift-1 10.00, noise-5 0.10, noise-10 1.00" in made.record.alt
    assert "ssim shift-1 1.33, noise-5 0.67, noise-10 1.00" in made.record.alt
    assert {"shift 1", "noise 5", "noise 10", "psnr", "ssim"} <= set(texts(made))


def test_results_without_perturbed_copies_have_no_such_figure(tmp_path: Path) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0, "sr-pixel": 1.0})
    assert list(sensitivity.drawings(gather(read([tmp_path / "r.db"])))) == []


@pytest.mark.parametrize(
    ("value", "metric", "higher", "expected"),
    [(20.0, "psnr", True, 0.01), (0.9, "ssim", True, 0.1), (0.3, "lpips-alex", False, 0.3)],
)
def test_a_value_as_an_error(value: float, metric: str, higher: bool, expected: float) -> None:
    assert sensitivity.error(value, metric, higher_is_better=higher) == pytest.approx(expected)
