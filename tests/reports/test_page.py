"""The page as text: one file, nothing asked of a network, names that are shown and never run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from bench.atomic import atomic_write
from reports.figures.style import BLACK, BLUE, CARD
from reports.load.paper import PaperCell
from reports.load.results import Results
from reports.parts import Verdict
from reports.verdicts.rows import verdict_rows
from reports.writers.page import write_page
from reports.writers.page_figures import svg_address, with_dark_form
from reports.writers.page_images import link_or_copy
from reports.writers.page_provenance import lines
from reports.writers.page_viewer import galleries, missing_images, viewer_data
from tests.reports.page_report import IMAGE_CODE, IMAGES, MODEL_CODE, SVG, report, results


class Parsed(HTMLParser):
    """Elements with their attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.inside.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            tag, attributes, before = self.inside[-1]
            self.inside[-1] = (tag, attributes, before + data)
        else:
            self.text += data

    def values(self, *names: str) -> list[str]:
        return [str(attributes[n]) for _, attributes in self.elements for n in names if n in attributes]

    @property
    def data(self) -> dict[str, list[dict[str, object]]]:
        return json.loads(
            next(text for _, attributes, text in self.inside if attributes.get("id") == "viewer-data")
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def found(folder: Path) -> Results:
    return results(folder)


@pytest.fixture(scope="module")
def page(folder: Path, found: Results) -> Parsed:
    write_page(report(folder, found), folder / "out" / "index.html")
    return Parsed((folder / "out" / "index.html").read_text(encoding="utf-8"))


def test_everything_the_page_names_is_in_it_or_beside_it(folder: Path, page: Parsed) -> None:
    for address in page.values("src", "href", "action", "srcset", "poster"):
        if (
            address == "https://arxiv.org/abs/1603.08155"
        ):  # the paper, for who follows the link: nothing is loaded from it
            continue
        assert address.startswith(("#", "data:")) or (folder / "out" / address).is_file(), address


def test_every_link_into_the_page_leads_somewhere_and_no_anchor_is_there_twice(page: Parsed) -> None:
    anchors = page.values("id")
    assert len(anchors) == len(set(anchors))
    assert {a[1:] for a in page.values("href") if a.startswith("#")} <= set(anchors)


def test_every_number_with_provenance_links_to_it(page: Parsed, found: Results) -> None:
    links = set(page.values("href"))
    for group in found.groups:
        for (_, metric), certificate in group.provenance.items():
            assert metric != "psnr" or f"#{certificate.id}" in links


def test_names_that_are_code_are_text(page: Parsed) -> None:
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(MODEL_CODE) >= 2
    assert "Report of <b>tests</b>" in page.text


def test_the_policy_allows_this_style_and_this_script_alone(page: Parsed) -> None:
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    for tag, attributes, text in page.inside:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert attributes.get("type") == "application/json" or f"{tag}-src 'sha256-{digest}'" in policy


def test_data_in_the_page_cannot_end_its_script(folder: Path, page: Parsed) -> None:
    text = (folder / "out" / "index.html").read_text(encoding="utf-8")
    data = text.partition('id="viewer-data">')[2].partition("</script>")[0]
    assert not set(data) & set("<>&'\u2028\u2029")
    assert page.data["groups"][0]["images"] == sorted(IMAGES)


def test_pictures_lie_beside_the_page_under_names_that_say_nothing(
    folder: Path, page: Parsed, found: Results
) -> None:
    group = page.data["groups"][0]
    for source in group["sources"]:
        for position, image in enumerate(group["images"]):
            file = folder / "out" / "images" / group["id"] / source["folder"] / f"{position}.png"
            assert file.read_bytes() == found.groups[0].pictures[image, source["name"]].read_bytes()
    names = "".join(str(file) for file in (folder / "out" / "images").rglob("*"))
    assert IMAGE_CODE not in names
    assert "script" not in names


def test_a_page_is_written_again_over_itself_and_leaves_other_files_alone(
    tmp_path: Path, found: Results
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(name)
        write_page(report(tmp_path, found), tmp_path / "index.html")
    assert (tmp_path / "one.txt").read_text() == "one"
    assert not list(tmp_path.rglob("*.part"))


def test_a_picture_is_linked_and_a_second_report_leaves_nothing_behind(tmp_path: Path) -> None:
    picture, shown = tmp_path / "a.png", tmp_path / "page" / "b.png"
    picture.write_bytes(b"new")
    for _ in range(2):
        link_or_copy(picture, shown)
        assert shown.samefile(picture)
        assert [file.name for file in shown.parent.iterdir()] == ["b.png"]
    # A picture that is made anew replaces its name, and the page's stays what was shown.
    with atomic_write(picture) as part:
        part.write_bytes(b"newer")
    assert shown.read_bytes() == b"new"
    link_or_copy(picture, shown)
    assert (shown.read_bytes(), picture.read_bytes()) == (b"newer", b"newer")


def test_where_no_hard_link_can_be_had_a_picture_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    (tmp_path / "a.png").write_bytes(b"new")
    (tmp_path / "b.png").write_bytes(b"old")
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(tmp_path / "a.png", tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"new"


def test_values_are_rounded_to_two_more_decimals_than_are_printed(page: Parsed, found: Results) -> None:
    group = page.data["groups"][0]
    metric = next(i for i, m in enumerate(group["metrics"]) if m["name"] == "psnr")
    values = group["values"][group["models"].index("bicubic")][metric]
    expected = found.groups[0].column("bicubic", "psnr")
    assert values == [round(expected[image], 4) for image in group["images"]]


def test_infinite_and_absent_values_are_told_apart(found: Results) -> None:
    values = found.groups[0].values.copy()
    values.loc["ape", ("bicubic", "psnr")] = float("inf")
    values.loc["bee", ("bicubic", "psnr")] = float("nan")
    group = replace(found.groups[0], values=pd.DataFrame(values))
    data = viewer_data(galleries(replace(found, groups=(group,))))
    assert data
    row = data["groups"][0]["values"][group.models.index("bicubic")][0]
    assert row[list(group.images).index("ape")] == "inf"
    assert row[list(group.images).index("bee")] is None


def test_a_picture_that_is_not_there_is_marked(found: Results) -> None:
    pictures = {key: file for key, file in found.groups[0].pictures.items() if key != ("bee", "bicubic")}
    data = viewer_data(galleries(replace(found, groups=(replace(found.groups[0], pictures=pictures),))))
    assert data
    presence = {source["name"]: source["has"] for source in data["groups"][0]["sources"]}
    assert presence["bicubic"] == "".join("01"[image != "bee"] for image in found.groups[0].images)
    assert presence["hr"] is True


def test_of_very_many_images_the_first_are_shown_and_the_page_says_so(
    found: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.writers.page_viewer.MOST_IMAGES", 3)
    shown = galleries(found)
    assert [len(gallery.images) for gallery in shown] == [3, 3]
    assert missing_images(found, shown)[0].endswith("the first 3 of 4 stored images are shown.")


def test_results_without_pictures_say_so_and_show_the_rest(tmp_path: Path) -> None:
    write_page(report(tmp_path, results(tmp_path, pictures=False)), tmp_path / "out" / "index.html")
    page = Parsed((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert "There are no images in this report" in page.text
    assert "no images were stored" in page.text
    assert sum(tag == "table" for tag, _ in page.elements) > 2
    assert not (tmp_path / "out" / "images").exists()


def test_results_without_scores_say_so(tmp_path: Path, found: Results) -> None:
    empty = replace(found, groups=())
    write_page(report(tmp_path, empty), tmp_path / "out" / "index.html")
    page = Parsed((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    assert "No quality scores are in the results files" in page.text
    assert "There are no numbers in this report" in page.text


def test_lost_pictures_are_counted(found: Results) -> None:
    lost = replace(found, groups=(replace(found.groups[0], lost_images=7),))
    assert any("7 image files" in sentence for sentence in missing_images(lost, galleries(lost)))


def test_a_figure_is_in_the_page_and_its_png_beside_it(folder: Path, page: Parsed) -> None:
    image = next(a for tag, a in page.elements if tag == "img" and a.get("alt") == "a line")
    assert image["src"] == svg_address(with_dark_form(SVG))
    assert (folder / "out" / "figures" / "f1.png").read_bytes() == (folder / "f1.png").read_bytes()


def test_a_figure_that_lies_in_the_report_is_linked_where_it_is(tmp_path: Path, found: Results) -> None:
    write_page(report(tmp_path, found), tmp_path / "index.html")
    assert "f1.png" in Parsed((tmp_path / "index.html").read_text(encoding="utf-8")).values("href")


def test_an_absent_figure_says_why_and_what_would_make_it(page: Parsed) -> None:
    assert "no style results" in page.text
    assert "python -m bench.x" in page.text


def test_a_drawing_has_a_dark_form_and_is_else_as_it_was() -> None:
    drawn = f'<svg width="9"><path style="fill: {CARD}; stroke: {BLUE.lower()}"/><path style="fill: #123456"/></svg>'
    page = with_dark_form(drawn)
    assert "@media(prefers-color-scheme:dark)" in page
    assert "fill: #123456" in page
    sheet = page.partition("<style>")[2].partition("</style>")[0]
    light = dict(re.findall(r"(--c\d+):(#[0-9a-fA-F]{6})", sheet.partition("@media")[0]))
    restored = re.sub(
        r"var\((--c\d+)\)", lambda name: light[name[1]].lower(), page.replace(f"<style>{sheet}</style>", "")
    )
    assert restored == drawn


def test_black_and_the_ground_of_a_hatching_are_dark_with_the_page() -> None:
    page = with_dark_form(f'<svg width="9"><rect fill="{CARD}"/><text style="font-size: 7px">44</text></svg>')
    sheet = page.partition("<style>")[2].partition("</style>")[0]
    names = {
        colour: name
        for name, colour in re.findall(r"(--c\d+):(#[0-9a-fA-F]{6})", sheet.partition("@media")[0])
    }
    assert f"fill:var({names[BLACK]})" in sheet.partition("@media")[0]
    assert f'<rect style="fill: var({names[CARD]})"/>' in page


def test_published_rows_are_a_body_of_their_own(tmp_path: Path, found: Results) -> None:
    made = report(tmp_path, found)
    (section, *rest) = made.sections
    parted = tuple(replace(t, parts=((len(t.rows) - 1, "Published"),)) for t in section.tables)
    write_page(replace(made, sections=(replace(section, tables=parted), *rest)), tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    first = text.partition('<div class="table"')[2].partition("</table>")[0]
    own, _, published = first.partition('<tbody class="part"')
    assert "printed" not in own
    assert published.count('<th scope="row"') == 1


def test_an_svg_address_holds_the_drawing() -> None:
    assert unquote(svg_address(SVG).partition(",")[2]).split() == SVG.split()


def test_nested_facts_become_lines() -> None:
    facts = {"torch": {"version": "2.15", "threads": 2}, "names": ["a", "b"], "none": [], "gpu": None}
    assert lines(facts) == (
        ("torch.version", "2.15"),
        ("torch.threads", "2"),
        ("names", "a, b"),
        ("none", "none"),
        ("gpu", "null"),
    )


@pytest.mark.parametrize(
    ("printed", "unit", "ours", "difference", "texts"),
    [
        ("28.43", "dB", 28.4111, -0.0189, ("28.41", "-0.02")),
        ("0.50", "s", 0.0021, 0.0042, ("0.0021", "×0.0042")),  # noqa: RUF001
        ("1060", "x", 900.4, -159.6, ("900", "-160")),
    ],
)
def test_numbers_of_ours_have_the_decimals_of_the_printed_one(
    printed: str, unit: str, ours: float, difference: float, texts: tuple[str, str]
) -> None:
    cell = PaperCell(id="c", where="w", row="r", column="c", printed=printed, unit=unit)
    [row] = verdict_rows([Verdict(cell=cell, judgement="off by", ours=ours, difference=difference)])
    assert (row.ours, row.difference) == texts
