"""Folders of images: paired by name, whatever does not pair named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.data import images
from bench.sr_quality import main

SCORE = ["--metrics", "psnr", "--no-images", "--json", "r.json"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photographs: Path) -> Path:
    """A folder with a data set `set` and what bicubic made of it in `made`."""
    monkeypatch.chdir(tmp_path)
    assert main(["./set", "--models", "bicubic", "--metrics", "psnr", "--db", "made.db"]) == 0
    shutil.copytree("results/images/set/x4-johnson2016/bicubic", "made")
    return tmp_path


def values(model: str) -> dict[str, float]:
    (row,) = [row for row in json.loads(Path("r.json").read_text()) if row["model"] == model]
    return row["values"]


def test_a_folder_scores_as_the_model_that_made_it(here: Path) -> None:
    assert main(["./set", "--models", "bicubic", "made/", *SCORE]) == 0
    assert values("made") == values("bicubic")


def test_endings_are_stripped_and_said_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in list(Path("made").iterdir()):
        file.rename(file.with_name(f"{file.stem}_x4.png"))
    assert main(["./set", "--models", "made", *SCORE]) == 0
    assert "taken without their ending: 'one_x4.png' for 'one' and 1 more" in capsys.readouterr().err
    assert len(values("made")) == 2


def test_every_missing_extra_or_wrong_sized_file_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("made/one.png").rename("made/else.png")
    pixels = images.read(Path("made/two.png"))
    images.write(Path("made/two.png"), pixels[:-1])
    assert main(["./set", "--models", "made", *SCORE]) == 1
    said = capsys.readouterr().err
    assert "made: no file for 'one'" in said
    assert "made: no hr image for 'else.png'" in said
    assert f"'one' (made): not scored: the folder {str(Path('made').absolute())!r} has no file for it" in said
    assert "'two' (made): not scored: sr is 128x99" in said


def test_changed_images_are_scored_again(here: Path) -> None:
    assert main(["./set", "--models", "made", *SCORE]) == 0
    before = values("made")
    pixels = images.read(Path("made/one.png"))
    pixels[:20] = 0
    images.write(Path("made/one.png"), pixels)
    assert main(["./set", "--models", "made", *SCORE]) == 0
    assert values("made")["one"] < before["one"]
    assert values("made")["two"] == before["two"]


def test_data_set_and_scale_stand_in_the_path(here: Path) -> None:
    shutil.copytree("made", "all/set/x4")
    assert main(["./set", "--models", "all/{dataset}/x{scale},name=mine", *SCORE]) == 0
    assert len(values("mine")) == 2


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("set/../empty", "no image in 'set/../empty' has the name of one of set"),
        ("all/{dataset},name=x", "there is no folder 'all/set'; must be the images for set at x4"),
        ("made,range=255", "option range=255; must be one of those of a folder: name, scale"),
        ("made,scale=2", "none of the models has weights for x4: made has x2"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], model: str, said: str
) -> None:
    Path("empty").mkdir()
    assert main(["./set", "--models", model, *SCORE]) == 2
    assert said in capsys.readouterr().err.replace(
        f"{Path.cwd()}/", ""
    )  # folders are absolute from the start


def test_two_models_of_one_name_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree("made", "other/made")
    assert main(["./set", "--models", "made", "other/made", *SCORE]) == 2
    assert (
        "'made' and 'other/made' are both called 'made'; must be different names" in capsys.readouterr().err
    )
    assert main(["./set", "--models", "made", "other/made,name=Made", *SCORE]) == 2
    assert "are both called 'Made', but for upper and lower case; must be" in capsys.readouterr().err
    assert main(["./set", "--models", "bicubic", "made,name=bicubic", *SCORE]) == 2
    assert "which is taken" in capsys.readouterr().err


def test_only_sr_quality_takes_a_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench import apply, speed

    assert apply.main(["made", "set/one.png", "--out", "out"]) == 2
    assert "is a folder of images, which cannot be run; must be a network" in capsys.readouterr().err
    assert speed.main(["--models", "made", "--sizes", "64"]) == 2
    assert "is a folder of images" in capsys.readouterr().err


def test_images_of_another_scale_are_refused_by_name_and_left_out_where_others_are_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in list(Path("made").iterdir()):
        file.rename(file.with_name(f"{file.stem}_x4_SR.png"))
    assert main(["./set", "--scales", "2", "--models", "made", "bicubic", *SCORE]) == 2
    assert (
        "holds no image for set at x2: 'one_x4_SR.png', 'two_x4_SR.png' say another scale"
        in capsys.readouterr().err
    )
    assert main(["./set", "--scales", "2", "4", "--models", "made", "bicubic", *SCORE]) == 0
    assert "model made is skipped at x2" in capsys.readouterr().err
    assert len(values("made")) == 2


def test_a_pattern_says_how_the_files_are_called(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["./set", "--models", "made", *SCORE]) == 0
    before = values("made")
    for file in list(Path("made").iterdir()):
        file.rename(file.with_name(f"{file.stem}_of_{file.stem[0]}.png"))
    images.write(Path("made/one_RCAN_x4.png"), images.read(Path("made/one_of_o.png")))
    images.write(Path("made/two_RCAN_x4.png"), images.read(Path("made/two_of_t.png")))
    assert main(["./set", "--models", "made,pattern={stem}_RCAN_x{scale}", *SCORE]) == 0
    assert values("made") == before
    assert main(["./set", "--models", "made,pattern=RCAN", *SCORE]) == 2
    assert "must be how the files are called, with {stem} in it once" in capsys.readouterr().err


def test_a_folder_that_is_hr_is_scored_and_said_to_be_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("set", "copy")
    assert main(["./set", "--models", "copy", "bicubic", *SCORE]) in {0, 1}
    said = capsys.readouterr()
    assert "(copy): sr is hr to the last bit; make sure that it is no copy of hr" in said.err
    assert "* psnr of copy: no mean; infinite on" in said.out
