"""Pictures to a study: trials with opaque names, in blocks that each have an attention check."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from bench.data.whole_file import read_whole
from bench.errors import UserError
from bench.records import HR, LR, content_hash
from bench.study.images import StudyImages, read_stored_image
from bench.study.key import Study, Trial

MOST_CATCH_TRIALS_BY_DEFAULT = 10
OPAQUE_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class ShownImage:
    """A picture of the page: its file in the results, and how many times as large it is shown."""

    file: Path
    enlarge: int = 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study, and by opaque name what its page shows."""

    study: Study
    shown: Mapping[str, ShownImage]


def plan(
    found: StudyImages, *, limit: int | None = None, attention_checks: int | None = None, seed: int = 0
) -> Plan:
    """Every pair of models on every image, and the attention checks. The same pictures and seed give the same study.

    Args:
        limit: number of images, drawn at random; None for all.
        attention_checks: how many pairs of which the right answer is known, each of another image; None for 10, or one
            per image where there are fewer.

    Raises:
        UserError: `limit` or `attention_checks` is out of range; a picture cannot be read; pictures of one image
            differ in size.
    """
    every = list(found.files)
    n_catch = min(MOST_CATCH_TRIALS_BY_DEFAULT, len(every)) if attention_checks is None else attention_checks
    if not 0 <= n_catch <= len(every):
        raise UserError(f"--attention-checks must be 0 to {len(every)}, the number of images (got {n_catch})")
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1 (got {limit})")
    draw = random.Random(seed)
    # The order of the draws is part of a study: another one makes another study of the same seed.
    chosen = sorted(draw.sample(every, min(limit or len(every), len(every))))
    catching = draw.sample(every, n_catch)
    used = {image: found.files[image] for image in sorted({*chosen, *catching})}
    namer = _Namer(secret=_secret(used, seed))
    sizes = {image: _size(files, found.protocol.scale) for image, files in used.items()}
    pairs = [
        namer.trial(image, pair, sizes[image]) for image in chosen for pair in combinations(found.models, 2)
    ]
    study = Study(
        dataset=found.dataset,
        protocol=found.protocol.name,
        protocol_hash=found.protocol.hash,
        scale=found.protocol.scale,
        models=dict(found.models),
        seed=seed,
        trials=_blocks(pairs, [namer.trial(image, (HR, LR), sizes[image]) for image in catching], draw),
    )
    return Plan(study=study, shown=_shown(study, found.files, namer))


@dataclass(frozen=True)
class _Namer:
    """Names that say nothing to whoever has not all the pictures."""

    secret: str

    def name(self, *parts: str) -> str:
        # Joined by a character that no name holds, so that no two lists of parts give one text.
        text = "\0".join((self.secret, *parts)).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:OPAQUE_DIGITS]

    def trial(self, image: str, models: tuple[str, str], size: tuple[int, int]) -> Trial:
        named = {self.name("picture", image, model): model for model in models}
        return Trial(
            id=self.name("trial", image, *models),
            image=image,
            reference=self.name("reference", image),
            # By opaque name: in the order of the models a worker could tell which is which.
            pictures=dict(sorted(named.items())),
            size=size,
            block=0,
        )


def _secret(used: Mapping[str, Mapping[str, Path]], seed: int) -> str:
    digests = {
        image: {model: _digest(file) for model, file in files.items()} for image, files in used.items()
    }
    # Of the bytes of all pictures: whoever knows the models' names alone cannot compute the opaque ones.
    return content_hash({"seed": seed, "pictures": digests})


def _digest(file: Path) -> str:
    if not os.path.isfile(file):  # noqa: PTH113 (Path.is_file raises on names that are too long)
        raise UserError(
            f"the image {str(file)!r} of the results is missing; put it back, or score its "
            "data set again with --force"
        )
    return hashlib.sha256(read_whole(file)).hexdigest()


def _size(files: Mapping[str, Path], scale: int) -> tuple[int, int]:
    """Width and height of hr, which every model's picture must have."""
    sizes = {model: read_stored_image(file).size for model, file in files.items()}
    width, height = sizes[HR]
    small = sizes.pop(LR)
    sizes[f"lr times {scale}"] = (small[0] * scale, small[1] * scale)
    for model, size in sizes.items():
        if size != (width, height):
            raise UserError(
                f"image {str(files.get(model, files[LR]))!r}: {model} has {size[0]}x{size[1]} pixels; "
                f"must be {width}x{height}, as hr has"
            )
    return width, height


def _blocks(pairs: Sequence[Trial], catches: Sequence[Trial], draw: random.Random) -> tuple[Trial, ...]:
    """All trials, spread at random over as many blocks as there are attention checks; in the order of their names."""
    n = max(1, len(catches))
    dealt = [
        replace(trial, block=position % n)
        for trials in (draw.sample(pairs, len(pairs)), catches)
        for position, trial in enumerate(trials)
    ]
    # By id: as they were dealt, the attention check would stand last in each block.
    return tuple(sorted(dealt, key=lambda trial: (trial.block, trial.id)))


def _shown(study: Study, files: Mapping[str, Mapping[str, Path]], namer: _Namer) -> dict[str, ShownImage]:
    found = {}
    for trial in study.trials:
        found[trial.reference] = ShownImage(file=files[trial.image][LR])
        for name, model in trial.pictures.items():
            found[name] = ShownImage(
                file=files[trial.image][model], enlarge=study.scale if model == LR else 1
            )
    return dict(sorted(found.items()))
