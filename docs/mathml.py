"""Formulas of the site: a block of LaTeX fenced as `math` becomes MathML, which browsers draw without a script."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

FENCED = re.compile(r"^```math\n(.*?)\n```$", re.DOTALL | re.MULTILINE)


def on_page_markdown(markdown: str, page: object, config: object, files: object) -> str:
    """The page with its formulas drawn; MkDocs calls it for each page, with these names."""
    return FENCED.sub(drawn, markdown)


def drawn(block: re.Match[str]) -> str:
    """MathML on one line, which Markdown leaves as it is."""
    return f'<div class="formula">{convert(block[1], display="block")}</div>'
