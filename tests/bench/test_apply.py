"""Files and folders go through any model; a broken image costs itself alone, and no input is ever written to."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench import apply as program
from bench.applying import choose as choose_form
from bench.applying import images as apply_images
from bench.applying.choose import best_measured, works
from bench.applying.config import configure
from bench.applying.images import ordered
from bench.data import images
from bench.environment import environment
from bench.errors import UserError
from bench.interfaces import Requirements
from bench.records import ImageFile, Run, SpeedResult
from bench.registry import catalog, stylizers, upscalers
from bench.registry.catalog import LoadedModel
from bench.registry.stylizers import StylizerEntry
from bench.registry.upscalers import UpscalerEntry
from bench.storage.store import Store, now
from bench.variants import build as variants
from bench.variants import openvino_session
from bench.variants.build import Built
from bench.variants.variant import Variant, VariantUnavailable
from models.median import median_filter
from models.style_net import StyleNet
from tests.reports.results import timing

CPU = ["--device", "cpu"]


def small_style_net() -> StyleNet:
    torch.manual_seed(0)
    return StyleNet(width=4).eval().requires_grad_(False)


class Enlarge(nn.Module):
    """Each pixel becomes scale x scale of it, after a convolution that could be laid out in other ways."""

    channels = None

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.same = nn.Conv2d(1, 1, 3, padding=1, bias=False).requires_grad_(False)
        self.same.weight.zero_()[0, 0, 1, 1] = 1.0
        self.eval()

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        same = self.same(lr.flatten(0, 1)[:, None]).unflatten(0, lr.shape[:2])[:, :, 0]
        return same.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, with a stylizer and an upscaler that need no weights file."""
    monkeypatch.chdir(tmp_path)
    entry = StylizerEntry(
        name="style-test", about="", hash_id="test", target="t", weights="weights/style-johnson-in/candy.onnx"
    )
    monkeypatch.setitem(stylizers.STYLIZERS, "style-test", entry)
    network = catalog.load_stylizer
    monkeypatch.setattr(
        catalog, "load_stylizer", lambda n, f, d: small_style_net() if n == "style-test" else network(n, f, d)
    )
    upscaler = UpscalerEntry(
        name="enlarge", about="", hash_id="test", target="tests.bench.test_apply:Enlarge"
    )
    monkeypatch.setitem(upscalers.UPSCALERS, "enlarge", upscaler)
    real = catalog.load_upscaler
    monkeypatch.setattr(
        catalog, "load_upscaler", lambda n, s, f, d: Enlarge(s) if n == "enlarge" else real(n, s, f, d)
    )


@pytest.fixture(autouse=True)
def no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU has no units for bfloat16, whatever this one has."""
    monkeypatch.setattr(choose_form, "bf16_units", tuple)


@pytest.fixture
def units(no_units: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU has them."""
    monkeypatch.setattr(choose_form, "bf16_units", lambda: ("avx512_bf16",))


def picture(file: Path, h: int = 48, w: int = 60, channels: int = 3, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (h, w, channels), dtype=np.uint8)
    images.write(file, pixels)
    return pixels


def test_a_folder_is_stylized_under_the_same_stems(capsys: pytest.CaptureFixture[str]) -> None:
    pixels = picture(Path("in/a.png"))
    picture(Path("in/b.png"), 50, 44, channels=1)
    assert program.main(["style-test", "in", "--out", "out", *CPU]) == 0
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "b.png"]
    expected = images.to_array(small_style_net()(images.to_tensor(pixels)))
    found = images.read(Path("out/a.png"))
    assert found.shape == (48, 60, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert images.read(Path("out/b.png")).shape == (50, 44, 3)
    assert "2 images written to out" in capsys.readouterr().out


def test_an_upscaler_enlarges_colour_and_grey() -> None:
    pixels = picture(Path("a.png"), 10, 12)
    picture(Path("b.png"), 9, 8, channels=1)
    assert program.main(["enlarge", "a.png", "b.png", "--out", "out", "--scale", "3", *CPU]) == 0
    assert np.array_equal(images.read(Path("out/a.png")), pixels.repeat(3, 0).repeat(3, 1))
    assert images.read(Path("out/b.png")).shape == (27, 24, 1)


def test_the_default_scale_is_four() -> None:
    picture(Path("a.png"), 5, 6)
    assert program.main(["bicubic", "a.png", "--out", "out", *CPU]) == 0
    assert images.read(Path("out/a.png")).shape == (20, 24, 3)


def test_the_longer_side_is_resized_and_the_median_costs_a_pixel_per_side() -> None:
    picture(Path("a.png"), 120, 90)
    assert program.main(["style-test", "a.png", "--out", "plain", "--size", "64", *CPU]) == 0
    assert program.main(["style-test", "a.png", "--out", "median", "--size", "64", "--median", *CPU]) == 0
    plain, median = images.read(Path("plain/a.png")), images.read(Path("median/a.png"))
    assert plain.shape == (64, 48, 3)
    expected = images.to_array(median_filter(images.to_tensor(plain)))
    assert np.array_equal(median, expected)


def test_a_broken_image_is_named_and_the_rest_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("in/a.png"))
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    picture(Path("in/small.png"), 40, 60)
    picture(Path("in/z.png"))
    assert program.main(["style-test", "in", "--out", "out", *CPU]) == 1
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "z.png"]
    out, err = capsys.readouterr()
    assert "2 images written" in out
    assert "2 could not be done" in out
    assert "broken.png': not done:" in err
    assert "small.png': not done: image must be at least 41 pixels per side (got 60x40)" in err


def test_existing_outputs_are_kept_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"), 5, 5)
    picture(Path("b.png"), 5, 5)
    assert program.main(["nearest", "a.png", "--out", "out", *CPU]) == 0
    before = Path("out/a.png").stat().st_mtime_ns
    assert program.main(["nearest", "a.png", "b.png", "--out", "out", *CPU]) == 0
    assert Path("out/a.png").stat().st_mtime_ns == before
    assert "1 there already and kept" in capsys.readouterr().out
    assert program.main(["nearest", "a.png", "b.png", "--out", "out", "--force", *CPU]) == 0
    assert Path("out/a.png").stat().st_mtime_ns != before


def test_an_output_of_anything_else_is_refused_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"), 5, 5)
    once = ["a.png", "--out", "out", *CPU]
    assert program.main(["nearest", *once]) == 0
    made = Path("out/a.png").read_bytes()
    capsys.readouterr()
    for command, why in (
        (["bicubic", *once], "it was made by 'nearest'"),
        (["nearest", *once, "--scale", "2"], "it was made with other options"),
    ):
        assert program.main(command) == 2
        err = capsys.readouterr().err
        assert why in err
        assert "--force" in err
        assert Path("out/a.png").read_bytes() == made
    picture(Path("a.png"), 6, 6)
    assert program.main(["nearest", *once]) == 2
    assert "made of other input bytes" in capsys.readouterr().err
    assert Path("out/a.png").read_bytes() == made
    Path("out/a.png").write_text("mine")
    assert program.main(["nearest", *once]) == 2
    assert "does not say what it was made of" in capsys.readouterr().err
    assert Path("out/a.png").read_text() == "mine"


def test_outputs_of_several_models_lie_together_under_names_of_their_own() -> None:
    picture(Path("a.png"), 5, 5)
    for model in ("nearest", "bicubic"):
        assert program.main([model, "a.png", "--out", "out", "--name", "{stem}-{model}", *CPU]) == 0
    assert sorted(file.name for file in Path("out").iterdir()) == ["a-bicubic.png", "a-nearest.png"]


@pytest.mark.parametrize(
    "pattern", ["x", "{stem", "{stem}{scale}", "../{stem}", "{stem.real}", "{}", ".{stem}"]
)
def test_a_pattern_that_is_no_name_is_refused(pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"), 5, 5)
    assert program.main(["nearest", "a.png", "--out", "out", "--name", pattern, *CPU]) == 2
    assert "must be a name made of {stem} and {model}" in capsys.readouterr().err


def test_an_output_never_overwrites_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    before = picture(Path("in/a.png"), 5, 5)
    Path("link").symlink_to("in")
    for out in ("in", "in/../in", "link"):
        assert program.main(["nearest", "in", "--out", out, "--force", *CPU]) == 2
        assert "is an input, which is never overwritten" in capsys.readouterr().err
    assert np.array_equal(images.read(Path("in/a.png")), before)


def test_a_data_sets_own_files_are_never_overwritten(
    real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["nearest", "set5", "--out", str(real_data / "data" / "set5"), "--force", *CPU]) == 2
    assert "is an input" in capsys.readouterr().err


def test_a_jpeg_beside_its_output_is_no_conflict() -> None:
    picture(Path("a.png"), 5, 5)
    Path("a.png").rename("a.jpg")
    assert program.main(["nearest", "a.jpg", "--out", ".", *CPU]) == 0
    assert images.read(Path("a.png")).shape == (20, 20, 3)


def test_two_inputs_of_one_stem_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("x/a.png"))
    shutil.copytree("x", "y")
    assert program.main(["nearest", "x", "y", "--out", "out"]) == 2
    assert "two inputs are called 'a'" in capsys.readouterr().err
    assert not Path("out").exists()


def test_the_same_file_given_twice_is_done_once(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"), 5, 5)
    assert program.main(["nearest", "a.png", "./a.png", "--out", "out", *CPU]) == 0
    assert "1 image written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "a.png"], "no model is called 'nope'; there are: style-paper"),
        (["style-paper", "a.png"], "style-paper has random weights, which are for timing only"),
        (["style-test", "a.png", "--scale", "2"], "--scale is 2, but style-test is a stylizer"),
        (["nearest", "a.png", "--size", "64"], "--size 64 is for a stylizer, but nearest is an upscaler"),
        (["nearest", "a.png", "--median"], "--median is for a stylizer"),
        (["nearest", "a.png", "--scale", "0"], "--scale must be at least 1 (got 0)"),
        (["style-test", "a.png", "--size", "-1"], "--size must be at least 1 (got -1)"),
        (["nearest", "gone.png"], "there is no file or folder 'gone.png'"),
        (["nearest", "a.png", "--variant", "quick"], "no variant is called 'quick'; there are: eager"),
        (["srcnn-955", "a.png", "--scale", "8"], "model srcnn-955 has no weights for x8"),
        (["nearest", "a.png", "--device", "cuda:99"], "device is 'cuda:99', which is not here"),
        (["enlarge", "a.png", "--variant", "folded"], "Enlarge has no batch normalisation"),
        (
            ["style-test", "a.png", "--variant", "graph", "--device", "cpu"],
            "a CUDA graph needs a CUDA device",
        ),
    ],
)
def test_bad_input_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"))
    assert program.main([*arguments, "--out", "out"]) == 2
    assert message in capsys.readouterr().err


def test_a_file_in_the_outputs_place_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"))
    assert program.main(["nearest", "a.png", "--out", "a.png"]) == 2
    assert "--out 'a.png' is a file; must be a folder" in capsys.readouterr().err


def test_out_of_memory_costs_the_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(Path("large.png"), 90, 90)
    picture(Path("small.png"))
    real = apply_images._stylized

    def limited(asked: Any, runner: Any, image: torch.Tensor) -> torch.Tensor:
        if image.shape[-1] == 90:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(asked, runner, image)

    monkeypatch.setattr(apply_images, "_stylized", limited)
    assert program.main(["style-test", "large.png", "small.png", "--out", "out", *CPU]) == 1
    assert "large.png': not done: out of memory; try a smaller image" in capsys.readouterr().err
    assert Path("out/small.png").exists()


def test_nan_from_a_model_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(Path("a.png"))
    monkeypatch.setattr(apply_images, "_stylized", lambda asked, runner, image: image * torch.nan)
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 1
    assert "image holds NaN" in capsys.readouterr().err
    assert not Path("out/a.png").exists()


def measured(
    name: str, seconds: float, *, build: float = 0.0, size: int = 64, admissible: bool = True
) -> SpeedResult:
    machine = environment("cpu")
    result = timing(
        "style-test",
        size,
        [seconds],
        machine={**machine.facts, "suite": {"version": "0.1.0", "commit": "an older one"}},
        variant=name,
        form={"admissible": admissible, "build_seconds": build},
    )
    return replace(
        result, subject_hash=stylizers.STYLIZERS["style-test"].hash(), environment_hash=machine.hash
    )


def store(*results: SpeedResult) -> None:
    with Store(Path("results.db")) as file:
        run = Run(program="speed", command=(), started=now(), environment=environment("cpu"))
        file.add(file.start(run), timings=results)


@pytest.fixture
def as_speed_sets_it() -> None:
    """The settings that both programs make are facts of the machine; make them before it is described."""
    variants.exact_float32()


@pytest.mark.usefixtures("as_speed_sets_it")
def test_the_fastest_admissible_variant_that_was_measured_here_is_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture(Path("a.png"))
    store(measured("eager", 1.0), measured("folded", 0.5), measured("bfloat16", 0.1, admissible=False))
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 0
    assert (
        "style-test on cpu, folded: done first with these images, as measured at 64x64"
        in capsys.readouterr().out
    )


@pytest.mark.usefixtures("as_speed_sets_it")
def test_a_variant_of_openvino_is_used_for_the_version_that_was_measured_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(Path("a.png"))
    quick = measured("openvino", 0.1)
    quick.certificate["form"]["engine"] = {"openvino": "1"}
    store(measured("folded", 0.5), quick)
    monkeypatch.setattr(
        apply_images, "build", lambda module, variant, example: variants.build(module, Variant(), example)
    )
    for version, chosen in (("1", "openvino"), ("2", "folded")):
        monkeypatch.setattr(openvino_session, "version", lambda name, version=version: version)
        assert program.main(["style-test", "a.png", "--out", version, *CPU]) == 0
        assert f"style-test on cpu, {chosen}: done first" in capsys.readouterr().out


@pytest.mark.usefixtures("as_speed_sets_it")
def test_measurements_of_other_weights_or_another_machine_are_not_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture(Path("a.png"))
    facts = {**measured("folded", 0.1).certificate["environment"], "python": "2.7"}
    elsewhere = measured("folded", 0.1)
    store(
        replace(elsewhere, subject_hash="others"),
        replace(
            elsewhere, certificate={**elsewhere.certificate, "environment": facts}, variant="channels_last"
        ),
    )
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 0
    assert "channels_last+folded+spread: no variant is measured here yet" in capsys.readouterr().out


@pytest.mark.usefixtures("as_speed_sets_it")
def test_a_third_partys_measurements_are_refused_in_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"))
    store(replace(measured("eager", 1.0), certificate={"environment": []}))
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 1
    assert "the provenance of the timing of 'style-test' at 64" in capsys.readouterr().err


def test_the_variant_that_is_taken_unmeasured_is_what_the_network_has() -> None:
    assert choose_form.safe(small_style_net(), "cpu").name == "channels_last+folded+spread"
    assert choose_form.safe(small_style_net(), "cuda").name == "channels_last+folded"
    assert choose_form.safe(Enlarge(2), "cpu").name == "channels_last+spread"


@pytest.mark.usefixtures("units")
def test_a_stylizer_is_run_in_bfloat16_where_the_cpu_has_units_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture(Path("a.png"))
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 0
    assert "channels_last+folded+spread+bfloat16: no variant is measured" in capsys.readouterr().out
    assert program.main(["style-test", "a.png", "--out", "exact", "--variant", "eager", *CPU]) == 0
    error = images.read(Path("out/a.png")).astype(float) - images.read(Path("exact/a.png"))
    assert 0 < np.square(error / 255).mean() < 10**-4.5


@pytest.mark.usefixtures("units")
def test_what_an_upscaler_makes_stays_float32(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"), 10, 12)
    assert program.main(["enlarge", "a.png", "--out", "out", *CPU]) == 0
    assert "enlarge on cpu, channels_last+spread: no variant" in capsys.readouterr().out


@pytest.mark.usefixtures("units")
def test_a_stylizer_that_bfloat16_would_change_stays_float32(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    amplifying = small_style_net()
    amplifying.last.weight.mul_(1e4)
    monkeypatch.setattr(catalog, "load_stylizer", lambda n, f, d: amplifying)
    picture(Path("a.png"))
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 0
    assert "channels_last+folded+spread: no variant" in capsys.readouterr().out


@pytest.mark.usefixtures("units")
def test_a_stylizer_that_does_not_take_the_photograph_stays_float32() -> None:
    grey = LoadedModel(
        name="grey",
        hash="",
        kind="stylizer",
        network=Enlarge(1),
        scale=1,
        requirements=Requirements(channels=1),
        weights="",
        device=torch.device("cpu"),
    )
    grey.network.forward = lambda x: x.expand(-1, 1, -1, -1)
    assert choose_form.unmeasured(grey).dtype == "float32"


@pytest.mark.parametrize("name", ["candy", "mosaic", "la_muse", "udnie"])
def test_the_authors_networks_are_within_the_tolerance_in_bfloat16(real_data: Path, name: str) -> None:
    model = catalog.load(f"style-johnson-{name}", scale=1, device=torch.device("cpu"))
    assert choose_form.will_do(model, Variant(memory_format="channels_last", dtype="bfloat16"))


def test_the_size_nearest_to_the_images_decides() -> None:
    results = [
        measured("eager", 0.1, size=64),
        measured("folded", 0.2, size=64),
        measured("eager", 2.0, size=256),
        measured("folded", 1.0, size=256),
    ]
    chosen = [best_measured(results, works({"a": (side, side)}, 1)) for side in (50, 300)]
    assert [c.variant if c else None for c in chosen] == ["eager", "folded"]
    assert best_measured(results, []) is None


def test_sizes_are_counted_by_the_pixels_that_come_out() -> None:
    (work,) = works({"a": (10, 20), "b": (10, 20)}, 4)
    assert (work.images, work.pixels) == (2, 40 * 80)


def test_images_of_one_size_are_done_beside_each_other() -> None:
    files = [ImageFile(stem=stem, file=stem) for stem in "abcd"]
    shapes = {"a": (9, 9), "b": (5, 5), "d": (9, 9)}
    assert [image.stem for image in ordered(files, shapes)] == ["b", "a", "d", "c"]


@pytest.mark.parametrize("name", ["compiled", "onnxruntime", "openvino"])
def test_a_variant_for_one_size_is_built_once_for_each(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for stem, side in (("a", 60), ("b", 48), ("c", 60)):
        picture(Path(f"in/{stem}.png"), side, side)
    built: list[tuple[int, ...]] = []

    def build(module: nn.Module, variant: Variant, example: torch.Tensor) -> Built:
        built.append(tuple(example.shape[-2:]))
        return variants.build(module, Variant(), example)

    monkeypatch.setattr(apply_images, "build", build)
    assert program.main(["style-test", "in", "--out", "out", "--variant", name, *CPU]) == 0
    assert built == [(48, 48), (60, 60)]


@pytest.mark.usefixtures("as_speed_sets_it")
def test_a_measured_variant_that_cannot_be_built_gives_way_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(Path("a.png"))
    store(measured("compiled", 0.1))

    def build(module: nn.Module, variant: Variant, example: torch.Tensor) -> Built:
        if variant.compiled:
            raise VariantUnavailable("torch.compile fails: no compiler")
        return variants.build(module, variant, example)

    monkeypatch.setattr(apply_images, "build", build)
    assert program.main(["style-test", "a.png", "--out", "out", *CPU]) == 0
    assert (
        "compiled cannot be built (torch.compile fails: no compiler); going on with channels_last"
        in capsys.readouterr().err
    )


def test_a_request_resolves_to_outputs_by_stem() -> None:
    picture(Path("photos/a.b.png"))
    asked = configure(model="style-test", inputs=["photos"], out=Path("out"))
    assert [asked.output(image) for image in asked.images] == [Path("out/a.b.png")]
    with pytest.raises(UserError, match="no model is called"):
        configure(model="x", inputs=["photos"], out=Path("out"))


def test_the_authors_network_stylizes_a_photograph_as_it_does_by_itself(real_data: Path) -> None:
    photo = real_data / "data" / "contents" / "chicago.jpg"
    command = ["style-johnson-candy", str(photo), "--size", "160", *CPU]
    assert program.main([*command, "--out", "quick"]) == 0
    assert program.main([*command, "--out", "plain", "--variant", "eager"]) == 0
    quick, plain = (images.read(Path(f"{name}/chicago.png")).astype(int) for name in ("quick", "plain"))
    assert quick.shape == plain.shape == (107, 160, 3)
    assert np.abs(quick - plain).max() <= 1
    assert plain.std() > 50


def test_large_outputs_are_made_in_tiles_to_the_same_pixels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(Path("a.png"))
    for out, tile in (("whole", "off"), ("tiles", "16")):
        assert program.main(["sr-pixel", "a.png", "--out", out, "--tile", tile]) == 0
    monkeypatch.setattr("bench.tiling.tiles.WHOLE_PIXELS", 10)
    assert program.main(["sr-pixel", "a.png", "--out", "auto"]) == 0
    whole, *others = (images.read(Path(out) / "a.png") for out in ("whole", "tiles", "auto"))
    assert all(np.array_equal(whole, other) for other in others)


def test_a_self_ensemble_is_another_image(capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"))
    assert program.main(["sr-pixel", "a.png", "--out", "one"]) == 0
    assert program.main(["sr-pixel", "a.png", "--out", "mean", "--self-ensemble"]) == 0
    one, mean = (images.read(Path(out) / "a.png") for out in ("one", "mean"))
    assert one.shape == mean.shape
    assert not np.array_equal(one, mean)


@pytest.mark.parametrize("option", [["--tile", "64"], ["--self-ensemble"]])
def test_a_stylizer_has_no_tiles(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    picture(Path("a.png"))
    assert program.main(["style-la_muse", "a.png", "--out", "o", *option]) == 2
    assert "is for an upscaler, but style-la_muse is a stylizer" in capsys.readouterr().err
