"""Provenance records: equal content, equal id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from bench.storage.reader import StoredRun
from reports.load.results import Provenance

TELLING = ("metric", "form", "size", "data set")  # of what is extra, what an id depends on


def provenance_of(
    *,
    subject: str,
    subject_hash: str,
    protocol: str,
    protocol_hash: str,
    definition: Mapping[str, Any],
    runs: Iterable[StoredRun],
    extra: Mapping[str, Any],
) -> Provenance:
    """A provenance record with its id. Its machine is that of the newest run.

    Args:
        runs: in any order.
    """
    # Also so that the id does not depend on the order in which the files were read.
    runs = sorted(runs, key=lambda run: run.age)
    environment_hash = runs[-1].environment_hash
    words = [
        subject,
        subject_hash,
        protocol_hash,
        environment_hash,
        [(run.store, run.id) for run in runs],
        sorted((key, str(extra[key])) for key in TELLING if key in extra),
    ]
    return Provenance(
        # "c": an anchor does not begin with a digit.
        id="c" + hashlib.sha256(repr(words).encode()).hexdigest()[:12],
        subject=subject,
        subject_hash=subject_hash,
        protocol=protocol,
        protocol_hash=protocol_hash,
        definition=definition,
        environment_hash=environment_hash,
        runs=tuple(runs),
        extra=extra,
    )
