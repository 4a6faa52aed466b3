"""Standard output and standard error of a program, which may be pipes that are closed meanwhile."""

from __future__ import annotations

import os
from typing import Any, TextIO


class PipeSafeStream:
    """A stream of which a closed pipe costs the rest of the text alone.

    Behind `| head` a program still writes its files, and its exit status is what it has found.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """As that of the stream."""
        try:
            return self.stream.write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        """As that of the stream."""
        try:
            self.stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        # The descriptor itself: what the stream still holds goes there as well.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.stream.fileno())
        os.close(devnull)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
