"""The report as a PDF, typeset by typst: no system fonts, no typst packages, no network.

Text is handed over as JSON and never as typst source, so whatever a name holds is shown, not run. Fonts are those inside
the `typst` wheel (Libertinus Serif, DejaVu Sans Mono) and, for what they lack, DejaVu Sans from matplotlib.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from importlib import resources, util
from pathlib import Path

from bench.atomic import atomic_write
from bench.errors import RunError
from reports.parts import Figure, Report
from reports.writers.data import to_json
from reports.writers.pdf_data import document, made
from reports.writers.pdf_provenance import ATTACHMENT
from reports.writers.pdf_text import plain_texts

EMBEDDED = ("Libertinus Serif", "DejaVu Sans Mono")
ADDED = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
LARGEST_SVG_BYTES = 1_500_000
LARGEST_PHOTOGRAPHS_BYTES = 8_000_000


def write_pdf(report: Report, file: Path) -> None:
    """Typeset the report; equal reports give equal bytes. `file` appears whole or not at all.

    Raises:
        RunError: a font or a figure's file is missing, or typst cannot use it.
        OSError: `file` cannot be written.
    """
    fonts = _fonts()
    with tempfile.TemporaryDirectory(prefix="perceptual-bench-") as name:
        folder = Path(name)
        for font in fonts:
            # Into the folder that typst may read: it sees no other file of this machine.
            shutil.copy(font, folder / font.name)
        images = _copied(
            {figure.id: figure for section in report.sections for figure in section.figures}, folder
        )
        data = plain_texts(
            document(report, {key: image.name for key, image in images.items()}), _glyphs(fonts)
        )
        (folder / "document.json").write_text(
            json.dumps(data, ensure_ascii=False), encoding="utf-8", newline="\n"
        )
        (folder / ATTACHMENT).write_text(to_json(report), encoding="utf-8", newline="\n")
        template = resources.files("reports") / "templates" / "report.typ"
        (folder / "report.typ").write_bytes(template.read_bytes())
        pdf = _compiled(folder, report, images)
    with atomic_write(file) as part:
        part.write_bytes(pdf)


def _fonts() -> tuple[Path, ...]:
    """The font files that are added to those of the wheel.

    Raises:
        RunError: one of either is missing.
    """
    import typst

    families = typst.Fonts(include_system_fonts=False).families()
    if missing := [name for name in EMBEDDED if name not in families]:
        raise RunError(
            f"typst holds the fonts {', '.join(families) or 'none'}; must be {', '.join(missing)}, "
            "which the wheels of typst from PyPI hold"
        )
    matplotlib = util.find_spec("matplotlib")
    places = matplotlib.submodule_search_locations if matplotlib else None
    files = tuple(
        Path(place) / "mpl-data" / "fonts" / "ttf" / name for place in places or () for name in ADDED
    )
    if not files or (missing := [str(file) for file in files if not file.is_file()]):
        raise RunError(
            f"matplotlib has no font {', '.join(missing) if files else ADDED[0]}; the PDF cannot be made without"
        )
    return files


def _glyphs(fonts: tuple[Path, ...]) -> frozenset[int]:
    """Code points that every one of the fonts can draw."""
    from matplotlib.ft2font import FT2Font

    # Regular and bold: a character in a bold cell must have a glyph too.
    return frozenset.intersection(*(frozenset(FT2Font(str(font)).get_charmap()) for font in fonts))


def _copied(figures: Mapping[str, Figure], folder: Path) -> dict[str, Path]:
    """The figures' files, copied into the folder, by id.

    Raises:
        RunError: a file cannot be read.
    """
    copies = {}
    for i, (key, figure) in enumerate(figures.items()):
        if (source := _source(figure)) is not None:
            copies[key] = folder / f"figure-{i}{source.suffix}"
            try:
                shutil.copyfile(source, copies[key])
            except OSError as error:
                raise _broken(source, error.strerror or str(error)) from error
    return copies


def _source(figure: Figure) -> Path | None:
    """The SVG where it is lines, text and photographs; the PNG where other pixels fill it or it is very large."""
    if figure.svg is None or figure.png is None:
        return figure.svg or figure.png
    try:
        content = figure.svg.read_bytes()
    except OSError as error:
        raise _broken(figure.svg, error.strerror or str(error)) from error
    if b"data:image/jpeg" in content:  # typst takes them over as they are: a third of the PNG
        return figure.png if len(content) > LARGEST_PHOTOGRAPHS_BYTES else figure.svg
    return figure.png if b"<image" in content or len(content) > LARGEST_SVG_BYTES else figure.svg


def _broken(file: Path, reason: str) -> RunError:
    return RunError(f"figure {str(file)!r}: {reason}; must be an SVG or PNG file that typst can read")


def _compiled(folder: Path, report: Report, images: Mapping[str, Path]) -> bytes:
    """The bytes of the PDF.

    Raises:
        RunError: typst refuses; the message names the figure that it refuses.
    """
    import typst

    try:
        # The report's own time and not that of typesetting: equal reports give equal bytes.
        return _typeset(folder, folder / "report.typ", int(made(report).timestamp()))
    except typst.TypstError as error:
        # typst's message does not name the image: each is tried alone until one fails.
        for figure in (figure for section in report.sections for figure in section.figures):
            if reason := figure.id in images and _refusal(folder, images[figure.id]):
                raise _broken(_source(figure) or images[figure.id], reason) from error
        raise RunError(f"typst cannot typeset the report: {error}") from error


def _refusal(folder: Path, image: Path) -> str:
    """Why typst cannot use an image by itself; empty where it can."""
    import typst

    probe = folder / "probe.typ"
    probe.write_text(
        f'#set document(title: "probe")\n#image("{image.name}", alt: "probe")', encoding="utf-8", newline="\n"
    )
    try:
        _typeset(folder, probe, 0)
    except typst.TypstError as error:
        return str(error)
    return ""


def _typeset(folder: Path, source: Path, timestamp: int) -> bytes:
    import typst

    compiler = typst.Compiler(
        str(source),
        root=str(folder),
        font_paths=[str(folder)],
        ignore_system_fonts=True,
        # Folders without packages: a template that asks for one fails instead of downloading it.
        package_path=str(folder),
        package_cache_path=str(folder),
    )
    # What archives and screen readers require, with room for an attachment; typst refuses what does not conform.
    pdf = compiler.compile(format="pdf", timestamp=timestamp, pdf_standards=["a-3a", "ua-1"])
    if not isinstance(pdf, bytes):
        raise RunError(f"typst returned {type(pdf).__name__}, must be bytes")
    return pdf
