"""`python -m bench.compare`: what is compared with what, what is refused, and with which status it ends."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.compare import main
from bench.comparing.facts import describe, differing
from bench.comparing.table import broken
from bench.metrics import info
from bench.protocols import protocol
from bench.records import Environment, Run, Score, SpeedResult
from bench.storage.store import Store, now
from bench.text import escape_control_chars
from tests.schemas import assert_valid
from tests.stores import MACHINE, fill

ROOT = Path(__file__).parents[2]
OTHER = {**MACHINE, "cpu": {"model": "another", "cores_allowed": 2}}
LATER = {**MACHINE, "suite": {"version": "0.2.0", "commit": "1" * 40}}
LEVELS = {"bicubic": 0.0, "srcnn-955": 1.0}
# PSNR on Set14 x4, image by image: bicubic and a network that is better on all but one.
LOW = (20.2, 23.1, 24.4, 21.6, 28.1, 19.8, 29.8, 23.0, 27.7, 26.0, 18.4, 29.1, 22.1, 21.9)
HIGH = (20.5, 25.0, 24.5, 22.4, 29.2, 20.2, 32.1, 24.4, 27.6, 27.6, 19.3, 32.5, 23.3, 23.4)


def run(machine: Mapping[str, object]) -> Run:
    return Run(
        program="sr_quality",
        command=(),
        started=now(),
        environment=Environment(facts=machine),
        protocols=(protocol("johnson2016", 4),),
    )


def add(
    file: Path,
    values: Mapping[str, Sequence[float]],
    *,
    metric: str = "psnr",
    hashes: Mapping[str, str] | None = None,
    version: str = "1",
    content: str = "sha",
    dataset: str = "set14",
) -> None:
    """Score images 0, 1, ... of each model with the values given."""
    rule = protocol("johnson2016", 4)
    score = Score(
        model="",
        model_hash="",
        dataset=dataset,
        image="",
        image_sha256="",
        scale=4,
        protocol=rule.name,
        protocol_hash=rule.hash,
        metric=metric,
        metric_version=version,
        value=0.0,
    )
    with Store(file) as store:
        described = replace(info(metric), version=version)
        number = store.start(replace(run(MACHINE), metrics=(described,)))
        for model, numbers in values.items():
            digest = (hashes or {}).get(model, f"hash of {model}")
            each = replace(score, model=model, model_hash=digest)
            store.add(
                number,
                scores=[
                    replace(each, image=f"i{i}", image_sha256=f"{content} {i}", value=value)
                    for i, value in enumerate(numbers)
                ],
            )


def add_times(
    file: Path,
    seconds: Sequence[float],
    *,
    machine: Mapping[str, object] = MACHINE,
    subject: str = "style-paper",
    digest: str = "hash",
    threads: int = 2,
) -> None:
    environment = Environment(facts=machine)
    with Store(file) as store:
        number = store.start(replace(run(machine), program="speed"))
        timing = SpeedResult(
            subject=subject,
            subject_hash=digest,
            variant="eager",
            size=256,
            protocol_hash=f"threads {threads}",
            environment_hash=environment.hash,
            seconds=tuple(seconds),
            certificate={"protocol": {"size": 256, "threads": threads}},
        )
        store.add(number, timings=[timing])


def times(median: float, *, seed: int = 0, n: int = 20) -> tuple[float, ...]:
    return tuple(np.random.default_rng(seed).normal(median, median / 100, n))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, so that the names of files are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compared(*arguments: str, status: int = 0) -> Any:
    """What the program writes as JSON."""
    assert main([*arguments, "--json", "out.json"]) == status
    assert_valid("compare", "out.json")
    return json.loads(Path("out.json").read_text())


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """The message of a run that is refused."""
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "defect" not in captured.err
    return captured.err


# Numbers


def test_two_models_are_compared_as_scipy_does(folder: Path) -> None:
    add(folder / "results.db", {"low": LOW, "high": HIGH})
    found = compared("low", "high")
    (row,) = found["rows"]
    change = np.subtract(HIGH, LOW)
    n = len(LOW)
    tail = stats.norm.cdf(stats.t.ppf(0.025, n - 1) * math.sqrt(n / (n - 1)))
    interval = stats.bootstrap(
        (change,),
        np.mean,
        confidence_level=1 - 2 * tail,
        method="percentile",
        rng=np.random.default_rng(9),
    ).confidence_interval
    assert (row["a"], row["b"]) == (pytest.approx(np.mean(LOW)), pytest.approx(np.mean(HIGH)))
    assert row["difference"] == pytest.approx(change.mean())
    assert row["interval"] == pytest.approx(list(interval), abs=0.05)
    # differences of decimals are tied on paper and not in binary, or the other way round: the same floats go in
    assert row["p"] == pytest.approx(stats.wilcoxon([y - x for x, y in zip(LOW, HIGH, strict=True)]).pvalue)
    assert (row["n_a"], row["n_b"], row["verdict"]) == (14, 14, "BETTER")
    assert (row["dataset"], row["scale"], row["metric"], row["model"]) == ("set14", 4, "psnr", "")


def test_a_metric_that_falls_is_better_where_lower_is_better(folder: Path) -> None:
    add(folder / "results.db", {"low": LOW, "high": HIGH}, metric="lpips-alex")
    assert compared("low", "high")["rows"][0]["verdict"] == "WORSE"
    assert compared("high", "low")["rows"][0]["verdict"] == "BETTER"


def test_times_are_compared_as_scipy_does(folder: Path) -> None:
    slow, fast = times(0.15), times(0.13, seed=1)
    add_times(folder / "a.db", slow)
    add_times(folder / "b.db", fast, machine=LATER)
    found = compared("a.db", "b.db")
    (row,) = found["rows"]
    assert row["difference"] == pytest.approx(np.median(fast) / np.median(slow) - 1)
    assert row["p"] == pytest.approx(stats.mannwhitneyu(slow, fast).pvalue)
    assert row["interval"][0] < row["difference"] < row["interval"][1] < -0.05
    assert (row["verdict"], row["n_a"], row["n_b"]) == ("BETTER", 20, 20)
    assert any("suite.commit" in note for note in found["notes"])


def test_a_file_is_the_same_as_itself(folder: Path) -> None:
    fill(folder / "a.db", levels=LEVELS)
    add_times(folder / "a.db", times(0.1))
    found = compared("a.db", "a.db", "--fail-on", "worse,different,missing")
    assert found["count"] == {"SAME": 5, "BETTER": 0, "WORSE": 0, "UNCLEAR": 0}
    assert all(row["p"] == 1 and row["difference"] == 0 for row in found["rows"])


def test_two_files_are_matched_by_model_too(folder: Path) -> None:
    fill(folder / "a.db", levels=LEVELS)
    fill(folder / "b.db", levels={"bicubic": 0.0, "srcnn-955": 2.0})
    found = compared("a.db", "b.db")
    verdicts = {(row["model"], row["metric"]): row["verdict"] for row in found["rows"]}
    assert list(verdicts) == [
        (model, metric) for model in ("bicubic", "srcnn-955") for metric in ("psnr", "ssim")
    ]
    assert verdicts["srcnn-955", "psnr"] == "BETTER"
    assert found["left_out"] == found["notes"] == []


def test_holm_counts_the_rows(folder: Path) -> None:
    add(folder / "results.db", {"low": LOW, "high": HIGH})
    add(folder / "results.db", {"low": LOW, "high": HIGH}, dataset="other")
    plain, adjusted = compared("low", "high"), compared("low", "high", "--holm")
    for x, y in zip(plain["rows"], adjusted["rows"], strict=True):
        assert y["p"] == pytest.approx(2 * x["p"])
        assert y["p_unadjusted"] == x["p"]


def test_a_tolerance_makes_small_differences_the_same(folder: Path) -> None:
    add(folder / "results.db", {"low": LOW, "near": [value + 0.004 for value in LOW]})
    assert compared("low", "near")["rows"][0]["verdict"] == "BETTER"
    assert compared("low", "near", "--tolerance", "psnr=0.01")["rows"][0]["verdict"] == "SAME"
    assert compared("low", "near", "--tolerance", "psnr=0.002")["rows"][0]["verdict"] == "BETTER"


def test_times_within_five_percent_are_the_same_unless_told_otherwise(folder: Path) -> None:
    add_times(folder / "a.db", times(0.1))
    add_times(folder / "b.db", times(0.103, seed=1))
    assert compared("a.db", "b.db")["rows"][0]["verdict"] == "SAME"
    assert compared("a.db", "b.db", "--tolerance", "seconds=0")["rows"][0]["verdict"] == "WORSE"


# Few, infinite and unmatched values


def test_one_image_has_no_interval_and_no_verdict(folder: Path) -> None:
    add(folder / "results.db", {"low": LOW[:1], "high": HIGH[:1]})
    (row,) = compared("low", "high")["rows"]
    assert (row["interval"], row["p"], row["verdict"]) == (None, 1.0, "UNCLEAR")


def test_five_images_are_said_to_be_too_few(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder / "results.db", {"low": LOW[:5], "high": [value + 5 for value in LOW[:5]]})
    (row,) = compared("low", "high")["rows"]
    assert row["interval"] == [pytest.approx(5), pytest.approx(5)]
    assert (row["p"], row["verdict"]) == (0.0625, "UNCLEAR")
    assert "n = 5: so few images cannot give a p below alpha = 0.05" in capsys.readouterr().out


def test_infinite_on_both_sides_is_no_difference(folder: Path) -> None:
    add(folder / "results.db", {"x": [math.inf, 30.0], "y": [math.inf, 30.0]})
    (row,) = compared("x", "y")["rows"]
    assert (row["a"], row["b"], row["difference"], row["verdict"]) == ("inf", "inf", 0.0, "SAME")


def test_infinite_on_one_side_is_said_and_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(folder / "results.db", {"perfect": [math.inf] * 14, "good": LOW})
    (row,) = compared("perfect", "good")["rows"]
    assert (row["a"], row["difference"], row["interval"]) == ("inf", "-inf", ["-inf", "-inf"])
    assert row["verdict"] == "WORSE"
    assert "infinite for some image on one side alone" in capsys.readouterr().out


def test_infinite_ways_up_and_down_have_no_mean(folder: Path) -> None:
    add(folder / "results.db", {"x": [math.inf, *LOW[1:]], "y": [*LOW[:-1], math.inf]})
    (row,) = compared("x", "y")["rows"]
    assert (row["difference"], row["interval"], row["verdict"]) == (None, None, "UNCLEAR")


def test_images_of_one_side_are_counted_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder / "a.db", levels=LEVELS, images="abcdefgh")
    fill(folder / "b.db", levels=LEVELS, images="cdefghi")
    found = compared("a.db", "b.db", "--fail-on", "missing", status=1)
    assert {row["n_a"] for row in found["rows"]} == {6}
    assert found["rows"][0]["unmatched"] == {"only_a": ["a", "b"], "only_b": ["i"], "changed": []}
    expected = "images skipped in 4 rows of set5 x4, protocol johnson2016 (08821999): 2 only in A (a, b); 1 only in B"
    assert expected in capsys.readouterr().out


def test_an_image_of_other_content_is_another_image(folder: Path) -> None:
    add(folder / "a.db", {"x": LOW})
    add(folder / "b.db", {"x": LOW[:3]}, content="changed")
    add(folder / "b.db", {"x": LOW[:6]})
    (row,) = compared("a.db", "b.db")["rows"]
    assert row["n_a"] == 6
    assert row["unmatched"]["changed"] == []
    assert row["unmatched"]["only_b"] == ["i0", "i1", "i2"]
    assert row["unmatched"]["only_a"] == [f"i{i}" for i in sorted(range(6, 14), key=str)]


def test_without_an_image_in_common_there_is_nothing_to_compare(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder / "a.db", {"x": LOW})
    add(folder / "b.db", {"x": LOW}, content="changed")
    message = refusal(capsys, "a.db", "b.db")
    assert "no image in common: 0 only in A, 0 only in B, 14 of the same name with other content" in message


# Unlike things


def test_different_protocols_are_not_compared_and_their_fields_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder / "a.db", levels=LEVELS)
    fill(folder / "b.db", levels=LEVELS, protocol_name="srcnn2014")
    message = refusal(capsys, "a.db", "b.db")
    assert "different protocols: johnson2016 (08821999) and srcnn2014" in message
    assert 'colour is "rgb" and "y"; arithmetic is "uint8" and "float"' in message


def test_a_protocol_that_one_side_has_in_addition_is_only_its_own(folder: Path) -> None:
    fill(folder / "a.db", levels=LEVELS, metrics=["psnr"])
    fill(folder / "b.db", levels=LEVELS, metrics=["psnr"])
    fill(folder / "b.db", levels=LEVELS, metrics=["psnr"], protocol_name="rgb")
    found = compared("a.db", "b.db", "--fail-on", "missing", status=1)
    assert len(found["rows"]) == 2
    assert {each["reason"] for each in found["left_out"]} == {"only B has it"}


def test_different_versions_of_a_metric_are_not_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder / "a.db", {"x": LOW})
    add(folder / "b.db", {"x": HIGH}, version="2")
    assert "different versions of the metric: 1 and 2" in refusal(capsys, "a.db", "b.db")
    add(folder / "a.db", {"x": LOW}, version="2")
    (row,) = compared("a.db", "b.db")["rows"]
    assert row["metric_version"] == "2"


def test_an_unknown_metric_without_a_direction_is_not_judged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder / "a.db", levels=LEVELS)
    with sqlite3.connect(folder / "a.db") as db:
        db.execute("drop table metrics")
        db.execute("update scores set metric = 'mystery' where metric = 'ssim'")
    db.close()
    found = compared("a.db", "a.db")
    assert {row["metric"] for row in found["rows"]} == {"psnr"}
    assert {each["reason"] for each in found["left_out"]} == {
        "neither file says whether higher is better in version 1 of mystery"
    }


def test_different_machines_are_a_note_for_scores(folder: Path) -> None:
    fill(folder / "a.db", levels=LEVELS)
    fill(folder / "b.db", levels=LEVELS, machine=OTHER)
    (note,) = compared("a.db", "b.db")["notes"]
    assert note.endswith('by rounding alone: cpu.model is "invented" and "another"')


def test_different_machines_are_refused_for_times(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_times(folder / "a.db", times(0.1))
    add_times(folder / "b.db", times(0.2), machine=OTHER)
    message = refusal(capsys, "a.db", "b.db")
    assert 'different machines: cpu.model is "invented" and "another"' in message
    assert "--allow-different-machines" in message
    found = compared("a.db", "b.db", "--allow-different-machines")
    assert found["rows"][0]["verdict"] == "WORSE"
    assert any('cpu.model is "invented" and "another"' in note for note in found["notes"])


def test_of_several_machines_those_in_common_are_compared(folder: Path) -> None:
    for file, level in (("a.db", 0.1), ("b.db", 0.2)):
        add_times(folder / file, times(level))
    add_times(folder / "b.db", times(0.01), machine=OTHER)
    (row,) = compared("a.db", "b.db")["rows"]
    assert row["difference"] == pytest.approx(1, rel=0.1)


def test_different_speed_protocols_are_not_compared(folder: Path) -> None:
    fill(folder / "a.db", levels=LEVELS)
    add_times(folder / "a.db", times(0.1), threads=1)
    fill(folder / "b.db", levels=LEVELS)
    add_times(folder / "b.db", times(0.1))
    (left_out,) = compared("a.db", "b.db")["left_out"]
    assert left_out["fields"]["threads"] == {"A": ["1"], "B": ["2"]}


def test_the_newest_version_of_a_model_is_compared_and_that_is_said(folder: Path) -> None:
    add(folder / "a.db", {"x": LOW, "y": LOW}, hashes={"x": "new"})
    add(folder / "a.db", {"x": HIGH}, hashes={"x": "old"})
    found = compared("a.db#x", "a.db#y")
    assert found["rows"][0]["a"] == pytest.approx(np.mean(HIGH))
    assert found["notes"] == [
        "A holds 2 versions of the code or weights of x on set14 under johnson2016 x4; the newest, of run 2, is "
        "compared"
    ]


def test_a_version_for_each_data_set_is_no_older_version(folder: Path) -> None:
    """A folder of images that was scored has the hash of its images, which are others for each data set."""
    for dataset in ("set5", "set14"):
        add(folder / "a.db", {"x": LOW, "y": HIGH}, hashes={"x": f"images of {dataset}"}, dataset=dataset)
    found = compared("a.db#x", "a.db#y")
    assert [row["dataset"] for row in found["rows"]] == ["set14", "set5"]
    assert found["notes"] == []


def test_the_newest_version_of_a_timed_model_is_compared(folder: Path) -> None:
    add_times(folder / "a.db", times(0.1), digest="old")
    add_times(folder / "a.db", times(0.2), digest="new")
    found = compared("a.db@1", "a.db")
    assert found["rows"][0]["difference"] == pytest.approx(1, rel=0.1)
    assert any("2 versions of the code or weights of style-paper" in note for note in found["notes"])


# What A and B may be


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("bicubic", "srcnn-955"),
        ("results.db#bicubic", "srcnn-955"),
        ("results.db@1#bicubic", "results.db#srcnn-955"),
        ("results.db", "results.db@1"),
        ("1", "results.db"),
        ("1", "1"),
    ],
)
def test_every_way_to_name_a_side(folder: Path, a: str, b: str) -> None:
    fill(folder / "results.db", levels=LEVELS)
    assert compared(a, b)["rows"]


def test_bare_names_are_looked_up_in_the_file_of_db(folder: Path) -> None:
    fill(folder / "other.db", levels=LEVELS)
    found = compared("bicubic", "srcnn-955", "--db", "other.db")
    assert found["A"] == {"store": "other.db", "run": None, "model": "bicubic"}


def test_file_and_model_names_may_hold_any_sign(folder: Path) -> None:
    fill(folder / "a#1@x.db", levels={"m#1": 0.0, "m@2": 1.0})
    assert compared("a#1@x.db#m#1", "a#1@x.db#m@2")["rows"]


def test_two_runs_of_one_file_are_compared_where_the_weights_changed(folder: Path) -> None:
    add(folder / "r.db", {"x": LOW}, hashes={"x": "before"})
    add(folder / "r.db", {"x": HIGH}, hashes={"x": "after"})
    (row,) = compared("r.db@1", "r.db@2")["rows"]
    assert (row["model"], row["verdict"]) == ("x", "BETTER")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("r.db#bicubic", "r.db"),
            "A is model 'bicubic' in 'r.db' and B is 'r.db'; must be two models, or none",
        ),
        (("r.db", "none.db"), "'none.db' is no file that exists, and there is no 'results.db' to look for"),
        (
            ("bicubik", "bicubic", "--db", "r.db"),
            "'bicubik' is no file that exists (did you mean 'bicubic'?), and 'r.db' has no model or run of that name "
            "(models: bicubic, srcnn",
        ),
        (("r.db@7", "r.db"), "'r.db' has no run 7; models: bicubic, srcnn-955; runs: 1 (sr_quality, "),
        (("r.db#x", "r.db#bicubic"), "'r.db' has no model 'x'; models: bicubic, srcnn-955; runs"),
        (
            ("r.db", "r.db", "--metrics", "pnsr"),
            "no metric in A or B is called 'pnsr' (did you mean 'psnr'?); there are: psnr, ssim",
        ),
        (("r.db", "r.db", "--datasets", "x"), "no data set in A or B is called 'x'; there are: set5"),
        (("r.db", "r.db", "--tolerance", "x=1"), "no metric in A or B is called 'x'; there are: "),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], message: str
) -> None:
    fill(folder / "r.db", levels=LEVELS)
    assert message in refusal(capsys, *arguments)


def test_a_name_with_two_meanings_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder / "results.db", levels={"bicubic": 0.0, "1": 1.0})
    fill(folder / "bicubic", levels=LEVELS)
    fill(folder / "results.db@1", levels=LEVELS)
    message = refusal(capsys, "bicubic", "1")
    assert (
        "'bicubic' can be read as 'bicubic' or model 'bicubic' in 'results.db'; must be one meaning"
        in message
    )
    assert "model '1' in 'results.db' or run 1 of 'results.db'" in refusal(capsys, "1", "results.db#1")
    assert "'results.db@1' or run 1 of 'results.db'" in refusal(capsys, "results.db@1", "results.db")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tolerance", "psnr"),
        ("--tolerance", "psnr=-1"),
        ("--tolerance", "psnr=nan"),
        ("--tolerance", "=1"),
        ("--alpha", "1"),
        ("--alpha", "x"),
        ("--fail-on", "better"),
        ("--fail-on", ""),
    ],
)
def test_wrong_options_are_refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["a.db", "b.db", *arguments])
    assert "must be" in capsys.readouterr().err


def test_an_empty_store_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(folder / "empty.db"):
        pass
    fill(folder / "r.db", levels=LEVELS)
    assert "A, 'empty.db', holds no scores and no timings" in refusal(capsys, "empty.db", "r.db")


def test_a_run_whose_results_were_found_stored_is_explained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder / "r.db", levels=LEVELS)
    with Store(folder / "r.db") as store:
        store.start(run(MACHINE))
    assert "what a run found in the file already belongs to the run that made it" in refusal(
        capsys, "r.db@1", "r.db@2"
    )


def test_a_damaged_file_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder / "r.db", levels=LEVELS)
    (folder / "damaged.db").write_bytes(b"no database at all" * 100)
    assert "results file 'damaged.db': it is not a results file" in refusal(
        capsys, "r.db", "damaged.db", status=1
    )


# What is printed, and the status


def test_filters_choose(folder: Path) -> None:
    fill(folder / "r.db", levels=LEVELS)
    fill(folder / "r.db", levels=LEVELS, dataset="set14")
    add_times(folder / "r.db", times(0.1))
    assert {row["metric"] for row in compared("r.db", "r.db")["rows"]} == {"psnr", "ssim", "seconds"}
    assert {row["metric"] for row in compared("r.db", "r.db", "--metrics", "seconds")["rows"]} == {"seconds"}
    found = compared("r.db", "r.db", "--datasets", "set14", "--metrics", "ssim")["rows"]
    assert {(row["dataset"], row["metric"]) for row in found} == {("set14", "ssim")}
    found = compared("r.db", "r.db", "--datasets", "set5")["rows"]
    assert {row["metric"] for row in found} == {"psnr", "ssim"}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 0),
        (("--fail-on", "worse"), 1),
        (("--fail-on", "different"), 1),
        (("--fail-on", "missing"), 0),
        (("--fail-on", "missing", "--fail-on", "worse"), 1),
        (("--fail-on", "worse", "--tolerance", "psnr=5", "--tolerance", "ssim=0.05"), 0),
    ],
)
def test_the_status_says_whether_a_condition_holds(
    folder: Path, arguments: Sequence[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder / "a.db", levels={"net": 1.0})
    fill(folder / "b.db", levels={"net": 0.0})
    assert main(["a.db", "b.db", *arguments]) == status
    assert ("failed: " in capsys.readouterr().out) is bool(status)


def test_a_gate_does_not_fail_on_what_became_better(folder: Path) -> None:
    fill(folder / "a.db", levels={"net": 0.0})
    fill(folder / "b.db", levels={"net": 1.0})
    assert main(["a.db", "b.db", "--fail-on", "worse,missing"]) == 0


def test_tables_are_at_most_80_columns_wide(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "a-model-with-a-name-that-is-longer-than-any-column-of-a-table-may-be"
    metrics = ("psnr", "ssim", "ms-ssim", "lpips-squeeze", "feature-vgg19-relu2_2")
    fill(folder / "a.db", levels={long: 0.0}, metrics=metrics, images=[f"i{i}" for i in range(120)])
    fill(folder / "b.db", levels={long: 9.0}, metrics=metrics, images=[f"i{i}" for i in range(120)])
    add_times(folder / "a.db", times(123.4, n=200), subject=long)
    add_times(folder / "b.db", times(1234.5, n=200), subject=long)
    assert main(["a.db", "b.db"]) == 0
    table = capsys.readouterr().out.partition("\n\n")[2].rpartition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80
    for text in ("BETTER", "WORSE", "+9.000", "200/200", "+900", "95 % interval"):
        assert text in table
    assert "…" not in table
    assert "\nlpips- " in table


def test_long_labels_are_broken_where_their_words_end() -> None:
    assert broken("lpips-alex") == "lpips-alex"
    assert broken("feature-vgg19-relu2_2") == "feature-\nvgg19-\nrelu2_2"
    assert broken("256 channels_last+folded+spread") == "256 \nchannels_last+\nfolded+\nspread"


def test_a_difference_that_is_not_zero_does_not_look_like_zero(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder / "results.db", {"x": LOW, "y": [value + 1e-6 for value in LOW]})
    assert main(["x", "y"]) == 0
    assert "+1e-06" in capsys.readouterr().out


def test_names_with_control_characters_and_markup_are_shown_not_obeyed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[2J[red]x[/red]"
    fill(folder / "a.db", levels={hostile: 0.0}, dataset=f"d{hostile}", images=["a", "b", hostile])
    fill(folder / "b.db", levels={hostile: 0.0, "\x1b]0;y": 1.0}, dataset=f"d{hostile}", images="ab")
    assert main(["a.db", "b.db"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2J[red]x[/red]" in out.replace("\n", "")
    assert "\x1b" not in refusal(capsys, "a.db#z", "b.db#z")


def test_control_characters_are_written_out() -> None:
    assert escape_control_chars("a\x1b\x9bé\n") == "a\\x1b\\x9bé\n"


def test_facts_that_differ_are_dotted_names_with_both_values() -> None:
    a, b = {"x": {"y": 1, "z": [1]}, "u": None}, {"x": {"y": 2, "z": [1]}, "v": "w"}
    fields = differing([a], [b])
    assert fields == {"x.y": (("1",), ("2",)), "u": (("null",), ("absent",)), "v": (("absent",), ('"w"',))}
    assert describe(fields) == 'x.y is 1 and 2; u is null and absent; v is absent and "w"'
    assert differing([a, b], [b, a]) == {}
    assert describe(differing([{str(i): i for i in range(10)}], [{}])).endswith("and 2 more fields")


def test_it_runs_as_a_program_and_loads_no_torch(folder: Path) -> None:
    fill(folder / "results.db", levels=LEVELS)
    code = "import sys; from bench.compare import main; main(['1', '1']); sys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=False).returncode == 0
    )
    program = [sys.executable, "-m", "bench.compare", "bicubic", "srcnn-955", "--fail-on", "different"]
    ended = subprocess.run(
        program, cwd=folder, env=environment, check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert ended.returncode == 1
    assert ended.stderr == ""
    assert "2 BETTER; BETTER and WORSE are said of B" in ended.stdout
