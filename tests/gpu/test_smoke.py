"""The dry run: every part's own function, on a CPU, at a size that takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.asked import DONE, ROOT
from tests.gpu.parts import PARTS
from tests.gpu.record import FILE, read


@pytest.mark.timeout(900)  # of two busy cores; quiet ones need less than two minutes
def test_every_part_runs_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.gpu", "--device", "cpu", "--smoke", "--minutes", "14"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == DONE, done.stdout + done.stderr
    parts = json.loads((tmp_path / "summary.json").read_text())["parts"]
    assert [(part["name"], part["status"]) for part in parts] == [(part.name, "done") for part in PARTS]
    found = read(tmp_path / FILE)
    assert {line["part"] for line in found if "item" in line} == {part.name for part in PARTS}
    assert all(line["ok"] for line in found if "ok" in line)
