"""Puts what is published back into a results file, so that a network of yours stands beside it without running the others.

python restore.py --db efficient_sr.db

Then score yours into the same file (`python -m bench.sr_quality set5 set14 bsd100 --models mine.py` with the same `--db`),
and `python -m reports efficient_sr.db` ranks all of them. Each row keeps its model's hash, its protocol and its machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.data import cache
from bench.data.datasets import dataset
from bench.metrics import info
from bench.protocols import protocol
from bench.records import Environment, Run, Score, SpeedResult
from bench.storage.store import Store, now

PUBLISHED = Path(__file__).resolve().parents[2] / "published" / "efficient_sr.json.gz"


def scores(rows: list[Mapping[str, Any]], hashes: Mapping[str, str]) -> Iterator[Score]:
    """A record for each image of each row."""
    images = {name: {i.stem: i.sha256 for i in dataset(name).images} for name in {r["dataset"] for r in rows}}
    for row in rows:
        for image, value in row["values"].items():
            yield Score(
                model=row["model"],
                model_hash=hashes[row["model"]],
                dataset=row["dataset"],
                image=image,
                image_sha256=images[row["dataset"]][image],
                scale=row["scale"],
                protocol=row["protocol"],
                protocol_hash=row["protocol_hash"],
                metric=row["metric"],
                metric_version=row["metric_version"],
                value=value,
            )


def result(timing: Mapping[str, Any]) -> SpeedResult:
    """A published time as a record; the start of its run is the run's."""
    own = {key: value for key, value in timing.items() if key != "run"}
    return SpeedResult(**{**own, "seconds": tuple(own["seconds"])})


def main(db: Path) -> None:
    """Put the published scores and times into a results file."""
    content = json.loads(gzip.decompress(PUBLISHED.read_bytes()))
    models = {model["label"]: model for model in content["models"]}
    rules = {(row["protocol"], row["scale"]) for row in content["scores"]}
    metrics = sorted({row["metric"] for row in content["scores"]})
    with Store(db) as store:
        for number, facts in enumerate(content["machines"]):
            own = [row for row in content["scores"] if row["machine"] == number]
            machine = Environment(facts=facts)
            # in the order of the runs: of two times of one machine with the same versions a results file keeps the last
            timed = sorted(
                (t for t in content.get("timings", ()) if t["environment_hash"] == machine.hash),
                key=lambda t: t.get("run", ""),
            )
            run = Run(
                program="leaderboard",
                command=tuple(content["command"].split()[3:]),
                started=now(),
                environment=machine,
                protocols=tuple(protocol(name, scale) for name, scale in sorted(rules)),
                metrics=tuple(info(name, cache.used_name) for name in metrics),
            )
            where = store.start(run)
            hashes = {row["model"]: models[row["model"]]["hashes"][str(row["scale"])] for row in own}
            store.add(
                where,
                scores=scores(own, hashes),
                timings=[result(t) for t in timed],
            )
            store.finish(where)
            print(f"{len(own)} rows and {len(timed)} times of machine {number + 1} in {db}")


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--db", type=Path, default=Path("efficient_sr.db"), help="(default: efficient_sr.db)")
    main(p.parse_args().db)
