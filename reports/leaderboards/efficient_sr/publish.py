"""Puts the scores and times of a leaderboard into reports/published/efficient_sr.json.gz.

python publish.py leaderboard/leaderboard.json [--db efficient_sr.db]

Models that are there already get what is new, metric by metric; what is not measured anew stays if the network's hash
is the same. A model counts only if every image has a PSNR and an SSIM; rows of further metrics count where they are
complete. Times come from the results file, raw, each with provenance that names its machine, and with the start of
the run that measured it: times of several runs stay beside each other. What two of them say is printed, for each kind of
machine: Kendall's tau, and how many pairs of networks with disjoint 95 % intervals change order.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.data.datasets import dataset
from bench.records import machine_kind
from bench.storage.store import Store
from bench.timing.repeat import Measured, Repeat, repeat

PUBLISHED = Path(__file__).resolve().parents[2] / "published" / "efficient_sr.json.gz"
REQUIRED = ("psnr", "ssim")
KEPT = ("title", "command")


def complete(scores: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], set[str]]:
    """Rows that have all images of their data set, and the models that have each required one."""
    counts = {name: len(dataset(name).images) for name in {row["dataset"] for row in scores}}
    rows = [row for row in scores if row["n"] == counts[row["dataset"]]]
    have = {(row["model"], row["dataset"], row["metric"]) for row in rows}
    models = {row["model"] for row in rows}
    return rows, {
        model
        for model in models
        if all((model, name, metric) in have for name in counts for metric in REQUIRED)
    }


def merged(
    found: Mapping[str, Any], timings: Sequence[Mapping[str, Any]], before: Mapping[str, Any]
) -> dict[str, Any]:
    """What is published then, in the order of the file; each row has the number of its machine in `machines`."""
    rows, models = complete(found["scores"])
    old = {model["label"]: model for model in before.get("models", ())}
    machine = json.dumps(found["environment"], sort_keys=True)
    machines = [json.dumps(each, sort_keys=True) for each in before.get("machines", ())]
    machines += [machine] if machine not in machines else []
    new = {}
    for model in found["models"]:
        label = model["label"]
        known = label in old and old[label]["hashes"] == model["hashes"]
        if label in models or (known and any(row["model"] == label for row in rows)):
            new[label] = model
    # what a restored results file brings back was measured where it was measured first
    there = {(row["model"], row["dataset"], row["metric"]): row for row in before.get("scores", ())}
    rows = [placed(row, there, machines.index(machine)) for row in rows]
    replaced = {(row["model"], row["dataset"], row["metric"]) for row in rows if row["model"] in new}
    stay = [
        row
        for row in before.get("scores", ())
        if (row["model"], row["dataset"], row["metric"]) not in replaced
        and (row["model"] not in new or old[row["model"]]["hashes"] == new[row["model"]]["hashes"])
    ]
    hashes = {label: set(model["hashes"].values()) for label, model in (old | new).items()}
    # a results file that was restored from what is published has its times too: they are no further run
    there = {(t["subject"], tuple(t["seconds"])) for t in before.get("timings", ())}
    added = [t for t in timings if (t["subject"], tuple(t["seconds"])) not in there]
    timed = {(t["subject"], t["size"], t["run"]) for t in added}
    return {
        # the command that measures all of it, not that of a part which was added
        **{key: before.get(key, found[key]) for key in KEPT},
        "suite_version": found["suite_version"]
        if rows
        else before.get("suite_version", found["suite_version"]),
        "machines": [json.loads(each) for each in machines],
        "models": [*(model for label, model in old.items() if label not in new), *new.values()],
        "scores": [*stay, *(row for row in rows if row["model"] in new)],
        "timings": [
            *(
                t
                for t in before.get("timings", ())
                if (t["subject"], t["size"], t.get("run", "")) not in timed
                and t["subject_hash"] in hashes.get(t["subject"], ())
            ),
            *added,
        ],
    }


def placed(
    row: Mapping[str, Any], there: Mapping[tuple[str, str, str], Mapping[str, Any]], machine: int
) -> Mapping[str, Any]:
    """A row with the number of the machine that measured it: the published row, if it says the same."""
    known = there.get((row["model"], row["dataset"], row["metric"]))
    return known if known and known == {**row, "machine": known["machine"]} else {**row, "machine": machine}


def timings_of(file: Path, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The raw times of a results file, each with the start of its run."""
    with Store(file) as store:
        started = started_of(store)
        for label in labels:
            for result in store.timings(subject=label):
                each = asdict(result)
                yield {**each, "run": started[tuple(each[name] for name in KEY)]}


KEY = ("subject", "subject_hash", "variant", "size", "protocol_hash", "environment_hash")


def started_of(store: Store) -> dict[tuple[Any, ...], str]:
    """When the run of each time was started, by what tells one time of a results file from another."""
    heads, runs = store.table("runs")
    starts = {row[heads.index("id")]: row[heads.index("started")] for row in runs}
    heads, rows = store.table("timings")
    return {tuple(row[heads.index(name)] for name in KEY): starts[row[heads.index("run")]] for row in rows}


def two_runs(timings: Sequence[Mapping[str, Any]]) -> dict[str, Repeat]:
    """By kind of machine: the first and the last run of each network that was timed there more than once at a size.

    Times that were published before runs were told apart have no start, and are the first.
    """
    runs: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for each in sorted(timings, key=lambda t: t.get("run", "")):
        kind = runs.setdefault(machine_kind(each["certificate"]["environment"]), {})
        kind.setdefault(f"{each['subject']} at {each['size']}", []).append(each)
    found = {}
    for kind, times in runs.items():
        twice = {name: each for name, each in times.items() if len(each) > 1}
        if again := repeat(*({name: measured(each[at]) for name, each in twice.items()} for at in (0, -1))):
            found[kind] = again
    return found


def measured(timing: Mapping[str, Any]) -> Measured:
    """The median and its interval, as the certificate has them."""
    return Measured(timing["certificate"]["seconds"], *timing["certificate"]["ci95"])


def main(file: Path, db: Path | None) -> None:
    """Put what a run measured into the published file: a leaderboard.json, and times from its results file."""
    before = json.loads(gzip.decompress(PUBLISHED.read_bytes())) if PUBLISHED.is_file() else {}
    found = json.loads(file.read_text("utf-8"))
    timings = list(timings_of(db, [model["label"] for model in found["models"]])) if db else []
    made = merged(found, timings, before)
    text = json.dumps(made, separators=(",", ":"), default=dict)
    PUBLISHED.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    counts = f"{len(made['models'])} models, {len(made['scores'])} rows, {len(made['timings'])} times"
    print(f"{counts}, {PUBLISHED.stat().st_size} bytes")
    for kind, again in two_runs(made["timings"]).items():
        print(f"{kind}: {again.sentence}")


if __name__ == "__main__":
    p = argparse.ArgumentParser(description="Add what a leaderboard measured to what is published.")
    p.add_argument("file", type=Path, help="the leaderboard.json")
    p.add_argument("--db", type=Path, help="its results file, for the raw times")
    args = p.parse_args()
    main(args.file, args.db)
