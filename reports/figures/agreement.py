"""What predicts what: how far rankings of many models agree, metric by metric and data set by data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from reports.figures.drawing import Drawing, drawing
from reports.figures.style import BLUE, CARD, INK, RULE, SMALL, WIDTH, bare, canvas
from reports.figures.text import drawable
from reports.formatting import listed
from reports.load.results import Group, Results
from reports.load.standings import PSNR, Ranking, kendall, leading_groups, rankings

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CELL = 0.36  # inches
MARGIN = 1.9  # inches, for the names
MOST = 18  # rankings, about what the page's width holds
STRONG = 0.75  # tau from which a cell is filled; its text is white from there on


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Kendall's tau of every two rankings under one protocol."""

    group: Group
    rankings: Sequence[Ranking]
    left_out: Sequence[Ranking] = ()

    @property
    def title(self) -> str:
        protocol = self.group.protocol
        return f"Agreement of rankings: x{protocol.scale}, protocol {protocol.name}"

    def draw(self) -> Canvas:
        n = len(self.rankings)
        cell = min(CELL, (WIDTH - MARGIN) / n)
        card = canvas(MARGIN + cell * n, cell * n + MARGIN, constrained=True)
        axes = card.subplots()
        bare(axes)
        for i, row in enumerate(self.rankings):
            for j, column in enumerate(self.rankings[: i + 1]):  # tau is symmetric: the lower half says all
                tau = kendall(row, column)[0]
                if math.isnan(tau):
                    continue
                colour = BLUE if tau >= STRONG else RULE if tau > 0 else CARD
                axes.add_patch(_square(j, i, colour))
                ink = CARD if tau >= STRONG else INK
                axes.text(
                    j,
                    i,
                    f"{tau:.2f}".replace("-", "\N{MINUS SIGN}"),
                    ha="center",
                    va="center",
                    color=ink,
                    fontsize=SMALL - 0.5,
                )
        names = [drawable(each.title) for each in self.rankings]
        axes.set_yticks(range(n), names, fontsize=SMALL)
        axes.set_xticks(range(n), names, rotation=90, fontsize=SMALL)
        axes.tick_params(length=0)
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_aspect("equal")
        return card

    def caption(self) -> str:
        models = max(kendall(a, a)[1] for a in self.rankings)
        found = [(kendall(a, b), a.title, b.title) for a, b in combinations(self.rankings, 2)]
        known = [each for each in found if not math.isnan(each[0][0])]
        most, least = max(known, key=lambda each: each[0][0]), min(known, key=lambda each: each[0][0])
        return " ".join(
            (
                f"Kendall's tau between rankings of up to {models} models; 1: the same order, 0: none, negative: the "
                "opposite.",
                *self._data_sets(),
                f"Most alike: {drawable(most[1])} and {drawable(most[2])} ({most[0][0]:.2f}); least alike: "
                f"{drawable(least[1])} and {drawable(least[2])} ({least[0][0]:.2f}).",
                *(
                    [f"No room for: {listed(drawable(each.title) for each in self.left_out)}."]
                    if self.left_out
                    else []
                ),
            )
        )

    def _data_sets(self) -> Iterator[str]:
        """How far one data set's ranking by PSNR predicts another's."""
        by_psnr = [each for each in self.rankings if each.metric == PSNR]
        words = [
            f"{drawable(a.dataset)} and {drawable(b.dataset)} {tau:.2f}"
            for a, b in combinations(by_psnr, 2)
            if not math.isnan(tau := kendall(a, b)[0])
        ]
        if words:
            yield f"By PSNR: {listed(words)}."

    def alt(self) -> str:
        return f"A matrix of Kendall's tau. {self.caption()}"


def _square(x: float, y: float, colour: str):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=CARD, linewidth=1.0)


def drawings(results: Results) -> Iterator[Drawing]:
    """One for each protocol with many models, by at least two rankings; none for the others."""
    for group in leading_groups(results):
        shown, left_out = selected(rankings(results, group))
        if len(shown) > 1:
            agreement = Agreement(group=group, rankings=shown, left_out=left_out)
            yield drawing(f"agreement-{group.id}", agreement, wide=False)


def selected(found: Sequence[Ranking]) -> tuple[Sequence[Ranking], Sequence[Ranking]]:
    """The :data:`MOST` rankings over the most images, and those left out; both in their order."""
    most = sorted(range(len(found)), key=lambda i: -found[i].images)[:MOST]
    return [found[i] for i in sorted(most)], [each for i, each in enumerate(found) if i not in most]
