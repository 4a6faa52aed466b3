"""What the theme's pages lack for readers who use a keyboard or a screen reader."""

from __future__ import annotations

from typing import Any

DIALOG = 'data-md-component="search" role="dialog"'


def on_post_page(output: str, **_: Any) -> str:
    """Name the search dialog; MkDocs calls it with each page."""
    return output.replace(DIALOG, f'{DIALOG} aria-label="Search"')
