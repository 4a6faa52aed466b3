"""The runner: every part gets its time and no more, and what was found is on the disk however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gpu.__main__ import main, parser
from tests.gpu.asked import DONE, FAILED, ROOT, SKIPPED, Asked
from tests.gpu.parts import PARTS, Part
from tests.gpu.record import FILE, Record, append, read
from tests.gpu.runner import run

SECONDS = 60.0


def part(name: str, seconds: float = 30.0) -> Part:
    return Part(name=name, target=f"tests.gpu.fake_parts:{name}", seconds=seconds, smoke_seconds=seconds)


def asked(out: Path) -> Asked:
    return Asked(out=out, device="cpu", smoke=True)


def lines(out: Path, name: str) -> list[dict[str, object]]:
    return [line for line in read(out / FILE) if line["part"] == name]


def ended(pid: int) -> bool:
    """Whether a process is gone, or dead and waiting for its parent, within two seconds."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_parts_that_are_done_give_0_and_their_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([part("good")], asked(tmp_path), seconds=SECONDS) == DONE
    assert [line.get("item") for line in lines(tmp_path, "good")] == ["device", "small", None]
    assert "good         done" in capsys.readouterr().out
    assert json.loads((tmp_path / "summary.json").read_text())["exit_status"] == DONE


def test_a_part_that_is_skipped_prints_its_reason_and_gives_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([part("lacks"), part("good")], asked(tmp_path), seconds=SECONDS) == SKIPPED
    assert "lacks        skipped" in (out := capsys.readouterr().out)
    assert "no such file here" in out


def test_a_part_that_raises_gives_1_and_the_next_one_is_run(tmp_path: Path) -> None:
    assert run([part("raises"), part("lacks"), part("good")], asked(tmp_path), seconds=SECONDS) == FAILED
    assert lines(tmp_path, "raises")[-1]["reason"] == "RuntimeError: invented"
    assert lines(tmp_path, "good")[-1]["end"] == "done"
    assert "Traceback" in (tmp_path / "logs/raises.txt").read_text()


def test_a_comparison_beyond_its_limit_gives_1_and_stands_in_the_summary(tmp_path: Path) -> None:
    assert run([part("beyond")], asked(tmp_path), seconds=SECONDS) == FAILED
    assert [line["ok"] for line in lines(tmp_path, "beyond")[:2]] == [False, True]
    assert "beyond: not a number is nan, must be at most 1.0" in (tmp_path / "summary.txt").read_text()


def test_a_part_that_crashes_gives_1_and_keeps_what_it_had(tmp_path: Path) -> None:
    assert run([part("crashes")], asked(tmp_path), seconds=SECONDS) == FAILED
    first, last = lines(tmp_path, "crashes")
    assert first["item"] == "before"
    assert f"signal {signal.SIGSEGV:d}" in str(last["reason"])


def test_a_part_out_of_time_is_stopped_with_its_children_and_keeps_what_it_had(tmp_path: Path) -> None:
    started = time.monotonic()
    assert run([part("hangs", 4), part("good")], asked(tmp_path), seconds=SECONDS) == FAILED
    assert time.monotonic() - started < 40
    first, last = lines(tmp_path, "hangs")
    assert (last["end"], last["reason"]) == ("timed out", "stopped after 4 s")
    assert ended(int(str(first["child"])))
    assert lines(tmp_path, "good")[-1]["end"] == "done"


def test_parts_for_which_no_time_is_left_are_skipped_by_name(tmp_path: Path) -> None:
    assert run([part("good")], asked(tmp_path), seconds=1.0) == SKIPPED
    assert lines(tmp_path, "good")[0]["reason"] == "no time was left for it"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_cut_keeps_its_results_and_leaves_no_process(tmp_path: Path, number: int) -> None:
    code = (
        "import signal, sys; from pathlib import Path; from tests.gpu import __main__, runner, test_runner as t; "
        "signal.signal(signal.SIGTERM, __main__.stopped); out = Path(sys.argv[1]); "
        "runner.run([t.part('good'), t.part('hangs', 50)], t.asked(out), seconds=60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    end = time.monotonic() + 40
    while not lines(tmp_path, "hangs") and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(number)
    process.wait()
    (found,) = lines(tmp_path, "hangs")
    assert ended(int(str(found["child"])))
    assert lines(tmp_path, "good")[-1]["end"] == "done"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["parts"][0]["name"], summary["pending"]) == ("good", ["hangs"])


def test_a_line_that_was_cut_off_is_left_out_and_numbers_that_are_none_are_text(tmp_path: Path) -> None:
    Record(file=tmp_path / FILE, part="one").write(
        "value", a=float("inf"), path=tmp_path, nested={"b": [1.5]}
    )
    with (tmp_path / FILE).open("a") as stream:
        stream.write('{"part": "one", "it')
    (found,) = read(tmp_path / FILE)
    assert (found["a"], found["path"], found["nested"]) == ("inf", str(tmp_path), {"b": [1.5]})


def test_lines_are_on_the_disk_when_they_are_written(tmp_path: Path) -> None:
    append(tmp_path / FILE, {"part": "one"})
    assert read(tmp_path / FILE) == [{"part": "one"}]


def test_all_parts_fit_into_nine_minutes() -> None:
    assert sum(each.seconds for each in PARTS) <= 60 * parser().parse_args([]).minutes == 540
    assert len({each.name for each in PARTS}) == len(PARTS)


def test_a_device_that_is_not_here_skips_what_needs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--device", "cuda:99", "--out", str(tmp_path), "--parts", "environment"]) == SKIPPED
    assert "device is 'cuda:99', which is not here" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--data", "--crops", "--wheels"])
def test_what_is_not_there_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([option, "absent"])
    assert option in capsys.readouterr().err
