"""Timings of a results file that anybody may have made: whole, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.errors import StoreError
from bench.records import SpeedResult, content_hash
from bench.store import Store
from bench.timing.rows import GATYS, Row, gatys_rows, network_row

NUMBER = (int, float)
OPTIONAL = (*NUMBER, type(None))
FORM: Mapping[str, tuple[type, ...]] = {
    "admissible": (bool,),
    "max_abs_error": (*OPTIONAL, str),
    "psnr": (*OPTIONAL, str),
    "build_seconds": OPTIONAL,
}


def sound_timings(store: Store, subject: str) -> list[SpeedResult]:
    """Every timing of a subject.

    Raises:
        StoreError: one of them is damaged, or made by another program.
    """
    found = store.timings(subject=subject)
    for result in found:
        refuse_unsound(result, str(store.file))
    return found


def refuse_unsound(result: SpeedResult, store: str) -> None:
    """Refuse a timing whose certificate lacks what is read of it, or has it of another type.

    Raises:
        StoreError: names the timing and the file.
    """
    try:
        row = gatys_rows(result, (1,))[0] if result.subject == GATYS else network_row(result)
        _check(row, result.certificate)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        words = ascii(" ".join(str(error).split()))[1:-1][:200]
        raise StoreError(
            f"results file {store!r} is damaged or made by another program: the certificate of the timing of "
            f"{result.subject!a} at {result.size}: {words}; restore a copy"
        ) from error


def _check(row: Row, certificate: Mapping[str, Any]) -> None:
    """
    Raises:
        TypeError, ValueError: says which value is odd.
    """
    protocol = certificate["protocol"]
    content_hash({"environment": certificate["environment"], "protocol": protocol})
    _one(protocol.get("size", 0), "protocol: size", (int,))
    _one(row.peak_memory_bytes, "peak_memory: bytes", OPTIONAL)
    _one(row.share_of_peak, "share_of_peak", OPTIONAL)
    for name, value in (
        ("device", row.device),
        ("weights", row.weights),
        *(("warnings", w) for w in row.warnings),
    ):
        _one(value, name, (str,))
    for name, value in row.form.items():
        _one(value, f"form: {name}", FORM.get(name, (type(value),)))


def _one(value: object, name: str, kinds: tuple[type, ...]) -> None:
    if type(value) not in kinds:
        raise TypeError(f"{name} is {ascii(value)[:60]}")
