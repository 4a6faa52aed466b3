"""Options that several programs have: numbers within what a machine can count, `--engine`, `--tile`, `--shard`.

Refused in the words of argparse, or as a UserError where the text is kept until the options are checked. Loads no torch.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from bench.cli import guard
from bench.errors import UserError
from bench.records import Dataset
from bench.text import one_line, shortened

SHOWN = 40
ENGINES = ("local", "ray")
Tile = int | Literal["auto", "off"]
LEAST_TILE = 16
"""lr pixels per side: smaller tiles are not tried when memory runs out either."""
SHARD_HELP = "only the I-th of N parts of each data set, every N-th image; parts go together with bench.merge"


def add_list(p: argparse.ArgumentParser, names: Callable[[], int], what: str) -> None:
    """`--list`, which prints names and ends the program, as `--help` does: nothing else has to be given.

    Args:
        names: prints them; returns the exit status.
        what: they are.
    """

    class Listing(argparse._HelpAction):  # which config files leave alone
        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
            parser.exit(guard(names))

    p.add_argument("--list", action=Listing, help=f"print {what}")


def whole(text: str, most: int) -> int:
    """A whole number of at most `most`, and not below its negative.

    What is too small for an option is refused where its meaning is known.
    """
    try:
        number = int(text)
    except ValueError:  # no number, or one of thousands of digits
        number = None
    if number is None or not -most <= number <= most:
        given = shortened(one_line(text), SHOWN)
        raise argparse.ArgumentTypeError(f"must be a whole number of at most {most} (got {given!r})")
    return number


def count(text: str) -> int:
    """Of images, iterations, steps, repetitions."""
    # The largest C int: what libraries below count with.
    return whole(text, 2**31 - 1)


def scale(text: str) -> int:
    """The upscaling factor."""
    return whole(text, 256)


def side(text: str) -> int:
    """Pixels."""
    return whole(text, 2**17)


def seed(text: str) -> int:
    """Of random numbers; 64 bits, signed."""
    return whole(text, 2**63 - 1)


def aliases(p: argparse._ActionsContainer, **old: str) -> None:
    """Further spellings of options, which are understood and not shown: `aliases(p, catch="--attention-checks")`.

    A config file may hold them too. What an option was called once goes on working; help and messages have one name.
    """
    for name, option in old.items():
        # A private table of argparse: a spelling that goes through add_argument would stand in --help.
        p._option_string_actions[f"--{name.replace('_', '-')}"] = p._option_string_actions[option]


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, does: str
) -> argparse.ArgumentParser:
    """A command of a program; `does` is shown in the program's help and, as a sentence, in the command's own."""
    return commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")


def add_engine_options(p: argparse._ActionsContainer) -> None:
    """`--engine` and `--address`: where a program's work is done."""
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


def tile(text: str) -> Tile:
    """What `--tile` was given: `auto`, `off`, or lr pixels per side.

    Raises:
        UserError: something else.
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    # isdigit alone also takes "²", which int() refuses.
    if text.isascii() and text.isdigit() and int(text) >= LEAST_TILE:
        return int(text)
    raise UserError(
        f"--tile must be auto, off, or lr pixels per side of at least {LEAST_TILE} (got {text!r})"
    )


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Every `count`-th image, from the `index`-th on, counted from 1."""

    index: int = 1
    count: int = 1

    def of(self, data: Dataset) -> Dataset:
        """The data set with this part of its images, which may be none."""
        return replace(data, images=data.images[self.index - 1 :: self.count])


WHOLE = Shard()


def shard(text: str | None) -> Shard:
    """What `2/8` means; None is the whole.

    Raises:
        UserError: it is not two numbers I/N with 1 <= I <= N.
    """
    if text is None:
        return WHOLE
    # Nine digits at most: int() raises for thousands of them.
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError(f"--shard must be I/N, as 2/8, with I from 1 to N (got {text!r})")
    return Shard(index=int(found[1]), count=int(found[2]))
