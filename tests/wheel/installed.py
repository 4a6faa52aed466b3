"""Run by the Python of a clean environment, from an empty folder: is what was installed whole, and does it say so?

python installed.py OUT    after `python -m bench.sr_quality samples ... --db OUT/results.db` and the like
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from importlib import metadata
from pathlib import Path


def check(condition: bool, claim: str) -> None:
    """End with the claim that does not hold."""
    if not condition:
        raise SystemExit(f"the installed package fails: {claim}")
    print(f"ok: {claim}")


def main(out: Path) -> None:
    """Each claim in turn."""
    import bench
    import reports
    from bench.data import manifest
    from bench.diagnostics.report import weights
    from bench.environment import environment, suite

    number = metadata.version("perceptual-bench")
    for package in (bench, reports):
        file = Path(package.__file__ or "")
        check(
            file.is_relative_to(sys.prefix),
            f"{package.__name__} is imported from the environment, not a checkout",
        )
    check(suite() == {"version": number, "commit": None}, f"the version is {number}, the commit unknown")
    check(environment().facts["suite"]["version"] == number, "results carry the version")
    check(len(manifest.groups()) > 5, "the manifest is in the package")
    check(re.fullmatch(r"\d+ present", "\n".join(weights())) is not None, "all weights are in the package")
    stored(out, number)
    check((out / "report" / "index.html").stat().st_size > 100_000, "the report was written")


def stored(out: Path, number: str) -> None:
    """What the run before wrote."""
    with sqlite3.connect(out / "results.db") as db:
        rows = db.execute("select facts from environments").fetchall()
    suites = [json.loads(facts)["suite"] for (facts,) in rows]
    check(
        bool(suites) and all(s == {"version": number, "commit": None} for s in suites),
        "the store has the version",
    )
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    check(bool(scores), "samples were scored")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
