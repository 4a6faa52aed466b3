"""The engine: what a model, an image or a disk does wrong costs that image alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench import executor
from bench import metrics as table
from bench.data import images
from bench.data.datasets import LoadedImage, dataset, samples_folder
from bench.errors import MissingFile, RunError
from bench.executor import GPU_WORKERS, MOST_WORKERS, read_ahead, share
from bench.metrics import METRICS, load
from bench.protocols import protocol
from bench.quality.engine import ResultWriter, evaluate
from bench.quality.loading import load_metrics
from bench.quality.plan import LoadedMetric, Model, Plan
from bench.quality.whole import upscale
from bench.records import Environment, ImageFile, Run, Score
from bench.storage.store import Store, now
from bench.tiling.tiles import tiled

CPU = torch.device("cpu")


class Notes:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done = 0

    @property
    def failures(self) -> list[str]:
        """Without what the linter finds odd about enlarged noise."""
        return [note for note in self.notes if "not scored" in note]

    def begin(self, label: str) -> None: ...

    def advance(self, label: str) -> None:
        self.done += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Fake:
    """An upscaler made of a function."""

    function: Callable[[Tensor], Tensor]
    scale: int = 4
    channels: int | None = None

    def __call__(self, lr: Tensor) -> Tensor:
        return self.function(lr)


def enlarge(lr: Tensor) -> Tensor:
    return lr.repeat_interleave(4, -1).repeat_interleave(4, -2)


def nowhere(name: str) -> Path:
    raise AssertionError(f"no file is needed, but {name} was asked for")


def metrics(*names: str) -> list[LoadedMetric]:
    return [LoadedMetric(entry=METRICS[name], metric=load(name, nowhere, CPU)) for name in names]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three colour images and a grey one."""
    rng = np.random.default_rng(0)
    for name, channels in (("a", 3), ("b", 3), ("c", 3), ("grey", 1)):
        images.write(
            tmp_path / "set" / f"{name}.png", rng.integers(0, 256, (50, 61, channels), dtype=np.uint8)
        )
    return tmp_path / "set"


@pytest.fixture
def plan(folder: Path) -> Plan:
    return Plan(
        dataset=dataset(str(folder)),
        protocol=protocol("johnson2016", 4),
        models=[Model(name="fake", hash="1", upscaler=Fake(enlarge))],
        metrics=metrics("psnr", "ssim"),
        device=CPU,
    )


def scores(plan: Plan, file: Path) -> tuple[list[Score], Notes]:
    """Evaluate into a store and read back."""
    notes = Notes()
    with Store(file) as store:
        facts = Environment(facts={})
        run = store.start(
            Run(program="t", command=(), started=now(), environment=facts, protocols=(plan.protocol,))
        )
        evaluate(ResultWriter(plan, store, run, notes))
        return list(store.scores(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)), notes


def test_every_image_and_metric_has_a_score(plan: Plan, tmp_path: Path) -> None:
    found, notes = scores(plan, tmp_path / "r.db")
    assert {(s.image, s.metric) for s in found} == {
        (i, m) for i in ("a", "b", "c", "grey") for m in ("psnr", "ssim")
    }
    assert notes.done == 4
    assert not notes.failures


def test_the_second_run_calls_no_model(plan: Plan, tmp_path: Path) -> None:
    first, _ = scores(plan, tmp_path / "r.db")
    broken = Model(name="fake", hash="1", upscaler=Fake(lambda lr: lr / 0))
    second, notes = scores(replace(plan, models=[broken]), tmp_path / "r.db")
    assert second == first
    assert not notes.failures


def test_force_calls_the_model_again(plan: Plan, tmp_path: Path) -> None:
    first, _ = scores(plan, tmp_path / "r.db")
    other = Model(name="fake", hash="1", upscaler=Fake(lambda lr: enlarge(lr) * 0.5))
    second, _ = scores(replace(plan, models=[other], force=True), tmp_path / "r.db")
    assert len(second) == len(first)
    assert all(a.value != b.value for a, b in zip(first, second, strict=True))


def test_order_and_company_do_not_change_a_value(plan: Plan, tmp_path: Path) -> None:
    together, _ = scores(plan, tmp_path / "r.db")
    backwards = replace(plan.dataset, images=plan.dataset.images[::-1])
    alone = [
        score
        for image in backwards.images
        for score in scores(
            replace(plan, dataset=replace(backwards, images=(image,))), tmp_path / f"{image.stem}.db"
        )[0]
    ]
    assert sorted(alone, key=str) == sorted(together, key=str)


def test_the_number_of_cores_does_not_change_a_value(plan: Plan, tmp_path: Path) -> None:
    together, _ = scores(plan, tmp_path / "many.db")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone, _ = scores(plan, tmp_path / "one.db")
    finally:
        torch.set_num_threads(before)
    assert alone == together


def test_every_core_has_work_and_no_more_than_it_can_do(plan: Plan) -> None:
    workers, threads = share(plan.device, len(plan.dataset.images))
    assert workers * threads <= torch.get_num_threads()
    assert workers == min(torch.get_num_threads(), len(plan.dataset.images), MOST_WORKERS)
    # a GPU's network has one batch at a time, while other workers compress what was scored
    assert share(torch.device("cuda"), 100)[0] == min(torch.get_num_threads(), GPU_WORKERS)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda lr: enlarge(lr) / 0, "NaN or infinite"),
        (lambda lr: lr, r"returned shape \(1, 3, 12, 15\), must be \(1, 3, 48, 60\)"),
        (lambda lr: enlarge(lr) * 255, r"values from \d+ to \d+, must be \[0, 1\]"),
        (lambda lr: {}["weight"], "KeyError: 'weight'"),
    ],
)
def test_a_model_that_misbehaves_is_named_and_the_rest_is_scored(
    plan: Plan, tmp_path: Path, function: Callable[[Tensor], Tensor], reason: str
) -> None:
    bad = Model(name="bad", hash="1", upscaler=Fake(function))
    found, notes = scores(replace(plan, models=[bad, *plan.models]), tmp_path / "r.db")
    assert {s.model for s in found} == {"fake"}
    assert len(found) == 8
    assert len(notes.failures) == 4
    assert sorted(notes.failures)[0].startswith("set x4 'a' (bad): not scored: ")
    assert re.search(reason, sorted(notes.failures)[0])


def test_a_broken_image_is_named_and_the_rest_is_scored(plan: Plan, folder: Path, tmp_path: Path) -> None:
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:500])
    found, notes = scores(plan, tmp_path / "r.db")
    assert {s.image for s in found} == {"a", "c", "grey"}
    assert len(notes.failures) == 1
    assert "b.png" in notes.failures[0]


def test_strict_stops_at_the_first_broken_image_and_keeps_what_was_scored(
    plan: Plan, folder: Path, tmp_path: Path
) -> None:
    (folder / "b.png").write_bytes(b"")
    with pytest.raises(RunError, match=r"'b': not scored: .*\(--strict\)"):
        scores(replace(plan, strict=True), tmp_path / "r.db")
    with Store(tmp_path / "r.db", read_only=True) as store:
        kept = store.scores(dataset="set", protocol_hash=plan.protocol.hash)
        assert "b" not in {s.image for s in kept}


def test_an_image_that_vanishes_is_named(plan: Plan, folder: Path, tmp_path: Path) -> None:
    (folder / "b.png").unlink()
    found, notes = scores(plan, tmp_path / "r.db")
    assert {s.image for s in found} == {"a", "c", "grey"}
    assert "b.png" in notes.failures[0]


def test_an_image_too_small_for_the_window_is_refused_with_both_sizes(
    plan: Plan, folder: Path, tmp_path: Path
) -> None:
    images.write(folder / "tiny.png", np.zeros((16, 40, 3), np.uint8))
    _, notes = scores(replace(plan, dataset=dataset(str(folder))), tmp_path / "r.db")
    assert "'tiny': not scored: image must be at least 19 pixels per side (got 40x16)" in notes.failures[0]


def test_a_metric_that_cannot_measure_an_image_is_named_and_the_others_are_kept(
    plan: Plan, tmp_path: Path
) -> None:
    found, notes = scores(replace(plan, metrics=metrics("ms-ssim", "psnr")), tmp_path / "r.db")
    assert {s.metric for s in found} == {"psnr"}
    assert "(fake): not scored: ms-ssim: " in notes.failures[0]


def test_a_metric_that_was_not_asked_for_leaves_out_images_too_small_for_it(
    plan: Plan, folder: Path, tmp_path: Path
) -> None:
    images.write(
        folder / "large.png", np.random.default_rng(1).integers(0, 256, (172, 172, 3), dtype=np.uint8)
    )
    unasked = [replace(metric, named=False) for metric in metrics("psnr", "ms-ssim")]
    calls = []

    def count(lr: Tensor) -> Tensor:
        calls.append(lr.shape)
        return enlarge(lr)

    model = Model(name="fake", hash="1", upscaler=Fake(count))
    plan = replace(plan, dataset=dataset(str(folder)), metrics=unasked, models=[model])
    for _ in range(2):
        found, notes = scores(plan, tmp_path / "r.db")
        assert notes.failures == []
    assert {s.image for s in found if s.metric == "ms-ssim"} == {"large"}
    assert len({s.image for s in found if s.metric == "psnr"}) == 5
    assert len(calls) == 5


def test_identical_images_have_infinite_psnr(plan: Plan, folder: Path, tmp_path: Path) -> None:
    images.write(folder / "flat.png", np.full((40, 40, 3), 7, np.uint8))
    only = replace(plan.dataset, images=tuple(i for i in dataset(str(folder)).images if i.stem == "flat"))
    found, _ = scores(replace(plan, dataset=only), tmp_path / "r.db")
    assert {s.metric: s.value for s in found} == {"psnr": float("inf"), "ssim": 1.0}


def test_pictures_are_what_was_scored_and_come_back_when_deleted(plan: Plan, tmp_path: Path) -> None:
    plan = replace(plan, images=tmp_path / "pictures")
    scores(plan, tmp_path / "r.db")
    sr = tmp_path / "pictures" / "set" / "x4-johnson2016" / "fake" / "a.png"
    lr = images.read(sr.parents[1] / "lr" / "a.png")
    assert np.array_equal(images.read(sr), lr.repeat(4, 0).repeat(4, 1))
    assert images.read(sr.parents[1] / "hr" / "a.png").shape == (48, 60, 3)
    sr.unlink()
    scores(plan, tmp_path / "r.db")
    assert sr.is_file()


def test_the_store_names_pictures_relative_to_itself(plan: Plan, tmp_path: Path) -> None:
    scores(replace(plan, images=tmp_path / "pictures"), tmp_path / "r.db")
    scores(replace(plan, images=tmp_path / "pictures", force=True), tmp_path / "elsewhere" / "r.db")
    found = {}
    for folder in (tmp_path, tmp_path / "elsewhere"):
        with Store(folder / "r.db", read_only=True) as store:
            pictures = store.pictures(dataset="set", protocol_hash=plan.protocol.hash)
            found[folder] = {p.model: p.file for p in pictures if p.image == "a"}
    assert found[tmp_path]["fake"] == "pictures/set/x4-johnson2016/fake/a.png"
    assert found[tmp_path / "elsewhere"]["fake"] == str(tmp_path / found[tmp_path]["fake"])


def test_a_grey_image_goes_to_an_rgb_only_model_as_three_equal_channels() -> None:
    seen = []

    def look(lr: Tensor) -> Tensor:
        seen.append(lr)
        return enlarge(lr)

    assert upscale(Fake(look, channels=3), torch.rand(1, 1, 4, 4)).shape == (1, 3, 16, 16)
    assert seen[0].shape == (1, 3, 4, 4)
    assert torch.equal(seen[0][:, 0], seen[0][:, 2])


def test_a_grey_image_is_measured_as_its_own_luma(plan: Plan, folder: Path, tmp_path: Path) -> None:
    only = replace(plan.dataset, images=tuple(i for i in plan.dataset.images if i.stem == "grey"))
    found, _ = scores(replace(plan, dataset=only), tmp_path / "r.db")
    hr = images.read(folder / "grey.png")[:48, :60, 0].astype(float)
    plan = replace(plan, images=tmp_path / "p", dataset=only, force=True)
    scores(plan, tmp_path / "r.db")
    sr = images.read(tmp_path / "p" / "set" / "x4-johnson2016" / "fake" / "grey.png")[..., 0].astype(float)
    error = ((hr - sr)[4:-4, 4:-4] ** 2).mean()
    psnr = next(s.value for s in found if s.metric == "psnr")
    assert psnr == pytest.approx(10 * np.log10(255**2 / error), abs=1e-9)


def test_reading_stays_a_few_images_ahead_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def fake_load(image: ImageFile) -> LoadedImage:
        loaded.append(image.stem)
        return LoadedImage(pixels=np.zeros((1, 1, 1), np.uint8), sha256="")

    monkeypatch.setattr(executor, "load", fake_load)
    files = [ImageFile(stem=str(i), file=str(i)) for i in range(100)]
    for i, (image, _) in enumerate(read_ahead(files)):
        assert image.stem == str(i)
        assert len(loaded) <= i + executor.READ_AHEAD
    assert len(loaded) == 100


@pytest.fixture
def photographs(plan: Plan, tmp_path: Path) -> Plan:
    """Two cut-outs of a photograph."""
    whole = images.read(samples_folder() / "astronaut.png")
    for name, rows in (("face", slice(0, 160)), ("suit", slice(300, 460))):
        images.write(tmp_path / "photographs" / f"{name}.png", whole[rows, 120:280])
    return replace(plan, dataset=dataset(str(tmp_path / "photographs")))


def test_what_is_odd_about_a_models_images_is_said_once_and_they_are_scored(
    photographs: Plan, tmp_path: Path
) -> None:
    shifted = Model(name="shifted", hash="1", upscaler=Fake(lambda lr: enlarge(lr).roll(4, -1)))
    found, notes = scores(replace(photographs, models=[shifted]), tmp_path / "r.db")
    assert len(found) == 4
    odd = [note for note in notes.notes if "(shifted): sr lies" in note]
    assert len(odd) == 1
    assert "align" in odd[0]


def test_swapped_channels_are_refused_with_what_to_do(photographs: Plan, tmp_path: Path) -> None:
    swapped = Model(name="bgr", hash="1", upscaler=Fake(lambda lr: enlarge(lr).flip(1)))
    found, notes = scores(replace(photographs, models=[swapped]), tmp_path / "r.db")
    assert not found
    assert len(notes.failures) == 2
    assert "BGR" in notes.failures[0]


def test_a_large_image_is_scored_in_strips_to_the_same_values(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [
        Model(name="plain", hash="1", upscaler=Fake(enlarge)),
        Model(name="tiles", hash="2", upscaler=tiled(Fake(enlarge), 16)),
        Model(name="auto", hash="3", upscaler=tiled(Fake(enlarge), "auto")),
    ]
    plan = replace(plan, models=models, images=tmp_path / "whole")
    whole, _ = scores(plan, tmp_path / "whole.db")
    monkeypatch.setattr("bench.quality.plan.LARGE_PIXELS", 50)
    strips, _ = scores(replace(plan, images=tmp_path / "strips"), tmp_path / "strips.db")
    assert len(whole) == len(strips) == 24
    for a, b in zip(sorted(whole, key=str), sorted(strips, key=str), strict=True):
        assert replace(a, value=0.0) == replace(b, value=0.0)
        assert a.value == pytest.approx(b.value, abs=1e-10)
    files = sorted(file.relative_to(tmp_path / "whole") for file in (tmp_path / "whole").rglob("*.png"))
    assert len(files) == 4 * 5
    for file in files:
        assert np.array_equal(images.read(tmp_path / "whole" / file), images.read(tmp_path / "strips" / file))


def test_what_looks_at_a_whole_image_is_not_measured_on_a_large_one(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.quality.plan.LARGE_PIXELS", 50)
    named = [*plan.metrics, LoadedMetric(entry=replace(METRICS["psnr"], name="other"), metric=lambda a, b: a)]
    found, notes = scores(replace(plan, metrics=named), tmp_path / "named.db")
    assert {score.metric for score in found} == {"psnr", "ssim"}
    assert len(notes.failures) == 4
    assert "other: measures whole images" in notes.failures[0]
    default = [replace(metric, named=False) for metric in named]
    found, notes = scores(replace(plan, metrics=default), tmp_path / "default.db")
    assert {score.metric for score in found} == {"psnr", "ssim"}
    assert not notes.failures


def test_a_large_image_that_cannot_be_tiled_without_changing_it_is_refused(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.quality.plan.LARGE_PIXELS", 50)
    monkeypatch.setattr("bench.tiling.tiles.budget", lambda device: 1.0)
    monkeypatch.setattr("bench.tiling.tiles.LEAST_TILE", 4)
    monkeypatch.setattr("bench.tiling.tiles.DEFAULT_OVERLAP", 1)
    looks_at_all = Fake(lambda lr: enlarge(lr) - lr.mean() / 10)
    model = Model(name="all", hash="1", upscaler=tiled(looks_at_all, "auto"))
    _, notes = scores(replace(plan, models=[model]), tmp_path / "r.db")
    assert len(notes.failures) == 4
    assert "the image needs tiles" in notes.failures[0]
    assert "needs --tile N" in notes.failures[0]


def test_metrics_that_are_skipped_are_named_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str, *_: object) -> None:
        raise MissingFile(f"{name} lacks a file")

    monkeypatch.setattr(table, "load", lacks)
    said: list[str] = []
    names = [f"metric-{n}" for n in range(12)]
    assert list(load_metrics(names, CPU, named=False, log=said.append)) == []
    assert said == [f"metric {name} skipped: {name} lacks a file" for name in names]
