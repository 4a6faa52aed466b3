"""A Ray cluster, as the engines use it: units of work go out, what came of them comes back, in any order.

A unit whose worker dies is done again elsewhere, some times; then it is cut into its parts, each of which is tried once
more, so that what kills a worker costs itself alone. Units hold what they need but for models, which every node has
by their name or path, and data are sent: only the driver reads data sets and writes results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bench.cli import Reporter
from bench.errors import RunError, UserError

RETRIES = 3  # of a whole unit, by Ray itself
AHEAD = 2
"""Units that wait for each worker, so that none is idle while the driver stores."""
LOOK_EVERY_SECONDS = 2.0
LOST_SECONDS = 60.0
"""After which a cluster without a single worker is given up."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Work for one worker.

    Attributes:
        function: importable on every node; called with `job` and `items`, gives one result for each item.
        job: what the items have in common.
        cores: that it takes; one GPU instead where the cluster is used for its GPUs.
    """

    function: Callable[[Any, Sequence[Any]], Sequence[Any]]
    job: object
    items: tuple[Any, ...]
    cores: int = 1
    retries: int = RETRIES


@dataclass(frozen=True, kw_only=True)
class WorkerLost:
    """Instead of an item's result: every worker that had it died."""

    reason: str


@dataclass(kw_only=True)
class Cluster:
    """A connection to a cluster.

    Attributes:
        gpus: each unit gets a GPU of its own; otherwise a core.
        nodes: facts of each machine that units may run on (:mod:`bench.environment`).
    """

    gpus: bool
    reporter: Reporter | None = None
    nodes: Sequence[Mapping[str, Any]] = ()
    alive: int = 0
    _looked: float = 0.0
    _seen: float = field(default_factory=time.monotonic)  # when there was a worker last

    def slots(self, cores: int = 1) -> int:
        """Units of so many cores that can run at once."""
        import ray

        each = (node["Resources"] for node in workers(ray.nodes(), self.gpus))
        # 1 while there is none: units are sent, and `_look` gives up after a minute
        return max(1, sum(int(has["GPU"] if self.gpus else has["CPU"] // cores) for has in each))

    def cores_of_a_node(self) -> int:
        """Of the one with the fewest."""
        import ray

        return min((int(n["Resources"].get("CPU", 1)) for n in workers(ray.nodes(), self.gpus)), default=1)

    @property
    def facts(self) -> dict[str, Any]:
        """Of the engine, for the record of the run: nodes that are alike are counted."""
        import ray

        kinds: list[dict[str, Any]] = []
        for node in self.nodes:
            same = next((kind for kind in kinds if kind["facts"] == node), None)
            if same:
                same["nodes"] += 1
            else:
                kinds.append({"nodes": 1, "facts": dict(node)})
        return {"name": "ray", "version": ray.__version__, "machines": kinds}

    def put(self, value: object) -> object:
        """Send once what several units need, which they take with `ray.get`."""
        import ray

        return ray.put(value)

    @contextmanager
    def units(self, keep: Callable[[Any, Any], None]) -> Iterator[Callable[[Unit], None]]:
        """Somewhere to hand units to.

        Args:
            keep: called in this thread with each item and its result, or :class:`WorkerLost`.

        Raises:
            UserError: a node lacks what the work needs, or the cluster has been without a worker for a minute.
        """
        import ray

        pending: dict[Any, Unit] = {}

        def take(most: int) -> None:
            while len(pending) > most:
                # with a timeout, so that lost nodes are noticed while nothing comes back
                done, _ = ray.wait(list(pending), timeout=LOOK_EVERY_SECONDS)
                self._look()
                for reference in done:
                    for again in self._finish(pending.pop(reference), reference, keep):
                        pending[self._start(again)] = again

        def submit(unit: Unit) -> None:
            pending[self._start(unit)] = unit
            # holds the driver back: images that it has read lie in the cluster's memory until a unit has them
            take(AHEAD * self.slots(unit.cores))

        try:
            yield submit
            take(0)
        finally:
            for reference in pending:
                # force: a worker in the middle of a network does not look at anything else
                ray.cancel(reference, force=True)

    def _start(self, unit: Unit) -> Any:
        import ray

        remote = ray.remote(unit.function).options(
            # on a GPU the GPU alone is counted, or few cores would leave some idle
            num_cpus=0 if self.gpus else unit.cores,
            num_gpus=1 if self.gpus else 0,
            max_retries=unit.retries,
            name=unit.function.__name__,
        )
        return remote.remote(unit.job, unit.items)

    def _finish(self, unit: Unit, reference: Any, keep: Callable[[Any, Any], None]) -> list[Unit]:
        """Take what came of a unit; returns what is to be tried again."""
        import ray

        try:
            results = ray.get(reference)
        # a RayError too, so that it stands first: the function raised, and would again
        except ray.exceptions.RayTaskError as error:
            raise on_a_worker(error) from error
        except (ray.exceptions.RayError, ConnectionError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if len(unit.items) > 1:
                # Ray has tried the whole several times: one of the items may be what kills workers
                return [replace(unit, items=(item,), retries=1) for item in unit.items]
            results = [WorkerLost(reason=f"each worker that had it died ({reason})")]
        for item, result in zip(unit.items, results, strict=True):
            keep(item, result)
        return []

    def _look(self) -> None:
        """Say when a node was lost.

        Raises:
            RunError: there has been none for a minute.
        """
        import ray

        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_SECONDS:
            return
        self._looked = now
        alive = len(workers(ray.nodes(), self.gpus))
        if alive < self.alive and self.reporter:
            self.reporter.note(
                f"{self.alive - alive} of {self.alive} nodes of the cluster lost: their units are done again"
            )
        self.alive = alive
        if alive:
            self._seen = now
        elif now - self._seen > LOST_SECONDS:
            raise RunError(
                f"the cluster has had no {'GPU' if self.gpus else 'worker'} for {LOST_SECONDS:.0f} seconds; what was "
                "scored is kept: repeat the command when there is one"
            )


def workers(nodes: Sequence[Mapping[str, Any]], gpus: bool) -> list[Mapping[str, Any]]:
    """The nodes that units can run on."""
    resource = "GPU" if gpus else "CPU"
    return [node for node in nodes if node["Alive"] and node["Resources"].get(resource, 0) >= 1]


def on_a_worker(error: Any) -> UserError:
    """What went wrong on a node, as if it had gone wrong here."""
    cause = error.cause
    if isinstance(cause, ModuleNotFoundError):
        return UserError(
            f"a node of the cluster cannot run this: {cause}; needs perceptual-bench on every node"
        )
    if isinstance(cause, UserError):
        return UserError(f"on a node of the cluster: {cause}")
    return RunError(f"on a node of the cluster: {type(cause).__name__}: {' '.join(str(cause).split())[:500]}")
