"""What is stored of a batch: curves, pictures and failures, and where the pictures lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from bench import images
from bench.environment import summary
from bench.failures import reason
from bench.records import Curve, Failure, ImageFile, Picture
from bench.storage.pictures import relative_to_store
from bench.store import Store
from bench.styling.measure import Measured
from bench.styling.plan import Plan
from bench.styling.summary import shortened

STYLE = "style"
Key = tuple[str, str, str, str]
"""A content, its SHA-256, a subject and the subject's hash."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """A content that something is to be measured on.

    Attributes:
        square: as the protocol has it, on the CPU.
        pictured: its pictures are kept.
        lacking: subjects that it has no curve of, or no picture.
        iterations: for the optimisation, where that is lacking.
    """

    image: ImageFile
    sha256: str
    square: Float[Tensor, "1 3 s s"]
    pictured: bool
    lacking: tuple[str, ...]
    iterations: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a batch gave; its rows are stored in one transaction, its files written before."""

    curves: list[Curve] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    files: list[tuple[Path, np.ndarray]] = field(default_factory=list)


def take(outcome: Outcome, plan: Plan, content: Content, subject: str, measured: Measured) -> None:
    """Put a curve and, where it is kept, its picture into an outcome."""
    outcome.curves.append(curve(plan, content, subject, measured))
    if content.pictured:
        file = picture_file(plan, subject, content.image.stem)
        pixels = images.to_array(measured.image)
        outcome.files.append((file, pixels))
        outcome.pictures.append(picture(plan, content, subject, file, pixels))


def curve(plan: Plan, content: Content, subject: str, measured: Measured) -> Curve:
    """As it is stored."""
    return Curve(
        subject=subject,
        subject_hash=plan.subject_hash(subject, content.sha256),
        dataset=plan.dataset.name,
        image=content.image.stem,
        image_sha256=content.sha256,
        protocol_hash=plan.protocol.hash,
        terms=measured.terms,
        seconds=measured.seconds,
        batch=measured.batch,
    )


def failure(plan: Plan, image: ImageFile, subject: str, error: Exception) -> Failure:
    """Why a subject, or every one where it is empty, could not be measured on a content."""
    return Failure(
        dataset=plan.dataset.name,
        image=image.stem,
        model=subject,
        scale=1,
        reason=f"{plan.title}: {reason(error)}",
    )


def picture_file(plan: Plan, subject: str, stem: str) -> Path:
    """Where a picture goes: FOLDER/DATASET/la_muse-256-PROTOCOL/SUBJECT-HASH/STEM.png; contents have no hash."""
    assert plan.pictures is not None
    protocol = plan.protocol
    version = f"-{plan.hashes[subject][:8]}" if subject in plan.hashes else ""
    folder = plan.pictures / plan.dataset.name / f"{protocol.style}-{protocol.size}-{protocol.hash[:8]}"
    return folder / f"{subject}{version}" / f"{stem}.png"


def picture(plan: Plan, content: Content, subject: str, file: Path, pixels: np.ndarray) -> Picture:
    """Of what a subject made of a content."""
    return Picture(
        dataset=plan.dataset.name,
        protocol_hash=plan.protocol.hash,
        image=content.image.stem,
        image_sha256=content.sha256,
        model=subject,
        model_hash=plan.subject_hash(subject, content.sha256),
        file=str(file),
        pixels_sha256=images.pixels_sha256(pixels),
    )


def style_picture(plan: Plan) -> Outcome:
    """The style as the objective sees it."""
    protocol = plan.protocol
    file = picture_file(plan, STYLE, protocol.style)
    pixels = images.to_array(plan.style)
    record = Picture(
        dataset=plan.dataset.name,
        protocol_hash=protocol.hash,
        image=protocol.style,
        image_sha256=protocol.style_sha256,
        model=STYLE,
        model_hash=protocol.style_sha256,
        file=str(file),
        pixels_sha256=images.pixels_sha256(pixels),
    )
    return Outcome(pictures=[record], files=[(file, pixels)])


def write(outcome: Outcome, store: Store, run: int) -> None:
    """Write and store.

    Raises:
        OSError: a picture cannot be written, which does not cost the curves.
    """
    try:
        for file, pixels in outcome.files:
            images.write(file, pixels)
    except OSError:
        store.add(run, curves=outcome.curves, failures=outcome.failures)
        raise
    pictures = [relative_to_store(picture, store.place) for picture in outcome.pictures]
    store.add(run, curves=outcome.curves, failures=outcome.failures, pictures=pictures)


def stored_iterations(plan: Plan, store: Store) -> dict[Key, int]:
    """Of every curve that the store has."""
    curves = store.curves(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
    return {(c.image, c.image_sha256, c.subject, c.subject_hash): len(c.total) - 1 for c in curves}


def stored_pictures(plan: Plan, store: Store) -> set[Key]:
    """Every picture that the store knows of and that lies where this plan would put it."""
    if plan.pictures is None:
        return set()
    known = {
        (p.image, p.image_sha256, p.model, p.model_hash)
        for p in store.pictures(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
    }
    return {key for key in known if picture_file(plan, key[2], key[0]).is_file()}


def results(plan: Plan, store: Store, hashes: Mapping[str, str]) -> list[Curve]:
    """The stored curves of just this plan, subject after subject; longer ones cut to the iterations asked for.

    Args:
        hashes: SHA-256 of each content by name, as :func:`bench.styling.run.measure` returns it.
    """
    order = {subject: index for index, subject in enumerate(plan.subjects)}
    found = [
        shortened(c, plan.baseline.iterations) if plan.baseline else c
        for c in store.curves(dataset=plan.dataset.name, protocol_hash=plan.protocol.hash)
        if hashes.get(c.image) == c.image_sha256
        and c.subject in order
        and c.subject_hash == plan.subject_hash(c.subject, c.image_sha256)
    ]
    return sorted(found, key=lambda c: order[c.subject])


def machines(store: Store, curves: Sequence[Curve]) -> list[str]:
    """The machines that these curves were measured on, a line each: stored times may be of another one."""
    columns, rows = store.table("curves")
    at = [
        columns.index(name)
        for name in ("dataset", "protocol_hash", "image", "image_sha256", "subject", "subject_hash")
    ]
    wanted = {
        (c.dataset, c.protocol_hash, c.image, c.image_sha256, c.subject, c.subject_hash) for c in curves
    }
    run = columns.index("run")
    runs = {row[run] for row in rows if tuple(row[i] for i in at) in wanted}
    return list(dict.fromkeys(summary(store.environment(number)) for number in sorted(runs)))
