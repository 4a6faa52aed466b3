"""The parts, in order of worth. To add one: a function `(Asked, Record) -> None` in a file of this folder, a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something to be done and measured in a process of its own.

    Attributes:
        target: `module:function`, in a module of this package.
        seconds: after which it is stopped.
        smoke_seconds: the same in a dry run, on a busy machine of two cores.
    """

    name: str
    target: str
    seconds: float
    smoke_seconds: float = 150.0


PARTS = (
    Part(name="environment", target="tests.gpu.machine:describe", seconds=20),
    Part(name="equal", target="tests.gpu.equal:compare", seconds=80),
    Part(name="marked", target="tests.gpu.marked:run", seconds=70),
    Part(name="table1", target="tests.gpu.speed:table1", seconds=80),
    Part(name="ladder", target="tests.gpu.speed:sweep", seconds=80, smoke_seconds=300),
    Part(name="lbfgs", target="tests.gpu.lbfgs:against_torchs", seconds=35),
    Part(name="training", target="tests.gpu.training:steps", seconds=75),
    Part(name="scoring", target="tests.gpu.scoring:compare", seconds=40),
    Part(name="batched", target="tests.gpu.batched:against_one_by_one", seconds=30),
    Part(name="peak", target="tests.gpu.machine:peaks", seconds=30),
)
