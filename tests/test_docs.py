"""The documentation site: complete, without a dead link, and asking nothing of a network."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.__main__ import PROGRAMS
from bench.__main__ import module as module_of

if TYPE_CHECKING:
    from tests.browser import OpenPage

pytest_plugins = ["tests.browser"]
ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ABSOLUTE = re.compile(r"^(https?:)?//", re.IGNORECASE)
STYLESHEET_ASKS = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", re.IGNORECASE)
LOADED = ("script", "img", "iframe", "source", "video", "audio", "embed", "object", "use", "image", "track")
NOT_LOADED = {"canonical", "next", "prev", "alternate", "author", "license", "edit"}


def prose(page: Path) -> str:
    """The page without its code."""
    return CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))


def headings(page: Path) -> list[str]:
    """Of all levels, in order."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [found[1].replace("`", "") for found in re.finditer(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE)]


def anchors(page: Path) -> set[str]:
    """What the site calls its headings (Python-Markdown's rule); of equal ones the second has `_1`."""
    seen: dict[str, int] = {}
    found = set()
    for heading in headings(page):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
        count = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}_{count}" if count else slug)
    return found


def in_nav() -> list[str]:
    """Pages that `mkdocs.yml` names, in its order."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    return re.findall(r": (\S+\.md)$", nav, re.MULTILINE)


def test_every_page_is_in_the_nav_once_and_every_entry_of_the_nav_is_a_page() -> None:
    assert sorted(in_nav()) == [str(page.relative_to(DOCS)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_relative_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.is_file(), f"{page.name}: {target}"
        assert file.resolve().is_relative_to(DOCS), f"{page.name}: {target} is not in the site"
        assert not anchor or anchor in anchors(file), (
            f"{page.name}: {target}; {file.name} has {anchors(file)}"
        )


def test_every_program_has_a_section() -> None:
    sections = {heading for page in PAGES for heading in headings(page)}
    assert {module_of(name) for name in PROGRAMS} <= sections


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """(module, words) of the command lines of our programs in a page's code blocks."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            found = re.match(r"(?:\$ )?python -m (bench\.\w+|reports)(?= |$)(.*)", line)
            if found:
                yield found[1], shlex.split(found[2].split("   ")[0].replace("...", ""))


def added_options(page: Path) -> set[str]:
    """Of the table formats that the page itself adds, as `"html": to_html,`; tests/test_adding.py runs them."""
    return {
        f"--{name}"
        for name in re.findall(r'^    "(\w+)": to_\1,$', page.read_text(encoding="utf-8"), re.MULTILINE)
    }


def options(parser: ArgumentParser) -> set[str]:
    """Of a program and its sub-commands."""
    known = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            known |= {option for sub in action.choices.values() for option in options(sub)}
    return known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_on_a_page_name_options_that_their_programs_have(page: Path) -> None:
    for module, words in commands(page):
        program = importlib.import_module("reports.__main__" if module == "reports" else module)
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        known = options(program.parser()) | added_options(page)
        assert given <= known, f"{page.name}: {module} {' '.join(words)}"


class Asked(HTMLParser):
    """Addresses that a browser loads when it shows a page; links to be clicked are none."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in LOADED:
            names = ("src", "href", "xlink:href", "data", "poster", "srcset")
            self.addresses += [values[name] for name in names if name in values]
        if tag == "link" and not set(values.get("rel", "").split()) <= NOT_LOADED:
            self.addresses.append(values.get("href", ""))
        if STYLESHEET_ASKS.search(values.get("style", "")):
            self.addresses.append(values["style"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    for module, package in (("material", "mkdocs-material"), ("latex2mathml", "latex2mathml")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {package}: pip install 'perceptual-bench[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_asks_nothing_of_a_network_when_it_is_read(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        asked = Asked()
        asked.feed(text)
        assert not [a for a in asked.addresses if ABSOLUTE.search(a)], page.name
        assert not [s for s in re.findall(r"<style.*?</style>", text, re.DOTALL) if STYLESHEET_ASKS.search(s)]
    for sheet in site.rglob("*.css"):
        assert not STYLESHEET_ASKS.search(sheet.read_text(encoding="utf-8")), sheet.name


def test_the_sites_formulas_are_mathml_and_its_programs_stay_out(site: Path) -> None:
    formulas = (DOCS / "protocols.md").read_text(encoding="utf-8").count("```math")
    assert (site / "protocols.html").read_text(encoding="utf-8").count('display="block"') == formulas > 0
    assert not list(site.rglob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_copy_button_takes_is_a_command(page: Path) -> None:
    """Of a console block the commands alone (docs/site.css); a block without a language has no button."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        first, *lines = block.splitlines()[:-1]
        typed = [line for line in lines if re.match(r"(\$ )?(python -m|pip|nox) ", line)]
        assert first != "```" or not typed, f"{page.name}: {typed}"
        if first == "```console":
            assert lines[0].startswith("$ "), f"{page.name}: {lines[0]}"
        if first == "```bash":
            loose = [line for line in typed if re.search(r"\S {3,}[^#\s]", line)]
            assert not loose, f"{page.name}: {loose}"


def test_the_sites_search_needs_no_server(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = {")
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 0 < text.index("search/offline.js") < text.index("assets/javascripts/bundle."), page.name


def test_a_word_is_found_in_pages_that_were_opened_as_files(open_page: OpenPage, site: Path) -> None:
    with open_page(site / "index.html") as page:
        page.locator(".md-search__input").click()
        page.keyboard.type("imresize")
        found = page.locator(".md-search-result__item a").first
        found.wait_for()
        assert "imresize" in (found.get_attribute("href") or "")


def test_the_repository_is_a_link_where_it_is_known(site: Path, tmp_path: Path) -> None:
    assert "md-source" not in (site / "index.html").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "REPOSITORY_URL": "https://example.org/suite"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="https://example.org/suite"' in text
    assert 'data-md-component="source"' not in text  # which asks the host for facts
