"""Options that say where a program's work is done. Loads no torch."""

from __future__ import annotations

import argparse

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
