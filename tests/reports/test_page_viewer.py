"""The pixel viewer in a browser: what is chosen is seen, all panes show the same place, and a link leads back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from reports.writers.page import write_page
from tests.reports.page_report import IMAGE_CODE, IMAGES, MODEL_CODE, report, results
from tests.reports.page_viewing import (
    STAGE,
    enter,
    hash_with,
    pictured,
    pictures_loaded,
    pixels,
    transforms,
    viewer,
)

if TYPE_CHECKING:
    from tests.browser import OpenPage

pytest_plugins = ["tests.browser"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_page(report(folder, results(folder)), folder / "out" / "index.html")
    return folder / "out"


def test_names_that_are_code_are_shown_and_not_run(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.get_by_role("option", name=IMAGE_CODE).click()
        page.select_option("#v-slot-1", MODEL_CODE)
        pictures_loaded(page)
        assert page.locator("#v-name").inner_text() == IMAGE_CODE
        assert MODEL_CODE in page.locator(".slot .tag").first.inner_text()
        assert page.locator("main script, main [onerror]").count() == 0


def test_no_picture_is_loaded_before_it_is_looked_at(open_page: OpenPage, out: Path) -> None:
    with open_page(out / "index.html", height=300) as page:
        assert page.locator(".slot img[src]").count() == 0
        page.locator(STAGE).scroll_into_view_if_needed()
        pictures_loaded(page)
        assert page.locator(".slot img[src]").count() == 3


def test_images_and_models_are_chosen(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.select_option("#v-group", "set5-x8-1724d2ac")
        page.get_by_role("option", name="bee").click()
        page.select_option("#v-slot-1", "lr")
        pictures_loaded(page)
        assert page.locator(".slot .tag").first.inner_text() == "1 LR (nearest, ×8)"  # noqa: RUF001
        sources = page.eval_on_selector_all(".slot .picture[src]", "all => all.map((img) => img.src)")
        assert all("/images/set5-x8-1724d2ac/" in source for source in sources)
        size = page.locator(".slot .picture").first.evaluate("img => [img.style.width, img.style.height]")
        assert size == ["48px", "40px"]
        found = hash_with(page, "group=set5-x8")
        assert found["image"] == ["bee"]
        assert found["show"][0] == "lr"


def test_images_are_sorted_by_value_and_by_difference(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        names = page.locator("#v-list li span:first-child")
        page.select_option("#v-sort", "model:bicubic")
        values = [float(text) for text in page.locator("#v-list li span:last-child").all_inner_texts()]
        assert values == sorted(values, reverse=True)
        best_first = names.all_inner_texts()
        page.click("#v-direction")
        assert names.all_inner_texts() == best_first[::-1]
        page.select_option("#v-sort", "difference")
        page.select_option("#v-first", "nearest")
        page.select_option("#v-second", "bicubic")
        differences = [float(text) for text in page.locator("#v-list li span:last-child").all_inner_texts()]
        assert all(-1.1 < difference < -0.9 for difference in differences)


def test_the_list_of_images_is_used_by_keyboard(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.locator("#v-list").focus()
        page.keyboard.press("End")
        last = page.locator("#v-list li").last
        assert last.get_attribute("aria-selected") == "true"
        assert page.get_attribute("#v-list", "aria-activedescendant") == last.get_attribute("id")
        page.keyboard.press("ArrowUp")
        assert page.locator("#v-list [aria-selected=true]").count() == 1
        assert last.get_attribute("aria-selected") == "false"


def test_values_stand_below_the_pictures_and_lead_to_provenance(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        captions = page.locator(".slot:visible figcaption")
        assert "psnr" not in captions.nth(0).inner_text()
        assert page.locator(".slot:visible dd.best").count() == 2  # psnr and ssim, of the same model
        link = captions.nth(1).locator("dd a").first.get_attribute("href")
        assert link
        assert page.locator(link).count() == 1


def test_wheel_drag_and_keys_move_all_panes_alike(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        seen = [transforms(page)]
        box = page.locator(".pane").first.bounding_box()
        assert box
        page.mouse.move(box["x"] + 90, box["y"] + 90)
        page.mouse.down()
        page.mouse.up()
        for _ in range(5):
            page.mouse.wheel(0, -120)
        page.wait_for_function(
            "before => document.querySelector('.world').style.transform !== before", arg=seen[0].pop()
        )
        seen = [transforms(page)]
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 70, steps=3)
        page.mouse.up()
        seen.append(transforms(page))
        for key in ("ArrowRight", "ArrowDown", "+", "-", "1", "0"):
            page.keyboard.press(key)
            seen.append(transforms(page))
        assert all(len(one) == 1 for one in seen)
        distinct = [one for one, other in pairwise(seen) if one != other]
        assert len(distinct) == len(seen) - 1


def test_the_point_below_the_pointer_stays_when_zooming(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        for _ in range(4):
            page.keyboard.press("+")
        where = """([x, y]) => {
          const box = document.querySelector(".picture").getBoundingClientRect();
          return [(x - box.x) / box.width, (y - box.y) / box.height];
        }"""
        box = page.locator(".pane").first.bounding_box()
        assert box
        point = [box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.55]
        page.mouse.move(*point)
        before, transform = page.evaluate(where, point), transforms(page)
        page.mouse.wheel(0, -200)
        page.wait_for_function(
            "before => document.querySelector('.world').style.transform !== before", arg=transform.pop()
        )
        assert page.evaluate(where, point) == pytest.approx(before, abs=0.01)


def test_the_wheel_scrolls_the_page_until_the_pictures_are_clicked(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.mouse.move(10, 10)
        before, top = transforms(page), page.evaluate("scrollY")
        page.locator(".pane").first.hover()
        page.mouse.wheel(0, -120)
        page.wait_for_function("top => scrollY < top", arg=top)
        assert transforms(page) == before


def test_enlarged_pixels_are_squares(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        assert float(page.locator("#v-zoom").inner_text().split()[0]) % 100 == 0
        rendering = "img => getComputedStyle(img).imageRendering"
        assert page.locator(".slot .picture").first.evaluate(rendering) == "pixelated"


def test_space_and_number_keys_flip(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        page.keyboard.press("f")

        def seen() -> list[str]:
            panes = page.locator(".slot:not([hidden]) .pane")
            return [one.locator(".tag").inner_text()[0] for one in panes.all() if one.is_visible()]

        assert seen() == ["1"]
        page.keyboard.press("Space")
        assert seen() == ["2"]
        page.keyboard.press("3")
        assert seen() == ["3"]
        page.keyboard.press("Space")
        assert seen() == ["1"]
        page.keyboard.press("4")  # nothing is chosen there
        assert seen() == ["1"]
        page.locator(STAGE).click(position={"x": 200, "y": 200})
        assert seen() == ["2"]


def test_the_divider_is_moved_by_mouse_and_by_keyboard(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        page.keyboard.press("d")
        assert page.locator(".slot:not([hidden])").count() == 2
        box = page.locator(".pane").first.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30, steps=4)
        page.mouse.up()
        clip = "() => document.querySelectorAll('.pane')[1].style.clipPath"
        assert page.evaluate(clip) == "inset(0px 0px 0px 25%)"
        page.locator("#v-split").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(clip) == "inset(0px 0px 0px 25.5%)"


def test_at_one_to_one_the_pixels_on_the_screen_are_those_of_the_file(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        page.keyboard.press("1")
        for slot, file in ((0, "hr/0.png"), (2, "m2/0.png")):
            box = page.locator(".slot .picture").nth(slot).bounding_box()
            assert box
            seen = pixels(page.screenshot(), round(box["x"]), round(box["y"]))
            below = 16  # the picture's name lies on its upper edge
            assert np.array_equal(seen[below:], pictured(out, file)[below:])


def in_heat(difference: np.ndarray) -> np.ndarray:
    """The scale below the pictures: black, purple, orange, light yellow, in five equal parts."""
    level = difference.clip(0, 255).mean(axis=2) / 255
    stops = (
        (0, 0.26, 0.58, 0.87, 0.99, 0.99),
        (0, 0.04, 0.15, 0.32, 0.65, 1),
        (0.02, 0.41, 0.4, 0.23, 0.04, 0.64),
    )
    return np.stack([255 * np.interp(level, np.linspace(0, 1, 6), table) for table in stops], axis=2)


def test_the_view_is_magnified_while_z_is_held(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        before, zoom = transforms(page), page.locator("#v-zoom").inner_text()
        page.keyboard.down("z")
        assert float(page.locator("#v-zoom").inner_text().split()[0]) == 4 * float(zoom.split()[0])
        page.keyboard.up("z")
        assert transforms(page) == before


def test_an_image_has_a_thumbnail_and_an_original_its_size(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        pictures_loaded(page)
        assert page.locator("#v-list img[src]").count() == len(IMAGES)
        assert page.locator(".slot dl").first.inner_text().split() == ["size", "48", "×", "40", "px"]  # noqa: RUF001


def test_the_error_map_is_the_amplified_distance_from_the_original_in_colours_of_its_scale(
    open_page: OpenPage, out: Path
) -> None:
    with viewer(open_page, out) as page:
        enter(page)
        page.keyboard.press("e")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.lens.error .reference')].every((i) => i.style.width)"
        )
        page.keyboard.press("1")
        original = pictured(out, "hr/0.png")
        for slot, file in ((0, "hr/0.png"), (1, "m1/0.png")):
            box = page.locator(".slot .picture").nth(slot).bounding_box()
            assert box
            seen = pixels(page.screenshot(), round(box["x"]), round(box["y"]))
            wanted = in_heat(8 * abs(pictured(out, file) - original)) if slot else original
            assert np.abs(seen[16:] - wanted[16:]).max() <= (2 if slot else 0)


def test_a_link_restores_the_view(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.get_by_role("option", name=IMAGE_CODE).click()
        page.select_option("#v-slot-2", MODEL_CODE)
        page.select_option("#v-sort", "difference")
        enter(page)
        for key in ("f", "2", "+", "+", "+", "+", "ArrowRight", "e"):
            page.keyboard.press(key)
        page.wait_for_function("() => /at=/.test(location.hash) && /error=8/.test(location.hash)")
        page.wait_for_timeout(300)  # the address follows at most five times in a second
        address, before = page.evaluate("location.hash.slice(1)"), transforms(page)
    with viewer(open_page, out, f"#{address}") as page:
        assert transforms(page) == before
        assert page.locator("#v-list [aria-selected=true]").inner_text().startswith(IMAGE_CODE)
        assert page.input_value("#v-slot-2") == MODEL_CODE
        assert page.locator("#v-mode input:checked").input_value() == "flip"
        assert page.input_value("#v-error") == "8"
        assert page.input_value("#v-sort") == "difference"
        assert page.locator(".slot.active .tag").inner_text().startswith("2")


@pytest.mark.parametrize(
    "view", ["#pixels?group=x&image=y&show=z&zoom=-3&at=9&mode=q", "#pixels?", "#pixels?show=%"]
)
def test_a_link_to_what_is_not_there_shows_what_is(open_page: OpenPage, out: Path, view: str) -> None:
    with viewer(open_page, out, view) as page:
        assert page.locator(".slot:not([hidden])").count() == 3


def test_other_keys_and_fields_are_left_to_the_browser(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out) as page:
        page.locator("#cells > details > summary").click()
        page.locator("#verdict-filter input[type=search]").focus()
        page.keyboard.type("fd+1")
        assert page.locator("#v-mode input:checked").input_value() == "side"


def test_fingers_pinch_and_pan(open_page: OpenPage, out: Path) -> None:
    with viewer(open_page, out, width=390, height=844, touch=True) as page:
        box = page.locator(".pane").first.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        def send(kind: str, *points: tuple[float, float]) -> None:
            fingers = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

        before = float(page.locator("#v-zoom").inner_text().split()[0])
        send("touchStart", (x - 10, y), (x + 10, y))
        for far in (20, 30, 40):
            send("touchMove", (x - far, y), (x + far, y))
        send("touchEnd")
        after = float(page.locator("#v-zoom").inner_text().split()[0])
        assert after == pytest.approx(4 * before, rel=0.05)
        assert len(transforms(page)) == 1


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_the_page_is_never_wider_than_the_window(open_page: OpenPage, out: Path, width: int) -> None:
    with viewer(open_page, out, width=width, touch=width < 400) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose models have a map of 24x20 pixels of the first image, and whose HR has values of its own."""
    folder = tmp_path_factory.mktemp("mapped")
    found = results(folder)
    maps, image = {}, found.groups[0].images[0]
    for model in found.groups[0].models:
        file = folder / f"map-{len(maps)}.png"
        Image.fromarray(np.arange(480, dtype=np.uint8).reshape(20, 24)).save(file)
        maps[image, model, "ssim"] = file
    first = replace(found.groups[0], maps=maps, of_hr={"ssim": {image: 0.5}})
    write_page(
        report(folder, replace(found, groups=(first, *found.groups[1:]))), folder / "out" / "index.html"
    )
    return folder / "out"


def test_a_map_of_the_run_is_shown_in_the_place_of_the_picture_and_as_large(
    open_page: OpenPage, mapped: Path
) -> None:
    with viewer(open_page, mapped) as page:
        options = page.locator("#v-error option").all_inner_texts()
        assert options == ["off", *(f"error × {k}" for k in (1, 2, 4, 8, 16)), "SSIM map"]  # noqa: RUF001
        page.select_option("#v-error", "ssim")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.lens.map .picture')].every((i) => i.style.width === '48px')"
        )
        assert page.locator(".slot:visible .lens.map").count() == 2
        assert page.locator("#v-map-help").is_visible()
        assert "SSIM map" in page.locator(".slot .tag").nth(1).inner_text()
        enter(page)
        page.keyboard.press("1")
        box = page.locator(".slot .picture").nth(1).bounding_box()
        assert box
        seen = pixels(page.screenshot(), round(box["x"]), round(box["y"]))
        level = np.arange(480, dtype=np.uint8).reshape(20, 24).repeat(2, axis=0).repeat(2, axis=1)
        wanted = in_heat(np.stack([level.astype(int)] * 3, axis=2))
        assert np.abs(seen[16:] - wanted[16:]).max() <= 2
        assert hash_with(page, "error=ssim")["error"] == ["ssim"]
        address = page.evaluate("location.hash.slice(1)")
        page.click("#v-next")
        assert "no SSIM map" in page.locator(".slot .trouble").nth(1).inner_text()
    with viewer(open_page, mapped, f"#{address}") as page:
        assert page.input_value("#v-error") == "ssim"
        page.select_option("#v-group", "set5-x8-1724d2ac")  # which has none
        assert page.input_value("#v-error") == "0"


def test_hr_has_its_own_values_which_are_not_ranked(open_page: OpenPage, mapped: Path) -> None:
    with viewer(open_page, mapped) as page:
        original = page.locator(".slot dl").first
        assert original.inner_text().split()[-2:] == ["ssim", "0.5000"]
        assert original.locator("a, .best").count() == 0
        assert page.locator(".slot:visible dd.best").count() == 2
