"""What a person sees at a terminal of 80 columns: real programs, run in a pseudo-terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
ROOT = Path(__file__).parents[2]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Seen:
    """A program in a pseudo-terminal, and what it wrote there."""

    def __init__(self, folder: Path, *command: str, columns: int = 80) -> None:
        master, slave = pty.openpty()
        before = signal.signal(
            signal.SIGINT, signal.default_int_handler
        )  # what is ignored would be inherited
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": str(columns), "TERM": "xterm"},
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)
        os.close(slave)
        self.master, self.text = master, ""

    def read(self) -> bool:
        """More of what it writes; false at its end."""
        try:
            more = os.read(self.master, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += more.decode(errors="replace")
        return bool(more)

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 120
        while text not in self.text and time.monotonic() < end and self.read():
            pass
        assert text in self.text, self.text

    def end(self) -> int:
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(timeout=60)

    @property
    def lines(self) -> list[str]:
        """As they stay on the screen."""
        lines = self.text.replace("\r\n", "\n").split("\n")
        return [ESCAPE.sub("", line.rpartition("\r")[2]).rstrip() for line in lines]


def wide(seen: Seen) -> list[str]:
    """Lines that the terminal would break; a command stays whole, so that it can be copied."""
    return [line for line in seen.lines if len(line) > 80 and not line.lstrip().startswith("Run: ")]


def test_a_table_of_many_metrics_fits_and_the_next_step_is_said(tmp_path: Path) -> None:
    seen = Seen(
        tmp_path,
        *("bench.sr_quality", "samples", "--limit", "1", "--db", "mine.db", "--no-images"),
        *("--models", "nearest", "bicubic", "--metrics", "psnr", "ssim", "vif-p"),
    )
    assert seen.end() == 0, seen.text
    assert not wide(seen)
    assert "loading PyTorch ..." in seen.lines
    assert "Note: --limit 1, scores cover 1 image per data set" in seen.lines
    assert seen.lines[-2] == "report:  python -m reports mine.db"
    assert any("psnr ↑" in line and "vif-p ↑" in line for line in seen.lines)


@pytest.mark.parametrize(
    "command",
    [
        ("bench.sr_quality", "--list"),
        ("bench.speed", "--list"),
        ("bench.doctor",),
        ("bench.sr_quality", "samples", "--metrics", "psnrr"),
        ("bench.sr_quality", "bicubik"),
        ("bench.apply", "bicubik", "x.png", "--out", "y"),
    ],
    ids=" ".join,
)
def test_listings_and_messages_are_broken_between_words(tmp_path: Path, command: tuple[str, ...]) -> None:
    seen = Seen(tmp_path, *command)
    seen.end()
    # an address, a path or a hash has no blank to break at
    assert not [line for line in wide(seen) if len(line.split()) > 2 and "/" not in line]


def test_an_interrupted_run_says_what_is_kept_and_resumes(tmp_path: Path) -> None:
    command = (
        "bench.sr_quality",
        "samples",
        "--scales",
        "2",
        "4",
        "--metrics",
        "psnr",
        "ssim",
        "vif-p",
        "--no-images",
    )
    seen = Seen(tmp_path, *command)
    seen.wait_for("samples x2 ")  # the bar names an image
    seen.process.send_signal(signal.SIGINT)
    assert seen.end() == 130
    said = [line for line in seen.lines if line]
    assert said[-3:] == [
        "stopped: repeat the same command to resume",
        "the scores of finished images are kept in results.db",
        "error: interrupted",
    ]
    assert "Traceback" not in seen.text
