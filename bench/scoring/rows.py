"""What one image gave as the store keeps it: scores, failures, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench import images
from bench.crops import FOLDER as CROPS_FOLDER
from bench.failures import reason
from bench.files.outputs import image_folders, refuse_clashes
from bench.metrics import MetricEntry
from bench.records import Failure, ImageFile, Picture, Score
from bench.roles import Made
from bench.scoring.plan import Outcome, Plan, Subject


def score_row(
    plan: Plan, image: ImageFile, sha256: str, subject: Subject, metric: MetricEntry, value: float
) -> Score:
    """A value as the store keeps it."""
    return Score(
        model=subject.name,
        model_hash=subject.hash,
        dataset=plan.dataset.name,
        image=image.stem,
        image_sha256=sha256,
        scale=plan.protocol.scale,
        protocol=plan.protocol.name,
        protocol_hash=plan.protocol.hash,
        metric=metric.name,
        metric_version=metric.version,
        value=value,
    )


def failure(plan: Plan, image: ImageFile, model: str, error: Exception, *, prefix: str = "") -> Failure:
    """Why there is no value, as the store keeps it."""
    return Failure(
        dataset=plan.dataset.name,
        image=image.stem,
        model=model,
        scale=plan.protocol.scale,
        reason=f"{prefix}{reason(error)}",
    )


def failed(plan: Plan, image: ImageFile, error: Exception) -> Outcome:
    """What an image gives that cannot be read or used."""
    return Outcome(failures=[failure(plan, image, "", error)])


def picture_file(plan: Plan, model: str, stem: str) -> Path:
    """Where the picture of an image goes: FOLDER/DATASET/x4-johnson2016/MODEL/STEM.png."""
    return pictures_folder(plan) / model / f"{stem}.png"


def pictures_folder(plan: Plan) -> Path:
    """Of the plan's data set under its protocol, a folder per model in it."""
    assert plan.pictures is not None
    protocol = plan.protocol
    given = f"-lr-{protocol.lr_sha256[:8]}" if protocol.lr_sha256 else ""
    return plan.pictures / plan.dataset.name / f"x{protocol.scale}-{protocol.name}{given}"


def refuse_folders(plan: Plan) -> None:
    """
    Raises:
        UserError: pictures would go into a folder that the data set, its lr files or a model's images lie in.
    """
    if plan.pictures is None:
        return
    names = ["hr", "lr", *(subject.name for subject in plan.subjects), CROPS_FOLDER]
    lr = {file.parent for file in plan.lr_files.values()}
    made = [
        (s.name, getattr(s.upscaler, "folder", None)) for s in plan.subjects if isinstance(s.upscaler, Made)
    ]
    refuse_clashes(
        folders_read=[
            *image_folders([plan.dataset]),
            *(("the folder of lr files", folder) for folder in lr),
            *((f"the folder of {name}", folder) for name, folder in made if folder is not None),
        ],
        folders_written=[(f"the folder of {name}'s images", pictures_folder(plan) / name) for name in names],
    )


def keep(
    outcome: Outcome,
    plan: Plan,
    image: ImageFile,
    sha256: str,
    model: str,
    model_hash: str,
    pixels: UInt8[np.ndarray, "h w c"],
) -> None:
    """Add a picture to what one image gave."""
    file = picture_file(plan, model, image.stem)
    outcome.files.append((file, pixels))
    outcome.pictures.append(
        Picture(
            dataset=plan.dataset.name,
            protocol_hash=plan.protocol.hash,
            image=image.stem,
            image_sha256=sha256,
            model=model,
            model_hash=model_hash,
            file=str(file),
            pixels_sha256=images.pixels_sha256(pixels),
        )
    )
