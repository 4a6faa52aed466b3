"""The scores of efficient super-resolution that the suite publishes: complete, consistent, and of no machine's paths."""

from __future__ import annotations

import gzip
import json
import math
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from bench.protocols import protocol
from bench.storage.store import Store

FILE = Path(__file__).parents[2] / "reports" / "published" / "efficient_sr.json.gz"
IMAGES = {"set5": 5, "set14": 14, "bsd100": 100}
# What their repositories' own numbers are, and what a first trial of this suite gave: PSNR and SSIM on set5.
KNOWN = {
    "e22_01_efdn": ("32.08", "0.8931"),
    "e22_03_fmen": ("32.03", "0.8936"),
    "e22_04_rlfn": ("32.10", "0.8939"),
    "e24_23_safmnpp": ("32.02", "0.8918"),
}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return json.loads(gzip.decompress(FILE.read_bytes()))  # type: ignore[no-any-return]


def test_at_least_eighty_networks_have_every_image(published: dict[str, Any]) -> None:
    have = {(row["model"], row["dataset"], row["metric"]) for row in published["scores"]}
    labels = [model["label"] for model in published["models"]]
    assert len(labels) == len(set(labels))
    networks = [label for label in labels if label[0] == "e"]
    assert len(networks) >= 80
    assert all(
        (label, name, metric) in have for label in labels for name in IMAGES for metric in ("psnr", "ssim")
    )


def test_a_mean_is_that_of_its_images_under_the_protocol_of_today(published: dict[str, Any]) -> None:
    for row in published["scores"]:
        values = [float(value) for value in row["values"].values()]
        assert len(values) == row["n"] == IMAGES[row["dataset"]]
        assert row["mean"] == pytest.approx(math.fsum(values) / len(values), rel=1e-12)
        assert row["protocol_hash"] == protocol("johnson2016", 4).hash


@pytest.mark.parametrize("label", KNOWN)
def test_known_networks_have_their_known_values_on_set5(published: dict[str, Any], label: str) -> None:
    means = {
        row["metric"]: row["mean"]
        for row in published["scores"]
        if (row["model"], row["dataset"]) == (label, "set5")
    }
    assert (f"{means['psnr']:.2f}", f"{means['ssim']:.4f}") == KNOWN[label]


def test_every_network_says_where_it_is_from(published: dict[str, Any]) -> None:
    for model in published["models"]:
        assert re.fullmatch(r"[0-9a-f]{64}", model["hashes"]["4"])
        if model["label"][0] == "e":
            assert re.fullmatch(r"[0-9a-f]{64}", model["sha256"])
            assert re.search(r"/tree/[0-9a-f]{40}$", model["source"])


def test_no_path_of_a_machine_is_in_it(published: dict[str, Any]) -> None:
    absolute = r"(?<![\w:/.])/[\w.-]+/[\w./-]*|\b[A-Z]:\\\\"
    assert re.findall(absolute, '"/home/someone/x.py"')
    assert not re.findall(absolute, json.dumps(published))


def script(name: str) -> dict[str, Any]:
    """What a script of the folder defines; it runs only where it is called as a program."""
    folder = Path(__file__).parents[2] / "reports" / "leaderboards" / "efficient_sr"
    return runpy.run_path(str(folder / f"{name}.py"))


def test_what_is_published_goes_back_into_a_results_file(published: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "r.db"
    script("restore")["main"](file)
    rule = protocol("johnson2016", 4)
    with Store(file) as store:
        values = {
            (s.model, s.metric, s.image): s.value
            for s in store.scores(dataset="set5", protocol_hash=rule.hash)
        }
        hashes = {s.model: s.model_hash for s in store.scores(dataset="set5", protocol_hash=rule.hash)}
    rows = [row for row in published["scores"] if row["dataset"] == "set5"]
    assert values == {
        (row["model"], row["metric"], image): value for row in rows for image, value in row["values"].items()
    }
    assert hashes == {model["label"]: model["hashes"]["4"] for model in published["models"]}


def test_new_metrics_join_those_that_a_network_has(published: dict[str, Any]) -> None:
    old = published["models"][0]
    row = {
        **next(r for r in published["scores"] if r["model"] == old["label"] and r["dataset"] == "set5"),
        "metric": "haarpsi",
    }
    found = {
        "title": "t",
        "suite_version": "0",
        "command": "c",
        "environment": {"cpu": "another"},
        "models": [old],
        "scores": [row],
    }
    made = script("publish")["merged"](found, [], published)
    own = [r["metric"] for r in made["scores"] if r["model"] == old["label"] and r["dataset"] == "set5"]
    assert set(own) >= {"psnr", "ssim", "haarpsi"}
    assert len(made["scores"]) == len(published["scores"]) + 1
    restored = next(r for r in published["scores"] if r["model"] == old["label"])
    own = {key: value for key, value in restored.items() if key != "machine"}
    again = script("publish")["merged"]({**found, "scores": [own]}, [], published)
    assert restored in again["scores"], "a score that was restored and not measured again keeps its machine"
    (joined,) = (r for r in made["scores"] if r["metric"] == "haarpsi")
    assert made["machines"][joined["machine"]] == found["environment"]
    changed = {**found, "models": [{**old, "hashes": {"4": "0" * 64}}]}
    replaced = script("publish")["merged"](changed, [], published)
    assert old["label"] not in {r["model"] for r in replaced["scores"] if r["metric"] == "haarpsi"}, (
        "another network under the label has none of the scores of the first, and none of its own is complete"
    )


def timed(label: str, content: str, run: str, seconds: float, cpu: str = "one") -> dict[str, Any]:
    """A time with an interval of 10 % to both sides."""
    environment = {"cpu": {"model": cpu, "cores_allowed": 2}, "torch": {"version": "2.14.1"}}
    return {
        "subject": label,
        "subject_hash": content,
        "size": 1024,
        "environment_hash": "e",
        "run": run,
        "seconds": [seconds, seconds],
        "certificate": {
            "seconds": seconds,
            "ci95": [0.9 * seconds, 1.1 * seconds],
            "environment": environment,
        },
    }


def test_two_timing_runs_stay_beside_each_other_and_are_compared() -> None:
    publish = script("publish")
    labels = {"a": "1" * 64, "b": "2" * 64, "c": "3" * 64}
    found = {
        "title": "t",
        "suite_version": "0",
        "command": "python -m bench.leaderboard x.toml --only speed",
        "environment": {"cpu": "one"},
        "models": [],
        "scores": [],
    }
    before = {
        **found,
        "command": "the scores'",
        "machines": [{"cpu": "one"}],
        "models": [{"label": label, "hashes": {"4": content}} for label, content in labels.items()],
        "timings": [],
    }
    first = [
        timed(label, content, "2026-11-28", 1.0 + i) for i, (label, content) in enumerate(labels.items())
    ]
    one = publish["merged"](found, first, before)
    assert one["command"] == "the scores'"
    assert publish["two_runs"](one["timings"]) == {}
    # restored and timed again: what is there already is no second run
    second = [
        timed(label, labels[label], "2026-11-29", seconds)
        for label, seconds in (("a", 1.2), ("b", 9.0), ("c", 3.1))
    ]
    restored = [{**each, "run": "2026-11-29"} for each in first]
    two = publish["merged"](found, [*restored, *second], one)
    assert [(t["subject"], t["run"][-2:]) for t in two["timings"]] == [
        ("a", "28"),
        ("b", "28"),
        ("c", "28"),
        ("a", "29"),
        ("b", "29"),
        ("c", "29"),
    ]
    (again,) = publish["two_runs"](two["timings"]).values()
    assert (again.models, again.disjoint, again.changed) == (3, 3, (("b at 1024", "c at 1024"),))
    # once more in the same run replaces that run's alone; a network that changed loses its times
    third = publish["merged"](found, [timed("a", labels["a"], "2026-11-29", 1.3)], two)
    assert [t["seconds"][0] for t in third["timings"] if t["subject"] == "a"] == [1.0, 1.3]
    changed = {**two, "models": [{**two["models"][0], "hashes": {"4": "9" * 64}}, *two["models"][1:]]}
    assert not [t for t in publish["merged"](found, [], changed)["timings"] if t["subject"] == "a"]


def test_runs_on_two_kinds_of_machine_are_not_compared() -> None:
    runs = [("2026-11-28", "one", 1.0), ("2026-11-29", "one", 1.1), ("2026-11-30", "two", 9.0)]
    times = [
        timed(label, "1" * 64, run, factor * seconds, cpu)
        for run, cpu, seconds in runs
        for label, factor in (("a", 1), ("b", 2))
    ]
    found = script("publish")["two_runs"](times)
    assert [*found] == ["one, 2 cores, torch 2.14.1"]
    assert found["one, 2 cores, torch 2.14.1"].models == 2


def test_the_start_of_a_run_is_that_of_the_results_file(published: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "r.db"
    script("restore")["main"](file)
    label = published["timings"][0]["subject"]
    found = [*script("publish")["timings_of"](file, [label])]
    assert found
    with Store(file) as store:
        heads, runs = store.table("runs")
        assert found[0]["run"] in {row[heads.index("started")] for row in runs}
