"""`python -m bench.style_quality`: numbers by a second route, runs that go on, wrong input named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.gatys import Gatys
from baselines.optimise import Callback, Settings
from bench import loss_networks
from bench import style_quality as program
from bench.data import cache, images, styles
from bench.errors import MissingFile, UserError
from bench.records import Curve, SavedImage, Score
from bench.registry import stylizers
from bench.registry.stylizers import StylizerEntry
from bench.storage import reader as contents
from bench.storage.store import Store
from bench.styling import methods as style_methods
from bench.styling import metrics as style_metrics
from bench.styling import summary as style_summary
from bench.styling.methods import NotFinite, Optimisation, optimised
from bench.styling.objective import read_style, square
from bench.styling.plan import MeasuredImage
from bench.styling.stylized import Stylized
from models.losses import feature_loss, gram, gram_distance, total_variation
from models.vgg import LossNetwork, random_loss_network
from tests.schemas import assert_valid

SIZE, ITERATIONS = 24, 6
LAYERS = ("relu1_1", "relu2_1", "relu3_1")
OPTIONS = [
    "--sizes",
    str(SIZE),
    "--images",
    "photos",
    "--device",
    "cpu",
    "--iterations",
    str(ITERATIONS),
    "--style-size",
    "32",
]
LOSS = ["--loss-network", "vgg19-conv3_1"]
STYLIZERS, LOAD, OPTIMISE = stylizers.STYLIZERS, loss_networks.load, style_methods.optimise


class Swapped(nn.Module):
    """A style network of a kind: red and blue change places, and it overshoots."""

    def forward(self, content: Tensor) -> Tensor:
        return 1.3 * content.flip(1) - 0.1


class Broken(nn.Module):
    """NaN for dark contents, a refusal for bright ones, another size for those between."""

    def forward(self, content: Tensor) -> Tensor:
        if content.mean() > 0.8:
            raise ValueError("too bright")
        return content * float("nan") if content.mean() < 0.2 else content[..., 1:]


def entry(name: str, target: str, style: str = "mine", **fields: str | None) -> StylizerEntry:
    return StylizerEntry(
        name=name,
        about="",
        hash_id="test",
        target=f"{__name__}:{target}",
        style=style,
        **{"loss_network": "", **fields},
    )  # type: ignore[arg-type]


def random_network(name: str, layers: Sequence[str]) -> LossNetwork:
    """As :func:`bench.loss_networks.load`, with random weights."""
    try:
        return random_loss_network(name, layers)
    except ValueError as error:
        raise UserError(str(error)) from error


def picture(h: int, w: int, seed: int, *, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (h, w, 3), dtype=np.uint8)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    """With the real networks and the real loss network."""
    pytest.importorskip("onnx", reason="the released networks need the extra onnx")
    monkeypatch.setattr(stylizers, "STYLIZERS", STYLIZERS)
    monkeypatch.setattr(loss_networks, "load", LOAD)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with three contents and a style, a network for it, and a loss network that needs no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loss_networks, "load", random_network)
    table = [
        entry("swapped", "Swapped"),
        entry("stranger", "Swapped", "other"),
        entry("nothing", "Swapped", ""),
    ]
    monkeypatch.setattr(stylizers, "STYLIZERS", {e.name: e for e in table})
    for index, stem in enumerate("abc"):
        images.write(Path(f"photos/{stem}.png"), picture(40, 30 + index, index))
    images.write(Path("mine.png"), picture(30, 50, 9))


def run(*arguments: str) -> int:
    return program.main(["--style", "mine.png", *OPTIONS, *LOSS, *arguments])


def curves(db: str = "results.db") -> dict[tuple[str, str], Curve]:
    """By subject and content; every protocol together."""
    with Store(Path(db), read_only=True) as store:
        _, rows = store.table("protocols")
        found = [c for row in rows for c in store.curves(dataset="photos", protocol_hash=row[0])]
    return {(c.subject, c.image): c for c in found}


def pictures() -> list[SavedImage]:
    with Store(Path("results.db"), read_only=True) as store:
        _, rows = store.table("protocols")
        return [p for row in rows for p in store.pictures(dataset="photos", protocol_hash=row[0])]


def content(stem: str) -> Tensor:
    return square(images.to_tensor(images.read(Path(f"photos/{stem}.png"))), SIZE)


def style() -> Tensor:
    return read_style(styles.style_image("mine.png"), 32)


def test_the_tables_say_what_was_stored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "out/q.json") == 0
    assert_valid("style_quality", "out/q.json")
    said = capsys.readouterr().out
    for text in (
        "mine at 24x24, photos",
        "swapped",
        "gatys, 6 iterations",
        "style at relu1_1 relu2_1 relu3_1",
    ):
        assert text in said
    (panel,) = json.loads(Path("out/q.json").read_text())
    stored = curves()
    assert len(stored) == len(panel["curves"]) == 9
    for raw in panel["curves"]:
        assert stored[raw["subject"], raw["image"]].terms == {k: tuple(v) for k, v in raw["terms"].items()}
    rows = {row["subject"]: row for row in panel["objectives"]}
    mean = np.mean([stored["swapped", stem].total[0] for stem in "abc"])
    assert rows["swapped"]["total"]["mean"] == pytest.approx(mean)
    assert panel["protocol_hash"][:8] in said


def test_the_curve_is_that_of_the_baseline_for_the_content_alone() -> None:
    assert run() == 0
    own = styles.DEFAULTS["vgg19-conv3_1"]
    gatys = Gatys(
        network=random_loss_network("vgg19-conv3_1", LAYERS),
        style=style(),
        content_layers=own.content_layers,
        style_layers=own.style_layers,
        style_weight=own.style_weight,
        tv_weight=own.tv_weight,
        settings=Settings(iterations=ITERATIONS),
    )
    found = gatys.run(content("b"), record=True)
    assert found.objective is not None
    stored = curves()["gatys", "b"]
    for name, value in found.objective._asdict().items():
        torch.testing.assert_close(torch.tensor(stored.terms[name]), value[:, 0])
    assert stored.total[-1] < stored.total[0]
    shown = images.read(next(Path("results/style").glob("*/*/gatys-*/b.png")))
    np.testing.assert_array_equal(shown, images.to_array(found.image))


def test_a_network_is_judged_by_the_losses_of_its_clipped_image() -> None:
    assert run("--no-baseline", "--content-weight", "2", "--style-weight", "7", "--tv-weight", "0.5") == 0
    network = random_loss_network("vgg19-conv3_1", LAYERS)
    image = Swapped()(content("a")).clamp(0, 1)
    of_image, of_content, of_style = map(network, (image, content("a"), style()))
    distances = [
        gram_distance(gram(of_image[k]), gram(of_style[k])) / of_style[k].shape[1] ** 2 for k in LAYERS
    ]
    expected = {
        "content": 2 * feature_loss(of_image["relu3_1"], of_content["relu3_1"]),
        "style": 7 * torch.stack(distances).sum(0),
        "tv": 0.5 * total_variation(255 * image),
    }
    terms = curves()["swapped", "a"].terms
    for name, value in expected.items():
        assert terms[name] == pytest.approx(value.tolist(), rel=1e-5)
    assert terms["total"][0] == pytest.approx(sum(v.item() for v in expected.values()), rel=1e-5)


def test_the_content_itself_has_no_content_term() -> None:
    assert run("--no-baseline") == 0
    for stem in "abc":
        found = curves()["content", stem]
        assert found.terms["content"] == (0.0,)
        assert found.terms["style"][0] > 0
        assert found.seconds == 0
        assert found.subject_hash == found.image_sha256


def test_a_batch_of_two_equals_two_of_one() -> None:
    assert run("--batch", "1", "--db", "one.db", "--no-pictures") == 0
    assert run("--batch", "2", "--db", "two.db", "--no-pictures") == 0
    one, two = curves("one.db"), curves("two.db")
    assert {c.batch for c in one.values()} == {1}
    assert [two["gatys", stem].batch for stem in "abc"] == [2, 2, 1]
    for key, alone in one.items():
        np.testing.assert_allclose(two[key].total[:3], alone.total[:3], rtol=1e-5)
        # From here on L-BFGS divides by differences of nearly equal gradients, which multiplies float32's rounding by some
        # thousands: sums in another order (a batch, two threads) gave 0.4 %. In float64 they are equal: tests/baselines.
        np.testing.assert_allclose(two[key].total, alone.total, rtol=0.05)


def test_a_killed_run_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []

    def killed(method: Optimisation, contents: Tensor, iterations: int, callback: Callback) -> object:
        calls.append(len(contents))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return optimised(method, contents, iterations, callback)

    monkeypatch.setattr(style_methods, "optimised", killed)
    assert run("--batch", "1") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "error: interrupted"
    assert {stem for _, stem in curves()} == {"a"}
    assert run("--batch", "1") == 0
    assert calls == [1, 1, 1, 1]
    assert run("--batch", "1") == 0
    assert calls == [1, 1, 1, 1]
    assert run("--batch", "1", "--db", "whole.db", "--force") == 0
    whole = curves("whole.db")
    assert {key: c.terms for key, c in curves().items()} == {key: c.terms for key, c in whole.items()}


def test_a_longer_curve_serves_fewer_iterations_and_more_begin_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run() == 0
    before = curves()
    assert run("--iterations", "2") == 0
    assert curves() == before
    assert "gatys, 2 iterations" in capsys.readouterr().out.rpartition("mine at")[2]
    assert run("--iterations", "8") == 0
    after = curves()
    assert len(after["gatys", "a"].total) == 9
    assert after["gatys", "a"].total[:3] == pytest.approx(before["gatys", "a"].total[:3])
    assert after["swapped", "a"] == before["swapped", "a"]


def test_other_settings_are_another_subject() -> None:
    assert run("--no-pictures") == 0
    first = curves()["gatys", "a"]
    for options in (["--seed", "1"], ["--initial", "content"], ["--method", "adam"]):
        assert run("--no-pictures", "--limit", "1", *options) == 0
        other = curves()["gatys", "a"]
        assert other.protocol_hash == first.protocol_hash
    with Store(Path("results.db"), read_only=True) as store:
        found = store.curves(dataset="photos", protocol_hash=first.protocol_hash)
    assert len({c.subject_hash for c in found if c.subject == "gatys"}) == 4


def test_pictures_are_kept_of_the_first_contents_and_made_again_where_they_are_gone() -> None:
    assert run("--no-pictures") == 0
    assert pictures() == []
    before = curves()
    assert run("--picture-limit", "2", "--iterations", "2") == 0
    kept = {(p.model, p.image): p for p in pictures()}
    assert set(kept) == {("style", "mine")} | {(s, i) for s in ("content", "swapped", "gatys") for i in "ab"}
    for one in kept.values():
        assert not Path(one.file).is_absolute()
        assert images.read(Path(one.file)).shape[2] == 3
    style_row = kept["style", "mine"]
    assert style_row.image_sha256 == style_row.model_hash == styles.style_image("mine.png").sha256
    assert images.read(Path(kept["content", "a"].file)).shape == (SIZE, SIZE, 3)
    after = curves()
    assert {k: len(c.total) for k, c in after.items()} == {k: len(c.total) for k, c in before.items()}
    Path(kept["swapped", "b"].file).unlink()
    assert run("--picture-limit", "2", "--iterations", "2") == 0
    assert Path(kept["swapped", "b"].file).is_file()


def test_contents_that_cannot_be_measured_cost_themselves_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/broken.png").write_bytes(b"<html>")
    images.write(Path("photos/thin.png"), picture(3, 64, 1))
    assert run() == 0
    said = capsys.readouterr()
    assert "'broken': not measured" in said.err
    assert "image must be at least 4 pixels per side (got 64x3)" in said.err
    assert "2 times an image, or a model on an image, could not be measured" in said.out
    assert {stem for _, stem in curves()} == set("abc")
    with Store(Path("results.db"), read_only=True) as store:
        failures = store.failures(1)
    assert [(f.image, f.model, f.scale) for f in failures] == [("broken", "", 1), ("thin", "", 1)]


def test_a_network_that_fails_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(stylizers.STYLIZERS, "broken", entry("broken", "Broken"))
    images.write(Path("photos/a.png"), picture(40, 40, 1, high=10))
    images.write(Path("photos/b.png"), picture(40, 40, 1, low=240))
    assert run("--no-baseline") == 1
    said = capsys.readouterr().err
    for reason in (
        "'a' (broken): not measured: mine at 24x24: the objective's total term is nan; must be a finite number",
        "too bright",
        "returned shape (1, 3, 24, 23), must be (1, 3, 24, 24)",
    ):
        assert reason in said
    assert {subject for subject, _ in curves()} == {"content", "swapped"}


def test_an_optimisation_that_fails_for_one_content_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(
        method: Optimisation, contents: Tensor, iterations: int, callback: Callback
    ) -> list[MeasuredImage | NotFinite]:
        found = optimised(method, contents, iterations, callback)
        return [NotFinite("the objective is not finite in iteration 3"), *found[1:]]

    monkeypatch.setattr(style_methods, "optimised", fails)
    assert run("--batch", "3") == 0
    assert "'a' (gatys): not measured: mine at 24x24: the objective is not finite in iteration 3" in (
        capsys.readouterr().err
    )
    assert {stem for subject, stem in curves() if subject == "gatys"} == {"b", "c"}


def test_a_batch_without_memory_is_done_in_halves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[int] = []

    def greedy(
        method: Optimisation, contents: Tensor, iterations: int, callback: Callback
    ) -> list[MeasuredImage | NotFinite]:
        sizes.append(len(contents))
        if len(contents) > 1 or len(sizes) == 2:
            raise MemoryError
        return optimised(method, contents, iterations, callback)

    monkeypatch.setattr(style_methods, "optimised", greedy)
    assert run("--batch", "3", "--no-pictures") == 0
    assert sizes == [3, 1, 2, 1, 1]
    said = capsys.readouterr().err
    assert "no memory for 3 contents at once, so in halves" in said
    assert "'a' (gatys): not measured: mine at 24x24: out of memory" in said


def test_grey_contents_and_styles_are_repeated() -> None:
    grey = picture(40, 40, 3)[..., :1]
    images.write(Path("photos/a.png"), grey)
    images.write(Path("mine.png"), grey)
    assert run("--limit", "1") == 0
    assert images.read(next(Path("results/style").glob("*/*/content/a.png"))).shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--style", "nosuch"], "no style is called 'nosuch'"),
        (["--models", "nosuch"], "no model is called 'nosuch'; there are: swapped, stranger"),
        (["--models", "stranger"], "stranger is for the style other, not for mine; use --style other"),
        (["--models", "nothing"], "nothing is for no style"),
        (["--content-layers", "relu9_1"], "'relu9_1', must be one that vgg19-conv3_1 reaches: conv1_1"),
        (["--sizes", "2"], "the content must be at least 4 pixels per side (got 2x2)"),
        (["--sizes", "0"], "--sizes must be at least 1 (got 0)"),
        (["--iterations", "0"], "--iterations must be at least 1 (got 0)"),
        (["--batch", "0"], "--batch must be at least 1 (got 0)"),
        (["--limit", "0"], "--limit must be at least 1 (got 0)"),
        (["--seed", "-1"], "--seed must be at least 0 (got -1)"),
        (["--style-weight", "nan"], "--style-weight is nan; must be a finite number of at least 0"),
        (["--style-size", "0"], "--style-size must be at least 1 (got 0)"),
        (["--images", "nosuch"], "no data set or folder is called 'nosuch'"),
        (["--device", "cuda:7"], "device is 'cuda:7', which is not here"),
    ],
)
def test_wrong_requests_are_refused(wrong: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*wrong) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("h", "w", "said"),
    [
        (3, 3, "the style 'mine' is 3x3; it must be at least 4 pixels per side"),
        (4, 900, "the style 'mine' becomes 32x1; it must be at least 4 pixels per side"),
    ],
)
def test_a_tiny_style_is_refused_by_name(
    h: int, w: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images.write(Path("mine.png"), picture(h, w, 1))
    assert run() == 2
    assert said in capsys.readouterr().err


def test_a_broken_style_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    assert run() == 2
    assert "'mine.png'" in capsys.readouterr().err


def test_a_file_that_is_called_like_a_style_is_not_that_style(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images.write(Path("la_muse.png"), picture(30, 30, 1))
    monkeypatch.setitem(stylizers.STYLIZERS, "muse", entry("muse", "Swapped", "la_muse"))
    assert program.main(["--style", "la_muse.png", *OPTIONS, *LOSS, "--models", "muse"]) == 2
    assert "muse is for the style la_muse, not for the file given" in capsys.readouterr().err
    assert program.main(["--style", "la_muse.png", *OPTIONS, *LOSS, "--no-baseline"]) == 0
    assert {subject for subject, _ in curves()} == {"content"}


def test_a_network_without_its_file_is_left_out_unless_it_was_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> Path:
        raise MissingFile(f"{name} is missing")

    absent = entry("absent", "Swapped", weights="weights/style-johnson-in/candy.onnx")
    monkeypatch.setitem(stylizers.STYLIZERS, "absent", absent)
    monkeypatch.setattr(cache, "find", missing)
    assert run("--no-baseline") == 0
    assert (
        "skipped: absent cannot run: weights/style-johnson-in/candy.onnx is missing"
        in capsys.readouterr().err
    )
    assert {subject for subject, _ in curves()} == {"content", "swapped"}
    assert run("--models", "absent") == 2
    assert "error: absent cannot run" in capsys.readouterr().err


def test_the_loss_network_is_the_one_that_the_first_network_was_trained_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*options: str) -> str:
        assert program.main(["--style", "mine.png", *OPTIONS, "--no-baseline", "--limit", "1", *options]) == 0
        return capsys.readouterr().out

    assert "mine: judged by the loss network vgg16 (the paper's; no network says another)" in said()
    trained = replace(entry("trained", "Swapped"), loss_network="vgg19-conv3_1")
    monkeypatch.setitem(stylizers.STYLIZERS, "trained", trained)
    text = said()
    assert "judged by the loss network vgg19-conv3_1 (trained was trained with it)" in text
    assert "1 x content at relu3_1 + 30 x style" in text
    assert "trained was trained with vgg19-conv3_1, another objective" in said("--loss-network", "vgg16")


def test_two_styles_and_sizes_make_four_tables_each_with_its_own_networks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    images.write(Path("other.png"), picture(30, 30, 5))
    options = ["--style", "mine.png", "other.png", *OPTIONS, *LOSS, "--sizes", "8", "12", "--no-baseline"]
    assert program.main([*options, "--json", "q.json"]) == 0
    panels = json.loads(Path("q.json").read_text())
    found = {(p["style"], p["size"]): [row["subject"] for row in p["objectives"]] for p in panels}
    mine, other = ["content", "swapped"], ["content", "stranger"]
    assert found == {("mine", 8): mine, ("mine", 12): mine, ("other", 8): other, ("other", 12): other}
    assert capsys.readouterr().out.count("machine: ") == 4


def test_times_of_another_machine_are_not_passed_off_as_this_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench import environment
    from bench.cluster import connect

    real = environment.environment

    def another(device: str = "cpu") -> environment.Environment:
        facts = dict(real(device).facts)
        return environment.Environment(facts=facts | {"cpu": {**facts["cpu"], "model": "another"}})

    monkeypatch.setattr(connect, "environment", another)
    assert run("--limit", "1", "--no-pictures") == 0
    monkeypatch.setattr(connect, "environment", real)
    assert run("--no-pictures") == 0
    said = capsys.readouterr().out.rpartition("mine at")[2]
    assert said.count("machine: ") == 2
    assert "the times are not all of one machine" in said


def test_a_full_disk_costs_no_curves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, written = images.write, []

    def full(path: Path, pixels: np.ndarray) -> None:
        written.append(path)
        if len(written) > 2:
            raise OSError(28, "No space left on device", str(path))
        real(path, pixels)

    monkeypatch.setattr(images, "write", full)
    assert run("--no-baseline") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert set(curves()) == {("content", "a"), ("swapped", "a")}


@pytest.mark.usefixtures("real")
def test_the_released_network_is_measured_and_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--images",
        "photos",
        "--iterations",
        "2",
        "--limit",
        "1",
        "--no-pictures",
        "--device",
        "cpu",
        *LOSS,
    ]
    muse = ["--style", "la_muse", *options]
    assert program.main([*muse, "--sizes", "48"]) == 0
    said = capsys.readouterr().out
    assert "style-johnson-la_muse was trained with vgg16, another objective" in said
    assert {subject for subject, _ in curves()} == {
        "content",
        "style-la_muse",
        "style-johnson-la_muse",
        "gatys",
    }
    assert program.main([*muse, "--sizes", "48", "--models", "style-johnson-candy"]) == 2
    assert "style-johnson-candy is for the style candy, not for la_muse" in capsys.readouterr().err
    assert program.main([*muse, "--sizes", "32", "--no-baseline"]) == 1
    assert "content must be at least 41 pixels per side (got 32x32)" in capsys.readouterr().err


def test_a_network_from_outside_is_measured_beside_the_registered_ones() -> None:
    Path("net.py").write_text("def invert(): return lambda image: 1 - image\n")
    assert run("--models", "swapped", "net.py:invert", "--no-baseline") == 0
    assert {subject for subject, _ in curves()} == {"content", "swapped", "invert"}


METRICS = ("--metrics", "content-ssim", "gram", "colour-histogram", "stability-shift", "stability-noise")


def scores(db: str = "results.db") -> dict[tuple[str, str, str], Score]:
    """By model, metric and content."""
    with Store(Path(db), read_only=True) as store:
        _, rows = store.table("protocols")
        found = [s for row in rows for s in store.scores(dataset="photos", protocol_hash=row[0])]
    return {(s.model, s.metric, s.image): s for s in found}


def test_metrics_stand_beside_the_objective_and_change_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--json", "plain.json", "--no-pictures", "--db", "plain.db") == 0
    plain = capsys.readouterr().out
    assert run(*METRICS, "--json", "q.json") == 0
    said = capsys.readouterr().out
    (before,), (panel,) = (json.loads(Path(file).read_text()) for file in ("plain.json", "q.json"))
    values = {metric["name"]: metric["values"] for metric in panel.pop("metrics")}
    assert "metrics" not in before
    assert [row["total"] for row in panel["objectives"]] == [row["total"] for row in before["objectives"]]
    assert panel.keys() == before.keys()
    assert "by other measures" not in plain
    assert said.count("mine at 24x24, photos: the images by other measures, mean ±sd") == 2
    assert list(values) == [
        *("content-ssim", "gram-relu1_1", "gram-relu2_1", "gram-relu3_1", "colour-histogram"),
        *("stability-shift", "stability-noise"),
    ]
    assert values["content-ssim"]["content"] == dict.fromkeys("abc", 1.0)
    assert list(values["content-ssim"]) == ["content", "swapped", "gatys, 6 iterations"]
    assert values["stability-shift"]["content"] == values["stability-shift"]["gatys, 6 iterations"] == {}
    assert "of a network alone, so that contents and the optimisation have none" in said
    # the network changes each place alike, with a gain of 1.3 where it does not clip
    assert values["stability-shift"]["swapped"] == pytest.approx(dict.fromkeys("abc", 0))
    assert all(1 < value < 1.3 for value in values["stability-noise"]["swapped"].values())
    network = random_loss_network("vgg19-conv3_1", LAYERS)
    image = Swapped()(content("a")).clamp(0, 1)
    expected = gram_distance(gram(network(image)["relu2_1"]), gram(network(style())["relu2_1"]))
    assert values["gram-relu2_1"]["swapped"]["a"] == pytest.approx(expected.item(), rel=1e-5)
    stored = scores()
    assert stored["swapped", "gram-relu2_1", "a"].value == values["gram-relu2_1"]["swapped"]["a"]
    assert {s.scale for s in stored.values()} == {1}


def test_metrics_of_the_optimisation_are_those_of_its_images_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(style_summary, "MARKS", (2, 4, 20))
    assert run("--metrics", "colour-histogram", "--db", "six.db", "--no-pictures") == 0
    assert run("--metrics", "colour-histogram", "--db", "two.db", "--no-pictures", "--iterations", "2") == 0
    six, two = scores("six.db"), scores("two.db")
    assert {model for model, _, _ in six} == {
        *("content", "swapped", "gatys, 2 iterations", "gatys, 4 iterations", "gatys, 6 iterations"),
    }
    for stem in "abc":
        key = ("gatys, 2 iterations", "colour-histogram", stem)
        assert six[key].value == two[key].value
        assert six[key].value != six["gatys, 6 iterations", "colour-histogram", stem].value


def test_a_metric_that_is_stored_is_not_computed_again_and_one_that_is_not_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("--metrics", "colour-histogram", "--no-pictures") == 0
    before = scores()
    monkeypatch.setattr(style_methods, "optimise", lambda *args, **options: pytest.fail("made again"))
    assert run("--metrics", "colour-histogram", "--no-pictures") == 0
    assert run("--no-pictures") == 0
    assert scores() == before
    monkeypatch.setattr(style_methods, "optimise", OPTIMISE)
    assert run("--metrics", "gram", "--no-pictures") == 0
    assert before.items() < scores().items()


def test_a_metric_that_fails_costs_its_value_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(style_metrics.METRICS["colour-histogram"], target=f"{__name__}:not_a_number")
    monkeypatch.setitem(style_metrics.METRICS, "colour-histogram", broken)
    assert run("--metrics", "colour-histogram", "content-ssim", "--no-baseline") == 1
    assert "colour-histogram: it is nan; must be a finite number" in capsys.readouterr().out
    assert {(model, metric) for model, metric, _ in scores()} == {
        ("content", "content-ssim"),
        ("swapped", "content-ssim"),
    }
    assert len(curves()) == 6


def not_a_number(stylized: Stylized) -> float:
    return float("nan")


def test_a_report_of_a_file_with_style_metrics_leaves_them_to_who_asks() -> None:
    assert run("--metrics", "colour-histogram", "--no-pictures", "--no-baseline") == 0
    found = contents.read([Path("results.db")])
    assert found.scores.empty
    assert set(found.style_scores["metric"]) == {"colour-histogram"}
    assert len(found.style_scores) == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metrics", "lpips"), "no style metric is called 'lpips'; there are: content-lpips"),
        (("--metrics", "content-lpips"), "--sizes must be at least 31 for content-lpips (got 24)"),
    ],
)
def test_metrics_that_cannot_be_are_refused(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options) == 2
    assert said in capsys.readouterr().err
