"""How much a reader must read: the functions of this project that run, of a whole program and of one image in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from bench.data import images
from bench.quality.config import config
from bench.quality.engine import ResultWriter, evaluate
from bench.quality.loading import plans
from bench.records import Environment, Run
from bench.storage.store import Store, now
from tests.trace import ROOT, functions_of, listing

MOST_FUNCTIONS, MOST_FILES = 112, 23
"""From the image's file to its stored scores."""
MOST_OF_THE_PROGRAM = 255, 50
"""From the command line to the last line that is printed."""


class Reporter:
    """Says nothing."""

    def begin(self, label: str) -> None: ...

    def advance(self, label: str) -> None: ...

    def note(self, text: str) -> None: ...


def test_one_image_one_model_and_two_metrics_take_few_functions_in_few_files(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 132, 3), dtype=np.uint8)
    images.write(tmp_path / "set" / "a.png", pixels)
    options = config(datasets=[str(tmp_path / "set")], models=["bicubic"], metrics=["psnr", "ssim"])
    (plan,) = plans(options, torch.device("cpu"), print)
    with Store(tmp_path / "r.db") as store:
        machine = Environment(facts={})
        run = store.start(
            Run(program="t", command=(), started=now(), environment=machine, protocols=(plan.protocol,))
        )
        found = functions_of(lambda: evaluate(ResultWriter(plan, store, run, Reporter())))
        assert len(list(store.scores(dataset="set", protocol_hash=plan.protocol.hash))) == 2
    files = {file for file, _ in found}
    assert len(found) < MOST_FUNCTIONS, f"{len(found)} functions\n{listing(found)}"
    assert len(files) < MOST_FILES, f"{len(files)} files\n{listing(found)}"


def test_the_whole_program_takes_few_functions_in_few_files(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.trace",
        "bench.sr_quality",
        "samples",
        "--limit",
        "1",
        "--models",
        "bicubic",
        "--metrics",
        "psnr",
        "ssim",
        "--device",
        "cpu",
    ]
    command += ["--db", str(tmp_path / "r.db"), "--images", str(tmp_path / "images")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if "\t" in line]
    functions = sum(len(line.partition("\t")[2].split(", ")) for line in lines)
    most_functions, most_files = MOST_OF_THE_PROGRAM
    assert functions < most_functions, f"{functions} functions\n{done.stdout}"
    assert len(lines) < most_files, f"{len(lines)} files\n{done.stdout}"
