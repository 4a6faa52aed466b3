"""What is compared: two images, two folders, a folder and a data set, or a model's pictures of a results file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.data import images
from bench.data.datasets import ALIASES, dataset, left_out
from bench.data.formats import USUAL
from bench.data.images import load
from bench.data.layouts import Listing, listing
from bench.data.pairing import Pairing, pair
from bench.errors import ImageError, UserError
from bench.protocols import protocol
from bench.quality.lint import Finding, lint_left_out, lint_pixels, lint_stems, refusal
from bench.records import HR, LR, Dataset, ImageFile
from bench.storage.reader import read
from bench.text import escape_control_chars


@dataclass(frozen=True, kw_only=True)
class FilePairs:
    """Pairs of files that belong together, with what was said about their names.

    Attributes:
        hr: an image of a data set, or a file.
        notes: findings of no single image.
    """

    sr_said: str
    hr_said: str
    pairs: tuple[tuple[str, Path, ImageFile | Path], ...]
    notes: tuple[Finding, ...] = ()
    expected: int


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A pair as it is measured, or the finding that forbids it (then without pixels), and what else was found."""

    name: str
    sr: UInt8[np.ndarray, "h w c"] | None
    hr: UInt8[np.ndarray, "h w c2"] | None
    findings: tuple[Finding, ...]


def two(sr: str, hr: str, *, scale: int | None = None, pattern: str | None = None) -> FilePairs:
    """Two images, or a folder and a folder or named data set.

    Args:
        scale: upscaling factor: what the names of the files must not contradict.
        pattern: of the names of the sr files, as `{stem}_RCAN_BIX4`.

    Raises:
        UserError: neither, one of each, or no name fits another.
    """
    a, b = Path(sr), Path(hr)
    if a.is_file() and b.is_file():
        return FilePairs(sr_said=sr, hr_said=hr, pairs=((b.stem, a, b),), expected=1)
    if a.is_file() or b.is_file():
        file, other = (sr, hr) if a.is_file() else (hr, sr)
        what = "a folder" if Path(other).is_dir() else "no file"
        raise UserError(f"{file!r} is a file and {other!r} is {what}; must be two images, or two folders")
    if not a.is_dir():
        raise UserError(f"there is no file or folder {sr!r}; must be two images, or two folders")
    data = dataset(hr, scale=scale)
    there = _files(sr)
    stems = [image.stem for image in data.images]
    pairing = pair(stems, [a / name for name in there.names], scale=scale, role="sr", pattern=pattern)
    skipped = [*left_out(data), *(f"{a.name}: {line}" for line in there.lines())]
    return _found(sr, hr, data, pairing, (*lint_left_out(skipped), *lint_stems(pairing)))


def _files(folder: str) -> Listing:
    """The images of a folder; two of one stem are left for the pairing to refuse, by name."""
    found = listing(Path(folder))
    if not found.names:
        more = "".join(f" ({line})" for line in found.lines())
        raise UserError(f"{folder!r} holds no image; needs files with one of: {USUAL}{more}")
    return found


def _found(sr: str, hr: str, data: Dataset, pairing: Pairing, notes: tuple[Finding, ...]) -> FilePairs:
    by_stem = {image.stem: image for image in data.images}
    pairs = tuple((stem, file, by_stem[stem]) for stem, file in pairing.pairs.items())
    if not pairs:
        raise UserError(f"no image of {sr!r} pairs with one of {hr!r}: {'; '.join(pairing.lines())}")
    return FilePairs(sr_said=sr, hr_said=hr, pairs=pairs, notes=notes, expected=len(by_stem))


def stored(db: Path, dataset: str, model: str, scale: int, protocol_name: str) -> FilePairs:
    """A model's pictures and those of hr, as `bench.sr_quality` wrote them.

    Raises:
        UserError: the results file has none of that model; the message lists the models it has.
        StoreError: it cannot be read.
    """
    chosen = protocol(protocol_name, scale)
    name = ALIASES.get(dataset, dataset)
    pictures = read([db]).pictures
    own = pictures[(pictures["dataset"] == name) & (pictures["protocol_hash"] == chosen.hash)]
    rows = list(own[["image", "image_sha256", "model", "file"]].itertuples(index=False, name=None))
    # By content too: sr of an earlier image of that name is not held against the present hr.
    hr = {(image, sha256): Path(file) for image, sha256, kind, file in rows if kind == HR}
    sr = {(image, sha256): Path(file) for image, sha256, kind, file in rows if kind == model}
    said = f"{str(db)!r}, {name} x{scale}, protocol {protocol_name}"
    if not sr:
        models = ", ".join(dict.fromkeys(kind for *_, kind, _ in rows if kind not in {HR, LR})) or "none"
        raise UserError(f"{said}: no images of {model!r}; there are images of: {models}")
    pairs = tuple((key[0], file, hr[key]) for key, file in sr.items() if key in hr)
    return FilePairs(sr_said=f"{model} of {said}", hr_said="hr of the same", pairs=pairs, expected=len(hr))


def loaded(pairs: Sequence[tuple[str, Path, ImageFile | Path]], scale: int) -> Iterator[Pixels]:
    """Each pair, read, linted, and hr cropped to multiples of the scale where sr was made from that."""
    for name, sr_file, hr_file in pairs:
        try:
            sr = images.read(sr_file)
            hr = images.read(hr_file) if isinstance(hr_file, Path) else load(hr_file).pixels
        except ImageError as error:
            unreadable = Finding(kind="file", severity="refuse", what=str(error), remedy="it is skipped")
            yield Pixels(name=name, sr=None, hr=None, findings=(unreadable,))
            continue
        findings = lint_pixels(sr, hr, scale)
        # Without pixels: numbers of a pair that does not belong together would look like any others.
        if refusal(findings):
            yield Pixels(name=name, sr=None, hr=None, findings=findings)
        else:
            yield Pixels(name=name, sr=sr, hr=hr[: sr.shape[0], : sr.shape[1]], findings=findings)


def describe_finding(name: str, finding: Finding) -> str:
    """A line for the screen."""
    return escape_control_chars(
        f"{finding.severity} ({finding.kind}) {name}: {finding.text}".replace("\n", " ")
    )
