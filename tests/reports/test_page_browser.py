"""The page in a browser: it opens from a file, asks for nothing else, and its tables can be handled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.writers.page import write_page
from tests.browser_reload import reload
from tests.reports.page_report import MODEL_CODE, report, results

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import OpenPage

pytest_plugins = ["tests.browser"]

PSNR = "#t-set5-x4-08821999 thead th:nth-child(2)"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_page(report(folder, results(folder)), folder / "out" / "index.html")
    return folder / "out"


@pytest.fixture
def page(open_page: OpenPage, out: Path) -> Iterator[Page]:
    with open_page(out / "index.html") as page:
        yield page


def column(page: Page, number: int) -> list[str]:
    return page.locator(f"#t-set5-x4-08821999 tbody tr > :nth-child({number})").all_inner_texts()


def test_names_that_are_code_are_shown_and_not_run(page: Page) -> None:
    assert MODEL_CODE in column(page, 1)
    assert "Report of <b>tests</b>" in page.locator("h1").inner_text()
    assert page.locator("main script, main [onerror]").count() == 0


def test_a_click_on_a_head_sorts_and_the_third_restores(page: Page) -> None:
    before = column(page, 1)
    page.click(f"{PSNR} button")
    assert page.get_attribute(PSNR, "aria-sort") == "descending"
    assert column(page, 1) == [*reversed(before[:-1]), before[-1]]
    page.click(f"{PSNR} button")
    assert page.get_attribute(PSNR, "aria-sort") == "ascending"
    assert column(page, 1) == before
    page.click(f"{PSNR} button")
    assert page.get_attribute(PSNR, "aria-sort") is None
    assert column(page, 1) == before


def test_tables_sort_by_keyboard(page: Page) -> None:
    page.locator(f"{PSNR} button").focus()
    page.keyboard.press("Enter")
    assert column(page, 1)[0] == MODEL_CODE
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert column(page, 1) == sorted(column(page, 1))


def test_a_number_leads_to_its_provenance_which_opens(page: Page) -> None:
    page.locator("#t-set5-x4-08821999 tbody a").first.click()
    # A browser tells the page of its new address after the click has returned: these wait for it.
    page.wait_for_function("location.hash")
    target = page.locator(page.evaluate("location.hash"))
    page.wait_for_function("document.getElementById(location.hash.slice(1)).open")
    assert "python -m bench.sr_quality set5" in target.inner_text()
    target.locator("a").first.click()
    page.wait_for_function("document.querySelector('details.machine').open")


def test_a_note_stands_beside_its_number_and_goes_with_escape(page: Page) -> None:
    page.locator("#t-set5-x4-08821999 [data-note]").first.focus()
    note = page.locator("#note")
    assert note.is_visible()
    assert note.inner_text().startswith("n = 4")
    page.keyboard.press("Escape")
    assert not note.is_visible()


def open_cells(page: Page) -> None:
    page.locator("#cells > details > summary").click()


def test_the_cells_are_filtered_by_verdict_and_by_words(page: Page) -> None:
    open_cells(page)
    rows = page.locator(".verdicts tbody tr:visible")
    assert rows.count() == 3
    page.check("#show-not-run")
    assert rows.count() == 4
    page.select_option("#verdict-filter select", "not run")
    assert rows.count() == 1
    page.select_option("#verdict-filter select", "")
    page.fill("#verdict-filter input[type=search]", "RELEASED bicubic")
    assert rows.count() == 1
    assert page.locator("#verdict-count").inner_text() == "1 of 4"


def test_a_count_leads_to_its_cells(page: Page) -> None:
    open_cells(page)
    page.click(".count[data-judgement='off by']")
    assert page.locator(".verdicts tbody tr:visible").count() == 1
    page.wait_for_url("**#cells")


def test_what_a_link_leads_to_is_opened_with_what_it_lies_in(page: Page) -> None:
    page.locator("nav a[href='#absent']").click()
    page.locator("#absent li").first.wait_for(state="visible")


def test_a_figure_is_drawn(page: Page) -> None:
    assert page.evaluate("document.querySelector('#f1 img').decode().then(() => true)")


def test_the_theme_follows_the_system_until_it_is_chosen(open_page: OpenPage, out: Path) -> None:
    background = "() => getComputedStyle(document.documentElement).backgroundColor"
    with open_page(out / "index.html", dark=True) as page:
        dark = page.evaluate(background)
        page.click("#theme")
        light = page.evaluate(background)
        assert (light, dark) == ("rgb(255, 255, 255)", "rgb(21, 24, 27)")
        reload(page)
        assert page.evaluate(background) == light
        page.click("#theme")
        assert page.evaluate(background) == dark
        page.emulate_media(media="print")
        assert page.evaluate(background) == light
        assert not page.locator("#pixels").is_visible()


def test_a_page_without_pictures_has_working_tables(open_page: OpenPage, tmp_path: Path) -> None:
    write_page(report(tmp_path, results(tmp_path, pictures=False)), tmp_path / "out" / "index.html")
    with open_page(tmp_path / "out" / "index.html") as page:
        page.click(f"{PSNR} button")
        assert column(page, 1)[0] == MODEL_CODE
        assert page.locator("#viewer").count() == 0


def test_print_names_the_machine_and_no_provenance_that_is_folded(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator("details.machine summary").first.is_visible()
    assert page.locator("details.certificate:visible").count() == 0
