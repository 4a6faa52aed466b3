"""Figures as the page holds them: the drawing inside the page, its files beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reports.figures.style import (
    BLACK,
    BLUE,
    BROWN,
    CARD,
    GREEN,
    INDIGO,
    INK,
    MUTED,
    OLIVE,
    ORANGE,
    PURPLE,
    RULE,
    SKY,
    SLATE,
    VERMILLION,
    WINE,
)
from reports.parts import Figure
from reports.writers.page_images import link_or_copy

# What may stand in a data address as it is; `&` and quotes are left to the escaping of the page.
PLAIN = " !$&'()*+,-./:;=?@[]_|~"
# Every colour of :mod:`reports.figures.style`, and what takes its place on a dark page: at least 4.5:1 against the card.
DARK = {
    CARD: "#15181b",
    INK: "#e7e9eb",
    MUTED: "#a5adb5",
    RULE: "#3b4147",
    BLUE: "#5bb0e8",
    VERMILLION: "#ff8b4d",
    GREEN: "#35cfa4",
    PURPLE: "#e3a5c6",
    ORANGE: "#f0b429",
    SKY: "#86cdf4",
    BLACK: "#f5f6f7",
    WINE: "#d77aa8",
    INDIGO: "#a79bef",
    OLIVE: "#bdbd5c",
    BROWN: "#cb9a68",
    SLATE: "#8fb0c4",
}


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """Addresses of a figure's files.

    Attributes:
        source: a data address; empty where there is no drawing.
        files: what each is called, and its address relative to the page.
    """

    source: str
    files: Mapping[str, str]


def figure_views(figures: Sequence[Figure], out: Path) -> Mapping[str, FigureView]:
    """By the figure's id."""
    return {figure.id: FigureView(source=_source(figure), files=_files(figure, out)) for figure in figures}


def _source(figure: Figure) -> str:
    if figure.svg is not None:
        return svg_address(with_dark_form(figure.svg.read_text(encoding="utf-8")))
    return "" if figure.png is None else png_address(figure.png.read_bytes())


def with_dark_form(svg: str) -> str:
    """The drawing with its colours as variables, which have other values where the page around it is dark.

    The file beside the page, and the figure in the PDF, stay as they were drawn.
    """
    names = {colour.lower(): f"--c{i}" for i, colour in enumerate(DARK)}
    # The root's own attributes stay as they are: rules may stand only inside it.
    start = svg.find(">", svg.find("<svg")) + 1
    if not start:
        return svg
    light, dark = (
        ";".join(f"{names[colour.lower()]}:{value}" for colour, value in pairs)
        for pairs in ([(colour, colour) for colour in DARK], DARK.items())
    )
    # What is drawn in black says nothing of its fill, which it inherits.
    black = f"fill:var({names[BLACK]})"
    sheet = f"<style>svg{{{light};{black}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    # The ground of a hatching has its colour in an attribute, where a variable has no meaning.
    styled = re.sub(r'\bfill="(#[0-9a-f]{6})"', r'style="fill: \1"', svg[start:])
    painted = re.sub(
        r"(fill|stroke): (#[0-9a-f]{6})",
        lambda found: f"{found[1]}: var({names[found[2]]})" if found[2] in names else found[0],
        styled,
    )
    return svg[:start] + sheet + painted


def svg_address(svg: str) -> str:
    """A data address about as long as the drawing: base64 would be a third longer.

    White space becomes single spaces, because a browser takes line ends out of an address.
    """
    return f"data:image/svg+xml,{quote(' '.join(svg.split()), safe=PLAIN)}"


def png_address(png: bytes) -> str:
    """A data address."""
    import base64

    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _files(figure: Figure, out: Path) -> Mapping[str, str]:
    """What there is of the figure, for slides, for documents and for editing."""
    files = {"PNG": figure.png, "PDF": figure.pdf, "SVG": figure.svg}
    return {name: _address(file, out) for name, file in files.items() if file is not None}


def _address(source: Path, out: Path) -> str:
    """Relative to the page; what lies elsewhere is put beside it."""
    file, folder = source.absolute(), out.absolute()
    if not file.is_relative_to(folder):
        file = folder / "figures" / file.name
        link_or_copy(source, file)
    return quote(file.relative_to(folder).as_posix())
