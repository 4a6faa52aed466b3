"""Figures 3 to 7 are drawn from stored curves and pictures, or say what would have to be stored."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from bench import inversion, style_quality
from bench.storage.reader import read
from bench.storage.store import Store
from reports.__main__ import main
from reports.figures import layers, objective, stylized
from reports.figures.draw import draw_some
from reports.figures.drawing import Drawing
from reports.figures.style import style
from reports.formatting import amount
from reports.load.gather import gather
from reports.load.results import Results
from reports.parts import Figure
from tests.stores import fill, fill_styles, layer_protocol, style_protocol

NETWORKS = {"style-la_muse": 0.125, "style-johnson-la_muse": 0.25}
HOSTILE = "$x_{1}$ <script>&\"'\x07\u202e名 " + "w" * 60
PAPERS = {"figure3", "figure4", "figure5", "figure6", "figure7"}


def results_of(*files: Path) -> Results:
    return gather(read(list(files)))


def made(items: Iterator[Drawing | Figure]) -> dict[str, Drawing | Figure]:
    """With the report's style, by id."""
    with style():
        return {item.record.id if isinstance(item, Drawing) else item.id: item for item in items}


def drawing(items: Iterator[Drawing | Figure], name: str) -> Drawing:
    found = made(items)[name]
    assert isinstance(found, Drawing), found.reason
    return found


def texts(card: Drawing) -> list[str]:
    found = card.canvas.findobj(matplotlib.text.Text)
    return [text.get_text() for text in found if text.get_text()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


def fill_layers(file: Path, *layers: str, loss_network: str = "vgg16", style: str = "") -> None:
    """Images made from layers, with pictures."""
    for layer in layers:
        rule = layer_protocol(layer, style=style, loss_network=loss_network)
        images, dataset = ((style,), "styles") if style else (("a", "b"), "contents")
        folder = file.parent / "images"
        fill_styles(file, rule, networks={}, images=images, dataset=dataset, iterations=9, pictures=folder)


def test_an_empty_store_gives_reasons_and_commands_that_the_programs_take(file: Path) -> None:
    with Store(file):
        pass
    found = draw_some(results_of(file), file.parent, sorted(PAPERS))
    assert {figure.id for figure in found} == PAPERS
    for figure in found:
        assert figure.reason.startswith("the results hold no ")
        assert figure.svg is figure.png is None
        program, *arguments = shlex.split(figure.command)[2:]
        programs = {"bench.style_quality": style_quality, "bench.inversion": inversion}
        assert programs[program].parser().parse_args(arguments)


def test_a_store_without_curves_has_none_of_these_figures(file: Path) -> None:
    fill(file, levels={"bicubic": 0.0}, pictures=file.parent / "images")
    found = results_of(file)
    for module in (layers, objective, stylized):
        assert not any(isinstance(item, Drawing) for item in made(module.drawings(found)).values())


def test_figure_5_draws_mean_and_band_and_marks_where_they_cross(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS)
    card = drawing(objective.drawings(results_of(file)), "figure5")
    (axes,) = card.canvas.axes
    assert axes.get_yscale() == "log"
    course = next(line for line in axes.lines if np.size(line.get_xdata()) == 121)
    assert np.asarray(course.get_ydata())[[0, 9]] == pytest.approx([1.1e7, 1.1e6])
    assert {"79", "39", "256x256, n = 3"} <= set(texts(card))
    assert "style-la_muse 79 at 256" in card.record.caption
    assert "falls from 11 M to 90.9 k in 120 iterations" in card.record.alt


def test_figure_5_names_its_series_beside_them_and_has_no_legend(file: Path) -> None:
    for size in (256, 512):
        fill_styles(file, style_protocol(size=size), networks=NETWORKS)
    card = drawing(objective.drawings(results_of(file)), "figure5")
    assert not card.canvas.legends
    first, last = card.canvas.axes
    named = [text.get_text() for text in last.texts]
    assert {"Gatys", "content image", "our network,\nstyle-la_muse"} <= set(named)
    assert "authors' network,\nstyle-johnson-la_mu" in " ".join(named)
    assert "Gatys" not in [text.get_text() for text in first.texts]
    across = card.canvas.get_window_extent()
    boxes = [text.get_window_extent() for text in last.texts if text.get_text() in named]
    assert all(across.x0 <= box.x0 and box.x1 <= across.x1 for box in boxes)


def test_a_dozen_networks_have_a_dozen_looks() -> None:
    looks = [objective._stroke(i) for i in range(12)]
    assert len({(colour, str(dash)) for colour, dash, _ in looks}) == 12
    assert len({marker for _, _, marker in looks[:8]}) == 8


def test_figure_5_does_not_mix_the_papers_curve_into_its_axes_but_names_its_crossing(file: Path) -> None:
    for size in (256, 512):
        fill_styles(file, style_protocol(size=size), networks=NETWORKS)
    card = drawing(objective.drawings(results_of(file)), "figure5")
    assert "cross at 75 at 256 and 80 at 512" in card.record.caption
    assert "unpublished" in card.record.caption
    assert [axes.get_title(loc="left") for axes in card.canvas.axes] == [
        "256x256, n = 3",
        "512x512, n = 3",
    ]


def test_figure_5_compares_on_the_contents_that_all_have(file: Path) -> None:
    rule = style_protocol()
    fill_styles(file, rule, networks=NETWORKS, images=("a", "b", "c"), iterations=None)
    fill_styles(file, rule, networks={}, images=("a",))
    card = drawing(objective.drawings(results_of(file)), "figure5")
    assert "256x256, n = 1" in texts(card)
    assert "bands" not in card.record.caption


def test_a_curve_that_ends_early_is_left_out_and_named(file: Path) -> None:
    rule = style_protocol()
    fill_styles(file, rule, networks=NETWORKS, images=("a", "b", "c"))
    fill_styles(file, rule, networks={}, images=("b",), iterations=3)
    card = drawing(objective.drawings(results_of(file)), "figure5")
    assert "256x256, n = 2" in texts(card)
    assert "1 curves that end early" in card.record.caption


@pytest.mark.parametrize("iterations", [0, 1])
def test_figure_5_of_one_content_and_hardly_an_iteration_is_drawn(file: Path, iterations: int) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a",), iterations=iterations)
    found = draw_some(results_of(file), file.parent / "out", ["figure5"])
    assert found[0].png is not None
    assert "nan" not in (found[0].caption + found[0].alt).lower()


def test_numbers_of_crossings_do_not_lie_on_each_other() -> None:
    assert objective.places([0.3, 0.32]) == [(0, "right"), (0, "left")]
    assert objective.places([0.05, 0.1, 0.12, 0.9]) == [*((0, "left"), (1, "left"), (2, "left"), (0, "left"))]
    assert objective.places([]) == []


def test_without_the_optimisation_there_is_no_figure_5(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, iterations=None)
    assert not isinstance(made(objective.drawings(results_of(file)))["figure5"], Drawing)


def test_each_further_style_has_a_figure_5_of_its_own(file: Path) -> None:
    for name in ("candy", "la_muse", "starry_night"):
        fill_styles(file, style_protocol(name), networks={f"style-{name}": 0.1})
    found = made(objective.drawings(results_of(file)))
    assert list(found) == ["figure5", "figure5-candy", "figure5-starry-night"]
    first = found["figure5"]
    assert isinstance(first, Drawing)
    assert first.record.title.endswith("la_muse")


def test_objectives_of_zero_are_drawn_without_a_warning(file: Path) -> None:
    fill_styles(file, style_protocol(), networks={"style-la_muse": 0.0}, images=("a", "b"), iterations=5)
    assert draw_some(results_of(file), file.parent / "out", ["figure5"])[0].png


def test_a_sheet_shows_the_papers_layers_and_names_the_loss_network_that_has_the_missing(
    file: Path,
) -> None:
    fill_layers(file, "relu2_2", "relu3_1", loss_network="vgg19-conv3_1")
    card = drawing(layers.drawings(results_of(file)), "figure3")
    written = texts(card)
    assert {"original", "relu2_2", "relu3_1", "a", "b"} <= set(written)
    assert "relu5_3" not in written
    assert sum(bool(axes.images) for axes in card.canvas.axes) == len(card.canvas.axes) == 6
    gone = "Not stored: relu3_3, relu4_3, relu5_1 and relu5_3; vgg16 has all of the paper's layers."
    assert gone in card.record.caption
    assert "after 9 iterations" in card.record.caption
    for layer in ("relu2_2", "relu3_1"):
        digest = layer_protocol(layer, loss_network="vgg19-conv3_1").hash[:8]
        assert f"{layer} ({digest})" in card.record.caption


def test_styles_are_a_row_each_with_the_style_image_as_original(file: Path) -> None:
    for name in ("candy", "wave"):
        fill_layers(file, "relu1_2", "relu4_3", style=name)
    found = made(layers.drawings(results_of(file)))
    assert not isinstance(found["figure3"], Drawing)
    card = found["figure4"]
    assert isinstance(card, Drawing)
    assert {"original", "relu1_2", "relu4_3", "candy", "wave"} <= set(texts(card))
    assert "Not stored: relu2_2 and relu3_3." in card.record.caption
    assert sum(bool(axes.images) for axes in card.canvas.axes) == 6
    assert "its own protocol" in card.record.caption


def test_another_loss_network_has_a_sheet_of_its_own_and_that_with_more_of_the_papers_comes_first(
    file: Path,
) -> None:
    fill_layers(file, "relu2_2", loss_network="vgg19-conv3_1")
    fill_layers(file, "relu2_2", "relu3_3")
    found = made(layers.drawings(results_of(file)))
    assert list(found) == ["figure3", "figure3-vgg19-conv3-1-256", "figure4"]
    first = found["figure3"]
    assert isinstance(first, Drawing)
    assert "one layer of vgg16" in first.record.caption


def test_figure_6_has_the_same_content_in_every_style(file: Path) -> None:
    folder = file.parent / "images"
    for name, images in (("candy", ("a", "b")), ("la_muse", ("b", "c"))):
        networks = {f"style-{name}": 0.1, f"style-johnson-{name}": 0.2}
        fill_styles(file, style_protocol(name), networks=networks, images=images, pictures=folder)
    card = drawing(stylized.drawings(results_of(file)), "figure6")
    written = texts(card)
    assert written[:5] == ["content", "style", "Gatys", "our network", "authors' network"]
    assert [text for text in written if len(text) == 1] == ["b", "c", "b", "a"]
    assert {"style-candy", "style-johnson-candy", "120 iterations", "objective 110 k"} <= set(written)
    assert sum(bool(axes.images) for axes in card.canvas.axes) == 20


def test_figure_6_shows_the_stored_pixels(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a",), pictures=file.parent / "images")
    found = results_of(file)
    (group,) = found.styles
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(group.pictures["a", "content"])
    card = drawing(stylized.drawings(found), "figure6")
    assert np.array_equal(np.asarray(card.canvas.axes[0].images[0].get_array()), pixels)
    width, height = card.canvas.axes[0].get_window_extent().size
    assert (width, height) == pytest.approx((384, 384))  # 1.28 inches at 300 dots per inch


def test_figure_7_shows_the_largest_size_and_needs_512(file: Path) -> None:
    for size in (256, 512, 600):
        rule = style_protocol(size=size)
        fill_styles(file, rule, networks=NETWORKS, images=("a",), pictures=file.parent / "images")
    card = drawing(stylized.drawings(results_of(file)), "figure7")
    assert "600x600" in card.record.title
    assert "originals" in texts(card)
    assert not isinstance(made(stylized.drawings(results_of_small(file)))["figure7"], Drawing)


def results_of_small(file: Path) -> Results:
    other = file.with_name("small.db")
    fill_styles(other, style_protocol(), networks=NETWORKS, images=("a",), pictures=file.parent / "small")
    return results_of(other)


def test_a_column_that_nobody_has_is_not_there_and_a_lone_gap_is_blank_and_named(file: Path) -> None:
    folder = file.parent / "images"
    fill_styles(file, style_protocol("candy"), networks={}, images=("a",), pictures=folder)
    networks = {"style-johnson-wave": 0.1}
    fill_styles(file, style_protocol("wave"), networks=networks, images=("a",), pictures=folder)
    card = drawing(stylized.drawings(results_of(file)), "figure6")
    assert "our network" not in texts(card)
    assert len(card.canvas.axes) == 7
    assert card.record.caption.endswith("Blank: not stored.")


def test_a_broken_picture_leaves_a_blank(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a",), pictures=file.parent / "images")
    found = results_of(file)
    found.styles[0].pictures["a", "gatys"].write_bytes(b"\x89PNG no more")
    card = drawing(stylized.drawings(found), "figure6")
    assert len(card.canvas.axes) == 4
    assert card.record.caption.endswith("Blank: not stored.")


def test_names_from_anywhere_are_shown_and_not_obeyed(file: Path) -> None:
    folder = file.parent / "images"
    rule = style_protocol(HOSTILE)
    fill_styles(file, rule, networks={HOSTILE: 0.1}, images=(HOSTILE,), dataset=HOSTILE, pictures=folder)
    for layer in (HOSTILE, "relu2_2"):
        rule = layer_protocol(layer, loss_network=HOSTILE)
        fill_styles(file, rule, networks={}, images=(HOSTILE,), pictures=folder)
    found = draw_some(results_of(file), file.parent / "out", ["figure3", "figure5", "figure6"])
    assert all(figure.svg for figure in found)
    for figure in found:
        assert figure.svg is not None
        text = figure.svg.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        assert "<script" not in text
        assert re.fullmatch(r"[A-Za-z0-9-]+", figure.id)
        assert "\u202e" not in figure.caption + figure.alt + figure.title


def test_pictures_of_an_svg_are_jpeg_and_those_of_a_chart_are_none(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a",), pictures=file.parent / "images")
    chart, pictures = draw_some(results_of(file), file.parent / "out", ["figure5", "figure6"])
    assert chart.svg is not None
    assert pictures.svg is not None
    assert "data:image" not in chart.svg.read_text()
    assert pictures.svg.read_text().count("data:image/jpeg;base64,") == 5
    assert "data:image/png" not in pictures.svg.read_text()


def test_equal_results_give_equal_bytes(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a", "b"), pictures=file.parent / "images")
    fill_layers(file, "relu2_2")
    names = ["figure3", "figure5", "figure6"]
    first, again = (draw_some(results_of(file), file.parent / out, names) for out in "ab")
    for old, new in zip(first, again, strict=True):
        assert old.svg is not None
        assert new.svg is not None
        assert old.svg.read_bytes() == new.svg.read_bytes()
        assert old.png is not None
        assert new.png is not None
        assert old.png.read_bytes() == new.png.read_bytes()


def test_one_command_draws_chosen_figures_and_nothing_else(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS, images=("a",), pictures=file.parent / "images")
    out = file.parent / "out"
    assert main([str(file), "--out", str(out), "--figures", "figure5", "figure6"]) == 0
    names = {f"{name}.{suffix}" for name in ("figure5", "figure6") for suffix in ("svg", "pdf", "png")}
    assert {path.name for path in out.iterdir()} == names
    assert str(out / "figure5.png") in capsys.readouterr().out


def test_an_unknown_figure_is_refused_with_those_there_are(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS)
    out = file.parent / "out"
    assert main([str(file), "--out", str(out), "--figures", "figure5", "figure12"]) == 2
    message = capsys.readouterr().err
    assert "no figure is called 'figure12'; there are: table1, figure3," in message
    assert not out.exists()


def test_a_figure_without_results_is_an_error_with_the_command_that_makes_some(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS)
    out = file.parent / "out"
    assert main([str(file), "--out", str(out), "--figures", "figure5", "figure3"]) == 1
    assert "figure3: the results hold no images made from the features" in capsys.readouterr().err
    assert (out / "figure5.png").is_file()


def test_a_results_file_of_curves_alone_makes_a_report(file: Path) -> None:
    fill_styles(file, style_protocol(), networks=NETWORKS)
    out = file.parent / "out"
    assert main([str(file), "--out", str(out)]) == 0
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert (out / "tables" / "objective-la-muse.csv").is_file()
    page = (out / "index.html").read_text()
    assert "Style transfer: the objective, la_muse" in page
    assert "relu1_2, relu2_2, relu3_3, relu4_3" in page


def test_amounts_have_three_digits_and_a_letter_for_thousands() -> None:
    values = (0.0, 0.01234, 37.94, 999.6, 378_500.0, 999_700.0, 1e6, 3.785e6, 2e9)
    assert [amount(v) for v in values] == [
        *("0", "0.0123", "37.9", "1 k", "378 k", "1 M", "1 M", "3.79 M", "2 G"),
    ]
