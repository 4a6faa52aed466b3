"""An SVG of a figure as a PDF of its size, for LaTeX and other documents: the same drawing, its fonts held as outlines.

Typst makes it, as it makes the report's PDF; matplotlib's own writer reads all of a font for each figure, for a second.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.errors import RunError

SOURCE = """
#set document(title: sys.inputs.title, date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image("figure.svg", alt: sys.inputs.title)
"""


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
