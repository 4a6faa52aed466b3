"""What could not be measured, in words: the reason as it is stored, and the list at the end of a long run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import describe_os_error
from bench.text import show

NAMED = 10


def reason(error: Exception) -> str:
    """Why, in one line; an error that nobody expected with its type."""
    text = describe_os_error(error) if isinstance(error, OSError) else str(error)
    if not isinstance(error, ValueError | OSError):
        text = f"{type(error).__name__}: {text}"
    return " ".join(text.split())


def print_missing(what: str, lines: Sequence[str]) -> None:
    """What the tables lack; each was named when it happened, this stays at the end of a long run.

    Args:
        what: as in `a stored image could not be scored`.
        lines: one for each time; nothing is printed without any.
    """
    if lines:
        print()
        show(f"{len(lines)} time{'' if len(lines) == 1 else 's'} {what}:")
    for line in lines[:NAMED]:
        show(f"  {line}")
    if len(lines) > NAMED:
        show(f"  and {len(lines) - NAMED} more; the reasons are above and in the results file")
