"""What the store has of a plan, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.scoring.plan import LoadedMetric, Plan, Subject
    from bench.scoring.summary import Row
    from bench.store import Store


def unmeasured(
    plan: Plan, store: Store, image: str, image_sha256: str
) -> list[tuple[Subject, list[LoadedMetric]]]:
    """Each model with the metrics that an image lacks; all of them if the plan says so."""
    known: set[tuple[str, str, str, str]] = set()
    if not plan.force:
        known = store.scored(
            dataset=plan.dataset.name,
            protocol_hash=plan.protocol.hash,
            image=image,
            image_sha256=image_sha256,
        )

    def lacks(subject: Subject, metric: LoadedMetric) -> bool:
        return (subject.name, subject.hash, metric.entry.name, metric.entry.version) not in known

    return [(subject, [m for m in plan.metrics if lacks(subject, m)]) for subject in plan.subjects]


def results(plan: Plan, store: Store, hashes: Mapping[str, str]) -> list[Row]:
    """The stored scores of just this plan: these images' bytes, these models' weights, these metrics' versions.

    Args:
        hashes: SHA-256 of each image by stem, as :func:`bench.scoring.engine.evaluate` returns it.
    """
    from bench.scoring.summary import rows

    subjects = {(s.name, s.hash) for s in plan.subjects}
    versions = {(m.entry.name, m.entry.version) for m in plan.metrics}
    scores = (
        score
        for score in store.scores(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
        if (score.model, score.model_hash) in subjects
        and (score.metric, score.metric_version) in versions
        and hashes.get(score.image) == score.image_sha256
    )
    return rows(scores, [s.name for s in plan.subjects], [m.entry.name for m in plan.metrics])
