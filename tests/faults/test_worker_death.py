"""A model that ends its thread, or the whole process, costs what was under way and nothing that was stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.sr_quality import main
from tests.faults.forks import Forks
from tests.faults.stage import intact_rows, rows, stage

DEADLY = '''
import os, sys
from pathlib import Path
import torch

calls = 0


def deadly():
    """An upscaler that does something final with the second image, as long as there is a file `fatal`."""
    if Path("fatal").exists() and Path("fatal").read_text() == "load":
        sys.exit(0)

    def enlarge(lr):
        global calls
        if lr.shape[-1] < 40:
            calls += 1
            if calls == 2 and Path("fatal").exists():
                exec(Path("fatal").read_text())
        return torch.nn.functional.interpolate(lr, scale_factor=4, mode="bilinear")

    return enlarge
'''
COMMAND = ["./set", "--metrics", "psnr", "--models", "bicubic", "deadly.py:deadly", "--device", "cpu"]


def deadly(folder: Path, fault: str) -> Path:
    """A stage of four images with the model, whose end `fault` is."""
    stage(folder, 4)
    (folder / "deadly.py").write_text(DEADLY, encoding="utf-8")
    (folder / "fatal").write_text(fault, encoding="utf-8")
    return folder


@pytest.mark.parametrize("status", ["0", "3", "'no licence'"])
def test_a_model_that_exits_costs_itself_that_image_and_the_run_says_so(
    tmp_path: Path, forks: Forks, status: str
) -> None:
    here = deadly(tmp_path / "here", f"sys.exit({status})")
    ended, said = forks.run("sr_quality", COMMAND, here)
    assert ended == 0
    assert "(deadly): not scored: the model failed on an image of 12x12: SystemExit: " in said
    assert "1 time an image, or a model on an image, could not be scored" in said
    assert len(intact_rows(here)) == 4 * 2 - 1
    (here / "fatal").unlink()
    assert forks.run("sr_quality", COMMAND, here)[0] == 0
    assert len(intact_rows(here)) == 4 * 2


def test_a_model_that_exits_when_it_is_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(deadly(tmp_path / "here", "load"))
    assert main(COMMAND) == 2
    assert "error: deadly of 'deadly.py' failed: SystemExit: 0" in capsys.readouterr().err
    Path("deadly.py").write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    assert main(COMMAND) == 2
    assert "error: 'deadly.py' cannot be imported: SystemExit: 0" in capsys.readouterr().err


def test_a_model_that_interrupts_ends_the_run_as_ctrl_c_does(tmp_path: Path, forks: Forks) -> None:
    here = deadly(tmp_path / "here", "raise KeyboardInterrupt")
    ended, said = forks.run("sr_quality", COMMAND, here)
    assert ended == 130
    assert said.endswith("error: interrupted\n")
    assert_the_rest_is_done_by_the_same_command(tmp_path, here, forks)


def test_a_model_that_takes_the_process_with_it_loses_nothing_that_was_stored(
    tmp_path: Path, forks: Forks
) -> None:
    here = deadly(tmp_path / "here", "os._exit(9)")
    assert forks.run("sr_quality", COMMAND, here)[0] == 9
    assert_the_rest_is_done_by_the_same_command(tmp_path, here, forks)


def assert_the_rest_is_done_by_the_same_command(tmp_path: Path, here: Path, forks: Forks) -> None:
    before = intact_rows(here)
    assert len(before) < 4 * 2
    (here / "fatal").unlink()
    whole = deadly(tmp_path / "whole", "")
    for folder in (here, whole):
        assert forks.run("sr_quality", COMMAND, folder)[0] == 0
    assert before <= intact_rows(here)
    assert rows(here / "results.db") == rows(whole / "results.db")
