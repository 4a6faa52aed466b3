"""To a running Ray cluster, or one on this machine alone, and what is to be known of its nodes."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from bench.cluster.pool import Cluster, on_a_worker, workers
from bench.cluster.worker import node_facts
from bench.environment import cores_allowed, environment, suite
from bench.errors import MissingExtra, UserError
from bench.records import Environment

ANSWER_SECONDS = 10.0
NO_NODE = "no node of the cluster that has a core answers; needs at least one"
# No telemetry, and no warning about what it will do in its next version.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


class EngineOptions(Protocol):
    """The options of :func:`bench.arguments.add_engine_options`, and the device."""

    @property
    def engine(self) -> str: ...

    @property
    def address(self) -> str | None: ...

    @property
    def device(self) -> str: ...


@contextmanager
def chosen(args: EngineOptions) -> Iterator[Cluster | None]:
    """The cluster that was asked for; None for this process.

    Raises:
        UserError: there is an address but no engine that takes one, or no cluster there.
    """
    if args.engine == "local":
        if args.address is not None:
            raise UserError(f"--address is {args.address!r} and --engine local; needs --engine ray")
        yield None
        return
    with cluster(args.address, args.device) as found:
        yield found


def machine_of(where: torch.device, cluster: Cluster | None) -> Environment:
    """The machine that a run's values come from; of a cluster its first node, and all of them in `engine`."""
    if cluster is None:
        return environment(str(where))
    return Environment(facts={**cluster.nodes[0], "engine": cluster.facts})


@contextmanager
def cluster(address: str | None, device: str) -> Iterator[Cluster]:
    """A running cluster, or one started on this machine for as long as it is used.

    Args:
        address: HOST:PORT of the head, `auto` for the one that this machine is part of; None for `$RAY_ADDRESS`, or
            where that is not set either, this machine alone.
        device: `auto` uses GPUs where the cluster has one; `cuda` or `cpu`.

    Raises:
        MissingExtra: ray is not installed.
        UserError: no cluster answers there, or it has no such device, or another version of this suite is on a node.
    """
    # before ray is imported, and without overriding what the user has set
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("--engine ray", "ray", "cluster") from error
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    _check_answer(where)
    try:
        # workers' output stays off the terminal: what failed comes back as an outcome, and is reported once
        ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **_own_machine(where))
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise UserError(
            f"no Ray cluster answers at {where!r} ({' '.join(str(error).split())[:200]}); must be HOST:PORT of its head"
            f"{'' if os.environ.get('RAY_AUTH_MODE') else ', and RAY_AUTH_MODE=token where it asks for a token'}"
        ) from error
    try:
        yield _connected(device)
    finally:
        ray.shutdown()


def _check_answer(where: str) -> None:
    """Ray itself tries for minutes, and writes about each.

    Raises:
        UserError: nothing answers at HOST:PORT.
    """
    host, colon, port = where.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        # brackets stand around an IPv6 address
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    # OverflowError: a port above 65535; UnicodeError: a host's name of more letters than one may have
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(
            f"no Ray cluster answers at {where!r} ({error}); must be HOST:PORT of its head"
        ) from error


def _own_machine(where: str) -> dict[str, Any]:
    # Ray counts the machine's cores, not those that this process may use
    return {"num_cpus": cores_allowed(), "include_dashboard": False} if where == "local" else {}


def _connected(device: str) -> Cluster:
    import ray

    kind = device.partition(":")[0]
    if kind not in {"auto", "cpu", "cuda"} or ":" in device:
        raise UserError(f"device is {device!r}; must be auto, cpu or cuda: Ray chooses which GPU")
    # of the whole cluster: this machine may be a head without one
    has = ray.cluster_resources().get("GPU", 0) >= 1
    if kind == "cuda" and not has:
        raise UserError("device is 'cuda', but no node of the cluster has a GPU; must be auto or cpu")
    found = Cluster(gpus=kind == "cuda" or (kind == "auto" and has))
    found.nodes = _probe(found.gpus)
    found.alive = len(workers(ray.nodes(), found.gpus))
    return found


def _probe(gpus: bool) -> list[Mapping[str, Any]]:
    """Facts of each node that units may run on, asked there.

    Raises:
        UserError: a node has another version of this suite, or none answers.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pending = [
        ray.remote(node_facts)
        .options(
            # other jobs may have all cores; facts are asked for all the same
            num_cpus=0,
            # with a GPU of its own, as a unit has, or the node's description would lack it
            num_gpus=1 if gpus else 0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        .remote("cuda" if gpus else "cpu")
        for node in workers(ray.nodes(), gpus)
    ]
    found = []
    for reference in pending:
        try:
            found.append(ray.get(reference))
        # a RayError too, so that it stands first: the function failed, not the node
        except ray.exceptions.RayTaskError as error:
            raise on_a_worker(error) from error
        except ray.exceptions.RayError:  # a node that died a moment ago is still among them
            continue
    if not found:
        raise UserError("no node of the cluster answers; must be one with a free GPU" if gpus else NO_NODE)
    # another version may give other values under the same hashes
    here = suite()
    for facts in found:
        if facts["suite"]["version"] != here["version"]:
            raise UserError(
                f"a node has perceptual-bench {facts['suite']['version']}; must be {here['version']}, as here"
            )
    return found
