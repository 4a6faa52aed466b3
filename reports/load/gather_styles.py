"""From stored objectives and pictures of style transfer to groups: of each subject the newest, with its provenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TypeVar

from bench.records import Curve, StyleProtocol
from bench.storage.reader import ResultsData, StoredRun
from reports.load.image_files import is_image_file
from reports.load.provenance import provenance_of
from reports.load.results import CONTENT, GATYS, SHORT, STYLE, Provenance, StyleGroup, anchor

PAPER_STYLE = "la_muse"  # of the paper's Figure 5
RELEASED = "style-johnson-"
PURPOSES = ("transfer", "inversion", "reconstruction")
T = TypeVar("T", Curve, Path)


@dataclass(frozen=True, kw_only=True)
class _StoredRow:
    """What a run stored of a subject and an image: a curve or a picture."""

    dataset: str
    protocol_hash: str
    subject: str
    subject_hash: str
    image: str
    image_sha256: str
    made: Curve | Path
    run: StoredRun


def style_groups(contents: ResultsData, notes: list[str]) -> tuple[StyleGroup, ...]:
    """A group for each data set under each style protocol, the paper's style first; appends to `notes`.

    Of a network whose weights or code changed, or a content whose file did, the newest run's values count.
    """
    found: dict[tuple[str, str], list[_StoredRow]] = {}
    # Oldest first: in every dict below the newest of a key is what stays.
    for seen in sorted([*_curves(contents), *_pictures(contents)], key=lambda s: s.run.age):
        found.setdefault((seen.dataset, seen.protocol_hash), []).append(seen)
    made = [
        _group(dataset, contents.style_protocols[digest], own, notes)
        for (dataset, digest), own in found.items()
        # A style's picture alone is no group.
        if any(seen.subject != STYLE for seen in own)
    ]
    return tuple(sorted(made, key=_order))


def _order(group: StyleGroup) -> tuple[object, ...]:
    p = group.protocol
    return (
        PURPOSES.index(group.purpose),
        p.style != PAPER_STYLE,
        p.style,
        group.dataset,
        p.loss_network,
        p.size,
        p.hash,
    )


def _curves(contents: ResultsData) -> Iterator[_StoredRow]:
    for stored in contents.curves:
        curve, run = stored.curve, contents.runs[stored.store, stored.run]
        yield _StoredRow(
            dataset=curve.dataset,
            protocol_hash=curve.protocol_hash,
            subject=curve.subject,
            subject_hash=curve.subject_hash,
            image=curve.image,
            image_sha256=curve.image_sha256,
            made=curve,
            run=run,
        )


def _pictures(contents: ResultsData) -> Iterator[_StoredRow]:
    own = contents.pictures[contents.pictures["protocol_hash"].isin(list(contents.style_protocols))]
    names = ("dataset", "protocol_hash", "model", "model_hash", "image", "image_sha256", "file", "store")
    columns = [own[name].astype(str) for name in names]
    for dataset, digest, model, model_hash, image, sha, file, store, number in zip(
        *columns, own["run"].astype(int), strict=True
    ):
        run = contents.runs[store, number]
        yield _StoredRow(
            dataset=dataset,
            protocol_hash=digest,
            subject=model,
            subject_hash=model_hash,
            image=image,
            image_sha256=sha,
            made=Path(file),
            run=run,
        )


def _group(dataset: str, protocol: StyleProtocol, own: Sequence[_StoredRow], notes: list[str]) -> StyleGroup:
    """`own`: oldest first."""
    name = f"{dataset}, {protocol.style or protocol.name} at {protocol.size}"
    sound = [seen for seen in own if isinstance(seen.made, Path) or _is_sound(seen.made)]
    if len(sound) < len(own):
        notes.append(f"{name}: {len(own) - len(sound)} curves skipped, empty or not finite")
    # By content: a style of that name whose file changed is another style.
    style = [s.made for s in sound if s.subject == STYLE and s.subject_hash == protocol.style_sha256]
    kept = _newest([seen for seen in sound if seen.subject != STYLE])
    subjects = sorted({seen.subject for seen in kept}, key=_rank)
    pictures = {(s.image, s.subject): s.made for s in kept if isinstance(s.made, Path)}
    style_picture = next((made for made in reversed(style) if isinstance(made, Path)), None)
    shown = [*pictures.values(), *([style_picture] if style_picture else [])]
    there = {file for file in shown if is_image_file(file)}
    lost = sum(file not in there for file in shown)
    if lost:
        notes.append(f"{name}: {lost} images named in the results are missing")
    return StyleGroup(
        id=f"{anchor(protocol.style or dataset)}-{protocol.size}-{protocol.hash[:SHORT]}",
        dataset=dataset,
        protocol=protocol,
        subjects=tuple(subjects),
        curves={subject: curves for subject in subjects if (curves := _curves_of(subject, kept))},
        pictures={key: file for key, file in pictures.items() if file in there},
        style_picture=style_picture if style_picture in there else None,
        provenance={subject: _provenance(subject, dataset, protocol, kept) for subject in subjects},
        lost_images=lost,
    )


def _is_sound(curve: Curve) -> bool:
    total = curve.terms.get("total", ())
    return bool(total) and all(isfinite(value) for value in total)


def _rank(subject: str) -> tuple[int, bool, str]:
    known = (CONTENT, GATYS)
    return known.index(subject) if subject in known else 2, subject.startswith(RELEASED), subject


def _newest(own: Sequence[_StoredRow]) -> list[_StoredRow]:
    """Of each image the newest file, of each subject the newest content, of each curve and picture the newest."""
    file = {seen.image: seen.image_sha256 for seen in own}
    alive = [seen for seen in own if seen.image_sha256 == file[seen.image]]
    version = {seen.subject: seen.subject_hash for seen in alive}
    last = {
        (seen.subject, seen.image, isinstance(seen.made, Path)): seen
        for seen in alive
        # A content's hash is that of its file, so each image has another.
        if seen.subject == CONTENT or seen.subject_hash == version[seen.subject]
    }
    return list(last.values())


def _curves_of(subject: str, kept: Iterable[_StoredRow]) -> dict[str, Curve]:
    found = {s.image: s.made for s in kept if s.subject == subject and isinstance(s.made, Curve)}
    return {image: found[image] for image in sorted(found)}


def _provenance(
    subject: str, dataset: str, protocol: StyleProtocol, kept: Iterable[_StoredRow]
) -> Provenance:
    own = [seen for seen in kept if seen.subject == subject]
    curves = [seen.made for seen in own if isinstance(seen.made, Curve)]
    runs = {(seen.run.store, seen.run.id): seen.run for seen in own}
    hashes = {seen.subject_hash for seen in own}
    extra: dict[str, object] = {"metric": "objective" if curves else "picture", "data set": dataset}
    if curves:
        extra["contents"] = len(curves)
        extra["iterations"] = max(len(curve.total) for curve in curves) - 1
        extra["contents in a batch"] = sorted({curve.batch for curve in curves})
    return provenance_of(
        subject=subject,
        subject_hash=hashes.pop() if len(hashes) == 1 else "",  # several for `content`
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        definition=protocol.definition,
        runs=runs.values(),
        extra=extra,
    )
