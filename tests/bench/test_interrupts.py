"""Ctrl-C, from the first line of a program to its last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN = "import sys; sys.argv, sys.orig_argv = ['-m'], ['python', '-m', 'bench.x']; import bench, time\n"
GUARDED = BEGIN + "from bench.cli import guard\nprint('on', flush=True)\n"
SWALLOWED = """
def body():
    try:
        print('in', flush=True)
        time.sleep(30)
    except BaseException:
        pass
    {after}
    return 0
raise SystemExit(guard(body))
"""


def start(code: str) -> subprocess.Popen[str]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored would be inherited
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(code: str, mark: str, times: int = 1) -> tuple[int, str, float]:
    """Status, standard error, and the seconds from the last signal to the end."""
    process = start(code)
    assert process.stdout is not None
    while process.stdout.readline().strip() != mark:
        assert process.poll() is None
    time.sleep(0.2)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        time.sleep(0.15)
    _, err = process.communicate(timeout=30)
    return process.returncode, err, time.monotonic() - began


@pytest.mark.parametrize(
    "code",
    [
        BEGIN + "print('in', flush=True); time.sleep(30)",
        GUARDED + SWALLOWED.format(after="raise KeyboardInterrupt"),
        GUARDED + SWALLOWED.format(after="pass"),
        GUARDED + SWALLOWED.format(after="time.sleep(30)"),
        GUARDED
        + SWALLOWED.format(after="import threading; threading.Thread(target=time.sleep, args=(30,)).start()"),
    ],
    ids=["before the program", "raised", "lost, and at the end", "lost, and on", "a thread at work"],
)
def test_an_interrupt_ends_a_program_with_a_message_and_how_to_go_on(code: str) -> None:
    status, err, seconds = interrupted(code, "in")
    assert status == 130
    assert err.endswith("error: interrupted\n")
    assert "stopped: repeat the same command to resume\nwhat is there already is not done again\n" in err
    assert "Traceback" not in err
    assert seconds < 10  # of a second or two, on a machine that is not loaded


def test_a_program_says_what_it_keeps() -> None:
    keeps = "from bench import interrupts\ninterrupts.keeps('scores are kept in a\\x1b.db')\n"
    _, err, _ = interrupted(GUARDED + keeps + SWALLOWED.format(after="raise KeyboardInterrupt"), "in")
    assert err.endswith(
        "stopped: repeat the same command to resume\nscores are kept in a\\x1b.db\nerror: interrupted\n"
    )


def test_a_second_interrupt_ends_it_at_once() -> None:
    status, err, _ = interrupted(GUARDED + SWALLOWED.format(after="time.sleep(30)"), "in", times=2)
    assert (status, err.count("error: interrupted")) == (130, 1)


def test_an_interrupt_that_is_ignored_from_outside_stays_ignored() -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + GUARDED
    process = start(code + "print('in', flush=True); time.sleep(1)")
    assert process.stdout is not None
    while process.stdout.readline().strip() != "in":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


ENDING = """
import atexit, sys, threading
class Held:
    def __del__(self):
        print('freed')
held = Held()
def work():
    time.sleep(0.3)
    print('thread')
def body():
    atexit.register(print, 'asked for')
    threading.Thread(target=work).start()
    print('body')
    return 3
raise SystemExit(guard(body))
"""


def test_a_program_ends_as_any_process_but_deallocates_nothing() -> None:
    process = start(GUARDED + ENDING)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.split("\n"), err) == (3, ["on", "body", "thread", "asked for", ""], "")


def test_a_process_that_was_not_started_for_a_program_is_left_to_python() -> None:
    process = start(
        "import time\nfrom bench.cli import guard\n"
        + ENDING.replace("raise SystemExit(guard(body))", "guard(body)")
    )
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.split("\n"), err) == (0, ["body", "thread", "asked for", "freed", ""], "")


LOADING = """
import gc
from bench.cli import loading
def body():
    with loading('it'):
        print(gc.isenabled())
    print(gc.isenabled(), gc.get_freeze_count() > 0)
    return 0
raise SystemExit(guard(body))
"""


@pytest.mark.parametrize(
    ("begin", "printed"),
    [
        pytest.param(GUARDED, "on\nFalse\nTrue True\n", id="program"),
        pytest.param("from bench.cli import guard\n", "True\nTrue False\n", id="elsewhere"),
    ],
)
def test_what_a_program_loads_is_left_out_of_garbage_collection(begin: str, printed: str) -> None:
    process = start(begin + LOADING)
    assert process.communicate(timeout=30) == (printed, "")
