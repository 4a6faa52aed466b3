"""The leaderboard's page in a browser: from a file, sorted and filtered by mouse and by keyboard, at any width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.__main__ import main
from tests.reports.many_models import many_models

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import OpenPage

pytest_plugins = ["tests.browser"]

ROWS = ".ranked tbody tr:visible"
SECONDS = ".ranked thead th:has-text('seconds')"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    many_models(folder / "results.db", models=30, images=12, first="<b>net</b>")
    assert main([str(folder / "results.db"), "--out", str(folder / "out"), "--no-pdf"]) == 0
    return folder / "out"


@pytest.fixture
def page(open_page: OpenPage, out: Path) -> Iterator[Page]:
    with open_page(out / "leaderboard.html") as page:
        yield page


def names(page: Page) -> list[str]:
    return page.locator(f"{ROWS} th").all_inner_texts()


def test_it_filters_by_words_and_by_fronts(page: Page) -> None:
    assert page.locator(ROWS).count() == 30
    page.fill(".filter [type=search]", "E25_1 lightnet")
    assert len(names(page)) == 10
    page.fill(".filter [type=search]", "")
    page.check(".filter [role=switch]")
    any_front = set(names(page))
    page.select_option(".filter select", label="psnr against time")
    one_front = set(names(page))
    assert 0 < len(one_front) < len(any_front) < 30
    assert one_front < any_front
    assert page.locator(".filter output").inner_text() == f"{len(one_front)} of 30"
    page.uncheck(".filter [role=switch]")
    assert len(names(page)) == 30


def test_the_front_is_sorted_by_time_and_climbs(page: Page) -> None:
    page.select_option(".filter select", label="psnr against time")  # which turns the switch on
    page.click(f"{SECONDS} button")
    assert page.get_attribute(SECONDS, "aria-sort") == "ascending"
    psnr = page.locator(f"{ROWS} > :nth-child(3)").all_inner_texts()
    assert psnr == sorted(psnr, key=float)


def test_all_of_it_works_by_keyboard(page: Page) -> None:
    page.locator(".filter [type=search]").focus()
    page.keyboard.type("lightnet")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator(".filter [role=switch]").is_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.locator(".filter select").input_value() == "0"
    page.locator(f"{SECONDS} button").focus()
    page.keyboard.press("Enter")
    assert page.get_attribute(SECONDS, "aria-sort") == "ascending"


def test_names_that_are_code_are_shown(page: Page) -> None:
    assert "<b>net</b>" in names(page)


def test_a_number_leads_to_its_provenance_in_the_report(page: Page) -> None:
    page.locator(".ranked tbody a").first.click()
    page.wait_for_url("**/index.html#c*")
    page.wait_for_function("document.getElementById(location.hash.slice(1)).open")
    page.locator("nav a[href='#leaderboard']").click()
    page.locator("#leaderboard a[href='leaderboard.html']").click()
    page.wait_for_url("**/leaderboard.html")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_scrolling_sideways(open_page: OpenPage, out: Path, dark: bool) -> None:
    with open_page(out / "leaderboard.html", width=390, height=844, dark=dark, touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(ROWS).count() == 30


def test_paper_has_the_table_and_not_the_controls(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator(".ranked").is_visible()
    assert not page.locator(".filter").is_visible()
    assert not page.locator("nav").is_visible()
