"""Timings of a results file that anybody may have made: whole, or refused."""

from __future__ import annotations

from bench.errors import StoreError
from bench.records import SpeedResult
from bench.storage.store import Store
from bench.timing.provenance_record import TimingProvenance


def valid_timings(store: Store, subject: str) -> list[SpeedResult]:
    """Every timing of a subject.

    Raises:
        StoreError: one of them is damaged, or made by another program.
    """
    found = store.timings(subject=subject)
    for result in found:
        validate_timing(result, str(store.file))
    return found


def validate_timing(result: SpeedResult, store: str) -> TimingProvenance:
    """The provenance of a timing, which whoever reads it later can rely on.

    Raises:
        StoreError: names the timing and the file.
    """
    try:
        return TimingProvenance.of(result)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # The message may quote the file: one short line, without control characters.
        words = ascii(" ".join(str(error).split()))[1:-1][:200]
        raise StoreError(
            f"results file {store!r} is damaged or made by another program: the provenance of the timing of "
            f"{result.subject!a} at {result.size}: {words}; restore a copy"
        ) from error
