"""What a report is made of: the records that tables, figures, HTML and PDF read. :mod:`reports.load.gather` fills them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.records import HR, LR, Curve, MetricInfo, SpeedResult, SRProtocol, StyleProtocol
from bench.storage.reader import StoredRun

if TYPE_CHECKING:
    import pandas as pd

SHORT = 8  # digits of a hash that are printed
SOURCES = (HR, LR)
CONTENT, GATYS, STYLE = "content", "gatys", "style"  # what is no network among the subjects of style transfer
LONGEST_ANCHOR = 60


def anchor(text: str) -> str:
    """Of a name that may hold anything, what may stand in an id and a file name; different names stay different."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in text)
    if plain == text and len(text) <= LONGEST_ANCHOR:
        return text
    # surrogatepass: names from undecodable file names hold lone surrogates.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{plain[:LONGEST_ANCHOR]}-{digest[:SHORT]}"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Everything that a number depends on.

    Attributes:
        id: short and stable: equal content, equal id; usable as an HTML anchor.
        subject: model or optimisation.
        definition: of the protocol.
        environment_hash: of the machine, in :attr:`Results.environments`.
        extra: for a timing, what :mod:`bench.timing.provenance` says beyond protocol and machine.
    """

    id: str
    subject: str
    subject_hash: str
    protocol: str
    protocol_hash: str
    definition: Mapping[str, Any]
    environment_hash: str
    runs: tuple[StoredRun, ...]
    extra: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A data set at one scale under one protocol: a table, and the pictures beside it.

    Attributes:
        id: `set5-x4-08821999`.
        models: worse mean PSNR of this very group first.
        images: stems, sorted.
        metrics: in the order of :data:`reports.load.gather.METRIC_ORDER`, then by name.
        values: rows are images, columns (model, metric); NaN where there is no value, infinity for the PSNR of
            identical images.
        provenance: by model and metric.
        pictures: by image and model, `hr` and `lr` among them; absolute paths that were there when it was read.
        lost_images: how many the store names that are no longer there.
        of_hr: by metric that needs no reference, then by image, the values of HR itself: no model's, never ranked.
        maps: by image, model and metric, where the picture differs from HR; those of the very pictures in `pictures`.
    """

    id: str
    dataset: str
    protocol: SRProtocol
    models: tuple[str, ...]
    images: tuple[str, ...]
    metrics: tuple[MetricInfo, ...]
    values: pd.DataFrame
    provenance: Mapping[tuple[str, str], Provenance]
    pictures: Mapping[tuple[str, str], Path]
    lost_images: int
    of_hr: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    maps: Mapping[tuple[str, str, str], Path] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        """The upscaling factor."""
        return self.protocol.scale

    @property
    def title(self) -> str:
        """`set5 x4, protocol johnson2016 (08821999)`."""
        return f"{self.dataset} x{self.scale}, protocol {self.protocol.name} ({self.protocol.hash[:SHORT]})"

    def column(self, model: str, metric: str) -> pd.Series:
        """The values that there are, by image; empty where there are none."""
        import pandas as pd

        if (model, metric) not in self.values.columns:
            return pd.Series(dtype=float)
        return self.values[model, metric].dropna()


@dataclass(frozen=True, kw_only=True)
class StyleGroup:
    """A data set under one objective: curves of it, and the pictures that were judged or made by it.

    Attributes:
        id: `la_muse-256-08821999`.
        subjects: the content itself, the optimisation, then networks: the authors' last.
        curves: by subject, then by image; all totals finite, none empty.
        pictures: by image and subject; absolute paths that were there when it was read.
        style_picture: None where there is none, or it is no longer there.
        provenance: by subject.
        lost_images: how many the store names that are no longer there.
    """

    id: str
    dataset: str
    protocol: StyleProtocol
    subjects: tuple[str, ...]
    curves: Mapping[str, Mapping[str, Curve]]
    pictures: Mapping[tuple[str, str], Path]
    style_picture: Path | None
    provenance: Mapping[str, Provenance]
    lost_images: int

    @property
    def purpose(self) -> Literal["transfer", "inversion", "reconstruction"]:
        """What the objective is for: style transfer, an image from features (Figure 3), or from style (Figure 4)."""
        if not self.protocol.style_layers:
            return "inversion"
        return "transfer" if self.protocol.content_layers else "reconstruction"

    @property
    def title(self) -> str:
        """`la_muse at 256x256, coco50, protocol johnson2016-style (08821999)`."""
        p = self.protocol
        what = f"{p.style} at " if p.style else ""
        return f"{what}{p.size}x{p.size}, {self.dataset}, protocol {p.name} ({p.hash[:SHORT]})"


@dataclass(frozen=True, kw_only=True)
class Results:
    """All groups, timings, objectives of style transfer and machines of a report.

    Attributes:
        environments: facts by hash.
        with_published: reference runs that the suite ships are shown beside what was measured.
        notes: what a reader must know: weights that changed, pictures that are gone, several machines.
    """

    stores: tuple[str, ...]
    groups: tuple[Group, ...]
    timings: tuple[tuple[SpeedResult, Provenance], ...]
    environments: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]
    styles: tuple[StyleGroup, ...] = ()
    with_published: bool = False

    @property
    def provenance(self) -> dict[str, Provenance]:
        """By id, in the order of use."""
        scored = [c for group in self.groups for c in group.provenance.values()]
        styled = [c for group in self.styles for c in group.provenance.values()]
        return {c.id: c for c in [*scored, *(c for _, c in self.timings), *styled]}
