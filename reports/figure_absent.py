"""The paper's figures whose programs do not store results yet: named, with the reason, never invented."""

from __future__ import annotations

from collections.abc import Iterator

from reports.parts import Figure
from reports.results import Results

INVERSION = "python -m bench.inversion"
STYLE_QUALITY = "python -m bench.style_quality --style la_muse --sizes 256 512 1024 --images coco50"
# Id: title, what would have to be stored, the program that will store it.
ABSENT = {
    "figure3": (
        "Images from features: the paper's Figure 3",
        "images reconstructed from relu2_2 to relu5_3",
        INVERSION,
    ),
    "figure4": (
        "Images from style: the paper's Figure 4",
        "styles reconstructed from relu1_2 to relu4_3",
        INVERSION,
    ),
    "figure5": (
        "The objective against iterations: the paper's Figure 5",
        "objectives of the optimisation and of the network",
        STYLE_QUALITY,
    ),
    "figure6": (
        "Styles at 256x256 beside the optimisation: the paper's Figure 6",
        "stylized images of both methods",
        STYLE_QUALITY,
    ),
    "figure7": (
        "Styles at 512x512: the paper's Figure 7",
        "stylized images of both methods",
        STYLE_QUALITY,
    ),
}


def drawings(results: Results) -> Iterator[Figure]:
    """Figures 3 to 7."""
    for name, (title, wanted, command) in ABSENT.items():
        reason = f"the results hold no {wanted}; this version has no program that stores them"
        yield Figure(id=name, title=title, caption="", reason=reason, command=command)
