"""How much a reader must read: the functions of this project that run between an image's file and its stored scores."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import torch

from bench import images
from bench.quality.config import config
from bench.quality.engine import ResultWriter, evaluate
from bench.quality.loading import plans
from bench.records import Environment, Run
from bench.store import Store, now

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / layer) + "/" for layer in ("bench", "baselines", "models"))
NO_FUNCTIONS = {"<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>"}
IS_FUNCTION = 1  # of co_flags: a class body has it not
MOST_FUNCTIONS, MOST_FILES = 120, 25


class Reporter:
    """Says nothing."""

    def advance(self, label: str) -> None: ...

    def note(self, text: str) -> None: ...


def functions_of(run: Callable[[], object]) -> set[tuple[str, str]]:
    """File and name of each of this project's functions that run, in any thread."""
    seen: set[tuple[str, str]] = set()

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        ours = code.co_filename.startswith(OURS) and code.co_name not in NO_FUNCTIONS
        if event == "call" and ours and code.co_flags & IS_FUNCTION:
            seen.add((code.co_filename[len(str(ROOT)) + 1 :], code.co_qualname))

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return seen


def test_one_image_one_model_and_two_metrics_take_few_functions_in_few_files(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 132, 3), dtype=np.uint8)
    images.write(tmp_path / "set" / "a.png", pixels)
    asked = config(datasets=[str(tmp_path / "set")], models=["bicubic"], metrics=["psnr", "ssim"])
    (plan,) = plans(asked, torch.device("cpu"), print)
    with Store(tmp_path / "r.db") as store:
        machine = Environment(facts={})
        run = store.start(
            Run(program="t", command=(), started=now(), environment=machine, protocols=(plan.protocol,))
        )
        found = functions_of(lambda: evaluate(ResultWriter(plan, store, run, Reporter())))
        assert len(list(store.scores(dataset="set", protocol_hash=plan.protocol.hash))) == 2
    files = Counter(file for file, _ in found)
    listing = "\n".join(
        f"{count:3} {file}: {', '.join(sorted(n for f, n in found if f == file))}"
        for file, count in files.items()
    )
    assert len(found) < MOST_FUNCTIONS, f"{len(found)} functions\n{listing}"
    assert len(files) < MOST_FILES, f"{len(files)} files\n{listing}"
