"""Rescoring: the values that sr_quality would have given, from pictures alone, and only from the right ones."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from bench import protocols, sr_quality
from bench.data import images
from bench.errors import UserError
from bench.metrics import METRICS
from bench.quality import plan, stored, whole
from bench.quality.config import RescoreConfig
from bench.quality.stored import select
from bench.records import Environment, Run
from bench.registry import catalog, upscalers
from bench.rescore import main
from bench.storage.store import Store, now
from tests.bench.storage.test_saved_images import make_old
from tests.schemas import assert_valid

MODELS = ["--models", "bicubic", "nearest"]
PICTURES = Path("results/images/set/x4-johnson2016")
COLUMNS = "dataset, image, image_sha256, model, model_hash, scale, protocol, protocol_hash, metric, metric_version, value"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a data set of three images in `set`: odd sides, one grey, one grey in three channels."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (61, 64, 1), dtype=np.uint8)
    for name, pixels in (
        ("colour", random.integers(0, 256, (62, 67, 3), dtype=np.uint8)),
        ("equal", grey.repeat(3, axis=2)),
        ("grey", grey),
    ):
        images.write(tmp_path / "set" / f"{name}.png", pixels)
    return tmp_path


def scored(*arguments: str) -> None:
    """Run sr_quality on the set."""
    assert sr_quality.main(["./set", *(arguments or (*MODELS, "--metrics", "psnr"))]) == 0


def rows(file: str | Path = "results.db") -> list[tuple[object, ...]]:
    """Every score with all that it depends on, without the run that made it."""
    with sqlite3.connect(file) as db:
        found = db.execute(f"select {COLUMNS} from scores").fetchall()
    db.close()
    return sorted(found)


def change(statement: str) -> None:
    with sqlite3.connect("results.db") as db:
        db.execute(statement)
    db.close()


def refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("rescoring loads no network")


@pytest.mark.parametrize(
    ("protocol", "metrics", "more"),
    [
        ("johnson2016", ["psnr", "ssim", "vif-p"], ["--models", "bicubic", "sr-pixel", "--self-ensemble"]),
        ("johnson2016", ["psnr", "ssim"], [*MODELS, "--scales", "2", "3"]),
        ("rgb", ["psnr", "ssim", "vif-p"], ["--models", "lanczos", "sr-pixel+match"]),
        ("srcnn2014", ["psnr", "ssim"], ["--models", "bicubic", "sr-pixel"]),
    ],
)
def test_every_value_is_that_of_sr_quality_to_the_last_bit(
    here: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, metrics: list[str], more: list[str]
) -> None:
    arguments = ["--protocol", protocol, *more]
    scored(*arguments, "--metrics", *metrics, "--db", "together.db", "--images", "together")
    scored(*arguments, "--metrics", "psnr")
    shutil.rmtree("set")
    monkeypatch.setattr(catalog, "load_upscaler", refuse)
    assert main(["--metrics", *metrics[1:]]) == 0
    assert rows() == rows("together.db")
    assert main(["--metrics", "psnr", "--force"]) == 0
    assert rows() == rows("together.db")


def test_values_of_given_lr_files_and_of_folders_of_images_are_theirs_too(here: Path) -> None:
    scored("--metrics", "psnr", *MODELS)
    shutil.copytree(PICTURES / "lr", "laid/LRbicx4")
    shutil.copytree("set", "laid/GTmod12")
    shutil.copytree(PICTURES / "nearest", "theirs")
    arguments = ["laid", "--lr", "files", "--models", "theirs", "bicubic", "--db"]
    assert sr_quality.main([*arguments, "laid.db", "--metrics", "psnr"]) == 0
    assert main(["--db", "laid.db", "--metrics", "ssim"]) == 0
    assert sr_quality.main([*arguments, "both.db", "--images", "both", "--metrics", "psnr", "ssim"]) == 0
    assert rows("laid.db") == rows("both.db")


def test_the_values_of_large_images_are_theirs_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LARGE_PIXELS", 62 * 66)
    scored(*MODELS, "--metrics", "psnr", "ssim", "--db", "together.db", "--images", "together")
    scored()
    assert main(["--metrics", "ssim"]) == 0
    assert rows() == rows("together.db")


def test_a_metric_of_whole_images_cannot_measure_large_ones(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scored()
    monkeypatch.setattr(plan, "LARGE_PIXELS", 60 * 64)
    assert main(["--metrics", "vif-p"]) == 0
    assert "'grey'" not in capsys.readouterr().err
    monkeypatch.setattr(plan, "LARGE_PIXELS", 0)
    assert main(["--metrics", "gmsd" if METRICS["gmsd"].missing_extra == "" else "vif-p", "--force"]) == 1
    assert "measures whole images, and this one is 64x60" in capsys.readouterr().err


def test_the_same_command_again_computes_nothing_and_looks_at_no_picture(here: Path) -> None:
    scored()
    assert main(["--metrics", "ssim", "psnr"]) == 0
    change("update scores set value = 1.0")
    shutil.rmtree("results")
    assert main(["--metrics", "ssim", "psnr"]) == 0
    assert {row[-1] for row in rows()} == {1.0}
    assert main(["--metrics", "vif-p"]) == 1
    assert {row[-1] for row in rows()} == {1.0}


def test_sr_quality_takes_what_was_rescored(here: Path) -> None:
    scored()
    assert main(["--metrics", "ssim"]) == 0
    change("update scores set value = 1.0")
    scored(*MODELS, "--metrics", "psnr", "ssim")
    assert {row[-1] for row in rows()} == {1.0}


def test_another_version_of_a_metric_is_another_value(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(*MODELS, "--metrics", "psnr", "ssim")
    before = rows()
    change("update scores set value = 1.0")
    monkeypatch.setitem(METRICS, "ssim", replace(METRICS["ssim"], version="2"))
    assert main(["--metrics", "ssim", "psnr", "--json", "r.json"]) == 0
    old, new = ([row for row in rows() if row[-2] == version] for version in ("1", "2"))
    assert {row[-1] for row in old} == {1.0}
    assert [row[-1] for row in new] == [row[-1] for row in before if row[-3] == "ssim"]
    shown = {row["metric"]: set(row["values"].values()) for row in json.loads(Path("r.json").read_text())}
    assert shown["psnr"] == {1.0}
    assert 1.0 not in shown["ssim"]


def test_the_run_is_stored_as_what_it_is_and_the_rows_are_its_own(here: Path) -> None:
    scored()
    assert main(["--metrics", "ssim"]) == 0
    with sqlite3.connect("results.db") as db:
        runs = db.execute("select id, program, command from runs where finished is not null").fetchall()
        assert set(db.execute("select run, metric from scores")) == {(1, "psnr"), (2, "ssim")}
    db.close()
    assert runs[1] == (2, "rescore", '["--metrics", "ssim"]')


def test_only_what_was_asked_for_is_rescored_and_exported(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(*MODELS, "--metrics", "psnr", "--scales", "2", "4")
    scored(*MODELS, "--metrics", "psnr", "--protocol", "rgb")
    chosen = ["--datasets", "set", "--models", "bicubic", "--protocol", "johnson2016", "--scales", "4"]
    assert main(["--metrics", "ssim", *chosen, "--json", "out/r.json", "--csv", "out/r.csv"]) == 0
    assert_valid("rescore", "out/r.json")
    assert {row[3:7] for row in rows() if row[-3] == "ssim"} == {
        ("bicubic", row[4], 4, "johnson2016") for row in rows() if row[3] == "bicubic"
    }
    (shown,) = json.loads(Path("out/r.json").read_text())
    assert (shown["model"], shown["scale"], shown["metric"], shown["n"]) == ("bicubic", 4, "ssim", 3)
    assert len(Path("out/r.csv").read_text().splitlines()) == 4
    out = capsys.readouterr().out
    assert "set x4, protocol johnson2016 (" in out
    assert "json:    out/r.json" in out


def damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:500])


def with_other_pixels(file: Path) -> None:
    pixels = images.read(file)
    pixels[0, 0] ^= 1
    images.write(file, pixels)


def with_another_size(file: Path) -> None:
    images.write(file, images.read(file)[:-4])


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (Path.unlink, "there is no image"),
    (damaged, "truncated"),
    (with_other_pixels, "does not hold the pixels that were scored"),
    (with_another_size, "does not hold the pixels that were scored"),
    (a_folder, "there is no image"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
@pytest.mark.parametrize("model", ["bicubic", "hr"])
def test_a_picture_that_is_not_what_was_scored_costs_itself_alone(
    here: Path, capsys: pytest.CaptureFixture[str], model: str, spoil: Callable[[Path], None], said: str
) -> None:
    scored()
    spoil(PICTURES / model / "grey.png")
    assert main(["--metrics", "ssim"]) == 0
    told = capsys.readouterr()
    assert said in told.err
    who = " (bicubic)" if model == "bicubic" else ""
    assert f"set x4 'grey'{who}: not scored: " in told.err
    assert f"1 time a stored image could not be scored:\n  set x4 grey{who}\n" in told.out
    lost = {("bicubic", "grey")} if who else {("bicubic", "grey"), ("nearest", "grey")}
    found = {(row[3], row[1]) for row in rows() if row[-3] == "ssim"}
    assert found == {(m, i) for m in MODELS[1:] for i in ("colour", "equal", "grey")} - lost


@pytest.mark.parametrize("model", ["bicubic", "hr"])
def test_a_picture_that_was_made_again_is_scored_with_the_next_command(here: Path, model: str) -> None:
    scored(*MODELS, "--metrics", "psnr", "ssim", "--db", "together.db", "--images", "together")
    scored()
    (PICTURES / model / "grey.png").unlink()
    assert main(["--metrics", "ssim"]) == 0
    scored()
    assert main(["--metrics", "ssim"]) == 0
    assert rows() == rows("together.db")


def test_what_cannot_be_scored_at_all_is_status_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored()
    shutil.rmtree(PICTURES / "bicubic")
    assert main(["--metrics", "ssim"]) == 1
    assert {row[3] for row in rows() if row[-3] == "ssim"} == {"nearest"}
    assert "3 times a stored image" in capsys.readouterr().out


def test_a_picture_that_was_compressed_again_is_the_same_picture(here: Path) -> None:
    scored()
    for file in PICTURES.glob("*/*.png"):
        before = file.read_bytes()
        Image.open(file).save(file, compress_level=9)
        assert file.read_bytes() != before
    assert main(["--metrics", "ssim"]) == 0


def test_models_without_pictures_are_named_with_the_command_that_makes_them(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored("--models", "bicubic", "--metrics", "psnr")
    scored("--models", "nearest", "--metrics", "psnr", "--no-images")
    capsys.readouterr()
    for more, status in (([], 0), (["--models", "nearest"], 1), (["--models", "bicubic"], 0)):
        assert main(["--metrics", "ssim", *more]) == status
        said = capsys.readouterr().err
        assert ("3 of 3 images that nearest was scored on are not stored" in said) == (
            more[1:] != ["bicubic"]
        )
    assert main(["--metrics", "ssim", "--models", "nearest"]) == 1
    said = capsys.readouterr().err
    command = said.partition("run: python -m bench.sr_quality ")[2].splitlines()[0]
    assert shlex.split(command) == ["./set", "--models", "nearest", "--metrics", "psnr"]
    assert sr_quality.main(shlex.split(command)) == 0
    assert main(["--metrics", "ssim"]) == 0
    assert {row[3] for row in rows() if row[-3] == "ssim"} == {"bicubic", "nearest"}


def test_pictures_without_a_hash_are_taken_only_when_that_is_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(*MODELS, "--metrics", "psnr", "ssim", "--db", "together.db", "--images", "together")
    scored()
    make_old(Path("results.db"))
    assert main(["--metrics", "ssim"]) == 2
    assert "9 images in results file 'results.db' were stored without a hash" in capsys.readouterr().err
    assert main(["--metrics", "ssim", "--skip-hash-check"]) == 0
    assert rows() == rows("together.db")


def test_trusted_pictures_must_fit_all_the_same(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored()
    make_old(Path("results.db"))
    with_another_size(PICTURES / "bicubic" / "grey.png")
    images.write(PICTURES / "hr" / "colour.png", np.zeros((8, 8, 3), np.uint8))
    assert main(["--metrics", "ssim", "--skip-hash-check"]) == 0
    said = capsys.readouterr().err
    assert "sr is 64x56, must be 64x60: hr cut to a multiple of the scale" in said
    assert "image must be at least 19 pixels per side (got 8x8)" in said


def test_trust_is_not_for_pictures_that_have_a_hash(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored()
    with_other_pixels(PICTURES / "bicubic" / "grey.png")
    assert main(["--metrics", "ssim", "--skip-hash-check"]) == 0
    assert "does not hold the pixels that were scored" in capsys.readouterr().err


def test_pictures_of_an_image_that_changed_are_rescored_as_what_they_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored()
    images.write(Path("set/grey.png"), 255 - images.read(Path("set/grey.png")))
    scored("--models", "bicubic", "--metrics", "psnr")
    assert main(["--metrics", "ssim", "--json", "r.json"]) == 0
    assert "'grey' (nearest): not scored: its image is of another version" in capsys.readouterr().err
    shas = {row[2] for row in rows() if row[1] == "grey"}
    assert len(shas) == 2
    assert len({row[2] for row in rows() if (row[1], row[-3]) == ("grey", "ssim")}) == 1
    scored(*MODELS, "--metrics", "psnr", "ssim", "--db", "together.db", "--images", "together")
    scored()
    assert main(["--metrics", "ssim"]) == 0
    assert set(rows("together.db")) <= set(rows())


def test_a_model_that_was_changed_back_is_rescored_from_its_own_picture(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(*MODELS, "--metrics", "psnr", "ssim", "--db", "together.db", "--images", "together")
    scored()
    other = replace(upscalers.UPSCALERS["lanczos"], name="bicubic")
    with monkeypatch.context() as changed:
        changed.setitem(upscalers.UPSCALERS, "bicubic", other)
        scored()
    scored()
    assert main(["--metrics", "ssim"]) == 0
    assert set(rows("together.db")) <= set(rows())


def test_only_the_newest_version_of_a_model_is_rescored(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored()
    newer = replace(upscalers.UPSCALERS["bicubic"], version="2")
    monkeypatch.setitem(upscalers.UPSCALERS, "bicubic", newer)
    scored("--models", "bicubic", "--metrics", "psnr")
    assert main(["--metrics", "ssim"]) == 0
    assert {row[4] for row in rows() if (row[3], row[-3]) == ("bicubic", "ssim")} == {newer.hash(4)}


def test_a_version_without_pictures_is_not_given_the_values_of_an_older_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scored()
    newer = replace(upscalers.UPSCALERS["bicubic"], version="2")
    monkeypatch.setitem(upscalers.UPSCALERS, "bicubic", newer)
    scored("--models", "bicubic", "--metrics", "psnr", "--no-images")
    assert main(["--metrics", "ssim"]) == 0
    assert "3 of 3 images that bicubic was scored on are not stored" in capsys.readouterr().err
    assert {row[3] for row in rows() if row[-3] == "ssim"} == {"nearest"}


def test_the_results_file_and_its_pictures_can_be_moved_together(here: Path) -> None:
    scored()
    Path("elsewhere").mkdir()
    for name in ("results", "results.db"):
        shutil.move(name, "elsewhere")
    assert main(["--metrics", "ssim", "--db", "elsewhere/results.db"]) == 0


def test_colour_metrics_leave_out_luma_and_are_refused_where_it_was_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(*MODELS, "--metrics", "psnr", "--protocol", "srcnn2014")
    assert main(["--metrics", "vif-p", "--protocol", "srcnn2014"]) == 2
    assert "protocol srcnn2014 has luma only; use another metric" in capsys.readouterr().err
    assert main(["--metrics", "vif-p"]) == 1
    scored()
    assert main(["--metrics", "vif-p"]) == 0
    assert "luma only: skipped" in capsys.readouterr().err


def test_a_protocol_that_measures_what_a_picture_cannot_hold_is_refused(here: Path) -> None:
    scored()
    exact = replace(protocols.johnson2016(4), name="exact", quantize=False)
    machine = Environment(facts={})
    with Store(Path("results.db")) as store:
        store.start(Run(program="t", command=(), started=now(), environment=machine, protocols=(exact,)))
        change(f"update pictures set protocol_hash = '{exact.hash}' where model = 'nearest'")
        change(f"update scores set protocol_hash = '{exact.hash}' where model = 'nearest'")
        said: list[str] = []
        parts = select(store, RescoreConfig(metrics=("psnr",)), said.append).parts
        assert [(part.protocol.name, part.models[0][0]) for part in parts] == [("johnson2016", "bicubic")]
        assert "stored images are rounded to 8 bits" in said[0]
        with pytest.raises(UserError, match=r"measures sr unrounded.*; use another protocol"):
            select(store, RescoreConfig(metrics=("psnr",), protocol=["exact"]), said.append)


def test_a_definition_that_is_not_what_its_hash_says_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored()
    change("update protocols set definition = replace(definition, '\"shave\": 4', '\"shave\": 0')")
    assert main(["--metrics", "ssim"]) == 1
    assert "a row of protocols: hash is 08821999, must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metrics", "nonsense"], "no metric is called 'nonsense'; there are: psnr, ssim"),
        (["--metrics", "ssim", "--models", "srcnn"], "has no model 'srcnn'; there are: bicubic, nearest"),
        (["--metrics", "ssim", "--models", "hr"], "has no model 'hr'"),
        (["--metrics", "ssim", "--datasets", "set5"], "has no data set 'set5'; there are: set"),
        (["--metrics", "ssim", "--protocol", "rgb"], "has no protocol 'rgb'; there are: johnson2016"),
        (["--metrics", "ssim", "--scales", "2"], "has no scale 2; there are: 4"),
        (["--metrics", "ssim", "--device", "gpu"], "device is 'gpu'; must be one of: cpu"),
        (["--metrics", "ssim", "--db", "none.db"], "there is no results file 'none.db'"),
        (["--metrics", "ssim", "--db", "set/grey.png"], "is not a results file"),
        (["--metrics", "ssim", "--json", "set"], "is a folder; must be a file name"),
    ],
)
def test_bad_usage_gets_one_message_and_no_traceback(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    scored()
    before = rows()
    assert main(arguments) in {1, 2}
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert rows() == before


def test_a_results_file_without_scores_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(Path("results.db")).close()
    assert main(["--metrics", "ssim"]) == 2
    assert "has no scores and no images" in capsys.readouterr().err


def test_help_loads_no_torch() -> None:
    code = "import sys; from bench.rescore import parser; parser().format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_hr_is_read_and_prepared_once_and_few_rows_are_held(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored()
    prepared, read, pages = [], [], []
    prepare, reads, page = whole.prepare_one, images.read, Store.saved_image_page
    monkeypatch.setattr(stored, "PAGE", 1)
    monkeypatch.setattr(whole, "prepare_one", lambda *a, **k: prepared.append(1) or prepare(*a, **k))
    monkeypatch.setattr(images, "read", lambda file: read.append(file) or reads(file))
    monkeypatch.setattr(Store, "saved_image_page", lambda *a, **k: pages.append(page(*a, **k)) or pages[-1])
    assert main(["--metrics", "ssim", "vif-p", "psnr"]) == 0
    assert len(prepared) == len(read) == len(set(read)) == 3 * (1 + 2)
    assert [len(found) for found in pages] == [4, 4, 4, 0]  # hr, lr and two models of each image


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures of 30 images; `undisturbed.db` holds what rescoring them gives."""
    folder = tmp_path_factory.mktemp("many")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 72, 3), dtype=np.uint8)
    for i in range(30):
        images.write(folder / "set" / f"{i:03}.png", np.roll(pixels, i, axis=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        scored("--models", "bicubic", "--metrics", "psnr")
        shutil.copy("results.db", "undisturbed.db")
        assert main(["--metrics", "vif-p", "ssim", "--db", "undisturbed.db"]) == 0
    return folder


SLOWLY = """
import sys, time
from bench import rescore
from bench.quality import engine
score_image = engine.score_image
engine.score_image = lambda *given: time.sleep(0.1) or score_image(*given)
sys.exit(rescore.main(["--metrics", "vif-p", "ssim"]))
"""
"""One image at a time, and time between two of them to be stopped in."""


def start(here: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SLOWLY]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    # A shell's background jobs ignore Ctrl-C, and what they start inherits that; a handled signal is not inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for_new(file: Path, process: subprocess.Popen[str], count: int) -> None:
    while process.poll() is None:
        try:
            if sum(row[-3] != "psnr" for row in rows(file)) >= count:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.005)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_to_the_same_result(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    here = tmp_path / "copy"
    shutil.copytree(many, here)
    monkeypatch.chdir(here)
    process = start(here)
    wait_for_new(here / "results.db", process, 4)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    partial = rows()
    assert 30 < len(partial) < 30 * 3, "the run was not stopped in the middle"
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted" in said
        assert "Traceback" not in said
    assert main(["--metrics", "vif-p", "ssim"]) == 0
    assert set(partial) <= set(rows())
    assert rows() == rows("undisturbed.db")
