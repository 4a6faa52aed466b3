"""The numbers of the literature come out of the program on the real sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.sr_quality import main

Means = dict[tuple[str, str, str], float]
CASES = [
    # data set, scale, protocol, model, PSNR, SSIM, tolerances
    ("set5", 4, "johnson2016", "bicubic", 28.431, 0.8113, 0.005, 0.0005),
    ("set5", 4, "srcnn2014", "bicubic", 28.421, 0.8104, 0.005, 0.0005),
    ("set14", 4, "johnson2016", "bicubic", 25.997, 0.7031, 0.005, 0.0005),
    ("set14", 4, "srcnn2014", "bicubic", 26.000, 0.7019, 0.005, 0.0005),
    ("bsd100", 4, "johnson2016", "bicubic", 25.96, 0.667, 0.02, 0.002),
    ("bsd100", 4, "srcnn2014", "bicubic", 25.96, 0.667, 0.02, 0.002),
    ("set5", 8, "johnson2016", "bicubic", 24.40, 0.658, 0.02, 0.003),
    ("set14", 8, "johnson2016", "bicubic", 23.09, 0.564, 0.02, 0.003),
    ("set5", 4, "srcnn2014", "srcnn-955", 30.484, 0.8628, 0.01, 0.001),
    ("set14", 4, "srcnn2014", "srcnn-955", 27.502, 0.7513, 0.01, 0.001),
    ("bsd100", 4, "srcnn2014", "srcnn-955", 26.90, 0.7101, 0.02, 0.002),
    ("set5", 4, "srcnn2014", "srcnn-915", 30.081, 0.8530, 0.01, 0.001),
    ("set14", 4, "srcnn2014", "srcnn-915", 27.202, 0.7413, 0.01, 0.001),
    ("set5", 4, "johnson2016-blur", "bicubic", 27.91, 0.7968, 0.005, 0.0005),
    ("set5", 2, "srcnn2014", "srcnn-955", 36.66, 0.9542, 0.01, 0.001),
    ("set5", 3, "srcnn2014", "srcnn-955", 32.75, 0.9090, 0.01, 0.001),
]
# One image each, x4: PSNR and SSIM to the printed digit.
IMAGES = [
    ("set5", "johnson2016", "bicubic", "baby", 31.79, 0.8577),
    ("set5", "johnson2016", "bicubic", "bird", 30.19, 0.8738),
    ("set5", "johnson2016", "bicubic", "butterfly", 22.10, 0.7374),
    ("set5", "srcnn2014", "srcnn-955", "woman", 28.88, 0.8837),
    ("set5", "srcnn2014", "srcnn-955", "butterfly", 25.45, 0.8565),
    ("set14", "johnson2016", "bicubic", "bridge", 23.15, 0.5403),
    ("set14", "johnson2016", "bicubic", "comic", 21.69, 0.5837),
    ("set14", "srcnn2014", "srcnn-955", "bridge", 23.76, 0.5990),
    ("set14", "srcnn2014", "srcnn-955", "zebra", 26.09, 0.7505),
    ("set14", "srcnn2014", "srcnn-915", "ppt3", 23.84, 0.8670),
]


@pytest.fixture(scope="module")
def table(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """Every row that the cases need, by the program itself."""
    folder = tmp_path_factory.mktemp("published")
    rows: list[dict[str, object]] = []
    for dataset, scale, protocol in dict.fromkeys(case[:3] for case in CASES):
        models = dict.fromkeys(c[3] for c in CASES if c[:3] == (dataset, scale, protocol))
        arguments = [dataset, "--scales", str(scale), "--protocol", protocol, "--models", *models]
        files = ["--db", str(folder / "r.db"), "--no-images", "--json", str(folder / "r.json")]
        assert main([*arguments, "--metrics", "psnr", "ssim", *files]) == 0
        rows += json.loads((folder / "r.json").read_text())
    return rows


def find(
    table: list[dict[str, object]], dataset: str, scale: int, protocol: str, model: str, metric: str
) -> dict[str, object]:
    wanted = {"dataset": dataset, "scale": scale, "protocol": protocol, "model": model, "metric": metric}
    return next(row for row in table if wanted.items() <= row.items())


@pytest.mark.parametrize(
    ("dataset", "scale", "protocol", "model", "psnr", "ssim", "psnr_tol", "ssim_tol"), CASES
)
def test_the_mean_is_the_published_one(
    table: list[dict[str, object]],
    dataset: str,
    scale: int,
    protocol: str,
    model: str,
    psnr: float,
    ssim: float,
    psnr_tol: float,
    ssim_tol: float,
) -> None:
    found = {metric: find(table, dataset, scale, protocol, model, metric) for metric in ("psnr", "ssim")}
    assert found["psnr"]["n"] == {"set5": 5, "set14": 14, "bsd100": 100}[dataset]
    assert found["psnr"]["mean"] == pytest.approx(psnr, abs=psnr_tol)
    assert found["ssim"]["mean"] == pytest.approx(ssim, abs=ssim_tol)


@pytest.mark.parametrize(("dataset", "protocol", "model", "image", "psnr", "ssim"), IMAGES)
def test_the_value_of_an_image_is_the_recorded_one(
    table: list[dict[str, object]],
    dataset: str,
    protocol: str,
    model: str,
    image: str,
    psnr: float,
    ssim: float,
) -> None:
    values = {m: find(table, dataset, 4, protocol, model, m)["values"][image] for m in ("psnr", "ssim")}  # type: ignore[index]
    assert values["psnr"] == pytest.approx(psnr, abs=0.0101)
    assert values["ssim"] == pytest.approx(ssim, abs=0.0005)


LPIPS_OF_BICUBIC = [
    ("johnson2016", {"set5": 0.3443, "set14": 0.4413}, 5e-4),
    ("spsr2020", {"set5": 0.3407, "set14": 0.4393, "bsd100": 0.5249}, 5.1e-5),  # Ma et al. 2020, Table 1
]


@pytest.mark.parametrize(("under", "means", "tolerance"), LPIPS_OF_BICUBIC)
def test_lpips_of_bicubic_is_what_is_printed_under_the_protocol_that_gives_it(
    real_data: Path, tmp_path: Path, under: str, means: dict[str, float], tolerance: float
) -> None:
    rule = ["--protocol", under, "--models", "bicubic", "--metrics", "lpips-alex", "--no-images"]
    assert main([*means, *rule, "--db", str(tmp_path / "r.db"), "--json", str(tmp_path / "r.json")]) == 0
    rows = json.loads((tmp_path / "r.json").read_text())
    assert {row["dataset"]: row["mean"] for row in rows} == pytest.approx(means, abs=tolerance)
