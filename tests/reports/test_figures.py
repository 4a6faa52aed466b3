"""Every figure is drawn from the stores or says why not, the same each time, whatever names and values they hold."""

from __future__ import annotations

import base64
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from bench import speed, sr_quality
from bench.records import Environment, Run, SpeedResult
from bench.storage.reader import read
from bench.storage.store import Store, now
from bench.timing.records import SpeedProtocol
from bench.timing.rows import network_row
from reports.figures import crops, differences, pareto, sweep, table1
from reports.figures.direct_labels import Box, spread
from reports.figures.draw import draw
from reports.figures.drawing import Drawing
from reports.figures.style import CARD, COLOURS, INK, MARKERS, MUTED, RULE, series_styles, style
from reports.figures.text import distinct, drawable, short
from reports.formatting import duration, memory, number
from reports.load.gather import gather
from reports.load.results import Results, anchor
from reports.parts import Figure
from reports.writers.page_figures import DARK
from tests.stores import MACHINE, fill, speed_result

LEVELS = {"bicubic": 0.0, "srcnn-955": 1.5, "sr-pixel": 2.0}
METRICS = ("psnr", "ssim", "feature-vgg19-relu2_2")
HOSTILE = "$x_{1}$ <script>&\"'\x07\u202e名\ud83d " + "w" * 90
SVG = "{http://www.w3.org/2000/svg}"
# Of the one sheet of a drawing: a font for each weight, held in itself.
FONTS = re.compile(
    r"(@font-face\{font-family:\"DejaVu Sans\";font-weight:(400|700);src:url\(data:font/woff;base64,[A-Za-z0-9+/=]+\)\})+"
)
HREF = "{http://www.w3.org/1999/xlink}href"


def timing(
    subject: str,
    *,
    seconds: float,
    variant: str = "eager",
    size: int = 512,
    scale: int = 1,
    machine: str = "invented",
    iteration: bool = False,
    admissible: bool = True,
    mebibytes: float = 64,
) -> SpeedResult:
    """Eight repetitions that differ by a percent."""
    region: Any = ("iteration",) if iteration else ("network",)
    protocol = SpeedProtocol(size=size // scale, threads=2, timed_region=region)
    raw = tuple(seconds * (1 + 0.01 * k) for k in range(8))
    environment = Environment(facts={**MACHINE, "cpu": {"model": machine, "cores_allowed": 2}})
    form = {
        "max_abs_error": 1e-4 if admissible else 0.5,
        "psnr": 90.0 if admissible else 12.0,
        "admissible": admissible,
    }
    return speed_result(
        subject,
        protocol,
        raw,
        size=size,
        variant=variant,
        environment=environment,
        peak_memory={"bytes": int(mebibytes * 2**20), "meaning": "invented"},
        weights="",
        **({} if iteration else {"form": form}),
    )


def add(file: Path, *timings: SpeedResult) -> None:
    """Each in a run of its own machine."""
    with Store(file) as store:
        for one in timings:
            environment = Environment(facts=one.certificate["environment"])
            run = store.start(Run(program="speed", command=(), started=now(), environment=environment))
            store.add(run, timings=[one])
            store.finish(run)


def results_of(*files: Path) -> Results:
    return gather(read(list(files)))


def upscalers() -> list[SpeedResult]:
    """srcnn-955 is beaten by sr-pixel in both."""
    times = {"bicubic": 0.01, "srcnn-955": 0.3, "sr-pixel": 0.2}
    return [timing(name, seconds=value, scale=4) for name, value in times.items()]


def steps(machine: str = "invented") -> list[SpeedResult]:
    made = [
        ("eager", 0.4, True),
        ("channels_last+compiled", 0.1, True),
        ("channels_last", 0.2, True),
        ("channels_last+bfloat16", 0.05, False),
    ]
    return [
        timing("style-paper", variant=v, seconds=s, admissible=a, machine=machine, mebibytes=9)
        for v, s, a in made
    ]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The paper's examples with pictures, another data set, and timings."""
    folder = tmp_path_factory.mktemp("full")
    file = folder / "results.db"
    for dataset, images, scale in (
        ("set5", ("baby", "bird"), 4),
        ("set14", ("comic",), 4),
        ("bsd100", ("361010",), 8),
        ("mine", tuple("abcdefg"), 4),
    ):
        fill(
            file,
            levels=LEVELS,
            images=images,
            dataset=dataset,
            scale=scale,
            metrics=METRICS,
            pictures=folder / "images",
        )
    add(file, *upscalers(), *steps())
    return results_of(file)


@pytest.fixture(scope="module")
def drawn(full: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    return {figure.id: figure for figure in draw(full, tmp_path_factory.mktemp("drawn"))}


def one(made: Iterator[Drawing | Figure]) -> Drawing | Figure:
    """The first, made with the report's style."""
    with style():
        return next(iter(made))


def record_of(made: Drawing | Figure) -> Figure:
    return made.record if isinstance(made, Drawing) else made


def texts(made: Drawing | Figure) -> list[str]:
    """Everything that is written on it."""
    assert isinstance(made, Drawing), record_of(made).reason
    found = made.canvas.findobj(matplotlib.text.Text)
    return [text.get_text() for text in found if text.get_text()]


def test_every_figure_has_files_caption_and_alt_or_a_reason(drawn: dict[str, Figure]) -> None:
    assert len(drawn) == len({figure.id.lower() for figure in drawn.values()})
    for figure in drawn.values():
        if figure.svg is None or figure.png is None or figure.pdf is None:
            assert figure.svg is figure.png is figure.pdf is None
            assert figure.reason
            continue
        assert figure.caption
        assert figure.alt
        assert not figure.reason
        assert figure.svg.stem == figure.png.stem == figure.pdf.stem == figure.id
        with Image.open(figure.png) as picture:
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_what_the_results_allow_is_drawn(drawn: dict[str, Figure]) -> None:
    there = {name for name, figure in drawn.items() if figure.svg}
    assert {"table1", "figure8", "figure9", "ladder-style-paper-512"} <= there
    for kind in ("pareto-set5-x4-", "differences-set5-x4-", "differences-mine-x4-", "crops-mine-x4-"):
        assert any(name.startswith(kind) for name in there), kind


def test_equal_results_give_equal_bytes(
    full: Results, drawn: dict[str, Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 31.0)
    again = draw(full, tmp_path)
    assert matplotlib.rcParams["font.size"] == 31.0
    for figure in again:
        first = drawn[figure.id]
        for new, old in ((figure.svg, first.svg), (figure.png, first.png), (figure.pdf, first.pdf)):
            assert (new is None) == (old is None)
            assert new is None or old is None or new.read_bytes() == old.read_bytes()


def test_a_drawing_is_xml_that_runs_nothing_and_refers_to_nothing_outside(drawn: dict[str, Figure]) -> None:
    for figure in drawn.values():
        if figure.svg is None:
            continue
        text = figure.svg.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.get("aria-label")
        assert "<!DOCTYPE" not in text
        assert text.count("<style") == 1
        rules = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert rules
        assert FONTS.fullmatch(rules[1])
        assert set(re.findall(r"https?://[^\"]*", text)) <= {SVG[1:-1], HREF[1:-5]}
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        for element in root.iter():
            assert element.tag not in {f"{SVG}script", f"{SVG}a", f"{SVG}foreignObject"}
            assert not [name for name in element.attrib if name.startswith("on")]
            link = element.get(HREF, "#")
            assert link.startswith(("#", "data:image/png;base64,"))


def test_text_stays_text(drawn: dict[str, Figure]) -> None:
    assert drawn["table1"].svg is not None
    root = ElementTree.parse(drawn["table1"].svg).getroot()
    assert "Gatys, 500 iterations" in {element.text for element in root.iter(f"{SVG}text")}


def test_a_drawing_holds_the_letters_that_it_shows_and_no_others(drawn: dict[str, Figure]) -> None:
    assert drawn["table1"].svg is not None
    text = drawn["table1"].svg.read_text(encoding="utf-8")
    written = {
        letter
        for element in ElementTree.fromstring(text).iter(f"{SVG}text")
        for letter in "".join(element.itertext())
    }
    held: set[str] = set()
    for address in re.findall(r"url\(data:font/woff;base64,([^)]*)\)", text):
        held |= {chr(code) for code in TTFont(io.BytesIO(base64.b64decode(address))).getBestCmap()}
    assert held == written


def test_a_pdf_of_a_drawing_holds_its_fonts_as_outlines(drawn: dict[str, Figure]) -> None:
    assert drawn["table1"].pdf is not None
    content = drawn["table1"].pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


@pytest.mark.parametrize("name", ["figure3", "figure4", "figure5", "figure6", "figure7"])
def test_what_is_not_stored_is_never_invented(drawn: dict[str, Figure], name: str) -> None:
    assert drawn[name].svg is None
    assert "the results hold no" in drawn[name].reason
    assert drawn[name].command.startswith("python -m bench.")


def test_an_empty_store_gives_reasons_and_commands_that_its_programs_take(tmp_path: Path) -> None:
    with Store(tmp_path / "empty.db"):
        pass
    figures = {figure.id: figure for figure in draw(results_of(tmp_path / "empty.db"), tmp_path)}
    for name in ("figure8", "figure9"):
        command = shlex.split(figures[name].command)
        sr_quality.parser().parse_args(command[3:])
        assert figures[name].reason
    assert "srcnn-955" not in figures["figure9"].command
    assert speed.parser().parse_args(shlex.split(figures["ladder"].command)[3:]).sweep


def test_names_from_anywhere_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    file = tmp_path / "results.db"
    name = HOSTILE.replace("\ud83d", "")  # SQLite takes no lone surrogate
    images = (f"{name}.png", "b", "c", "d", "e")
    fill(file, levels={name: 0.0, "$y$": 1.0}, images=images, dataset="$set$<i>", metrics=METRICS)
    add(
        file,
        timing(name, seconds=0.1, scale=4),
        timing("$y$", seconds=0.2, scale=4, machine="$cpu$ <b>"),
        timing(name, seconds=0.2, scale=4, machine="$cpu$ <b>"),
        timing(name, seconds=0.1, scale=4, machine="$cpu$ <b>", variant="channels_last"),
    )
    figures = draw(results_of(file), tmp_path / "out")
    made = [figure for figure in figures if figure.svg]
    assert {figure.id.partition("-")[0] for figure in made} == {"pareto", "differences", "ladder"}
    for figure in made:
        assert figure.svg is not None
        root = ElementTree.parse(figure.svg).getroot()
        written = {element.text or "" for element in root.iter(f"{SVG}text")}
        assert any("$" in text for text in (*written, figure.title))
        assert re.fullmatch(r"[A-Za-z0-9-]+", figure.id)
        assert "\u202e" not in figure.caption + figure.alt + figure.title


def test_names_without_a_glyph_or_of_any_length_are_printable() -> None:
    assert drawable("a\n\tb\x00\u202e名") == "a b\ufffd\ufffd\ufffd"
    assert short("x" * 50, 20) == "x" * 13 + "…" + "x" * 6
    assert len(short(HOSTILE, 24)) == 24


def test_shortened_names_stay_apart() -> None:
    long = [f"a-quite-long-model-name-{k}-of-mine" for k in range(12)]
    for names in (long, [f"{'x' * 40}{k}{'y' * 40}" for k in range(12)], ["\x00", "\x01"], ["a", "b"]):
        shown = distinct(names, 20)
        assert len(set(shown.values())) == len(names)
        assert max(map(len, shown.values())) <= 20
    assert distinct(long, 20)[long[3]] == "a-qu…3-of-mine"


def test_numbers_are_written_with_infinity_and_dashes() -> None:
    assert [number(value, 2) for value in (31.789, -0.5, -0.001, float("inf"), float("nan"), None)] == [
        "31.79",
        "\N{MINUS SIGN}0.50",
        "0.00",
        "∞",
        "\N{EN DASH}",
        "\N{EN DASH}",
    ]
    assert [duration(value) for value in (0.00123, 0.152, 3.266, 1271.3)] == [
        "1.23 ms",
        "0.152 s",
        "3.27 s",
        "1271 s",
    ]
    assert [memory(count) for count in (10, 64 * 2**20, 1.5 * 2**30)] == ["< 1 MiB", "64 MiB", "1.5 GiB"]


def test_different_names_get_different_anchors_that_are_no_longer_than_a_file_name() -> None:
    names = ["sr-pixel", "sr_pixel", "sr pixel", "x" * 300, "x" * 301]
    assert anchor("sr-pixel") == "sr-pixel"
    assert len({anchor(name) for name in names}) == len(names)
    assert max(len(anchor(name)) for name in names) < 80


def test_series_differ_in_colour_and_in_marker() -> None:
    found = list(series_styles([str(k) for k in range(144)]).values())
    assert len({(look.colour, look.marker) for look in found}) == 144
    assert len({look.marker for look in found[: len(MARKERS)]}) == len(MARKERS) == 12
    assert len({look.colour for look in found[: len(COLOURS)]}) == len(COLOURS) == 12


def test_every_colour_of_a_drawing_has_one_of_its_own_for_a_dark_page() -> None:
    assert {*COLOURS, INK, MUTED, RULE, CARD} <= set(DARK)
    assert len(set(DARK.values())) == len(DARK)


def test_figure_8_shows_the_values_of_the_image_and_the_mean(full: Results) -> None:
    written = texts(one(crops.drawings(full)))
    group = full.groups[0]
    image = group.column("sr-pixel", "psnr")["baby"]
    mean = group.column("sr-pixel", "psnr").mean()
    assert any(line.startswith(f"{image:.2f} / ") for line in written)
    assert any(line.startswith(f"mean {mean:.2f} / ") for line in written)
    assert {"baby", "comic", "HR", "bicubic", "srcnn-955"} <= set(written)


def test_a_crop_is_the_stored_pixels(full: Results) -> None:
    made = one(crops.drawings(full))
    assert isinstance(made, Drawing)
    with Image.open(full.groups[0].pictures["baby", "bicubic"]) as picture:
        stored = np.asarray(picture.convert("RGB"))
    shown = np.asarray(made.canvas.axes[1].images[0].get_array())
    assert shown.shape == (40, 40, 3)  # the box of 144 pixels, made to fit a picture of 48x40
    assert any(np.array_equal(shown, stored[:, left : left + 40]) for left in range(9))


def test_a_picture_that_is_gone_broken_or_of_another_size_is_left_out_and_named(
    tmp_path: Path,
) -> None:
    file = tmp_path / "results.db"
    fill(file, levels={**LEVELS, "sr-feature": 1.0}, images=("baby",), pictures=tmp_path / "images")
    folder = tmp_path / "images" / "set5" / "x4"
    (folder / "bicubic" / "baby.png").unlink()
    (folder / "srcnn-955" / "baby.png").write_bytes(b"\x89PNG no more")
    Image.new("RGB", (9, 9)).save(folder / "sr-feature" / "baby.png")
    made = one(crops.drawings(results_of(file)))
    assert {"sr-pixel", "HR"} <= set(texts(made))
    assert not {"bicubic", "srcnn-955", "sr-feature"} & set(texts(made))
    for name in ("bicubic", "srcnn-955", "sr-feature"):
        assert f"{name} of baby" in record_of(made).caption


def test_without_pictures_figure_8_says_so(tmp_path: Path) -> None:
    file = tmp_path / "results.db"
    fill(file, levels=LEVELS, images=("baby",))
    made = record_of(one(crops.drawings(results_of(file))))
    assert "needs baby of set5 and comic of set14" in made.reason


def test_another_data_set_is_shown_where_its_models_differ_most(tmp_path: Path) -> None:
    file, folder = tmp_path / "results.db", tmp_path / "images"
    fill(file, levels={"a": 0.0, "b": 1.0}, images=("one", "two"), dataset="mine", pictures=folder)
    for model in ("hr", "a", "b"):
        pixels = np.full((300, 400, 3), 128, dtype=np.uint8)
        pixels[200:230, 300:330] = 255 if model == "b" else 0
        for image in ("one", "two"):
            Image.fromarray(pixels).save(folder / "mine" / "x4" / model / f"{image}.png")
    with style():
        made = list(crops.drawings(results_of(file)))[-1]
    caption = record_of(made).caption
    left, top = (int(digits) for digits in re.findall(r"96x96 at \((\d+), (\d+)\)", caption)[0])
    assert left <= 300
    assert top <= 200
    assert min(left - 330, top - 230) >= -96


def test_the_front_is_what_no_other_beats() -> None:
    made = [(0.1, 20.0), (0.2, 19.0), (0.2, 25.0), (0.4, 25.0), (0.9, 30.0)]
    points = [
        pareto.Point(
            model=str(k), value=value, interval=None, row=network_row(timing("m", seconds=seconds / 1.035))
        )
        for k, (seconds, value) in enumerate(made)
    ]
    found = pareto.front(points, higher_is_better=True)
    assert [(round(point.seconds, 3), point.value) for point in found] == [(0.1, 20), (0.2, 25), (0.9, 30)]
    low = pareto.front(points, higher_is_better=False)
    assert [point.value for point in low] == [20.0, 19.0]


def test_quality_stands_against_time_of_one_size_on_one_machine(full: Results, tmp_path: Path) -> None:
    file = tmp_path / "results.db"
    fill(file, levels={**LEVELS, "unmeasured": 1.0}, metrics=METRICS)
    stray = [
        timing("unmeasured", seconds=0.1, scale=4, machine="other"),
        timing("sr-pixel", seconds=0.1, scale=8),
        timing("sr-pixel", seconds=0.01, scale=4, variant="compiled"),
    ]
    add(file, *upscalers(), *stray)
    made = one(pareto.drawings(results_of(file)))
    record = record_of(made)
    assert "512x512 pixels on invented, 2 cores" in record.caption
    assert "for want of a time or a finite mean: unmeasured" in record.caption
    assert record.alt.count("fastest first: bicubic and sr-pixel.") == 2
    assert {"bicubic", "srcnn-955", "sr-pixel", "64 MiB"} <= set(texts(made))


def test_quality_is_the_paired_difference_to_bicubic(full: Results) -> None:
    made = one(pareto.drawings(full))
    assert isinstance(made, Drawing)
    axes = made.canvas.axes[0]
    marks = [points.get_offsets() for points in axes.collections]
    heights = {round(float(at[0][1]), 1) for at in marks if len(at) == 1}
    assert heights == {0.0, 1.5, 2.0}
    assert {"PSNR, dB (more is better)", "difference to bicubic"} <= set(texts(made))
    assert made.record.caption.startswith("Mean difference to bicubic over 2 images")


def test_a_time_with_a_warning_is_hollow_and_one_that_says_little_is_not_drawn(tmp_path: Path) -> None:
    file = tmp_path / "results.db"
    fill(file, levels={**LEVELS, "shaky": 1.0}, metrics=METRICS)
    warned = timing("srcnn-955", seconds=0.3, scale=4)
    warned = replace(warned, certificate={**warned.certificate, "warnings": ["drift"]})
    shaky = timing("shaky", seconds=0.1, scale=4)
    raw = tuple(0.1 * (1 + k % 2) for k in range(8))
    facts = {**shaky.certificate["timing"], "seconds": raw, "wall_seconds": raw}
    shaky = replace(shaky, seconds=raw, certificate={**shaky.certificate, "timing": facts})
    add(file, *(t for t in upscalers() if t.subject != "srcnn-955"), warned, shaky)
    made = one(pareto.drawings(results_of(file)))
    assert isinstance(made, Drawing)
    assert "Hollow, because its time has a warning (table of times): srcnn-955." in made.record.caption
    assert "spans over half of the median: shaky." in made.record.caption
    assert "shaky" not in texts(made)
    faces = {
        tuple(points.get_facecolor()[0])
        for points in made.canvas.axes[0].collections
        if len(points.get_facecolor())
    }
    assert (1.0, 1.0, 1.0, 1.0) in faces


def test_names_of_points_cover_no_marker_and_no_name(full: Results) -> None:
    made = one(pareto.drawings(full))
    assert isinstance(made, Drawing)
    for axes in made.canvas.axes:
        boxes = [Box(*text.get_window_extent().extents) for text in axes.texts]
        assert len(boxes) == 3
        assert not any(a.meets(b) for a, b in combinations(boxes, 2))


def test_labels_of_a_column_keep_their_order_and_their_distance() -> None:
    wanted = [0.0, 1.0, 1.0, 1.5, 90.0]
    found = spread(wanted, [10.0] * 5)
    assert found == pytest.approx([-14.125, -4.125, 5.875, 15.875, 90.0])
    assert spread([5.0], [10.0]) == [5.0]
    assert spread([], []) == []


def test_without_timings_the_command_that_makes_them_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "results.db", levels=LEVELS)
    made = record_of(one(pareto.drawings(results_of(tmp_path / "results.db"))))
    asked = speed.parser().parse_args(shlex.split(made.command)[3:])
    assert (set(asked.models), asked.sizes, asked.scale) == (set(LEVELS), [512], 4)


def test_a_model_whose_mean_is_infinite_is_not_drawn_but_named(full: Results) -> None:
    group = full.groups[0]
    values = group.values.copy()
    values.loc[:, ("sr-pixel", "psnr")] = float("inf")
    values = values.drop(columns=[("sr-pixel", "feature-vgg19-relu2_2")])
    made = one(pareto.drawings(replace(full, groups=(replace(group, values=values),))))
    assert "finite mean: sr-pixel" in record_of(made).caption


def test_differences_of_identical_pictures_are_counted_not_drawn(full: Results) -> None:
    group = full.groups[0]
    values = group.values.copy()
    values.loc["baby", ("sr-pixel", "psnr")] = float("inf")
    made = one(differences.drawings(replace(full, groups=(replace(group, values=values),))))
    assert "1 infinite" in record_of(made).caption
    assert "+∞" in texts(made)


def test_one_image_has_a_difference_and_no_interval(tmp_path: Path) -> None:
    fill(tmp_path / "results.db", levels=LEVELS, images=("only",), spread=0.0)
    made = one(differences.drawings(results_of(tmp_path / "results.db")))
    assert {"+1.50", "+2.00", "only"} <= set(texts(made))


def test_without_a_pair_of_models_there_is_no_difference(tmp_path: Path) -> None:
    fill(tmp_path / "results.db", levels={"bicubic": 0.0})
    assert (
        "no two of its models"
        in record_of(one(differences.drawings(results_of(tmp_path / "results.db")))).reason
    )


def test_ten_thousand_images_make_a_small_drawing_without_pixels(full: Results, tmp_path: Path) -> None:
    group = full.groups[0]
    images = tuple(f"{k:05d}" for k in range(10_000))
    columns = pd.MultiIndex.from_tuples(
        [("bicubic", "psnr"), ("sr-pixel", "psnr")], names=["model", "metric"]
    )
    drawn = np.random.default_rng(0).normal(30, 2, (10_000, 2))
    values = pd.DataFrame(drawn, index=list(images), columns=columns)
    large = replace(group, images=images, values=values, models=("bicubic", "sr-pixel"), pictures={})
    figures = draw(replace(full, groups=(large,), timings=()), tmp_path)
    found = next(figure for figure in figures if figure.id.startswith("differences-"))
    assert found.svg is not None
    assert found.svg.stat().st_size < 60_000
    assert "<image" not in found.svg.read_text(encoding="utf-8")


def test_steps_stand_in_the_order_in_which_they_are_tried() -> None:
    variants = ["onnxruntime", "channels_last+compiled", "eager", "channels_last+bfloat16", "channels_last"]
    variants += ["folded+openvino+int8", "openvino+bfloat16", "openvino"]
    assert sorted(variants, key=sweep.rank) == [
        "eager",
        "channels_last",
        "channels_last+bfloat16",
        "channels_last+compiled",
        "onnxruntime",
        "openvino",
        "openvino+bfloat16",
        "folded+openvino+int8",
    ]


def test_an_inadmissible_variant_is_hatched_and_never_the_fastest(tmp_path: Path) -> None:
    add(tmp_path / "results.db", *steps())
    made = one(sweep.drawings(results_of(tmp_path / "results.db")))
    assert isinstance(made, Drawing)
    bars = [patch for patch in made.canvas.axes[0].patches if patch.get_width()]
    assert [bool(bar.get_hatch()) for bar in bars] == [False, False, True, False]
    assert "outside the tolerance: channels_last+bfloat16" in made.record.caption
    assert "fastest admissible variant is channels_last+compiled" in made.record.alt
    assert {"4.00", "2.00", "0.104 s"} <= set(texts(made))


def test_sweeps_of_two_machines_have_two_names(tmp_path: Path) -> None:
    add(tmp_path / "results.db", *steps("one"), *steps("two"))
    with style():
        made = [record_of(item) for item in sweep.drawings(results_of(tmp_path / "results.db"))]
    assert len({figure.id for figure in made}) == len(made) == 2
    assert all(figure.id.startswith("ladder-style-paper-512-") for figure in made)


def test_table_1_has_a_panel_for_each_machine_and_the_papers_times_in_it(tmp_path: Path) -> None:
    gatys = timing("gatys", seconds=0.01, iteration=True, machine="quick")
    add(tmp_path / "results.db", gatys, timing("style-paper", seconds=0.002, machine="quick"))
    made = one(table1.drawings(results_of(tmp_path / "results.db")))
    assert isinstance(made, Drawing)
    assert any(text.startswith("quick") for text in texts(made))
    for axes in made.canvas.axes:
        drawn = [tuple(line.get_ydata()) for line in axes.lines]
        assert (15.86, 54.85, 214.44) in drawn
