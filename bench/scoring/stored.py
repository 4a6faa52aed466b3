"""What the store has of a plan, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.records import HR

if TYPE_CHECKING:
    from bench.scoring.plan import LoadedMetric, Plan, Subject
    from bench.scoring.summary import Row
    from bench.store import Store


def unmeasured(
    plan: Plan, store: Store, image: str, image_sha256: str
) -> list[tuple[Subject, list[LoadedMetric]]]:
    """Each model with the metrics that an image lacks, then hr with those of them that need no reference; all if forced."""
    from bench.scoring.plan import ORIGINAL

    known: set[tuple[str, str, str, str]] = set()
    if not plan.force:
        known = store.scored(
            dataset=plan.dataset.name,
            protocol_hash=plan.protocol.hash,
            image=image,
            image_sha256=image_sha256,
        )

    def lacks(subject: Subject, metric: LoadedMetric) -> bool:
        wanted = (metric.entry.name, metric.entry.version)
        if (subject.name, subject.hash, *wanted) in known:
            return False
        return not any(subject.owns(*key[:2]) and key[2:] == wanted for key in known)

    work = [(subject, [m for m in plan.metrics if lacks(subject, m)]) for subject in plan.subjects]
    of_hr = [m for m in plan.metrics if not m.entry.reference and lacks(ORIGINAL, m)]
    return [*work, (ORIGINAL, of_hr)] if of_hr else work


def results(plan: Plan, store: Store, hashes: Mapping[str, str]) -> list[Row]:
    """The stored scores of just this plan: these images' bytes, these models' weights, these metrics' versions.

    Args:
        hashes: SHA-256 of each image by stem, as :func:`bench.scoring.engine.evaluate` returns it.
    """
    from bench.scoring.plan import ORIGINAL
    from bench.scoring.summary import rows

    subjects = [ORIGINAL, *plan.subjects]
    versions = {(m.entry.name, m.entry.version) for m in plan.metrics}
    of_hr = {(m.entry.name, m.entry.version) for m in plan.metrics if not m.entry.reference}
    scores = (
        score
        for score in store.scores(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
        if (score.metric, score.metric_version) in (of_hr if score.model == HR else versions)
        and any(subject.owns(score.model, score.model_hash) for subject in subjects)
        and hashes.get(score.image) == score.image_sha256
    )
    return rows(scores, [*(s.name for s in plan.subjects), HR], [m.entry.name for m in plan.metrics])
