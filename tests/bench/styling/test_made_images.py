"""`python -m bench.style_quality --models FOLDER`: stylised images that were made elsewhere, matched by their names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import loss_networks
from bench import style_quality as program
from bench.data import images, styles
from bench.metrics.ssim import ssim
from bench.prepare import rgb_to_y
from bench.registry import stylizers
from bench.storage.reader import read
from bench.storage.store import Store
from bench.styling.objective import read_style, square
from models.losses import feature_loss, gram, gram_distance, total_variation
from models.vgg import random_loss_network
from tests.schemas import assert_valid

SIZE, LAYERS = 24, ("relu1_1", "relu2_1", "relu3_1")
METRICS = ("--metrics", "content-ssim", "gram", "colour-histogram", "stability-shift", "stability-noise")
CONTENTS, STYLES = ("a", "b"), ("ink", "oil")


def picture(h: int, w: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contents, two styles, a folder with an image of each pair, and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loss_networks, "load", random_loss_network)
    monkeypatch.setattr(stylizers, "STYLIZERS", {})
    for index, stem in enumerate(CONTENTS):
        images.write(Path(f"photos/{stem}.png"), picture(40, 30 + index, index))
    for index, style in enumerate(STYLES):
        images.write(Path(f"{style}.png"), picture(30, 50, 9 + index))
        for other, stem in enumerate(CONTENTS):
            name = f"made/{stem}_stylized_{style}.png"
            images.write(Path(name), picture(80, 60 + 2 * other, 20 + 2 * index + other))


def run(*arguments: str, styles: tuple[str, ...] = STYLES) -> int:
    given = ["--style", *(f"{style}.png" for style in styles), "--sizes", str(SIZE), "--images", "photos"]
    fixed = ["--device", "cpu", "--style-size", "32", "--loss-network", "vgg19-conv3_1", "--no-baseline"]
    return program.main([*given, *fixed, "--models", "made", *arguments])


def panels(file: str = "q.json") -> dict[str, dict]:  # type: ignore[type-arg]
    return {panel["style"]: panel for panel in json.loads(Path(file).read_text(encoding="utf-8"))}


def shown(file: str) -> torch.Tensor:
    return square(images.to_tensor(images.read(Path(file))), SIZE)


def test_each_image_is_scored_with_its_own_content_and_style() -> None:
    assert run("--json", "q.json", *METRICS) == 0
    assert_valid("style_quality", "q.json")
    network, own = random_loss_network("vgg19-conv3_1", LAYERS), styles.DEFAULTS["vgg19-conv3_1"]
    for style, panel in panels().items():
        reference = read_style(styles.style_image(f"{style}.png"), 32)
        of_style = network(reference)
        values = {metric["name"]: metric["values"]["made"] for metric in panel["metrics"]}
        curves = {c["image"]: c["terms"] for c in panel["curves"] if c["subject"] == "made"}
        assert set(curves) == set(CONTENTS)
        for stem in CONTENTS:
            image, content = shown(f"made/{stem}_stylized_{style}.png"), shown(f"photos/{stem}.png")
            of_image, of_content = network(image), network(content)
            distances = [
                gram_distance(gram(of_image[k]), gram(of_style[k])) / of_style[k].shape[1] ** 2
                for k in LAYERS
            ]
            expected = {
                "content": feature_loss(of_image["relu3_1"], of_content["relu3_1"]).item(),
                "style": own.style_weight * torch.stack(distances).sum().item(),
                "tv": own.tv_weight * total_variation(255 * image).item(),
            }
            for name, value in expected.items():
                assert curves[stem][name] == pytest.approx([value], rel=1e-5)
            likeness = ssim(rgb_to_y(image.double()), rgb_to_y(content.double())).item()
            assert values["content-ssim"][stem] == pytest.approx(likeness, rel=1e-12)
            for layer in LAYERS:
                apart = gram_distance(gram(of_image[layer]), gram(of_style[layer])).item()
                assert values[f"gram-{layer}"][stem] == pytest.approx(apart, rel=1e-6)
            counts = [
                [
                    np.bincount(np.asarray(images.to_array(each))[..., c].ravel(), minlength=256)
                    for c in range(3)
                ]
                for each in (image, reference)
            ]
            cdf = [np.cumsum(each, 1) / np.sum(each, 1, keepdims=True) for each in counts]
            moved = np.abs(cdf[0] - cdf[1]).sum(1).mean()
            assert values["colour-histogram"][stem] == pytest.approx(moved, rel=1e-9)


def test_metrics_of_a_network_are_missing_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "q.json", *METRICS, styles=("ink",)) == 0
    found = {metric["name"]: metric for metric in panels()["ink"]["metrics"]}
    for name in ("stability-shift", "stability-noise"):
        assert found[name]["values"]["made"] == {}
        assert found[name]["means"]["made"] is None
        assert "made elsewhere" in found[name]["missing"]["made"]
    assert found["content-ssim"]["missing"] == {}
    assert (
        "made: no stability-shift, stability-noise: its images were made elsewhere" in capsys.readouterr().out
    )


def test_a_results_file_holds_them_as_those_of_networks_and_nothing_is_done_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(*METRICS, "--no-pictures") == 0
    stored = read([Path("results.db")])
    assert set(stored.style_scores["model"]) == {"made", "content"}
    assert {curve.curve.subject for curve in stored.curves} == {"made", "content"}
    monkeypatch.setattr("bench.styling.made_images.StylizedImages.make", None)
    assert run(*METRICS, "--no-pictures") == 0
    assert run("--limit", "1", "--no-pictures") == 0


def test_another_image_is_another_subject() -> None:
    assert run("--no-pictures", styles=("ink",)) == 0
    images.write(Path("made/a_stylized_ink.png"), picture(80, 60, 99))
    assert run("--no-pictures", styles=("ink",)) == 0
    with Store(Path("results.db"), read_only=True) as store:
        (protocol,) = {row[0] for row in store.table("protocols")[1]}
        found = store.curves(dataset="photos", protocol_hash=protocol)
    assert len({curve.subject_hash for curve in found if curve.subject == "made"}) == 2


def test_pairs_without_an_image_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("made/b_stylized_oil.png").rename("made/b_stylised_oil.png")
    assert run() == 2
    said = capsys.readouterr().err
    assert "has no image for 1 of 4 pairs of content and style" in said
    assert "given: 'a_stylized_ink.png'" in said
    assert "'b_stylised_oil.png'" in said
    assert "expected, as CONTENT_stylized_STYLE.png: 'b_stylized_oil.png'" in said
    assert not Path("results.db").exists() or not read([Path("results.db")]).curves


def test_a_name_that_fits_two_pairs_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a_stylized_b.png", "a.png"):
        images.write(Path("mixed") / name, picture(40, 30, 1))
    for name in ("b_stylized_ink.png", "ink.png"):
        images.write(Path("styles") / name, picture(40, 30, 1 + len(name)))
    images.write(Path("made/a_stylized_b_stylized_ink.png"), picture(40, 30, 3))
    arguments = [
        "--style",
        "styles/b_stylized_ink.png",
        "styles/ink.png",
        "--sizes",
        "24",
        "--images",
        "mixed",
    ]
    assert (
        program.main([*arguments, "--models", "made", "--no-baseline", "--loss-network", "vgg19-conv3_1"])
        == 2
    )
    said = capsys.readouterr().err
    assert "'a_stylized_b_stylized_ink.png' can be content 'a' in style 'b_stylized_ink', or content " in said
    assert (
        "'a_stylized_b' in style 'ink'; must be names that fit CONTENT_stylized_STYLE.png in one way" in said
    )


def test_two_images_of_one_pair_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("made/a_stylized_ink.png", "made/a_stylized_ink.bmp")
    assert run() == 2
    assert "has two images of content 'a' in style 'ink'" in capsys.readouterr().err


def test_images_of_other_styles_and_contents_are_left_out_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--no-pictures", styles=("ink",)) == 0
    said = capsys.readouterr().err
    assert (
        "skipped, not of a content in one of the styles: 'a_stylized_oil.png', 'b_stylized_oil.png'" in said
    )


def test_an_image_of_another_shape_costs_itself_alone(capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("made/a_stylized_ink.png"), picture(64, 64, 5))
    assert run("--no-pictures", styles=("ink",)) == 0
    said = capsys.readouterr().err
    assert "'a_stylized_ink.png' is 64x64, but the content is 30x40; must be the content's aspect" in said
    assert {c.curve.image for c in read([Path("results.db")]).curves if c.curve.subject == "made"} == {"b"}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("made,scale=2", "has the option scale=2; for stylised images there is: name"),
        ("none/", "there is no file or folder"),
    ],
)
def test_what_is_no_such_folder_is_refused(
    model: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--models", model) == 2
    assert message in capsys.readouterr().err


def test_pictures_never_go_into_the_folder_that_is_scored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pictures", "made") == 2
    assert "made" in capsys.readouterr().err
