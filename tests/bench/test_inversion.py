"""`python -m bench.inversion`: the image comes back, the numbers are those by hand, stopped runs go on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.gatys import initial_image
from baselines.optimise import OptimisationResult, Settings
from bench import inversion, loss_networks
from bench.data import cache, images, styles
from bench.errors import MissingFile
from bench.inverting import methods as inversion_methods
from bench.inverting.config import PAPER
from bench.inverting.methods import keep_best, running_minimum
from bench.inverting.weights import content_share
from bench.records import Curve
from bench.storage.reader import read
from bench.storage.store import Store
from bench.styling import objective as style_objective
from bench.styling.objective import read_style
from bench.styling.outcome import Outcome
from bench.styling.plan import Content, MeasuredImage, Method, Plan
from models.losses import gram, total_variation
from models.vgg import LossNetwork, random_loss_network

PREFIX = ["--loss-network", "vgg19-conv3_1"]
OPTIONS = ["--size", "16", "--iterations", "3", "--device", "cpu"]
SIZE = 16


def random_network(name: str, layers: Sequence[str]) -> LossNetwork:
    return random_loss_network(name, layers)


def picture(h: int, w: int, seed: int) -> np.ndarray:
    """Smooth, as photographs are."""
    low = torch.rand(1, 3, 3, 4, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(low, (h, w), mode="bilinear", align_corners=False)
    return images.to_array(smooth)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two contents and two styles, one of them grey, and a loss network that needs no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loss_networks, "load", random_network)
    images.write(Path("photos/a.png"), picture(20, 30, 0))
    images.write(Path("photos/b.png"), picture(24, 18, 1))
    images.write(Path("stars.png"), picture(20, 32, 2))
    images.write(Path("grey.png"), picture(32, 20, 3)[..., :1])
    return tmp_path


def run(*arguments: str) -> int:
    return inversion.main([*OPTIONS, *arguments])


def curves(db: str = "results.db") -> list[Curve]:
    return [stored.curve for stored in read([Path(db)]).curves]


def square(file: str, size: int = SIZE) -> torch.Tensor:
    return style_objective.square(images.to_tensor(images.read(Path(file))), size)


def noise(size: int = SIZE) -> torch.Tensor:
    return initial_image(torch.empty(1, 3, size, size), "noise", 0)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


def count_optimisations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images of each optimisation that is done from now on."""
    done: list[int] = []

    def counted(
        objective: object, start: torch.Tensor, settings: Settings, **options: object
    ) -> OptimisationResult:
        done.append(len(start))
        return keep_best(objective, start, settings, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(inversion_methods, "keep_best", counted)
    return done


def test_the_first_layers_features_bring_the_image_back(here: Path) -> None:
    options = ["--layers", "relu1_1", "--tv-weight", "0", "--iterations", "150"]
    assert run("photos/a.png", *PREFIX, *options) == 0
    (file,) = Path("results/inversion").glob("files/inversion-relu1_1-*/a.png")
    content = square("photos/a.png")
    assert psnr(noise(), content) < 12
    assert psnr(images.to_tensor(images.read(file)), content) > 35


def test_the_inversions_objective_is_the_one_by_hand(here: Path) -> None:
    assert run("photos/a.png", *PREFIX, "--layers", "relu2_1", "--tv-weight", "1e-3") == 0
    (curve,) = curves()
    features = random_network("vgg19-conv3_1", ["relu2_1"])
    content, start = square("photos/a.png"), noise()
    difference = (features(start)["relu2_1"] - features(content)["relu2_1"]).square().mean().item()
    levels = 255 * start[0].double()
    across = (levels[:, :-1, 1:] - levels[:, :-1, :-1]).square().sum()
    down = (levels[:, 1:, :-1] - levels[:, :-1, :-1]).square().sum()
    tv = 1e-3 * (across + down).item() / 2
    assert [len(values) for values in curve.terms.values()] == [4] * 4
    assert curve.terms["content"][0] == pytest.approx(difference, rel=1e-4)
    assert curve.terms["tv"][0] == pytest.approx(tv, rel=1e-4)
    assert curve.total[0] == pytest.approx(difference + tv, rel=1e-4)
    assert set(curve.terms["style"]) == {0.0}


def test_the_reconstructions_objective_is_the_one_by_hand_for_each_style_of_a_batch(here: Path) -> None:
    assert run("--styles", "stars.png", "grey.png", *PREFIX, "--style-layers", "relu2_1") == 0
    found = {curve.image: curve for curve in curves()}
    assert {name: curve.batch for name, curve in found.items()} == {"stars": 2, "grey": 2}
    features = random_network("vgg19-conv3_1", ["relu2_1"])
    for name, size in (("stars", (10, 16)), ("grey", (16, 10))):
        style = read_style(styles.style_image(f"{name}.png"), SIZE)
        assert style.shape == (1, 3, *size)
        grams = [gram(features(image)["relu2_1"]) for image in (noise(), style)]
        weight = styles.DEFAULTS["vgg19-conv3_1"].style_weight
        by_hand = weight * (grams[0] - grams[1]).square().mean().item()
        assert found[name].terms["style"][0] == pytest.approx(by_hand, rel=1e-3)
        assert set(found[name].terms["content"]) == {0.0}


def test_an_image_of_a_batch_is_the_one_that_it_is_alone(here: Path) -> None:
    assert run("photos", *PREFIX, "--layers", "relu2_1") == 0
    assert run("photos/b.png", *PREFIX, "--layers", "relu2_1", "--db", "alone.db") == 0
    together = next(curve for curve in curves() if curve.image == "b")
    (alone,) = curves("alone.db")
    assert (together.batch, alone.batch) == (2, 1)
    assert together.total == pytest.approx(alone.total, rel=1e-3)
    assert together.protocol_hash == alone.protocol_hash


def test_the_image_that_is_kept_is_the_best_one_and_its_objective_the_last(here: Path) -> None:
    options = ["--layers", "relu1_1", "--tv-weight", "1e-3", "--iterations", "150"]
    assert run("photos/a.png", *PREFIX, *options) == 0
    (curve,) = curves()
    assert list(curve.total) == sorted(curve.total, reverse=True)
    (file,) = Path("results/inversion").glob("files/inversion-relu1_1-*/a.png")
    network = random_network("vgg19-conv3_1", ["relu1_1"])
    (protocol,) = read([Path("results.db")]).style_protocols.values()
    of_file = inversion_methods.objective([protocol], network, [square("photos/a.png")])(
        images.to_tensor(images.read(file))
    )
    assert curve.total[-1] == pytest.approx(of_file.total.item(), rel=1e-2)


def test_the_terms_so_far_are_those_of_the_lowest_total() -> None:
    totals, contents = [[5.0, 1.0], [2.0, 3.0], [4.0, 0.5]], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    zero = torch.zeros(3, 2)
    found = running_minimum(torch.stack([torch.tensor(totals), torch.tensor(contents), zero, zero]))
    assert found.total.tolist() == [[5.0, 1.0], [2.0, 1.0], [2.0, 0.5]]
    assert found.content.tolist() == [[1.0, 2.0], [3.0, 2.0], [3.0, 6.0]]


def test_rows_and_pictures_are_those_that_the_report_reads(here: Path) -> None:
    assert run("photos", "--styles", "stars.png", *PREFIX, "--style-layers", "relu1_1") == 0
    contents = read([Path("results.db")])
    assert {run.program for run in contents.runs.values()} == {"inversion"}
    protocols = contents.style_protocols.values()
    inversions = [p for p in protocols if p.name == "inversion"]
    assert sorted(p.content_layers for p in inversions) == [
        (layer,) for layer in ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
    ]
    assert {(p.style, p.style_sha256, p.style_size, p.style_layers, p.style_weight) for p in inversions} == {
        ("", "", 0, (), 0.0)
    }
    (of_style,) = (p for p in protocols if p.name == "reconstruction")
    assert (of_style.content_layers, of_style.style_layers) == ((), ("relu1_1",))
    assert (of_style.style, of_style.content_weight) == ("stars", 0.0)
    shown = contents.pictures
    assert sorted(shown["model"]) == ["content"] * 10 + ["gatys"] * 11 + ["style"]
    style = shown[shown["model"] == "style"].iloc[0]
    assert (style["dataset"], style["image"]) == ("styles", "stars")
    assert style["image_sha256"] == style["model_hash"] == of_style.style_sha256
    assert images.read(Path(style["file"])).shape == (10, 16, 3)
    content = shown[(shown["model"] == "content") & (shown["image"] == "a")].iloc[0]
    np.testing.assert_array_equal(images.read(Path(content["file"])), images.to_array(square("photos/a.png")))
    assert content["model_hash"] == content["image_sha256"]
    assert all(
        images.read(Path(file)).shape[:2] == (16, 16) for file in shown["file"] if "inversion-" in file
    )


def test_files_are_stored_beside_the_results_file_so_that_both_can_be_moved(here: Path) -> None:
    assert run("photos/a.png", *PREFIX, "--layers", "relu1_1") == 0
    with Store(Path("results.db"), read_only=True) as store:
        (row, _) = store.table("pictures")[1]
    assert any(str(value).startswith("results/inversion/files/") for value in row)


def test_the_same_command_makes_only_what_is_not_there(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("photos", *PREFIX, "--layers", "relu1_1", "relu1_2")
    assert run(*arguments) == 0
    table = capsys.readouterr().out
    done = count_optimisations(monkeypatch)
    assert run(*arguments) == 0
    assert done == []
    assert capsys.readouterr().out == table
    next(Path("results").rglob("inversion-relu1_2-*/b.png")).unlink()
    assert run(*arguments) == 0
    assert done == [1]
    assert run(*arguments, "--iterations", "2") == 0
    assert done == [1]
    assert run(*arguments, "--iterations", "4") == 0
    assert done == [1, 2, 2]
    assert run(*arguments, "--iterations", "4", "--force") == 0
    assert done == [1, 2, 2, 2, 2]
    assert {len(curve.total) for curve in curves()} == {5}


def test_a_run_that_was_stopped_goes_on_behind_its_last_batch(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("photos", *PREFIX, "--layers", "relu1_1", "relu1_2")
    keep = Outcome.keep

    def interrupted(
        outcome: Outcome, plan: Plan, method: Method, content: Content, measured: MeasuredImage
    ) -> None:
        if method.place == "relu1_2":
            raise KeyboardInterrupt
        keep(outcome, plan, method, content, measured)

    monkeypatch.setattr(Outcome, "keep", interrupted)
    assert run(*arguments) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "error: interrupted"
    monkeypatch.setattr(Outcome, "keep", keep)
    done = count_optimisations(monkeypatch)
    assert run(*arguments) == 0
    assert done == [2]
    assert len(curves()) == 4


def test_another_seed_is_another_image(here: Path) -> None:
    for seed in ("0", "1"):
        assert run("photos/a.png", *PREFIX, "--layers", "relu1_1", "--seed", seed) == 0
    first, second = curves()
    assert first.subject_hash != second.subject_hash
    assert first.total[0] != second.total[0]
    assert len(list(Path("results").rglob("inversion-relu1_1-*/a.png"))) == 2


def test_a_broken_image_is_named_and_the_others_are_done(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("photos/broken.png").write_bytes(b"<html>")
    Path("broken_style.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    arguments = ("photos", *PREFIX, "--layers", "relu1_1", "--style-layers", "relu1_1")
    assert run(*arguments) == 0
    assert "photos 'broken': not done" in capsys.readouterr().err
    assert run(*arguments, "--styles", "broken_style.png", "stars.png") == 1
    assert "styles 'broken_style': not done" in capsys.readouterr().err
    assert {curve.image for curve in curves()} == {"a", "b", "stars"}
    contents = read([Path("results.db")])
    assert set(contents.failures["image"]) == {"broken", "broken_style"}


def test_a_style_too_small_for_the_network_costs_itself_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images.write(Path("thin.png"), picture(1, 64, 4))
    assert run("--styles", "thin.png", "stars.png", *PREFIX, "--style-layers", "relu2_1") == 1
    said = "styles 'thin': not done: relu2_1: the style must be at least 2 pixels per side (got 16x1)"
    assert said in capsys.readouterr().err
    assert [curve.image for curve in curves()] == ["stars"]


def test_an_objective_that_is_not_finite_is_named_and_not_stored(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(
        objective: object, start: torch.Tensor, settings: Settings, **options: object
    ) -> OptimisationResult:
        found = keep_best(objective, start, settings, **options)  # type: ignore[arg-type]
        return OptimisationResult(
            image=found.image,
            iterations=found.iterations,
            stopped="iterations",
            failed_at=(2, 0),
            objective=found.objective,
        )

    monkeypatch.setattr(inversion_methods, "keep_best", fails)
    assert run("photos", *PREFIX, "--layers", "relu1_1") == 0
    assert (
        "photos 'a': not done: relu1_1: the objective is not finite in iteration 2" in capsys.readouterr().err
    )
    assert [curve.image for curve in curves()] == ["b"]


@pytest.mark.parametrize("network", list(styles.LOSS_WEIGHTS))
def test_the_papers_layers_are_taken_and_missing_ones_named(
    network: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (
        "photos/a.png",
        "--styles",
        "stars.png",
        "--loss-network",
        network,
        "--iterations",
        "1",
        "--style-size",
        "32",
    )
    assert run(*options) == 0
    said = capsys.readouterr().err
    looked_at = {
        p.content_layers + p.style_layers for p in read([Path("results.db")]).style_protocols.values()
    }
    if network == "vgg16":
        assert looked_at == {(layer,) for layers in PAPER.values() for layer in layers}
        assert "missing" not in said
    else:
        assert looked_at == {(f"relu{name}",) for name in ("1_1", "1_2", "2_1", "2_2", "3_1")}
        for figure, lacks in (
            ("Figure 3", "relu3_3, relu4_3, relu5_1, relu5_3"),
            ("Figure 4", "relu3_3, relu4_3"),
        ):
            assert f"{figure}: {lacks} missing in vgg19-conv3_1, present in vgg16" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            ["--layers", "relu9_1"],
            "layer is 'relu9_1'; must be one that vgg19-conv3_1 reaches: conv1_1, relu1_1,",
        ),
        (["--layers", "relu4_3"], "layer is 'relu4_3'; must be one that vgg19-conv3_1 reaches"),
        (["--style-layers", "x"], "layer is 'x'; must be one that vgg19-conv3_1 reaches"),
        (["--size", "2"], "--size must be at least 4 for relu3_1 (got 2)"),
        (["--size", "0"], "--size must be at least 1 (got 0)"),
        (["--style-size", "0"], "--style-size must be at least 1 (got 0)"),
        (["--iterations", "0"], "--iterations must be at least 1 (got 0)"),
        (["--limit", "0"], "--limit must be at least 1 (got 0)"),
        (["--seed", "-1"], "--seed must be at least 0 (got -1)"),
        (["--tv-weight", "nan"], "--tv-weight is nan; must be a finite number of at least 0"),
        (["--styles", "nope"], "no style is called 'nope'; must be the file of an image, or one of: candy"),
        (["--device", "cuda:7"], "device is 'cuda:7', which is not here"),
        (["--pictures", "stars.png"], "--save-images 'stars.png' is a file; must be a folder"),
        (["./photos/nothing"], "no folder is called './photos/nothing'"),
        (["photos/../photos"], "two data sets are called 'photos'"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_stored(
    wrong: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    positional = [] if wrong[0].startswith("--") else wrong
    options = [] if positional else wrong
    assert inversion.main(["photos", *positional, *PREFIX, *OPTIONS, *options]) == 2
    assert said in capsys.readouterr().err
    assert not Path("results.db").exists()


def test_neither_content_nor_style_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        inversion.main([])
    assert stopped.value.code == 2
    assert "name at least one CONTENT, or --styles" in capsys.readouterr().err


def test_weights_that_are_not_to_be_had_are_named_with_the_network_that_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str, *, verify: bool = True) -> Path:
        raise MissingFile(f"{name} is missing")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "find", missing)
    images.write(Path("a.png"), picture(20, 30, 0))
    assert run("a.png") == 2
    said = capsys.readouterr().err
    assert "vgg16-features.safetensors" in said
    assert "--loss-network vgg19-conv3_1" in said


def test_deeper_layers_keep_less_of_the_pixels(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    options = ["--size", "48", "--iterations", "25", "--limit", "1", "--layers", *layers]
    assert inversion.main(["contents", *PREFIX, "--device", "cpu", *options]) == 0
    (content,) = tmp_path.rglob("content-48/*.png")
    errors = []
    for layer in layers:
        (file,) = tmp_path.rglob(f"inversion-{layer}-*/*.png")
        difference = images.read(file).astype(float) - images.read(content)
        errors.append((difference**2).mean())
    assert errors == sorted(errors)
    assert errors[-1] > 2 * errors[0]


def test_a_reconstruction_comes_close_to_the_styles_gram_matrix(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--size", "48", "--iterations", "40", "--style-layers", "relu2_1"]
    assert inversion.main(["--styles", "la_muse", *PREFIX, "--device", "cpu", *options]) == 0
    (file,) = tmp_path.rglob("reconstruction-relu2_1-*/la_muse.png")
    network = loss_networks.load("vgg19-conv3_1", ["relu2_1"])
    style = gram(network(read_style(styles.style_image("la_muse"), 48))["relu2_1"])

    def distance(image: torch.Tensor) -> float:
        return float((gram(network(image)["relu2_1"]) - style).square().mean())

    made = images.to_tensor(images.read(file))
    assert distance(made) < distance(noise(48)) / 50
    (curve,) = curves()
    weight = styles.DEFAULTS["vgg19-conv3_1"].style_weight_of(styles.style_image("la_muse"))
    assert curve.terms["style"][-1] == pytest.approx(weight * distance(made), rel=0.2)


def test_the_variations_weight_suits_the_layer_the_size_and_nobodys_wish(here: Path) -> None:
    layers = ["relu1_1", "relu3_1"]
    assert run("photos/a.png", *PREFIX, "--layers", *layers) == 0
    assert run("photos/a.png", *PREFIX, "--layers", *layers, "--size", "32", "--db", "larger.db") == 0
    assert run("photos/a.png", *PREFIX, "--layers", *layers, "--tv-weight", "0.5", "--db", "named.db") == 0

    def weights(db: str) -> list[float]:
        protocols = read([Path(db)]).style_protocols.values()
        return [p.tv_weight for layer in layers for p in protocols if p.content_layers == (layer,)]

    network = random_network("vgg19-conv3_1", layers)
    for layer, weight in zip(layers, weights("results.db"), strict=True):
        squares = network(noise())[layer].square().mean().item()
        assert weight == pytest.approx(
            content_share(network, layer) * squares / total_variation(255 * noise()).item(), rel=0.35
        )
    assert all(
        large < small / 2 for large, small in zip(weights("larger.db"), weights("results.db"), strict=True)
    )
    assert weights("named.db") == [0.5, 0.5]


def test_help_loads_no_torch() -> None:
    program = "import bench.inversion as i, sys; i.parser().format_help(); sys.exit('torch' in sys.modules)"
    root = Path(inversion.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("layer", "share"),
    [
        ("relu1_1", 0.1),
        ("relu2_2", 0.1),
        ("relu3_3", 1),
        ("relu4_3", 10),
        ("relu5_1", 21.5),
        ("relu5_3", 100),
    ],
)
def test_the_deeper_a_layer_the_more_its_total_variation_weighs(layer: str, share: float) -> None:
    network = random_loss_network("vgg16", [layer, "relu5_3"])
    assert content_share(network, layer) == pytest.approx(share, rel=0.01)
