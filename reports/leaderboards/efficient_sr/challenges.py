"""The repositories of the NTIRE challenges on efficient super-resolution: calls their own `select_model` and `forward`.

Where this changes the values of an image, raise `VERSION` in adapter.py, whose bytes are part of every network's hash.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
from argparse import Namespace
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.registry.adapters.isolated_modules import IsolatedModules

REPOSITORIES = {"22": "NTIRE2022_ESR", "24": "NTIRE2024_ESR", "25": "NTIRE2025_ESR"}
"""The environment variable that holds the path of a checkout, by year."""
OWN_FORWARD = {("24", 34): "forward_team34"}


class Entry(nn.Module):
    """An entry called as its `test_demo.py` does: white is 1 or 255, whole or in tiles; RGB in [0, 1] in and out."""

    scale = 4

    def __init__(self, year: str, entry: int, name: str) -> None:
        super().__init__()
        checkout = Path(os.environ.get(REPOSITORIES[year], "missing")).expanduser().absolute()
        demo = checkout / "test_demo.py"
        if not demo.is_file():
            raise FileNotFoundError(f"${REPOSITORIES[year]} must be a checkout of it (got {checkout})")
        world = IsolatedModules(checkout, f"{checkout}:{entry}")
        world.begin()
        # its functions alone: the imports of the file want CUDA's tools, OpenCV and fvcore
        functions = [p for p in ast.parse(demo.read_text("utf-8")).body if isinstance(p, ast.FunctionDef)]
        theirs = {"__builtins__": world.builtins, "os": os, "torch": torch, "F": F}
        exec(compile(ast.Module(functions, []), str(demo), "exec"), theirs)
        weights: list[str] = []
        with contextlib.chdir(checkout), patch("torch.load", _weights(torch.load, weights)), _no_cuda():
            found = theirs["select_model"](Namespace(model_id=entry), torch.device("cpu"))
        network, own, self.white, self.tile = found
        plain = own.removeprefix(f"{entry:02}").removeprefix(str(entry)).lower()
        if re.sub(r"\W", "", plain).strip("_") != name:
            raise AttributeError(f"entry {entry} of {REPOSITORIES[year]} is called {own} (got {name})")
        self.network, self.run = network.eval(), theirs[OWN_FORWARD.get((year, entry), "forward")]
        # without weights that were recognised, it has to be opened each time
        self.source_files = (
            [__file__, demo, *world.files, *(checkout / file for file in weights)] if weights else []
        )

    def forward(self, lr: Tensor) -> Tensor:
        """sr, float RGB; not clipped."""
        return self.run(lr * self.white, self.network, self.tile) / self.white


def _weights(load, seen):
    """`torch.load` that runs no code of a file and needs no GPU; the names of files are added to `seen`."""

    def loaded(file, *_, **__):
        if isinstance(file, str | os.PathLike):
            seen.append(os.fspath(file))
        return load(file, map_location="cpu", weights_only=True)

    return loaded


@contextlib.contextmanager
def _no_cuda():
    """Some entries move themselves to a GPU while they are made: what moves them later is the program."""
    with (
        patch.object(Tensor, "cuda", lambda self, *_, **__: self),
        patch.object(nn.Module, "cuda", lambda self, *_: self),
    ):
        yield
