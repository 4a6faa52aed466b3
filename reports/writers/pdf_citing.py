"""Numbers of the PDF's tables and figures, and the sentences that cite them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.parts import Figure, Section, Table

# What tables and figures hold, by the beginning of their ids.
TABLES: Mapping[str, str] = {
    "leaderboard": "the leaderboard",
    "steps": "the steps along its Pareto fronts",
    "quality": "the means over each data set",
    "published": "published values under the same protocol",
    "figure8": "the numbers printed in the paper's Figure 8",
    "figure9": "the numbers printed in the paper's Figure 9",
    "table1": "the paper's Table 1",
    "measurements": "all times",
    "ladder": "the variants of a network",
    "objective": "the objective of style transfer",
    "figure5": "the curves of the paper's Figure 5",
    "against": "paired differences to the reference",
    "preference": "the user study",
    "verdicts": "the printed numbers that were measured",
    "pending": "those that were not",
    "protocols": "the protocols",
    "machines": "the machines",
    "runs": "the commands of the runs",
    "absent": "what was not drawn, and what would draw it",
}
FIGURES: Mapping[str, str] = {
    "figure3": "images made from features",
    "figure4": "images made from styles",
    "figure5": "the objective against the iterations",
    "figure6": "stylized images",
    "figure7": "large stylized images",
    "figure8": "details of images at x4",
    "figure9": "details of images at x8",
    "crops": "where the methods differ most",
    "table1": "seconds against image size",
    "pareto": "quality against time",
    "fronts": "quality against cost",
    "predictors": "what predicts the time",
    "plane": "perception against distortion",
    "agreement": "how far rankings agree",
    "ladder": "what each optimisation brings",
    "differences": "the differences image by image",
    "sensitivity": "how sensitive each metric is",
}
Piece = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Of the tables and of the figures that are drawn, by id, in the order in which they are printed."""

    tables: Mapping[str, int]
    figures: Mapping[str, int]

    def cited(self, section: Section, lead: Figure | None = None) -> list[Piece]:
        """`Tables 1 to 3 show ...; Figure 2 shows ....`, each number with the label it leads to.

        Args:
            lead: a figure that stands elsewhere and belongs to this section.
        """
        figures = (*([lead] if lead else []), *section.figures)
        parts = [
            *_sentences("Table", [(self.tables[t.id], _words(t, TABLES)) for t in section.tables]),
            *_sentences(
                "Figure", [(self.figures[f.id], _words(f, FIGURES)) for f in figures if f.id in self.figures]
            ),
        ]
        between = [[{"text": ";", "glued": True}, *part] for part in parts]
        found = [piece for part in between for piece in part][1:]  # without the first semicolon
        return [*found, {"text": ".", "glued": True}] if found else []


def numbered(sections: Sequence[Section], lead: Figure | None, drawn: Mapping[str, str]) -> Numbers:
    """Tables and drawn figures of all sections; the lead figure is the first.

    Args:
        drawn: figures that there are, by id.
    """
    figures = [figure.id for section in sections for figure in section.figures if figure.id in drawn]
    first = [lead.id] if lead else []
    order = [*first, *(name for name in figures if name not in first)]
    tables = [table.id for section in sections for table in section.tables]
    return Numbers(
        tables={name: i for i, name in enumerate(tables, 1)},
        figures={name: i for i, name in enumerate(order, 1)},
    )


def _words(item: Table | Figure, words: Mapping[str, str]) -> str:
    found = max((name for name in words if item.id.startswith(name)), key=len, default="")
    return words.get(found) or item.title


def _sentences(kind: str, items: Sequence[tuple[int, str]]) -> Iterator[list[Piece]]:
    """Of neighbours that hold the same, one."""
    groups: dict[str, list[int]] = {}
    for number, words in items:
        groups.setdefault(words, []).append(number)
    for words, numbers in groups.items():
        # Neighbours without a gap: "1 to 3"; of two, or with a gap, each is named.
        whole = numbers == list(range(numbers[0], numbers[-1] + 1))
        ends = [numbers[0], numbers[-1]] if whole and len(numbers) > 2 else numbers
        verb = "shows" if len(numbers) == 1 else "show"
        label = kind.lower()
        pieces: list[Piece] = [{"text": f"{kind}{'s' if len(numbers) > 1 else ''}"}]
        joints = _joints(len(ends), to=whole and len(numbers) > 2)
        for number, joint in zip(ends, joints, strict=True):
            pieces += [{"text": joint, "glued": joint == ","}] if joint else []
            pieces.append({"text": str(number), "to": f"{label}-{number}"})
        yield [*pieces, {"text": f"{verb} {words}"}]


def _joints(count: int, *, to: bool) -> list[str]:
    """What stands before each of several numbers."""
    if to:
        return ["", "to"]
    return ["", *[","] * (count - 2), "and"][:count]
