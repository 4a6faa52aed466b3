"""Figures as the page holds them: the drawing inside the page, its PNG beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reports.parts import Figure, Report
from reports.writers.page_pictures import link_or_copy

# What may stand in a data address as it is; `&` and quotes are left to the escaping of the page.
PLAIN = " !$&'()*+,-./:;=?@[]_|~"


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """Addresses of a figure's files.

    Attributes:
        source: a data address; empty where there is no drawing.
        png: relative to the page; empty where there is none.
    """

    source: str
    png: str


def figure_views(report: Report, out: Path) -> Mapping[str, FigureView]:
    """By the figure's id."""
    return {
        figure.id: FigureView(source=_source(figure), png=_png(figure, out))
        for section in report.sections
        for figure in section.figures
    }


def _source(figure: Figure) -> str:
    if figure.svg is not None:
        return svg_address(figure.svg.read_text(encoding="utf-8"))
    return "" if figure.png is None else png_address(figure.png.read_bytes())


def svg_address(svg: str) -> str:
    """A data address about as long as the drawing: base64 would be a third longer.

    White space becomes single spaces, because a browser takes line ends out of an address.
    """
    return f"data:image/svg+xml,{quote(' '.join(svg.split()), safe=PLAIN)}"


def png_address(png: bytes) -> str:
    """A data address."""
    import base64

    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _png(figure: Figure, out: Path) -> str:
    if figure.png is None:
        return ""
    file, folder = figure.png.absolute(), out.absolute()
    if not file.is_relative_to(folder):
        file = folder / "figures" / file.name
        link_or_copy(figure.png, file)
    return quote(file.relative_to(folder).as_posix())
