"""The paper's Figures 3 and 4: what each layer keeps of an image, and what of a style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.absent import ABSENT, absent
from reports.figures.drawing import Drawing, drawing
from reports.figures.pictures import GAP, LINE, UNDER, Box, frame, heading, lines_under, opened, show
from reports.figures.style import EDGE, WIDTH, canvas
from reports.figures.text import listed, printable, short
from reports.load.results import GATYS, SHORT, Results, StyleGroup, anchor
from reports.parts import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ALL_LAYERS = "vgg16"  # the loss network that has all of the paper's layers
MOST_ROWS = 4
LARGEST = 1.28  # inches: 256 pixels
NARROW = 0.3  # of a column that holds no picture
HEADING = 0.17
LETTERS, BOLD = 17, 12  # of a name that fit below a picture and above one, per inch
LONGEST = 10  # letters of a layer in a cell without a picture


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
        layers: the paper's, and what else is stored.
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

    def is_empty(self, layer: str) -> bool:
        """Whether no row that is shown has a picture of it."""
        return not any((row, layer) in self.groups for row in self.rows)

    @property
    def title(self) -> str:
        return ABSENT[self.kind.name].title

    @property
    def narrow(self) -> list[str]:
        """The layers of the columns that hold no picture."""
        return [layer for layer in self.layers if self.is_empty(layer)]

    @property
    def side(self) -> float:
        """Of a picture, in inches."""
        full = 1 + len(self.layers) - len(self.narrow)
        room = WIDTH - 2 * EDGE - len(self.narrow) * (NARROW + GAP) - (full - 1) * GAP
        return min(LARGEST, room / full)

    @property
    def width(self) -> float:
        """Of the card, in inches."""
        full = 1 + len(self.layers) - len(self.narrow)
        return 2 * EDGE + full * self.side + (full - 1) * GAP + len(self.narrow) * (NARROW + GAP)

    def draw(self) -> Canvas:
        narrow, side = self.narrow, self.side
        step = side + UNDER + LINE + GAP
        height = 2 * EDGE + HEADING + len(self.rows) * step - GAP
        card = canvas(self.width, height, constrained=False)
        lefts = _lefts(self, side)
        for layer, left in lefts.items():
            if layer not in narrow:
                heading(card, left, EDGE, short(layer, int(BOLD * side)) or "original")
        for position, row in enumerate(self.rows):
            top = EDGE + HEADING + position * step
            original = Box(left=lefts[""], top=top, width=side, height=side)
            _cell(card, original, self.original(row), "not stored")
            lines_under(card, original, [short(row, int(LETTERS * side))])
            for layer in self.layers:
                box = Box(left=lefts[layer], top=top, width=NARROW if layer in narrow else side, height=side)
                _cell(card, box, self.made(row, layer), _why(self, layer))
        return card

    def caption(self) -> str:
        kept = "features" if self.kind.purpose == "inversion" else "Gram matrices"
        own = {layer: group for (row, layer), group in sorted(self.groups.items()) if row in self.rows}
        tv = sorted({group.protocol.tv_weight for group in own.values()})
        done = sorted({_iterations(group) for group in own.values()} - {0})
        after = f" after {listed(map(str, done))} iterations" if done else ""
        missing = (
            f" Not stored: {listed(self.narrow)}; {ALL_LAYERS} has all of the paper's layers."
            if self.narrow
            else ""
        )
        more = f" {self.left_out} more are stored." if self.left_out else ""
        return (
            f"Each picture{after}: noise optimised until the {kept} of one layer of {printable(self.loss_network)} "
            f"are those "
            f"of the original, at {self.size}x{self.size} pixels, total variation weighted {listed(f'{w:g}' for w in tv)}. "
            f"{_protocols(self)}{missing}{more}"
        )

    def alt(self) -> str:
        there = [layer for layer in self.layers if not self.is_empty(layer)]
        return f"{listed(self.rows)}: the original, then what is made from {listed(there)} alone."


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
    papers = sum(not sheet.is_empty(layer) for layer in sheet.kind.layers)
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
    # By name, which is also the order of their depth.
    layers = sorted({*kind.layers, *(layer for row, layer in groups if row in shown)})
    return Sheet(
        kind=kind,
        loss_network=network,
        size=size,
        rows=shown,
        left_out=len(rows) - len(shown),
        layers=tuple(layers),
        groups=groups,
    )


def _lefts(sheet: Sheet, side: float) -> dict[str, float]:
    """Of the columns in inches, by layer; the original's is called by nothing."""
    lefts, left = {}, EDGE
    for layer in ("", *sheet.layers):
        lefts[layer] = left
        left += GAP + (NARROW if layer and sheet.is_empty(layer) else side)
    return lefts


def _cell(card: Canvas, box: Box, file: Path | None, why: str) -> None:
    picture = opened(file)
    if picture is None:
        frame(card, box, why)
    else:
        show(card, picture, box)


def _why(sheet: Sheet, layer: str) -> str:
    if not sheet.is_empty(layer):
        return "not stored"
    return f"{short(layer, LONGEST)}:\n" + (
        "not stored" if sheet.loss_network == ALL_LAYERS else f"needs {ALL_LAYERS}"
    )


def _protocols(sheet: Sheet) -> str:
    """With their hashes, where a layer has one for all rows."""
    found: dict[str, set[str]] = {}
    for (row, layer), group in sorted(sheet.groups.items()):
        if row in sheet.rows:
            found.setdefault(layer, set()).add(group.protocol.hash[:SHORT])
    if any(len(hashes) > 1 for hashes in found.values()):
        return "Each picture has its own protocol, which its certificate names."
    return (
        f"Protocols: {', '.join(f'{printable(layer)} ({min(hashes)})' for layer, hashes in found.items())}."
    )


def _iterations(group: StyleGroup) -> int:
    return max((len(curve.total) - 1 for curve in group.curves.get(GATYS, {}).values()), default=0)
