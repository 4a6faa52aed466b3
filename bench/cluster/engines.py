"""Where a program's work is done: options and choice."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from bench.errors import UserError

if TYPE_CHECKING:
    import torch

    from bench.cluster.pool import Cluster
    from bench.records import Environment

ENGINES = ("local", "ray")


def add_options(p: argparse._ActionsContainer) -> None:
    """`--engine` and `--address`."""
    p.add_argument(
        "--engine",
        choices=ENGINES,
        default="local",
        help="local: this process; ray: a cluster, whose nodes get models and parts of data sets (default: local)",
    )
    p.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the cluster's head, or auto (default: $RAY_ADDRESS, else all of this machine)",
    )


class Where(Protocol):
    """The options of :func:`add_options`, and the device."""

    @property
    def engine(self) -> str: ...

    @property
    def address(self) -> str | None: ...

    @property
    def device(self) -> str: ...


@contextmanager
def chosen(args: Where) -> Iterator[Cluster | None]:
    """The cluster that was asked for; None for this process.

    Raises:
        UserError: there is an address but no engine that takes one, or no cluster there.
    """
    if args.engine == "local":
        if args.address is not None:
            raise UserError(f"--address is {args.address!r} and --engine local; required --engine ray")
        yield None
        return
    from bench.cluster.connect import cluster

    with cluster(args.address, args.device) as found:
        yield found


def machine_of(where: torch.device, cluster: Cluster | None) -> Environment:
    """The machine that a run's values come from; of a cluster its first node, and all of them in `engine`."""
    from bench.environment import environment
    from bench.records import Environment

    if cluster is None:
        return environment(str(where))
    return Environment(facts={**cluster.nodes[0], "engine": cluster.facts})
