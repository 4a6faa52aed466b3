"""The pixel viewer of a page that is open in a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import OpenPage

STAGE = "#v-stage"


@contextmanager
def viewer(open_page: OpenPage, out: Path, view: str = "", **options: Any) -> Iterator[Page]:
    """The page with its pictures in sight and loaded."""
    with open_page(out / "index.html", **options) as page:
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        page.evaluate("view => { location.hash = view || '#pixels' }", view)
        page.locator(STAGE).scroll_into_view_if_needed()
        pictures_loaded(page)
        yield page


def pictures_loaded(page: Page) -> None:
    page.wait_for_function(
        """() => {
          const shown = [...document.querySelectorAll(".slot:not([hidden]) .picture:not([hidden])")];
          return shown.length > 1 && shown.every((img) => img.complete && img.naturalWidth && img.style.width);
        }"""
    )


def transforms(page: Page) -> set[str]:
    """Of every pane that is not hidden."""
    return set(
        page.eval_on_selector_all(
            ".slot:not([hidden]) .world", "all => all.map((one) => one.style.transform)"
        )
    )


def hash_with(page: Page, words: str) -> dict[str, list[str]]:
    """The address's part behind the question mark, once it has `words` in it."""
    page.wait_for_function("words => location.hash.includes(words)", arg=words)
    return parse_qs(page.evaluate("location.hash").partition("#pixels?")[2])


def enter(page: Page) -> None:
    """Puts the focus on the pictures as a key user would, without a click that could flip."""
    page.locator(STAGE).focus()


def pictured(out: Path, file: str) -> np.ndarray:
    return np.asarray(Image.open(out / "images" / "set5-x4-08821999" / file).convert("RGB"), dtype=int)


def pixels(screenshot: bytes, x: int, y: int) -> np.ndarray:
    """48x40 of them."""
    return np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"), dtype=int)[y : y + 40, x : x + 48]
