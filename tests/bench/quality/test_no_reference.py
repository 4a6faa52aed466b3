"""A metric without a reference: hr has a row of its own, the last one, which is no model's."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

import bench.metrics.psnr
from bench import compare, merge, rescore, sr_quality
from bench.cluster import worker
from bench.data.images import load as load_image
from bench.data.images import to_tensor
from bench.metrics import METRICS, MetricEntry
from bench.prepare import shave, to_luma
from bench.quality.plan import ORIGINAL
from bench.records import ImageFile
from bench.storage.reader import read
from bench.storage.store import Store
from reports.load.gather import gather
from reports.tables.quality import quality_table
from tests.schemas import assert_valid

COMMAND = ["set", "--scales", "2", "--models", "nearest", "bicubic"]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A folder `set` of three images, and the metric `level`; returns what it was called with."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    generator = np.random.default_rng(0)
    for stem in "abc":
        pixels = generator.integers(0, 256, (40, 44, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "set" / f"{stem}.png")
    seen: list[tuple[int, ...]] = []

    def level(sr: Tensor) -> Tensor:
        seen.append(tuple(sr.shape))
        return sr.double().square().mean((1, 2, 3))

    monkeypatch.setattr(bench.metrics.psnr, "level", level, raising=False)
    entry = MetricEntry(
        name="level",
        about="mean square of luma",
        target="bench.metrics.psnr:level",
        view="luma",
        higher_is_better=True,
        reference=False,
    )
    monkeypatch.setitem(METRICS, "level", entry)
    return seen


def run(*more: str) -> list[dict[str, object]]:
    assert sr_quality.main([*COMMAND, "--json", "r.json", *more]) == 0
    assert_valid("sr_quality", "r.json")
    return json.loads(Path("r.json").read_text())


def test_hr_has_the_last_row_and_that_for_metrics_without_a_reference_alone(
    calls: list[tuple[int, ...]],
) -> None:
    rows = run("--metrics", "psnr", "level", "--no-images")
    assert [(row["model"], row["metric"]) for row in rows] == [
        *(("nearest", "psnr"), ("nearest", "level"), ("bicubic", "psnr"), ("bicubic", "level")),
        ("hr", "level"),
    ]
    expected = {}
    for stem in "abc":
        pixels = load_image(ImageFile(stem=stem, file=str(Path(f"set/{stem}.png").absolute()))).pixels
        expected[stem] = shave(to_luma(to_tensor(pixels).double()), 2).double().square().mean().item()
    assert rows[-1]["values"] == expected
    assert rows[-1]["n"] == 3


def test_without_such_a_metric_there_is_no_row_of_hr(calls: list[tuple[int, ...]]) -> None:
    run("--metrics", "psnr", "level", "--no-images")
    assert {row["model"] for row in run("--metrics", "psnr", "--no-images")} == {"bicubic", "nearest"}


def test_hr_is_measured_once_for_each_image_and_never_again(calls: list[tuple[int, ...]]) -> None:
    first = run("--metrics", "level", "--no-images")
    assert len(calls) == 3 * (2 + 1)
    assert run("--metrics", "level", "--no-images") == first
    assert len(calls) == 3 * (2 + 1)
    run("--metrics", "level", "--no-images", "--force")
    assert len(calls) == 2 * 3 * (2 + 1)


def test_rescoring_gives_every_value_to_the_last_bit_and_the_row_of_hr(calls: list[tuple[int, ...]]) -> None:
    expected = run("--metrics", "level", "--db", "whole.db", "--no-images")
    run("--metrics", "psnr", "--db", "r.db", "--images", "pictures")
    assert rescore.main(["--metrics", "level", "--db", "r.db", "--json", "again.json"]) == 0
    assert json.loads(Path("again.json").read_text()) == expected


@pytest.mark.parametrize("under", ["rgb", "srcnn2014"])
def test_every_protocol_has_luma_to_measure(calls: list[tuple[int, ...]], under: str) -> None:
    rows = run("--metrics", "level", "--protocol", under, "--no-images")
    assert [row["model"] for row in rows] == ["nearest", "bicubic", "hr"]


def test_parts_scored_apart_and_joined_have_the_row_of_the_whole(calls: list[tuple[int, ...]]) -> None:
    expected = run("--metrics", "level", "--db", "whole.db", "--no-images")
    for part in ("1/2", "2/2"):
        run("--metrics", "level", "--db", f"{part[0]}.db", "--shard", part, "--no-images")
    assert merge.main(["all.db", "1.db", "2.db"]) == 0
    before = len(calls)
    assert run("--metrics", "level", "--db", "all.db", "--no-images") == expected
    assert len(calls) == before


def test_hr_is_no_model_to_what_reads_results(
    calls: list[tuple[int, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    run("--metrics", "psnr", "level", "--db", "r.db", "--no-images")
    contents = read([Path("r.db")])
    assert set(contents.scores["model"].unique()) == {"bicubic", "nearest"}
    assert set(contents.of_hr["model"].unique()) == {"hr"}
    capsys.readouterr()
    assert compare.main(["r.db", "r.db"]) == 0
    assert "hr" not in capsys.readouterr().out.split()
    assert compare.main(["r.db#hr", "r.db#bicubic"]) == 2
    assert "has no model 'hr'" in capsys.readouterr().err


def test_a_reports_table_shows_hr_below_a_line_and_ranks_it_nowhere(calls: list[tuple[int, ...]]) -> None:
    rows = run("--metrics", "psnr", "level", "--db", "r.db", "--no-images")
    (group,) = gather(read([Path("r.db")])).groups
    assert set(group.models) == {"bicubic", "nearest"}
    table = quality_table(group, "bicubic")
    assert [row[0].text for row in table.rows][-1] == "hr"
    assert table.rules == (2,)
    names = [metric.name for metric in group.metrics]
    psnr, level = (table.rows[-1][1 + names.index(name)] for name in ("psnr", "level"))
    assert psnr.text == ""
    assert level.text == f"{rows[-1]['mean']:.4f}"
    assert level.mark == ""
    marks = {row[1 + names.index("level")].mark for row in table.rows[:2]}
    assert marks == {"best", "second"}
    assert any(note.startswith("hr: the HR images themselves") for note in table.notes)


def test_a_large_image_is_refused_for_hr_and_models_and_the_rest_is_scored(
    calls: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.quality.plan.LARGE_PIXELS", 40 * 44 - 1)
    assert sr_quality.main([*COMMAND, "--metrics", "psnr", "level", "--db", "r.db", "--no-images"]) == 1
    assert calls == []
    with Store(Path("r.db"), read_only=True) as store:
        failures = store.failures(1)
    assert {(f.model, f.reason) for f in failures} == {
        (model, "level: measures whole images, and this one is 44x40")
        for model in ("bicubic", "nearest", "hr")
    }


def test_a_worker_of_a_cluster_needs_no_model_for_hr() -> None:
    job = worker.Job(
        config=SimpleNamespace(datasets=(None,), save_images=None, maps=False),  # type: ignore[arg-type]
        protocol=None,  # type: ignore[arg-type]
        model="hr",
        model_hash="",
        metrics=("psnr",),
        device="cpu",
        folder=".",
    )
    assert worker._loaded(job)[1] is ORIGINAL
