"""`--shard I/N`: one of N equal parts of each data set, for people who share work out themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bench.errors import UserError
from bench.records import Dataset

HELP = "only the I-th of N parts of each data set, every N-th image; parts go together with bench.merge"


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
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError(f"--shard is {text!r}; required I/N, as 2/8, with I from 1 to N")
    return Shard(index=int(found[1]), count=int(found[2]))
