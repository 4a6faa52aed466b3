"""What every program shares."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bench import cli
from bench.__main__ import PROGRAMS
from bench.__main__ import main as bench_main
from bench.data.download import ByteBar
from bench.errors import RunError, UserError
from bench.text import fitted, log


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


def test_progress_names_what_is_being_worked_on_and_not_what_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "PLAIN_LINE_EVERY_SECONDS", 0.0)
    with cli.progress("x", 3) as reporter:
        reporter.begin("a")
        reporter.begin("b")
        reporter.begin("c")
        reporter.advance("a")
        reporter.advance("b")
        reporter.advance("c")
    assert capsys.readouterr().err.splitlines() == ["x: 1/3 (b and 1 more)", "x: 2/3 (c)", "x: 3/3 (c)"]


def test_a_bar_names_what_is_being_worked_on_in_what_a_line_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    with cli.progress("x", 2) as reporter:
        assert isinstance(reporter, cli._Bar)
        reporter.begin("first")
        assert reporter.bar.tasks[0].description == "first"
        reporter.begin("second")
        reporter.advance("first")
        assert (reporter.bar.tasks[0].description, reporter.bar.tasks[0].completed) == ("second", 1)
        reporter.begin("a long name " * 20)
        reporter.advance("second")
        assert len(reporter.bar.tasks[0].description) < 45


def test_silent_work_is_named_at_once_on_a_terminal_and_elsewhere_once_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with cli.working("loading"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(cli, "PLAIN_LINE_EVERY_SECONDS", 0.01)
    with cli.working("loading"):
        time.sleep(0.3)
    assert capsys.readouterr().err == "loading ...\n"
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with cli.working("loading"):
        assert terminal.getvalue() == "loading ...\n"


def test_a_message_on_a_terminal_is_broken_between_words_and_its_command_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = "metric lpips-alex needs a-file-of-weights.safetensors here. Run: python -m bench.doctor --fetch alexnet"
    shown = fitted(text, Terminal()).splitlines()
    assert shown == [
        "metric lpips-alex needs",
        "  a-file-of-weights.safetensors",
        "  here.",
        "Run: python -m bench.doctor --fetch alexnet",
    ]
    assert fitted(text, io.StringIO()) == text
    listing = "  name      what it is, in some more words"
    assert fitted(listing, Terminal()).splitlines() == [
        "  name      what it is, in",
        "            some more words",
    ]


def test_the_next_step_is_a_command_with_the_real_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.next_step(tmp_path / "my results.db")
    cli.next_step(Path("results.db"))
    assert capsys.readouterr().out.splitlines() == [
        "report:  python -m reports 'my results.db'",
        "report:  python -m reports results.db",
    ]


def test_a_line_is_logged_while_another_thread_has_taken_standard_error_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", first)
    monkeypatch.setattr(sys, "stderr", None)
    log("one image was not scored")
    assert first.getvalue() == "one image was not scored\n"


@pytest.mark.parametrize("ignored", [False, True], ids=["foreground", "background"])
def test_a_closed_pipe_costs_no_file_and_no_exit_status(tmp_path: Path, ignored: bool) -> None:
    options = ["samples", "--limit", "1", "--models", "bicubic", "--metrics", "psnr", "--no-images"]
    command = [sys.executable, "-m", "bench.sr_quality", *options, "--db", "r.db", "--csv", "table.csv"]
    if ignored:
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr
    assert "bicubic" in (tmp_path / "table.csv").read_text(encoding="utf-8")


def test_an_exit_status_is_that_of_the_program_behind_a_closed_pipe() -> None:
    begin = "import sys; sys.argv, sys.orig_argv = ['-m'], ['python', '-m', 'bench.x']; import bench\n"
    body = "from bench.cli import guard\nraise SystemExit(guard(lambda: print('x' * 100_000) or 3))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", begin + body], check=False, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == 3
