"""A drawing to SVG, PDF and PNG: small, without references to anything outside, equal bytes each time.

Text stays text, so that it can be searched, copied, read aloud and edited; the letters of a figure are embedded in its SVG
as a font that holds these letters alone, and have the same widths where DejaVu Sans is not installed. The PDF is the same
drawing by Typst, which makes the report's too: matplotlib's own writer reads all of a font for each figure, for a second.
"""

from __future__ import annotations

import base64
import functools
import html
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

from bench.atomic import atomic_write
from bench.errors import RunError
from reports.figures.drawing import Drawing
from reports.figures.style import DPI, style
from reports.figures.text import drawable
from reports.parts import Figure

# Dates and versions change, addresses lead outside.
UNDATED = {"Date": None, "Creator": None, "Format": None, "Type": None}
PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
QUALITY = 92  # of JPEG; full colour resolution, since panels are compared pixel by pixel
RULES = re.compile(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", flags=re.DOTALL)

SOURCE = """
#set document(title: sys.inputs.title, date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image("figure.svg", alt: sys.inputs.title)
"""
FAMILY = "DejaVu Sans"
TEXT = re.compile(r"<text\b([^>]*)>(.*?)</text>", flags=re.DOTALL)
BOLD = re.compile(r"font-weight: (?:bold|[6-9]00)|font: (?:bold|[6-9]00)\b")
TAG = re.compile(r"<[^>]*>")
# What only typesetting needs: kerning tables, glyph names and the program that fits outlines to coarse grids.
DROPPED = ("GPOS", "GSUB", "GDEF", "kern", "FFTM", "fpgm", "prep", "cvt ", "gasp", "hdmx", "VDMX")


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


def as_pdf(svg: str, title: str) -> bytes:
    """Equal drawings give equal bytes.

    Raises:
        RunError: typst cannot read the SVG.
    """
    import matplotlib
    import typst

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figure.svg").write_text(svg, encoding="utf-8", newline="\n")
        (folder / "figure.typ").write_text(SOURCE, encoding="utf-8", newline="\n")
        compiler = typst.Compiler(
            str(folder / "figure.typ"),
            root=name,
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
            sys_inputs={"title": title},
            package_path=name,
            package_cache_path=name,
        )
        try:
            pdf = compiler.compile(format="pdf", timestamp=0)
        except typst.TypstError as error:
            raise RunError(f"typst cannot make a PDF of the figure {title!r}: {error}") from error
    if not isinstance(pdf, bytes):
        raise RunError(f"typst returned {type(pdf).__name__}, must be bytes")
    return pdf


def with_fonts(svg: str) -> str:
    """An SVG with the font of its text in it; as it was where it has none."""
    letters: dict[int, set[str]] = {}
    for attributes, content in TEXT.findall(svg):
        weight = 700 if BOLD.search(attributes) else 400
        letters.setdefault(weight, set()).update(html.unescape(TAG.sub("", content)))
    rules = "".join(
        f'@font-face{{font-family:"{FAMILY}";font-weight:{weight};src:url({subset(weight, "".join(sorted(found)))})}}'
        for weight, found in sorted(letters.items())
        if found
    )
    if not rules:
        return svg
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}<style>{rules}</style>{svg[start:]}"


@functools.lru_cache(maxsize=256)
def subset(weight: int, letters: str) -> str:
    """A data address of the font with these letters, as WOFF: equal letters give equal bytes."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont
    from matplotlib.font_manager import FontProperties, findfont

    file = findfont(FontProperties(family=FAMILY, weight=weight))
    options = Options(layout_features=[], hinting=False, notdef_outline=True, glyph_names=False)
    options.drop_tables += DROPPED
    chosen = Subsetter(options)
    chosen.populate(text=letters)
    written = BytesIO()
    with TTFont(file, recalcTimestamp=False, lazy=True) as font:
        chosen.subset(font)
        font.flavor = "woff"
        font.save(written)
    return f"data:font/woff;base64,{base64.b64encode(written.getvalue()).decode()}"
