"""A page of the browser loaded again with the storage that it left (`tests.browser` opens it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def reload(page: Page) -> None:
    """Load the page again; the new document has the localStorage that the old one left.

    Chromium alone does not see to that: on a busy machine 28 of 900 plain reloads led to a page that found nothing, or what
    had been there before the last write. So the new document is given it before its own scripts run.
    """
    source = page.evaluate(
        "`localStorage.clear(); Object.assign(localStorage, ${JSON.stringify({ ...localStorage })});`"
    )
    session = page.context.new_cdp_session(page)
    script = session.send("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    page.reload()
    session.send("Page.removeScriptToEvaluateOnNewDocument", script)
    session.detach()
