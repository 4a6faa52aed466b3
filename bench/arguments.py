"""Numbers on command lines: within what a machine can count, or refused in the words of argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench.printable import one_line, shortened

SHOWN = 40


def whole(most: int = 2**31 - 1) -> Callable[[str], int]:
    """A type for argparse: a whole number of at most `most`, and not below its negative.

    What is too small for an option is refused where its meaning is known.
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:  # no number, or one of thousands of digits
            number = None
        if number is None or not -most <= number <= most:
            given = shortened(one_line(text), SHOWN)
            raise argparse.ArgumentTypeError(f"{given!r}, required a whole number of at most {most}")
        return number

    return read


count = whole()
"""Of images, iterations, steps, repetitions."""
scale = whole(256)
"""hr size over lr size."""
side = whole(2**17)
"""Pixels."""
seed = whole(2**63 - 1)
"""Of random numbers; 64 bits, signed."""
