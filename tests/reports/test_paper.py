"""Every printed number stands once, as printed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path

import pytest

from bench.data.datasets import dataset
from bench.data.published import everything
from bench.metrics import METRICS
from bench.protocols import PROTOCOLS
from bench.registry.upscalers import UPSCALERS
from reports.load.paper import GridTarget, ScoreTarget, cells, entries

BY_ID = {cell.id: cell for cell in cells()}
DOCUMENT = tomllib.loads(resources.files("bench").joinpath("data/paper.toml").read_text(encoding="utf-8"))
# A value or two of every row of every table, typed from PAPER.md.
TYPED = {
    "table1.256.gatys-100": "3.17",
    "table1.256.ours": "0.015",
    "table1.512.gatys-500": "54.85",
    "table1.512.speed-up-500": "1026",
    "table1.1024.gatys-300": "128.66",
    "table1.1024.speed-up-100": "208",
    "figure5.256.content": "4000000",
    "figure5.256.ours-high": "500000",
    "figure5.512.lbfgs-100": "310000",
    "figure5.512.crossing": "80",
    "figure5.1024.lbfgs-500": "305000",
    "figure8.set5.baby.bicubic.psnr": "31.78",
    "figure8.set5.bicubic.ssim": "0.8114",
    "figure8.set14.bicubic.ssim": "0.7301",
    "figure8.bsd100.bicubic.ssim": "0.682",
    "figure8.set5.sr-pixel.psnr": "28.40",
    "figure8.set14.comic.sr-pixel.ssim": "0.5881",
    "figure8.set5.baby.srcnn-915.psnr": "32.99",
    "figure8.set14.comic.srcnn-915.ssim": "0.6524",
    "figure8.set14.srcnn-955.psnr": "27.49",
    "figure8.bsd100.srcnn-955.ssim": "0.7101",
    "figure8.set5.sr-feature.psnr": "27.09",
    "figure8.bsd100.sr-feature.ssim": "63.17",
    "figure9.bsd100.361010.bicubic.psnr": "22.75",
    "figure9.set14.bicubic.ssim": "0.5518",
    "figure9.set5.sr-pixel.psnr": "24.77",
    "figure9.bsd100.sr-pixel.ssim": "0.5526",
    "figure9.bsd100.361010.sr-feature.ssim": "0.6083",
    "figure9.bsd100.sr-feature.psnr": "21.35",
    "rcan2018.x2.set5.bicubic.psnr": "33.66",
    "rcan2018.x2.bsd100.srcnn-955.ssim": "0.8879",
    "rcan2018.x3.set14.bicubic.ssim": "0.7742",
    "rcan2018.x3.set5.srcnn-955.psnr": "32.75",
    "rcan2018.x4.bsd100.bicubic.ssim": "0.6675",
    "rcan2018.x4.set14.srcnn-955.ssim": "0.7513",
    "rcan2018.x4.bsd100.vdsr.ssim": "0.0726",
    "rcan2018.x4.set5.lapsrn.ssim": "0.8850",
    "rcan2018.x4.set14.edsr.psnr": "28.80",
    "rcan2018.x4.bsd100.rdn.ssim": "0.7419",
    "rcan2018.x4.set5.rcan.psnr": "32.63",
    "rcan2018.x8.bsd100.bicubic.psnr": "23.67",
    "rcan2018.x8.set14.srcnn-x8.ssim": "0.5910",
    "rcan2018.x8.set5.vdsr.psnr": "25.93",
    "rcan2018.x8.bsd100.lapsrn.ssim": "0.5860",
    "rcan2018.x8.set5.edsr.ssim": "0.7762",
    "rcan2018.x8.set14.rcan.psnr": "25.23",
    "huang.x2.set5.bicubic.ssim": "0.9929",
    "huang.x2.set14.srcnn-955.psnr": "32.42",
    "huang.x3.set14.srcnn-955.ssim": "0.8209",
    "huang.x4.set14.srcnn-955.psnr": "27.49",
    "huang.x4.bsd100.vdsr.ssim": "0.7251",
    "srgan2017.x4.bsd100.srresnet.psnr": "27.58",
    "srgan2017.x4.set14.srgan.ssim": "0.7397",
    "swinir2021.x4.set5.rrdb.psnr": "32.73",
    "swinir2021.x4.set14.swinir-div2k.ssim": "0.7914",
    "swinir2021.x4.bsd100.swinir-df2k.psnr": "27.92",
    "basicsr.x4.set5.srcnn-955.psnr": "28.43",
    "basicsr.x4.set5.edsr-m.ssim": "0.8641",
    "basicsr.x4.set14.edsr-l.psnr": "27.00",
    "basicsr.x4.set14.esrgan.ssim": "0.6491",
    "basicsr.x4.set5.msrgan.ssim": "0.8087",
    "spsr2020.x4.set14.bicubic.lpips-alex": "0.4393",
    "spsr2020.x4.set14.bicubic.psnr": "26.100",
    "spsr2020.x4.bsd100.natsr.psnr": "26.445",
    "spsr2020.x4.bsd100.srgan.lpips-alex": "0.1980",
    "spsr2020.x4.set5.esrgan.lpips-alex": "0.0748",
    "spsr2020.x4.set14.sftgan.lpips-alex": "0.1481",
    "spsr2020.x4.set5.natsr.lpips-alex": "0.0939",
    "spsr2020.x4.bsd100.spsr.lpips-alex": "0.1611",
    "lpips.examples.p0.lpips-vgg": "0.569",
    "lpips.examples.p1.lpips-vgg": "0.422",
    "lpips.examples.p0.lpips-alex": "0.722",
    "lpips.examples.p1.lpips-alex": "0.138",
}
# Counted by hand: rows x columns x numbers in each.
COUNTS = {
    "table1": 3 * 7,
    "figure5": 3 * 12,
    "figure8": 4 * 5 * 2,
    "figure9": 3 * 4 * 2,
    "rcan2018": (2 + 2 + 7 + 6) * 3 * 2,
    "huang": 1 + 2 + 2 + 2 + 1,
    "srgan2017": 2 * 3 * 2,
    "swinir2021": 3 * 3 * 2,
    "basicsr": 5 * 2 * 2,
    "spsr2020": (6 + 5) * 3,
    "lpips": 4,
}


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(cells())


def test_every_table_has_as_many_numbers_as_were_counted_by_hand() -> None:
    assert Counter(entry.source for entry in entries()) == COUNTS


def test_the_papers_own_numbers_come_first_in_its_order() -> None:
    sources = list(dict.fromkeys(entry.source for entry in entries()))
    assert sources[:4] == ["table1", "figure5", "figure8", "figure9"]


@pytest.mark.parametrize(("name", "printed"), TYPED.items())
def test_a_number_is_the_one_that_was_typed_by_hand(name: str, printed: str) -> None:
    assert BY_ID[name].printed == printed


def test_every_row_of_every_table_was_typed_once_at_least() -> None:
    rows = {(t["id"], model) for t in DOCUMENT["scores"] for model, *_ in t["rows"]}
    rows |= {(grid["id"], size) for grid in DOCUMENT["grid"] for size, *_ in grid["rows"]}
    missing = {
        (table, row)
        for table, row in rows
        if not any(name.startswith(f"{table}.") and f".{row}." in f"{name}." for name in TYPED)
    }
    assert not missing


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("figure8.set14.bicubic.ssim", 0.7031),
        ("figure8.bsd100.bicubic.ssim", 0.6682),
        ("figure8.bsd100.sr-feature.ssim", 0.6317),
        ("rcan2018.x4.bsd100.vdsr.ssim", 0.7251),
        ("huang.x2.set5.bicubic.ssim", 0.9299),
    ],
)
def test_a_misprint_counts_as_what_it_means(name: str, likely: float) -> None:
    cell = BY_ID[name]
    assert (cell.standing, cell.value, cell.decimals) == ("misprint", likely, 4)
    assert float(cell.printed) != likely
    assert cell.remark


def test_nothing_else_is_a_misprint() -> None:
    assert sum(cell.standing == "misprint" for cell in cells()) == 5
    assert sum(bool(cell.likely) for cell in cells()) == 5


def test_what_cannot_be_had_is_figure_9s_bicubic_row_figure_5_and_what_has_no_model_or_picture() -> None:
    cannot = Counter(entry.source for entry in entries() if entry.cannot)
    assert cannot == {"figure9": 8, "figure5": 33, "rcan2018": 6, "lpips": 4}
    assert all("bicubic" in e.cell.id for e in entries() if e.cannot and e.source == "figure9")
    assert all("srcnn-x8" in e.cell.id for e in entries() if e.cannot and e.source == "rcan2018")


def test_standings_are_those_of_the_sources() -> None:
    standing = {source: {e.cell.standing for e in entries() if e.source == source} for source in COUNTS}
    assert standing["figure5"] == {"digitised"}
    assert standing["table1"] == {"printed"}
    assert BY_ID["lpips.examples.p0.lpips-vgg"].standing == "printed"
    assert BY_ID["lpips.examples.p0.lpips-alex"].standing == "calculated"


def test_every_remark_is_on_something_and_a_misprint_on_one_number_named_in_full() -> None:
    for remark in DOCUMENT["remark"]:
        for pattern in remark["cells"]:
            assert any(fnmatchcase(name, pattern) for name in BY_ID), pattern
        if "likely" in remark:
            assert set(remark["cells"]) <= set(BY_ID)


def test_targets_name_what_the_suite_knows() -> None:
    for entry in entries():
        if not isinstance(entry.target, ScoreTarget):
            continue
        target = entry.target
        assert target.metric in METRICS
        assert target.protocol == entry.cell.protocol
        assert target.protocol in PROTOCOLS
        known = {*UPSCALERS, "sr-pixel", "sr-feature"}
        assert target.brought == (target.model not in known), target.model


def test_single_images_are_files_of_their_data_sets() -> None:
    named = {
        (e.target.dataset, e.target.image)
        for e in entries()
        if isinstance(e.target, ScoreTarget) and e.target.image
    }
    assert named == {("set5", "baby"), ("set14", "comic"), ("bsd100", "361010")}
    for name, image in named:
        assert image in {file.stem for file in dataset(name).images}


def test_protocols_are_the_ones_that_gave_the_numbers() -> None:
    assert BY_ID["figure8.set5.bicubic.psnr"].protocol == "johnson2016"
    assert BY_ID["figure8.set5.srcnn-955.psnr"].protocol == "srcnn2014"
    assert BY_ID["figure8.set5.baby.srcnn-915.psnr"].protocol == "johnson2016"
    assert BY_ID["rcan2018.x3.set5.bicubic.psnr"].protocol == "srcnn2014"
    assert BY_ID["rcan2018.x8.set5.bicubic.psnr"].protocol == "johnson2016"
    assert BY_ID["basicsr.x4.set5.srcnn-955.psnr"].protocol == "rgb"
    assert BY_ID["spsr2020.x4.set5.bicubic.psnr"].protocol == "johnson2016"
    assert BY_ID["spsr2020.x4.set5.bicubic.lpips-alex"].protocol == "spsr2020"


def test_what_stands_below_the_programs_tables_is_the_same() -> None:
    """By the other reader of the file."""
    short = {t["id"]: t["short"] for t in DOCUMENT["scores"] if "short" in t}
    found = {
        (value.source, value.dataset, value.scale, value.model, metric): text
        for value in everything()
        for metric, text in value.values.items()
    }
    for entry in entries():
        target, cell = entry.target, entry.cell
        table = cell.id.rpartition(".")[0]
        if isinstance(target, ScoreTarget) and not target.image and not target.brought:
            name = next((t for t in short if table.startswith(f"{t}.")), None)
            if name is not None and target.protocol != "spsr2020":  # in reports alone, below its own protocol
                key = (short[name], target.dataset, target.scale, target.model, target.metric)
                assert found.pop(key) == cell.printed + " (sic)" * bool(cell.likely)
    assert not found


def test_sizes_of_grids_are_the_papers() -> None:
    sizes = {e.target.size for e in entries() if isinstance(e.target, GridTarget)}
    assert sizes == {256, 512, 1024}


def test_the_numbers_load_no_torch_and_no_pandas() -> None:
    code = (
        "import sys; from reports.load import paper; paper.cells(); "
        "sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
