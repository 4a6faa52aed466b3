"""Outputs never touch inputs, whatever leads to them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench import compare, explain, outputs, preference, rescore, sr_quality
from bench.data import images
from bench.errors import UserError
from bench.outputs import check_clashes, same_path, store_files
from reports.__main__ import main as report
from tests.stores import fill

FAST = ["--models", "bicubic", "--metrics", "psnr", "--device", "cpu"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a folder with a data set."""
    monkeypatch.chdir(tmp_path)
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        images.write(Path(f"set/p{i}.png"), pixels)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    return err


def test_an_output_that_leads_to_an_input_is_refused_by_name_link_and_hard_link(here: Path) -> None:
    file = here / "set" / "p0.png"
    (here / "soft.json").symlink_to(file)
    os.link(file, here / "hard.json")
    for output in (file, here / "soft.json", here / "hard.json", here / "set" / ".." / "set" / "p0.png"):
        with pytest.raises(
            UserError, match=r"--json .* is an input, which is never overwritten: it is an image"
        ):
            check_clashes(reads=[("an image", file)], writes=[("--json", output)])


def test_two_outputs_never_share_a_path(here: Path) -> None:
    (here / "link").symlink_to(here)
    for other in ("x", "./x", "link/x", str(here / "x")):
        with pytest.raises(UserError, match=r"--csv is .* which is one path"):
            check_clashes(writes=[("--json", "x"), ("--csv", other)])
    with pytest.raises(UserError, match="one path"):
        check_clashes(writes=[*store_files("--db", "r.db"), ("--json", "r.db-wal")])
    with pytest.raises(UserError, match="one path"):
        check_clashes(writes=[("--json", "x")], folders_written=[("--images", "x")])


def test_names_that_differ_in_case_are_one_where_the_file_system_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not same_path("a.json", "A.json")
    monkeypatch.setattr(outputs, "ignores_case", lambda path: True)
    assert same_path("a.json", "A.json")
    assert same_path("\u00e9.json", "E\u0301.json")
    with pytest.raises(UserError, match="one path"):
        check_clashes(writes=[("--json", "a"), ("--csv", "A")])


def test_a_device_is_no_file_that_can_be_overwritten() -> None:
    check_clashes(writes=[("--json", "/dev/stdout"), ("--csv", "/dev/stdout")])


@pytest.mark.parametrize(
    "options",
    [
        ["--db", "r.db", "--json", "r.db"],
        ["--db", "r.db", "--csv", "r.db-wal"],
        ["--json", "x", "--csv", "x"],
        ["--json", "x", "--markdown", "./x"],
        ["--json", "set/p0.png"],
        ["--latex", "link.png"],
        ["--images", "set"],
        ["--db", "set/p1.png"],
    ],
)
def test_a_run_whose_output_is_an_input_or_another_output_writes_nothing(
    here: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("link.png").symlink_to("set/p0.png")
    before = [file.read_bytes() for file in sorted(Path("set").iterdir())]
    assert sr_quality.main(["./set", *FAST, *options]) == 2
    assert "use another" in refused(capsys)
    assert [file.read_bytes() for file in sorted(Path("set").iterdir())] == before
    assert not Path("results/images").exists()


def test_the_file_of_a_model_is_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    code = "def bicubic2():\n    from baselines.bicubic import Bicubic\n    return Bicubic(scale=4)\n"
    Path("m.py").write_text(code)
    model = ["--models", "m.py:bicubic2,multiple=2", "--metrics", "psnr", "--device", "cpu"]
    assert sr_quality.main(["./set", *model, "--json", "m.py"]) == 2
    assert "it is the model 'm.py'" in refused(capsys)
    assert Path("m.py").read_text() == code


def test_a_folder_that_a_model_is_read_from_is_not_written_into(capsys: pytest.CaptureFixture[str]) -> None:
    assert sr_quality.main(["./set", *FAST, "--images", "oh"]) == 0
    (folder,) = Path("oh/set").iterdir()
    before = (folder / "bicubic" / "p0.png").read_bytes()
    capsys.readouterr()
    theirs = ["--models", "bicubic", f"{folder}/bicubic,name=theirs", "--metrics", "psnr", "--device", "cpu"]
    assert sr_quality.main(["./set", *theirs, "--images", "oh"]) == 2
    assert "it is the folder of theirs" in refused(capsys)
    assert (folder / "bicubic" / "p0.png").read_bytes() == before
    assert sr_quality.main(["./set", *theirs, "--images", "elsewhere"]) == 0


@pytest.mark.parametrize("name", ["crops", "hr", "lr", "Crops", "content"])
def test_no_model_is_called_like_a_folder_beside_the_models(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sr_quality.main(["./set", "--models", f"set,name={name}", "--metrics", "psnr"]) == 2
    assert "which is taken" in refused(capsys)


def test_exports_of_the_readers_never_replace_what_they_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(here / "r.db", levels={"bicubic": 0.0, "sr-pixel": 1.0}, pictures=here / "pictures")
    stored = (here / "r.db").read_bytes()
    shown = next((here / "pictures").rglob("*.png"))
    assert compare.main(["bicubic", "sr-pixel", "--db", "r.db", "--json", "r.db"]) == 2
    refused(capsys)
    assert rescore.main(["--metrics", "psnr", "--db", "r.db", "--json", "r.db"]) == 2
    refused(capsys)
    assert rescore.main(["--metrics", "psnr", "--db", "r.db", "--csv", str(shown)]) == 2
    assert "a stored image" in refused(capsys)
    assert explain.main(["set/p0.png", "set/p1.png", "--json", "set/p1.png"]) == 2
    refused(capsys)
    assert images.read(here / "set" / "p1.png").shape == (48, 48, 3)
    assert images.read(shown).ndim == 3
    rep = here / "rep"
    rep.mkdir()
    (rep / "index.html").write_bytes(stored)
    assert report([str(rep / "index.html"), "--out", str(rep), "--force", "--no-pdf"]) == 2
    assert "would be replaced" in refused(capsys)
    assert (rep / "index.html").read_bytes() == stored


def test_the_key_of_a_study_is_not_replaced_by_its_result(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(here / "r.db", levels={"a": 0.0, "b": 1.0}, pictures=here / "pictures")
    build = ["build", "a", "b", "--dataset", "set5", "--db", "r.db", "--out", "study"]
    assert preference.main(build) == 0
    key = Path("study/key.json").read_bytes()
    Path("answer.json").write_text("{}")
    capsys.readouterr()
    for target in ("study/key.json", "answer.json"):
        score = ["score", "answer.json", "--key", "study/key.json", "--json", target]
        assert preference.main(score) == 2
        refused(capsys)
    assert Path("study/key.json").read_bytes() == key
    assert preference.main([*score[:-2], "--seed", "-1"]) == 2
    assert "--seed must be at least 0 (got -1)" in refused(capsys)


def test_a_rescored_table_is_written_whole_or_not_at_all(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sr_quality.main(["./set", *FAST, "--db", "r.db"]) == 0
    Path("old.json").write_text("old")
    real = Path.write_text

    def full(self: Path, *rest: object, **more: object) -> int:
        if self.name != "old.json":
            real(self, "half")
            raise OSError(28, "No space left on device", str(self))
        return real(self, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    assert rescore.main(["--metrics", "ssim", "--db", "r.db", "--json", "old.json", "--device", "cpu"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert Path("old.json").read_text() == "old"
