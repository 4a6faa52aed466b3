"""A drawing to SVG, PDF and PNG: small, without references to anything outside, equal bytes each time."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

from bench.atomic import atomic_write
from reports.figures.document import as_pdf
from reports.figures.drawing import Drawing
from reports.figures.fonts import with_fonts
from reports.figures.style import DPI, style
from reports.figures.text import drawable
from reports.parts import Figure

# Dates and versions change, addresses lead outside.
UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}
PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
QUALITY = 92  # of JPEG; full colour resolution, since panels are compared pixel by pixel
RULES = re.compile(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", flags=re.DOTALL)


def write(drawing: Drawing, folder: Path) -> Figure:
    """Write FOLDER/ID.svg, FOLDER/ID.pdf and FOLDER/ID.png; equal drawings give equal bytes.

    Raises:
        OSError: the folder cannot be written.
        RunError: the SVG cannot be made a PDF.
    """
    record = drawing.record
    svg, pdf, png = (folder / f"{record.id}.{suffix}" for suffix in ("svg", "pdf", "png"))
    # The salt makes matplotlib's ids, which are random otherwise, the same in each run and different between figures.
    with style(salt=record.id):
        with _resampled(drawing), atomic_write(png) as part:
            drawing.canvas.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
        written = BytesIO()
        drawing.canvas.savefig(written, format="svg", dpi=DPI, metadata=UNDATED)
    text = with_fonts(minified(written.getvalue().decode(), record.alt))
    if drawing.photographs:
        text = PICTURE.sub(_jpeg, text)
    with atomic_write(svg) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    with atomic_write(pdf) as part:
        part.write_bytes(as_pdf(text, drawable(record.title)))
    return replace(record, svg=svg, pdf=pdf, png=png)


@contextmanager
def _resampled(drawing: Drawing) -> Iterator[None]:
    """Photographs that do not fall on the PNG's grid of pixels are resampled for it; crops are squares of pixels anyway."""
    shown = [image for axes in drawing.canvas.axes for image in axes.images] if drawing.photographs else []
    for image in shown:
        image.set_interpolation("lanczos")
    yield
    for image in shown:
        image.set_interpolation("none")


def minified(svg: str, alt: str) -> str:
    """An SVG that may stand inside a page: no document type, no rules for what is around it, no ids but those used."""
    # Without matplotlib's style element, which would hold for all drawings of a page.
    svg = RULES.sub("", svg[svg.index("<svg") :], count=1)
    # Ids of groups, which nothing refers to, would be there twice in a page of several figures.
    svg = re.sub(r'(<g|<image[^>]*?) id="[^"]*"', r"\1", svg)
    svg = svg.replace("data:image/png;base64,\n", "data:image/png;base64,")
    # What the removed style element said, as attributes of this drawing alone.
    drawn_as = 'stroke-linejoin="round" stroke-linecap="butt"'
    return svg.replace("<svg ", f'<svg role="img" aria-label={quoteattr(drawable(alt))} {drawn_as} ', 1)


def _jpeg(found: re.Match[str]) -> str:
    """The address of a picture as JPEG."""
    from PIL import Image

    written = BytesIO()
    with Image.open(BytesIO(base64.b64decode(found[1]))) as picture:
        picture.convert("RGB").save(written, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
