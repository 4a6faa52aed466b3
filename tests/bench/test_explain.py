"""`python -m bench.explain`, end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.data import images
from bench.explain import main
from bench.sr_quality import main as sr_quality
from tests.schemas import assert_valid


def picture(seed: int, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = np.repeat(
        np.repeat(rng.integers(0, 256, (shape[0] // 8, shape[1] // 8, 3)), 8, axis=0), 8, axis=1
    )
    return smooth.astype(np.uint8)


def noisy(hr: np.ndarray, seed: int = 9) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 6, hr.shape)
    return np.clip(hr + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with `hr` and, under other names, `sr`, of two images each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    for i, name in enumerate(("baby", "bird")):
        images.write(tmp_path / "hr" / f"{name}.png", picture(i))
        images.write(tmp_path / "sr" / f"{name}_x4.png", noisy(picture(i)))
    return tmp_path


def test_two_images_are_explained(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sr/baby_x4.png", "hr/baby.png"]) == 0
    out = capsys.readouterr().out
    assert "1 image, scale 4" in out
    for text in (
        "PSNR ",
        " dB apart, over",
        "SSIM ",
        "basicsr",
        "[pyiqa: psnry, ssimc]",
        "skimage",
        "y-edsr",
    ):
        assert text in out


def test_two_folders_are_paired_by_name_and_said_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sr", "hr", "--json", "out/o.json"]) == 0
    said = capsys.readouterr()
    assert "2 images, scale 4" in said.out
    assert "2 names pair only without an ending" in said.err
    assert_valid("explain", here / "out/o.json")
    content = json.loads((here / "out/o.json").read_text())
    assert content["images"] == ["baby", "bird"]
    first = content["conventions"][0]
    assert first["value"] == pytest.approx(sum(first["values"]) / 2)
    assert {"of-images", "pooled"} == {c["mean"] for c in content["conventions"] if c["metric"] == "psnr"}
    assert content["likes"]["pytorch-ssim"]["psnr"] is None
    assert content["findings"][0]["kind"] == "stems"


def test_a_data_set_may_be_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.data.datasets import samples_folder

    (here / "mine").mkdir()
    hr = images.read(samples_folder() / "coins.png")
    images.write(here / "mine" / "coins.png", noisy(hr)[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4])
    assert main(["mine", "samples", "--like", "basicsr"]) == 0
    said = capsys.readouterr()
    assert "1 image of 7 expected" in said.out
    assert "no file for 'astronaut', 'camera'" in said.err
    assert "hr is cropped to that" in said.err


def test_like_prints_one_library_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sr", "hr", "--like", "kair"]) == 0
    out = capsys.readouterr().out
    assert "what kair prints" in out
    assert "PSNR_Y, SSIM_Y" in out
    assert "skimage" not in out


def test_match_names_the_convention_and_says_when_there_is_none(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sr", "hr", "--json", "o.json"])
    psnr = json.loads((here / "o.json").read_text())["likes"]["basicsr: test_y_channel"]["psnr"]
    capsys.readouterr()
    assert main(["sr", "hr", "--match", f"{psnr:.4f}"]) == 0
    out = capsys.readouterr().out
    assert f"{psnr:.4f} dB (+- 5e-05) is what" in out
    assert "[basicsr: test_y_channel]" in out
    assert main(["sr", "hr", "--match", "99.99"]) == 1
    assert "no convention gives 99.99 dB (+- 0.005); the nearest:" in capsys.readouterr().out
    assert main(["sr", "hr", "--match", "99.99", "--tolerance", "90"]) == 0


def test_all_shows_ranges_taken_wrongly(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["sr/baby_x4.png", "hr/baby.png", "--all"])
    assert "peak twice" in capsys.readouterr().out


def test_a_stored_result_is_explained(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sr_quality(["./hr", "--models", "bicubic", "--metrics", "psnr", "ssim", "--json", "s.json"]) == 0
    stored = {row["metric"]: row["mean"] for row in json.loads((here / "s.json").read_text())}
    shutil.move(here / "results.db", here / "elsewhere.db")
    shutil.copytree(here / "results", here / "moved" / "results")
    arguments = ["--dataset", "hr", "--model", "bicubic"]
    assert main(["--db", "elsewhere.db", *arguments, "--json", "o.json"]) == 0
    bench = json.loads((here / "o.json").read_text())["likes"]["bench"]
    assert bench["psnr"] == pytest.approx(stored["psnr"], abs=1e-5)
    assert bench["ssim"] == pytest.approx(stored["ssim"], abs=1e-6)
    capsys.readouterr()
    assert main(["--db", "elsewhere.db", "--dataset", "hr", "--model", "nope"]) == 2
    assert "there are images of: bicubic" in capsys.readouterr().err


def test_kernels_need_hr_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kernels", "hr"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[2:] if line.strip()][:3] == [
        "matlab",
        "pillow",
        "opencv",
    ]
    assert main(["--kernels", "hr/baby.png", "--scale", "2"]) == 0


def test_what_does_not_fit_is_named_and_left_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(here / "sr" / "bird_x4.png", picture(1, (56, 72)))
    images.write(here / "sr" / "cat.png", picture(2))
    (here / "hr" / "cow.png").write_bytes(b"no image")
    images.write(here / "sr" / "cow.png", picture(3))
    assert main(["sr", "hr", "--like", "basicsr"]) == 0
    said = capsys.readouterr()
    assert "1 image of 3 expected" in said.out
    assert "refuse (size) bird: sr is 72x56, hr is 64x48" in said.err
    assert "no hr image for 'cat.png'" in said.err
    assert "cow.png' is not an image" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.png", "hr"], "there is no file or folder 'nope.png'"),
        (["sr/baby_x4.png", "hr"], "is a file and 'hr' is a folder; must be two images, or two folders"),
        (["sr", "hr/baby.png"], "must be two images, or two folders"),
        (["sr", "nonsense"], "must be a folder of images, or one of"),
        (["sr", "hr", "--like", "nope"], "no rule is known for 'nope'; there are: basicsr"),
        (["sr", "hr", "--match", "x"], "--match must be a number"),
        (["sr", "hr", "--match", "3", "--tolerance", "-1"], "--tolerance must be 0 or more (got -1.0)"),
        (["twins", "hr"], "two files fit the hr image 'baby': 'baby-x4.png', 'baby_x4.png'"),
        (["others", "hr"], "no image of 'others' pairs with one of 'hr': no file for 'baby', 'bird'"),
        (["small", "hr"], "no pair can be measured"),
        (["empty", "hr"], "'empty' holds no image"),
        (["--db", "no.db", "--dataset", "hr", "--model", "m"], "there is no results file 'no.db'"),
        (["sr", "hr", "--json", "hr"], "is a folder; must be a file name"),
    ],
)
def test_bad_usage_gets_one_message_and_no_traceback(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    for name in ("baby-x4", "baby_x4"):
        images.write(here / "twins" / f"{name}.png", picture(0))
    images.write(here / "others" / "dog.png", picture(0))
    images.write(here / "small" / "baby.png", picture(0, (16, 16)))
    (here / "empty").mkdir()
    assert main(arguments) in {1, 2}
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [[], ["sr"], ["sr", "hr", "more"], ["--kernels", "sr", "hr"], ["--db", "x"], ["sr", "hr", "--model", "m"],
     ["sr", "hr", "--scale", "0"], ["--db", "x", "--dataset", "a", "--model", "m", "sr"]],
)  # fmt: skip
def test_paths_that_do_not_go_together_are_bad_usage(here: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_names_cannot_command_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images.write(here / "odd" / "\x1b[2J.png", picture(0))
    images.write(here / "odd_sr" / "\x1b[2J.png", noisy(picture(0)))
    assert main(["odd_sr", "odd", "--like", "piq"]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bench.explain import parser; parser().format_help(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'scipy', 'rich')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_equal_images_have_the_80_db_that_pyiqa_and_piq_print(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        images.write(tmp_path / name, pixels)
    assert main([str(tmp_path / "a.png"), str(tmp_path / "b.png"), "--match", "80"]) == 0
    out = capsys.readouterr().out
    assert "80 dB (+- 0.5) is what" in out
    assert "pyiqa" in out
    assert "piq" in out
