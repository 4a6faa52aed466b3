"""Which contents and styles the paper's Figures 6 and 7 show: few, those that most styles have, in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from reports.load.objectives import is_ours
from reports.load.results import CONTENT, GATYS, Results, StyleGroup

MOST_ROWS = 4


@dataclass(frozen=True, kw_only=True)
class Row:
    """One content in one style.

    Attributes:
        ours, released: names of networks with a picture; empty for none.
    """

    group: StyleGroup
    image: str
    ours: str
    released: str

    @property
    def made(self) -> dict[str, str]:
        """Subjects by column: the optimisation, our network, the authors'; empty ones are not stored."""
        gatys = GATYS if (self.image, GATYS) in self.group.pictures else ""
        return {"gatys": gatys, "ours": self.ours, "released": self.released}

    @property
    def pictures(self) -> int:
        """How many were made of the content: 0 to 3."""
        return sum(map(bool, self.made.values()))

    def picture(self, subject: str) -> Path | None:
        """The file; None where none is stored."""
        return self.group.pictures.get((self.image, subject))

    def objective(self, subject: str) -> float | None:
        """The last of its curve; None where none is stored."""
        curve = self.group.curves.get(subject, {}).get(self.image)
        return curve.total[-1] if curve else None

    @property
    def iterations(self) -> int | None:
        """Of the optimisation."""
        curve = self.group.curves.get(GATYS, {}).get(self.image)
        return len(curve.total) - 1 if curve else None


def rows(results: Results, size: int) -> tuple[Row, ...]:
    """At most four: one content in each of four styles, or more contents where there are fewer styles."""
    chosen = [found for own in _by_style(results, size) if (found := max(map(_rows, own), key=_worth))]
    ranked = sorted(chosen, key=lambda found: -max(row.pictures for row in found))[:MOST_ROWS]
    # Contents that many styles have come first, so that the rows can be compared.
    common = Counter(row.image for found in ranked for row in found)
    each = MOST_ROWS // max(1, len(ranked))
    return tuple(
        row
        for found in ranked
        for row in sorted(found, key=lambda r: (-r.pictures, -common[r.image], r.image))[:each]
    )


def sizes(results: Results) -> tuple[int, ...]:
    """Those with a row at least, the smallest first."""
    groups = [group for group in results.styles if group.purpose == "transfer"]
    return tuple(sorted({group.protocol.size for group in groups if _rows(group)}))


def _by_style(results: Results, size: int) -> Iterator[list[StyleGroup]]:
    """Every objective and data set of a style, in the order of the results."""
    found: dict[str, list[StyleGroup]] = {}
    for group in results.styles:
        if group.purpose == "transfer" and group.protocol.size == size:
            # By the file's hash: two styles may have one name.
            found.setdefault(group.protocol.style_sha256, []).append(group)
    yield from found.values()


def _worth(found: Sequence[Row]) -> tuple[int, int]:
    return max((row.pictures for row in found), default=0), len(found)


def _rows(group: StyleGroup) -> list[Row]:
    """Contents with a picture of themselves and one at least that was made of them."""
    found = []
    for image in sorted({image for image, subject in group.pictures if subject == CONTENT}):
        there = [subject for name, subject in group.pictures if name == image]
        networks = [subject for subject in there if subject not in {CONTENT, GATYS}]
        row = Row(
            group=group,
            image=image,
            ours=_best(group, [n for n in networks if is_ours(n)]),
            released=_best(group, [n for n in networks if not is_ours(n)]),
        )
        if row.pictures:
            found.append(row)
    return found


def _best(group: StyleGroup, networks: Sequence[str]) -> str:
    """That with the least mean objective; empty where there are none."""

    def mean(subject: str) -> float:
        totals = [curve.total[-1] for curve in group.curves.get(subject, {}).values()]
        return sum(totals) / len(totals) if totals else inf

    return min(sorted(networks), key=mean, default="")  # sorted: of equal means always the same one
