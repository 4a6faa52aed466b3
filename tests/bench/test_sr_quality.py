"""The program, end to end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import images
from bench.data.datasets import dataset
from bench.data.shipped import is_shipped
from bench.registry.upscalers import UPSCALERS
from bench.sr_quality import main
from tests.schemas import assert_valid

FAST = ["--models", "bicubic", "nearest", "--metrics", "psnr", "ssim"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a data set of three images in `set`."""
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "set", 3)
    return tmp_path


def write_set(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for i in range(count):
        images.write(folder / f"{i:03}.png", rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))


def rows(file: Path) -> list[tuple[object, ...]]:
    """Every score in a results file, without the run that made it."""
    with sqlite3.connect(file) as db:
        found = db.execute(
            "select dataset, image, model, metric, protocol_hash, value from scores"
        ).fetchall()
    db.close()
    return sorted(found)


def test_a_table_the_results_file_and_the_images_are_made(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["./set", *FAST]) == 0
    out = capsys.readouterr().out
    assert "set x4, protocol johnson2016 (" in out
    assert "bicubic" in out
    assert len(rows(here / "results.db")) == 3 * 2 * 2
    assert (here / "results/images/set/x4-johnson2016/bicubic/000.png").is_file()


def test_the_json_export_has_the_promised_fields(here: Path) -> None:
    assert main(["./set", *FAST, "--scales", "2", "4", "--json", "out/r.json"]) == 0
    assert_valid("sr_quality", here / "out/r.json")
    table = json.loads((here / "out/r.json").read_text())
    assert len(table) == 2 * 2 * 2
    about = ("model", "dataset", "scale", "protocol", "protocol_hash", "metric", "metric_version")
    assert {tuple(row) for row in table} == {(*about, "mean", "n", "values", "suite_version")}
    first = table[0]
    assert (first["model"], first["dataset"], first["scale"], first["n"]) == ("bicubic", "set", 2, 3)
    assert list(first["values"]) == ["000", "001", "002"]
    assert first["mean"] == pytest.approx(sum(first["values"].values()) / 3, abs=1e-12)


def test_the_same_command_again_computes_nothing(here: Path) -> None:
    main(["./set", *FAST])
    with sqlite3.connect(here / "results.db") as db:
        db.execute("update scores set value = 1.0")
    db.close()
    main(["./set", *FAST])
    assert {row[-1] for row in rows(here / "results.db")} == {1.0}
    main(["./set", *FAST, "--force"])
    assert 1.0 not in {row[-1] for row in rows(here / "results.db")}


def test_a_changed_image_is_scored_again_and_the_table_forgets_the_old_one(here: Path) -> None:
    main(["./set", *FAST, "--json", "before.json"])
    images.write(here / "set" / "000.png", np.zeros((48, 64, 3), np.uint8))
    main(["./set", *FAST, "--json", "after.json"])
    before, after = (json.loads((here / f).read_text())[0]["values"] for f in ("before.json", "after.json"))
    assert after["000"] == "inf"
    assert after["001"] == before["001"]


def test_a_broken_image_is_reported_and_the_table_says_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "set" / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    assert main(["./set", *FAST, "--json", "r.json"]) == 0
    said = capsys.readouterr()
    assert "001.png" in said.err
    assert "1 time an image, or a model on an image, could not be scored:\n  set x4 001\n" in said.out
    assert {row["n"] for row in json.loads((here / "r.json").read_text())} == {2}


def test_strict_stops_with_status_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "set" / "001.png").write_bytes(b"")
    assert main(["./set", *FAST, "--strict"]) == 1
    assert "--strict" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "set5, set14, bsd100"),
        (
            ["./set", "--models", "nonsense"],
            "no model is called 'nonsense'; there are: nearest, bilinear, bicubic",
        ),
        (["./set", "--metrics", "nonsense"], "psnr, ssim"),
        (["./set", "--protocol", "nonsense"], "no protocol is called 'nonsense'; there are: johnson2016"),
        (["./set", "--scales", "1"], "scale is 1; must be an integer of at least 2"),
        (["./set", "--models", "srcnn-955", "--scales", "8"], "srcnn-955 has x2, x3, x4"),
        (["./set", "--limit", "0"], "--limit must be at least 1 (got 0)"),
        (["./set", "--device", "gpu"], "device is 'gpu'; must be one of: cpu"),
        (["./set", "--db", "."], "cannot be opened"),
        (["./set", "--json", "set"], "is a folder; must be a file name"),
        (["./set", "./other/set"], "two data sets are called 'set'"),
    ],
)
def test_bad_usage_gets_one_message_and_no_traceback(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    write_set(here / "other" / "set", 1)
    assert main(arguments) in {1, 2}
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert not (here / "results").exists()


def test_a_metric_named_that_measures_colour_is_refused_for_luma(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.metrics import METRICS

    colour = next(name for name, metric in METRICS.items() if metric.view == "rgb")
    assert main(["./set", "--metrics", colour, "--protocol", "srcnn2014"]) == 2
    assert colour in capsys.readouterr().err


def test_files_that_are_not_to_be_had_leave_out_only_what_needs_them(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERCEPTUAL_BENCH_DATA", str(here / "empty"))
    monkeypatch.setenv("TORCH_HOME", str(here / "empty"))
    assert main(["./set", "--limit", "1", "--json", "r.json"]) == 0
    err = capsys.readouterr().err
    assert "model srcnn-955 skipped" in err
    assert "metrics lpips-alex and feature-relu2_2 skipped: weights not found (" in err
    assert {row["model"] for row in json.loads((here / "r.json").read_text())} == {
        "nearest",
        "bilinear",
        "bicubic",
        "lanczos",
        *(name for name, entry in UPSCALERS.items() if any(map(is_shipped, entry.weights.values()))),
    }
    assert main(["./set", "--metrics", "lpips-alex"]) == 2
    assert "metric lpips-alex cannot run" in capsys.readouterr().err
    assert main(["set5", *FAST]) == 1
    assert "data set set5 skipped" in capsys.readouterr().err


def test_a_disk_that_cannot_take_the_images_keeps_the_scores(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("in the way")
    assert main(["./set", *FAST, "--images", "file/x"]) == 1
    assert "file" in capsys.readouterr().err
    assert rows(here / "results.db")


def test_list_names_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    for name in ("srcnn-955", "set14", "samples", "lpips-vgg", "feature-relu2_2", "srcnn2014"):
        assert name in out


def test_help_loads_no_torch() -> None:
    code = "import sys; from bench.sr_quality import parser; parser().format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def start(here: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.sr_quality", "./many", *FAST, *more]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    # A shell's background jobs ignore Ctrl-C, and what they start inherits that; a handled signal is not inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for_scores(file: Path, process: subprocess.Popen[str], count: int) -> None:
    while process.poll() is None:
        try:
            if file.exists() and len(rows(file)) >= count:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_to_the_same_result(here: Path, how: signal.Signals) -> None:
    write_set(here / "many", 150)
    process = start(here)
    wait_for_scores(here / "results.db", process, 8)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    partial = rows(here / "results.db")
    assert 0 < len(partial) < 150 * 4, "the run was not stopped in the middle"
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted" in err
        assert "Traceback" not in err
    for more in ([], ["--db", "undisturbed.db"]):
        again = start(here, *more)
        _, err = again.communicate(timeout=120)
        assert again.returncode == 0, err
    assert set(partial) <= set(rows(here / "results.db"))
    assert rows(here / "results.db") == rows(here / "undisturbed.db")


def in_layout(root: Path) -> None:
    """`GTmod12` and the lr files that we make, as others lay them out."""
    from bench import degrade

    write_set(root / "GTmod12", 2)
    assert degrade.main([str(root / "GTmod12"), str(root / "LRbicx4"), "--scale", "4"]) == 0


def test_lr_files_of_a_layout_that_equal_ours_give_our_scores_under_a_hash_of_their_own(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_layout(here / "laid")
    for how in ("made", "files"):
        assert main(["laid", *FAST, "--lr", how, "--no-images", "--json", f"{how}.json"]) == 0
    assert "laid: 2 of 2 lr files equal what johnson2016 makes at x4" in capsys.readouterr().err
    made, files = (json.loads((here / f"{how}.json").read_text()) for how in ("made", "files"))
    assert [row["values"] for row in made] == [row["values"] for row in files]
    assert made[0]["protocol_hash"] != files[0]["protocol_hash"]


def test_lr_files_that_are_not_ours_are_used_and_said_to_differ(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_layout(here / "laid")
    file = here / "laid" / "LRbicx4" / "000.png"
    images.write(file, images.read(file) // 2)
    assert main(["laid", *FAST, "--lr", "files"]) == 0
    assert "1 of 2 lr files equal" in capsys.readouterr().err
    (pictures,) = (here / "results/images/laid").glob("x4-johnson2016-lr-*")
    assert np.array_equal(images.read(pictures / "lr" / "000.png"), images.read(file))


def test_lr_files_that_are_not_there_are_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["./set", *FAST, "--lr", "files"]) == 2
    assert "no lr files for x4" in capsys.readouterr().err


def test_a_self_ensemble_is_a_row_of_its_own(here: Path) -> None:
    arguments = ["--models", "bicubic", "sr-pixel", "--metrics", "psnr", "--self-ensemble"]
    assert main(["./set", *arguments, "--limit", "1", "--json", "r.json"]) == 0
    table = {row["model"]: row["mean"] for row in json.loads((here / "r.json").read_text())}
    assert set(table) == {"bicubic", "sr-pixel", "sr-pixel+"}
    assert table["sr-pixel+"] != table["sr-pixel"]


def test_tiles_change_nothing(here: Path) -> None:
    for tile in ("off", "16"):
        arguments = ["--models", "sr-pixel", "--metrics", "psnr", "--limit", "1", "--db", f"{tile}.db"]
        assert main(["./set", *arguments, "--tile", tile]) == 0
    assert rows(here / "off.db") == rows(here / "16.db")


@pytest.mark.parametrize("tile", ["3", "-1", "big"])
def test_a_wrong_tile_is_refused(here: Path, capsys: pytest.CaptureFixture[str], tile: str) -> None:
    assert main(["./set", *FAST, f"--tile={tile}"]) == 2
    assert "must be auto, off, or lr pixels per side of at least 16" in capsys.readouterr().err


@pytest.fixture
def laid(here: Path) -> Path:
    in_layout(Path("laid"))
    return Path("laid")


@pytest.mark.parametrize("damage", ["cut", "16-bit", "empty", "size", "gone to a page"])
@pytest.mark.parametrize("part", [None, "1/2", "2/2"])
def test_a_damaged_lr_file_costs_its_own_image(
    laid: Path, damage: str, part: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sorted(image.stem for image in dataset("laid").images)
    file = Path("laid/LRbicx4") / f"{first}.png"
    pixels = images.read(file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:200])
    elif damage == "16-bit":
        Image.fromarray(pixels[..., 0].astype("uint16") * 257).save(file)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "size":
        images.write(file, pixels[:-1])
    else:
        file.write_bytes(b"<html>not found</html>")
    shard = [] if part is None else ["--shard", part]
    code = main(["laid", *FAST, "--lr", "files", "--json", "r.json", *shard])
    said = capsys.readouterr().err
    assert "lr files equal what johnson2016 makes" in said
    values = {stem for row in json.loads(Path("r.json").read_text()) for stem in row["values"]}
    assert values == (set() if part == "1/2" else {second})
    assert code == (1 if part == "1/2" else 0)
    assert part == "2/2" or f"{first!r}: not scored: " in said


def test_a_damaged_hr_costs_itself_where_lr_files_are_given(laid: Path) -> None:
    first, _ = sorted(image.stem for image in dataset("laid").images)
    file = Path("laid/GTmod12") / f"{first}.png"
    file.write_bytes(file.read_bytes()[:300])
    assert main(["laid", *FAST, "--lr", "files", "--json", "r.json"]) == 0
    assert all(len(row["values"]) == 1 for row in json.loads(Path("r.json").read_text()))


def test_a_wrong_lr_is_refused_with_what_there_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("maded", "made,pattern={stem}", "files,pattern=x", "files,"):
        assert main(["./set", *FAST, "--lr", given]) == 2
        assert "must be made, files, or files,pattern=TEXT" in capsys.readouterr().err


def test_lr_and_results_beside_hr_are_not_scored_as_hr(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in sorted(Path("set").iterdir()):
        pixels = images.read(file)
        images.write(Path("pack") / f"{file.stem}_SRF_4_HR.png", pixels)
        images.write(Path("pack") / f"{file.stem}_SRF_4_LR.png", pixels[::4, ::4])
        images.write(Path("pack") / f"{file.stem}_SRF_4_bicubic.png", pixels)
        images.write(Path("clean") / file.name, pixels)
    assert main(["pack", "clean", *FAST, "--json", "r.json"]) == 0
    pack, clean = (
        {row["dataset"]: row for row in json.loads(Path("r.json").read_text())}[d] for d in ("pack", "clean")
    )
    assert list(pack["values"].values()) == list(clean["values"].values())
    assert "pack: skipped, called lr" in capsys.readouterr().err
