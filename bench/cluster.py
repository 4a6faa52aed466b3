"""A Ray cluster, as the engines use it: units of work go out, what came of them comes back, in any order.

A unit whose worker dies is done again elsewhere, some times; then it is cut into its parts, each of which is tried once
more, so that what kills a worker costs itself alone. Units hold what they need but for models, which every node has
by their name or path, and data are sent: only the driver reads data sets and writes results.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bench.cli import Reporter
from bench.errors import MissingFile, RunError, UserError

RETRIES = 3
AHEAD = 2
"""Units that wait for each worker, so that none is idle while the driver stores."""
LOOK_EVERY_SECONDS = 2.0
ANSWER_SECONDS = 10.0
LOST_SECONDS = 60.0
"""After which a cluster without a single worker is given up."""
NO_NODE = "no node of the cluster that has a core answers; required at least one"
# No telemetry, and no warning about what it will do in its next version.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


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
class Died:
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
    _alive: int = 0
    _looked: float = 0.0
    _seen: float = field(default_factory=time.monotonic)

    def slots(self, cores: int = 1) -> int:
        """Units of so many cores that can run at once."""
        import ray

        each = (node["Resources"] for node in _workers(ray.nodes(), self.gpus))
        return max(1, sum(int(has["GPU"] if self.gpus else has["CPU"] // cores) for has in each))

    def cores_of_a_node(self) -> int:
        """Of the one with the fewest."""
        import ray

        return min((int(n["Resources"].get("CPU", 1)) for n in _workers(ray.nodes(), self.gpus)), default=1)

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
        """Send once what several units need; they take it with :func:`taken`."""
        import ray

        return ray.put(value)

    @contextmanager
    def units(self, keep: Callable[[Any, Any], None]) -> Iterator[Callable[[Unit], None]]:
        """Somewhere to hand units to; `keep` is called in this thread with each item and its result, or :class:`Died`.

        Raises:
            UserError: a node lacks what the work needs, or the cluster has been without a worker for a minute.
        """
        import ray

        pending: dict[Any, Unit] = {}

        def take(most: int) -> None:
            while len(pending) > most:
                done, _ = ray.wait(list(pending), timeout=LOOK_EVERY_SECONDS)
                self._look()
                for reference in done:
                    for again in self._finish(pending.pop(reference), reference, keep):
                        pending[self._start(again)] = again

        def submit(unit: Unit) -> None:
            pending[self._start(unit)] = unit
            take(AHEAD * self.slots(unit.cores))

        try:
            yield submit
            take(0)
        finally:
            for reference in pending:
                ray.cancel(reference, force=True)

    def _start(self, unit: Unit) -> Any:
        import ray

        remote = ray.remote(unit.function).options(
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
        except ray.exceptions.RayTaskError as error:
            raise _on_a_worker(error) from error
        except (ray.exceptions.RayError, ConnectionError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if len(unit.items) > 1:
                return [replace(unit, items=(item,), retries=1) for item in unit.items]
            results = [Died(reason=f"each worker that had it died ({reason})")]
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
        alive = len(_workers(ray.nodes(), self.gpus))
        if alive < self._alive and self.reporter:
            self.reporter.note(
                f"{self._alive - alive} of {self._alive} nodes of the cluster lost: their units are done again"
            )
        self._alive = alive
        if alive:
            self._seen = now
        elif now - self._seen > LOST_SECONDS:
            raise RunError(
                f"the cluster has had no {'GPU' if self.gpus else 'worker'} for {LOST_SECONDS:.0f} seconds; what was "
                "scored is kept: repeat the command when there is one"
            )


@contextmanager
def cluster(address: str | None, device: str) -> Iterator[Cluster]:
    """A running cluster, or one started on this machine for as long as it is used.

    Args:
        address: HOST:PORT of the head, `auto` for the one that this machine is part of; None for `$RAY_ADDRESS`, or
            where that is not set either, this machine alone.
        device: `auto` uses GPUs where the cluster has one; `cuda` or `cpu`.

    Raises:
        MissingFile: ray is not installed.
        UserError: no cluster answers there, or it has no such device, or another version of this suite is on a node.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    try:
        import ray
    except ImportError as error:
        raise MissingFile(
            "--engine ray needs ray; required: pip install 'perceptual-bench[cluster]'"
        ) from error
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    _refuse_silence(where)
    try:
        ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **_own_machine(where))
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise UserError(
            f"no Ray cluster answers at {where!r} ({' '.join(str(error).split())[:200]}); required HOST:PORT of its head"
        ) from error
    try:
        yield _connected(device)
    finally:
        ray.shutdown()


def _refuse_silence(where: str) -> None:
    """Ray itself tries for minutes, and writes about each.

    Raises:
        UserError: nothing answers at HOST:PORT.
    """
    host, colon, port = where.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(
            f"no Ray cluster answers at {where!r} ({error}); required HOST:PORT of its head"
        ) from error


def _own_machine(where: str) -> dict[str, Any]:
    from bench.environment import cores_allowed

    return {"num_cpus": cores_allowed(), "include_dashboard": False} if where == "local" else {}


def _connected(device: str) -> Cluster:
    import ray

    kind = device.partition(":")[0]
    if kind not in {"auto", "cpu", "cuda"} or ":" in device:
        raise UserError(f"device is {device!r}; required auto, cpu or cuda: Ray chooses which GPU")
    has = ray.cluster_resources().get("GPU", 0) >= 1
    if kind == "cuda" and not has:
        raise UserError("device is 'cuda', but no node of the cluster has a GPU; required auto or cpu")
    found = Cluster(gpus=kind == "cuda" or (kind == "auto" and has))
    found.nodes = _probe(found.gpus)
    found._alive = len(_workers(ray.nodes(), found.gpus))
    return found


def _workers(nodes: Sequence[Mapping[str, Any]], gpus: bool) -> list[Mapping[str, Any]]:
    """The nodes that units can run on."""
    resource = "GPU" if gpus else "CPU"
    return [node for node in nodes if node["Alive"] and node["Resources"].get(resource, 0) >= 1]


def _probe(gpus: bool) -> list[Mapping[str, Any]]:
    """Facts of each node that units may run on, asked there.

    Raises:
        UserError: a node has another version of this suite, or none answers.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from bench.cluster_worker import node_facts
    from bench.environment import suite

    asked = [
        ray.remote(node_facts)
        .options(
            num_cpus=0,
            num_gpus=1 if gpus else 0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        .remote("cuda" if gpus else "cpu")
        for node in _workers(ray.nodes(), gpus)
    ]
    found = []
    for reference in asked:
        try:
            found.append(ray.get(reference))
        except ray.exceptions.RayTaskError as error:
            raise _on_a_worker(error) from error
        except ray.exceptions.RayError:  # a node that died a moment ago is still among them
            continue
    if not found:
        raise UserError("no node of the cluster answers; required one with a free GPU" if gpus else NO_NODE)
    here = suite()
    for facts in found:
        if facts["suite"]["version"] != here["version"]:
            raise UserError(
                f"a node has perceptual-bench {facts['suite']['version']}; required {here['version']}, as here"
            )
    return found


def _on_a_worker(error: Any) -> UserError:
    """What went wrong on a node, as if it had gone wrong here."""
    cause = error.cause
    if isinstance(cause, ModuleNotFoundError):
        return UserError(
            f"a node of the cluster cannot run this: {cause}; required perceptual-bench on every node"
        )
    if isinstance(cause, UserError):
        return UserError(f"on a node of the cluster: {cause}")
    return RunError(f"on a node of the cluster: {type(cause).__name__}: {' '.join(str(cause).split())[:500]}")
