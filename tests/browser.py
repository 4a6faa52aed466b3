"""A real browser for the pages that programs write: chromium without a network, driven by playwright.

A test module says `pytest_plugins = ["tests.browser"]` and its tests take the fixture `open_page`, which is
:func:`opened` with a browser: it fails if anything went wrong in the page or if it asked for what is not a file.

    with open_page(report / "index.html", width=390, height=844, dark=True) as page:
        page.click("#start")
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    OpenPage = Callable[..., AbstractContextManager[Page]]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 120_000  # on a busy machine a picture can take its time
# What a page asks of itself or of the folder it lies in; nothing else may be asked for.
OWN = ("file:", "data:", "blob:")


@pytest.fixture(scope="module")
def open_page() -> Iterator[OpenPage]:
    """:func:`opened` with a browser that is closed at the end of the module.

    While it runs, its event loop belongs to this thread, so it must not outlive the module.
    """
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs chromium")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield partial(opened, browser)
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    file: Path,
    *,
    query: str = "",
    width: int = 1440,
    height: int = 900,
    dark: bool = False,
    touch: bool = False,
) -> Iterator[Page]:
    """The page at `file`, from its file address; `tests.browser_reload` loads it again with the storage that it left.

    Args:
        query: of the address, such as `worker=ann`.
        width, height: of the window, in CSS pixels.
        touch: a phone: fingers, and two device pixels for each CSS pixel.

    Raises:
        AssertionError: at the end, where nothing else was raised: the page logged an error or a warning, threw,
            opened a dialog, could not load something, or asked for what is not a file.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        has_touch=touch,
        is_mobile=touch,
        device_scale_factor=2 if touch else 1,
        accept_downloads=True,
        offline=True,
    )
    try:
        problems = _watched(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{file.absolute().as_uri()}{'?' if query else ''}{query}")
        yield page
        assert not problems, "\n".join(problems)
    finally:
        context.close()


def _watched(context: BrowserContext) -> list[str]:
    """A list that fills with whatever goes wrong in any page of the context."""
    problems: list[str] = []

    def note(kind: str, value: Any) -> None:
        problems.append(f"{kind}: {value}")

    def dialog(box: Any) -> None:
        note("dialog", box.message)
        box.dismiss()

    context.on("dialog", dialog)
    context.on("console", lambda m: note(m.type, m.text) if m.type in {"error", "warning"} else None)
    context.on("weberror", lambda e: note("exception", e.error))
    context.on("request", lambda r: None if r.url.startswith(OWN) else note("request", r.url))
    # A page that is loaded again gives up what it was fetching: no fault of the page.
    given_up = "net::ERR_ABORTED"
    context.on(
        "requestfailed",
        lambda r: None if r.failure == given_up else note("failed request", f"{r.url} ({r.failure})"),
    )
    return problems
