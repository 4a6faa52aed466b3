"""One image to be made from a layer, and the rows and files that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from bench import images
from bench.inverting.config import Config
from bench.records import Curve, Picture, StyleProtocol
from bench.storage.pictures import relative_to_store
from bench.store import Store
from bench.styles import StyleImage

SUBJECT = "gatys"
SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Goal:
    """An image whose features or Gram matrices another one shall have.

    Attributes:
        image: the content's stem, or the style's name; `sha256` of the file's bytes.
        protocol: with a single layer, of contents or of style.
        pixels: the content or the style image as the protocol has it, RGB in [0, 1].
    """

    dataset: str
    image: str
    sha256: str
    protocol: StyleProtocol
    pixels: Float[Tensor, "1 3 h w"] = field(repr=False)

    @property
    def layer(self) -> str:
        """The one that is looked at."""
        (layer,) = (*self.protocol.content_layers, *self.protocol.style_layers)
        return layer

    @property
    def of_style(self) -> bool:
        """Whether Gram matrices are met, not features."""
        return bool(self.protocol.style_layers)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a stored row of it has."""
        return self.dataset, self.image, self.sha256, self.protocol.hash


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be met: a content, cut and resized, or a style image, resized; RGB in [0, 1]."""

    dataset: str
    image: str
    sha256: str
    pixels: Float[Tensor, "1 3 h w"] = field(repr=False)
    style: StyleImage | None = None

    def goal(self, config: Config, layer: str) -> Goal:
        """To meet it at a layer."""
        protocol = config.reconstruction(layer, self.style) if self.style else config.inversion(layer)
        return Goal(
            dataset=self.dataset,
            image=self.image,
            sha256=self.sha256,
            protocol=protocol,
            pixels=self.pixels,
        )


@dataclass(frozen=True, kw_only=True)
class Made:
    """What became of a goal. `file` is the picture."""

    goal: Goal
    curve: Curve
    file: Path

    @property
    def iterations(self) -> int:
        """That were done."""
        return len(self.curve.total) - 1


def stored(store: Store, goals: Sequence[Goal], config: Config) -> dict[tuple[str, str, str, str], Made]:
    """Those that were made before, with as many iterations at least, and whose picture is still there."""
    found = {}
    curves: dict[tuple[str, str, str, str], Curve] = {}
    files: dict[tuple[str, str, str, str], Path] = {}
    for dataset, digest in {(goal.dataset, goal.protocol.hash) for goal in goals}:
        for curve in store.curves(dataset=dataset, protocol_hash=digest):
            if (curve.subject, curve.subject_hash) == (SUBJECT, config.subject_hash):
                curves[dataset, curve.image, curve.image_sha256, digest] = curve
        for shown in store.pictures(dataset=dataset, protocol_hash=digest):
            if (shown.model, shown.model_hash) == (SUBJECT, config.subject_hash):
                files[dataset, shown.image, shown.image_sha256, digest] = store.place.parent / shown.file
    for goal in goals:
        own, file = curves.get(goal.key), files.get(goal.key)
        if own and file and file.is_file() and len(own.total) > config.iterations:
            found[goal.key] = Made(goal=goal, curve=own, file=file)
    return found


def curve(
    goal: Goal, config: Config, *, terms: Mapping[str, tuple[float, ...]], seconds: float, batch: int
) -> Curve:
    """The row of its objective."""
    return Curve(
        subject=SUBJECT,
        subject_hash=config.subject_hash,
        dataset=goal.dataset,
        image=goal.image,
        image_sha256=goal.sha256,
        protocol_hash=goal.protocol.hash,
        terms=terms,
        seconds=seconds,
        batch=batch,
    )


def file_of(goal: Goal, config: Config) -> Path:
    """FOLDER/DATASET/inversion-relu2_2-256-PROTOCOL-SUBJECT/STEM.png, of either hash its first digits."""
    protocol, hashes = goal.protocol, (goal.protocol.hash[:SHORT], config.subject_hash[:SHORT])
    own = "-".join((protocol.name, goal.layer, str(protocol.size), *hashes))
    return config.pictures.absolute() / goal.dataset / own / f"{goal.image}.png"


def pictures(made: Made, config: Config, store: Path) -> tuple[Picture, Picture]:
    """The rows of its picture and of the content's or style's, which is written; as the results file keeps them."""
    goal = made.goal
    kind = "style" if goal.of_style else "content"
    size = config.style_size if goal.of_style else config.size
    source = config.pictures.absolute() / goal.dataset / f"{kind}-{size}" / f"{goal.image}.png"
    images.write(source, images.to_array(goal.pixels))
    own = picture(goal, SUBJECT, config.subject_hash, made.file)
    return relative_to_store(own, store), relative_to_store(picture(goal, kind, goal.sha256, source), store)


def picture(goal: Goal, model: str, model_hash: str, file: Path) -> Picture:
    """Where an image lies."""
    return Picture(
        dataset=goal.dataset,
        protocol_hash=goal.protocol.hash,
        image=goal.image,
        image_sha256=goal.sha256,
        model=model,
        model_hash=model_hash,
        file=str(file),
    )
