"""The letters of a figure, embedded in its SVG as a font that holds these letters alone.

Text stays text, so that it can be searched, copied, read aloud and edited; text as paths could not. Embedded, it has the
same widths where DejaVu Sans is not installed. A PDF of a figure holds the same font (:mod:`reports.figures.document`).
"""

from __future__ import annotations

import base64
import functools
import html
import re
from io import BytesIO

FAMILY = "DejaVu Sans"
TEXT = re.compile(r"<text\b([^>]*)>(.*?)</text>", flags=re.DOTALL)
BOLD = re.compile(r"font-weight: (?:bold|[6-9]00)|font: (?:bold|[6-9]00)\b")
TAG = re.compile(r"<[^>]*>")
# What only typesetting needs: kerning tables, glyph names and the program that fits outlines to coarse grids.
DROPPED = ("GPOS", "GSUB", "GDEF", "kern", "FFTM", "fpgm", "prep", "cvt ", "gasp", "hdmx", "VDMX")


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
