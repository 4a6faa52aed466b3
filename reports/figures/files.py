"""A drawing to SVG and PNG: small, without references to anything outside, equal bytes each time."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

from bench.atomic import atomic_write
from reports.figures.drawing import Drawing
from reports.figures.style import DPI, style
from reports.figures.text import printable
from reports.parts import Figure

# Dates and versions change, addresses lead outside.
UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}
PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
QUALITY = 92  # of JPEG; full colour resolution, since panels are compared pixel by pixel
RULES = re.compile(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", flags=re.DOTALL)


def write(drawing: Drawing, folder: Path) -> Figure:
    """Write FOLDER/ID.svg and FOLDER/ID.png; equal drawings give equal bytes.

    Raises:
        OSError: the folder cannot be written.
    """
    record = drawing.record
    svg, png = folder / f"{record.id}.svg", folder / f"{record.id}.png"
    # The salt makes matplotlib's ids, which are random otherwise, the same in each run and different between figures.
    with style(salt=record.id):
        with atomic_write(png) as part:
            drawing.canvas.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
        written = BytesIO()
        drawing.canvas.savefig(written, format="svg", dpi=DPI, metadata=UNDATED)
    text = minified(written.getvalue().decode(), record.alt)
    with atomic_write(svg) as part:
        part.write_text(
            PICTURE.sub(_jpeg, text) if drawing.photographs else text, encoding="utf-8", newline="\n"
        )
    return replace(record, svg=svg, png=png)


def minified(svg: str, alt: str) -> str:
    """An SVG that may stand inside a page: no document type, no rules for what is around it, no ids but those used."""
    # Without matplotlib's style element, which would hold for all drawings of a page.
    svg = RULES.sub("", svg[svg.index("<svg") :], count=1)
    # Ids of groups, which nothing refers to, would be there twice in a page of several figures.
    svg = re.sub(r'(<g|<image[^>]*?) id="[^"]*"', r"\1", svg)
    svg = svg.replace("data:image/png;base64,\n", "data:image/png;base64,")
    # What the removed style element said, as attributes of this drawing alone.
    drawn_as = 'stroke-linejoin="round" stroke-linecap="butt"'
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(printable(alt))} {drawn_as} ', 1)


def _jpeg(found: re.Match[str]) -> str:
    """The address of a picture as JPEG."""
    from PIL import Image

    written = BytesIO()
    with Image.open(BytesIO(base64.b64decode(found[1]))) as picture:
        picture.convert("RGB").save(written, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
