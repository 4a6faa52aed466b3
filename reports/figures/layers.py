"""The paper's Figures 3 and 4: what each layer keeps of an image, and what of a style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.absent import ABSENT, absent
from reports.figures.drawing import Drawing, drawing
from reports.figures.image_grid import GAP, LINE, UNDER, Box, heading, lines_under, opened, show
from reports.figures.style import EDGE, WIDTH, canvas
from reports.figures.text import drawable, listed, short
from reports.load.results import GATYS, SHORT, Results, StyleGroup, anchor
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas
    from PIL.Image import Image

ALL_LAYERS = "vgg16"  # the loss network that has all of the paper's layers
MOST_ROWS = 4
LARGEST = 1.28  # inches: 256 pixels
HEADING = 0.17
LETTERS, BOLD = 17, 12  # of a name that fit below a picture and above one, per inch


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Figure 3 or 4: the groups that it shows, and the paper's layers."""

    name: str
    purpose: str
    original: str
    layers: tuple[str, ...]


KINDS = (
    Kind(
        name="figure3",
        purpose="inversion",
        original="content",
        layers=("relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"),
    ),
    Kind(
        name="figure4",
        purpose="reconstruction",
        original="style",
        layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One loss network, one size.

    Attributes:
        groups: by row and layer, where there is a picture: the row is an image of a data set, or a style.
        rows: those that are shown.
        left_out: how many rows are not.
        layers: those that have a picture in a row that is shown.
    """

    kind: Kind
    loss_network: str
    size: int
    rows: tuple[str, ...]
    left_out: int
    layers: tuple[str, ...]
    groups: Mapping[tuple[str, str], StyleGroup]

    def original(self, row: str) -> Path | None:
        """The picture that the others are to resemble, from whichever group has it."""
        own = [group for (name, _), group in self.groups.items() if name == row]
        if self.kind.original == "style":
            return next((g.style_picture for g in own if g.style_picture), None)
        return next((file for g in own if (file := g.pictures.get((row, self.kind.original)))), None)

    def made(self, row: str, layer: str) -> Path | None:
        """The optimised image; None where none is stored."""
        group = self.groups.get((row, layer))
        return group.pictures.get((row, GATYS)) if group else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The original, called by nothing, where a row has one; then the layers."""
        return ("", *self.layers) if any(map(self.original, self.rows)) else self.layers

    @property
    def title(self) -> str:
        return ABSENT[self.kind.name].title

    @property
    def side(self) -> float:
        """Of a picture, in inches."""
        n = len(self.columns)
        return min(LARGEST, (WIDTH - 2 * EDGE - (n - 1) * GAP) / n)

    @property
    def width(self) -> float:
        """Of the card, in inches."""
        n = len(self.columns)
        return 2 * EDGE + n * self.side + (n - 1) * GAP

    def picture(self, row: str, column: str) -> Image | None:
        """What stands in a cell; None leaves it blank."""
        return opened(self.made(row, column) if column else self.original(row))

    def draw(self) -> Canvas:
        side = self.side
        step = side + UNDER + LINE + GAP
        height = 2 * EDGE + HEADING + len(self.rows) * step - GAP
        card = canvas(self.width, height, constrained=False)
        for place, column in enumerate(self.columns):
            left = EDGE + place * (side + GAP)
            heading(card, left, EDGE, short(column, int(BOLD * side)) or "original")
            for line, row in enumerate(self.rows):
                box = Box(left=left, top=EDGE + HEADING + line * step, width=side, height=side)
                if (picture := self.picture(row, column)) is not None:
                    show(card, picture, box)
                if not place:
                    lines_under(card, box, [short(row, int(LETTERS * side))])
        return card

    def caption(self) -> str:
        kept = "features" if self.kind.purpose == "inversion" else "Gram matrices"
        own = {layer: group for (row, layer), group in sorted(self.groups.items()) if row in self.rows}
        tv = sorted({group.protocol.tv_weight for group in own.values()})
        done = sorted({_iterations(group) for group in own.values()} - {0})
        after = f" after {listed(map(str, done))} iterations" if done else ""
        missing = _missing(self)
        more = f" {self.left_out} more are stored." if self.left_out else ""
        return (
            f"Each image{after}: noise optimised until the {kept} of one layer of {drawable(self.loss_network)} "
            f"are those "
            f"of the original, at {self.size}x{self.size} pixels, total variation weighted {listed(f'{w:g}' for w in tv)}. "
            f"{_protocols(self)}{missing}{more}"
        )

    def alt(self) -> str:
        return f"{listed(self.rows)}: the original, then what is made from {listed(self.layers)} alone."


def drawings(results: Results) -> Iterator[Drawing | Figure]:
    """Figures 3 and 4, once for each loss network."""
    for kind in KINDS:
        sheets = _sheets(results, kind)
        if not sheets:
            yield absent(kind.name)
        for position, sheet in enumerate(sheets):
            tail = f"-{anchor(sheet.loss_network.replace('_', '-'))}-{sheet.size}" if position else ""
            yield drawing(f"{kind.name}{tail}", sheet, wide=sheet.width > 4, photographs=True)


def _sheets(results: Results, kind: Kind) -> list[Sheet]:
    """Those with most of the paper's layers first, then those with more rows."""
    found: dict[tuple[str, int], list[StyleGroup]] = {}
    for group in results.styles:
        if group.purpose == kind.purpose and any(subject == GATYS for _, subject in group.pictures):
            found.setdefault((group.protocol.loss_network, group.protocol.size), []).append(group)
    sheets = [_sheet(kind, network, size, own) for (network, size), own in found.items()]
    return sorted(sheets, key=_order)


def _order(sheet: Sheet) -> tuple[object, ...]:
    papers = sum(layer in sheet.layers for layer in sheet.kind.layers)
    return -papers, -len(sheet.groups), sheet.loss_network, sheet.size


def _sheet(kind: Kind, network: str, size: int, own: Sequence[StyleGroup]) -> Sheet:
    """Of two groups with a picture of the same row and layer, that with more pictures."""
    groups: dict[tuple[str, str], StyleGroup] = {}
    for group in sorted(own, key=lambda g: (len(g.pictures), g.id)):  # the last of a key stays
        p = group.protocol
        (layer,) = (p.content_layers or p.style_layers)[:1]  # each inversion is of one layer
        groups |= {(image, layer): group for image, subject in group.pictures if subject == GATYS}
    rows = sorted({row for row, _ in groups}, key=lambda row: (-sum(r == row for r, _ in groups), row))
    shown = tuple(sorted(rows[:MOST_ROWS]))
    layers = sorted({layer for row, layer in groups if row in shown})
    return Sheet(
        kind=kind,
        loss_network=network,
        size=size,
        rows=shown,
        left_out=len(rows) - len(shown),
        layers=tuple(layers),
        groups=groups,
    )


def _missing(sheet: Sheet) -> str:
    """The paper's layers that have no column, and whether a cell is blank."""
    gone = [layer for layer in sheet.kind.layers if layer not in sheet.layers]
    blank = any(sheet.picture(row, column) is None for row in sheet.rows for column in sheet.columns)
    why = "" if sheet.loss_network == ALL_LAYERS else f"; {ALL_LAYERS} has all of the paper's layers"
    return (f" Not stored: {listed(gone)}{why}." if gone else "") + (" Blank: not stored." if blank else "")


def _protocols(sheet: Sheet) -> str:
    """With their hashes, where a layer has one for all rows."""
    found: dict[str, set[str]] = {}
    for (row, layer), group in sorted(sheet.groups.items()):
        if row in sheet.rows:
            found.setdefault(layer, set()).add(group.protocol.hash[:SHORT])
    if any(len(hashes) > 1 for hashes in found.values()):
        return "Each image has its own protocol, which its provenance names."
    return f"Protocols: {', '.join(f'{drawable(layer)} ({min(hashes)})' for layer, hashes in found.items())}."


def _iterations(group: StyleGroup) -> int:
    return max((len(curve.total) - 1 for curve in group.curves.get(GATYS, {}).values()), default=0)
