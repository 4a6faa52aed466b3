"""What every program shares."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench import cli
from bench.__main__ import PROGRAMS
from bench.__main__ import main as bench_main
from bench.data.download import ByteBar
from bench.errors import RunError, UserError


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UserError("x is 1; must be 2"), 2, "error: x is 1; must be 2"),
        (RunError("stopped"), 1, "error: stopped"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "a.png"),
            1,
            "error: No space left on device: 'a.png'",
        ),
    ],
)
def test_an_error_becomes_one_message_and_a_status(
    error: BaseException, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def body() -> int:
        raise error

    assert cli.guard(body) == status
    assert capsys.readouterr().err == f"{message}\n"


def test_a_defect_names_the_file_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.guard(lambda: {}["weight"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    log = re.search(r"please report (\S+)", err)
    assert log
    file = Path(log[1])
    assert "KeyError" in file.read_text()
    file.unlink()


def test_auto_takes_what_the_machine_has() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert cli.device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "cpu:1", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="must be one of: cpu"):
        cli.device(name)


def test_the_list_names_every_program_and_every_program_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_main([]) == 0
    out = capsys.readouterr().out
    folder = Path(cli.__file__).parent
    programs = {f.stem for f in folder.glob("*.py") if 'if __name__ == "__main__":' in f.read_text()} - {
        "__main__"
    }
    assert programs | {"reports"} == PROGRAMS.keys()
    assert all(name in out for name in programs)


def test_a_program_is_run_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_main(["sr_quality", "--list"]) == 0
    assert "bicubic" in capsys.readouterr().out
    assert bench_main(["sr-qality"]) == 2
    assert (
        "no program is called 'sr-qality' (did you mean sr_quality?); there are:" in capsys.readouterr().err
    )


def test_the_console_script_runs_ours_in_a_folder_with_packages_called_alike(tmp_path: Path) -> None:
    for name in ("bench", "models"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / "mine" / name / "__init__.py").write_text("raise SystemExit('theirs')\n")
    script = tmp_path / "bin" / "perceptual-bench"
    script.parent.mkdir()
    script.write_text("import sys\nfrom bench.__main__ import console\nsys.exit(console())\n")
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(script), "sr_quality", "samples", "--limit", "1", "--models", "bicubic"],
        cwd=tmp_path / "mine",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "bicubic" in done.stdout


def test_a_users_module_called_like_ours_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("x = 1\n")
    command = [sys.executable, "-m", "bench.sr_quality", "samples", "--models", "sr-pixel", "--limit", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(
        [*command, "--metrics", "psnr"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_large_download_says_how_far_it_is_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.data.download.PLAIN_LINE_EVERY_SECONDS", 0.0)
    small, large = ByteBar("small.png"), ByteBar("large.pth")
    for bar, size in ((small, 100), (large, 64_000_000)):
        bar.total = size
        bar.update(size // 4)
        bar.close()
    assert capsys.readouterr().err == "large.pth: 16 of 64 MB\n"


def test_a_large_download_has_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    bar = ByteBar("large.pth")
    bar.total = 64_000_000
    bar.update(32_000_000)
    assert (bar.screen.tasks[0].completed, bar.screen.tasks[0].total) == (32_000_000, 64_000_000)
    bar.close()
    bar.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
