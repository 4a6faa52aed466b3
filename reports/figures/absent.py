"""The paper's figures of style transfer where nothing is stored for them: named, with the reason, never invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports.figures.drawing import missing
from reports.load.objectives import QUALITY_COMMAND, STYLE_COMMAND
from reports.parts import Figure


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A figure's title, what would have to be stored, and the command that stores it."""

    title: str
    wanted: str
    command: str


ABSENT: Mapping[str, Absent] = {
    "figure3": Absent(
        title="Images from features: the paper's Figure 3",
        wanted="images made from the features of a layer",
        command="python -m bench.inversion contents",
    ),
    "figure4": Absent(
        title="Images from style: the paper's Figure 4",
        wanted="images made from the style of a layer",
        command="python -m bench.inversion --styles starry_night la_muse",
    ),
    "figure5": Absent(
        title="The objective against iterations: the paper's Figure 5",
        wanted="objective of the optimisation",
        command=STYLE_COMMAND,
    ),
    "figure6": Absent(
        title="Styles at 256x256 by networks and the optimisation: the paper's Figure 6",
        wanted="contents of 256x256 with stylized images of them",
        command=f"{QUALITY_COMMAND} --sizes 256 --contents coco50",
    ),
    "figure7": Absent(
        title="Styles at 512x512 and above: the paper's Figure 7",
        wanted="contents of 512x512 or larger with stylized images of them",
        command=f"{QUALITY_COMMAND} --sizes 512 --contents coco50",
    ),
}


def absent(name: str) -> Figure:
    """Why there is no such figure, and what would make one."""
    known = ABSENT[name]
    return missing(name, known.title, f"the results hold no {known.wanted}", known.command)
