"""Which stored pictures a preference study can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from bench.errors import RunError, UserError
from bench.records import HR, LR, SRProtocol
from bench.storage.reader import ResultsData

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class StudyImages:
    """What is there for a data set under a protocol.

    Attributes:
        models: name -> hash of code and weights, in the order asked for.
        files: image -> `hr`, `lr` and each model -> its file; images by name, only those that have all.
        missing: images of which not every model has a picture.
    """

    dataset: str
    protocol: SRProtocol
    models: Mapping[str, str]
    files: Mapping[str, Mapping[str, Path]]
    missing: tuple[str, ...]


def study_images(
    contents: ResultsData, *, dataset: str, protocol: SRProtocol, models: Sequence[str]
) -> StudyImages:
    """The pictures of `models`; of a model that was changed in between, those of its last version alone.

    Raises:
        UserError: fewer than two models, one named twice, or one that has no pictures.
        RunError: there are no pictures of the data set under the protocol, or no image of which all have one.
    """
    if len(set(models)) != len(models) or len(models) < 2:
        raise UserError(f"models are {', '.join(models)}; needs two or more different ones")
    table = _table(contents, dataset, protocol)
    known = [name for name in dict.fromkeys(table["model"]) if name not in {HR, LR}]
    for model in models:
        if model not in known:
            raise UserError(
                f"there are no images of a model {model!r}; there are some of: {', '.join(sorted(known))}"
            )
    newest = _newest(table[table["model"].isin([HR, LR, *models])])
    complete = {image: files for image, files in newest.items() if len(files) == len(models) + 2}  # hr and lr
    if not complete:
        raise RunError(
            f"of no image of {dataset} are hr, lr, {', '.join(models)} all stored; needs at least one: "
            "score them in one run of bench.sr_quality"
        )
    hashes = table.groupby("model", sort=False)["model_hash"].last()
    return StudyImages(
        dataset=dataset,
        protocol=protocol,
        models={model: str(hashes[model]) for model in models},
        files=complete,
        missing=tuple(image for image in newest if image not in complete),
    )


def _table(contents: ResultsData, dataset: str, protocol: SRProtocol) -> pd.DataFrame:
    """Rows of the data set under the protocol, the older runs first."""
    found = contents.pictures
    for column, value, name in (
        ("dataset", dataset, dataset),
        ("protocol_hash", protocol.hash, f"{protocol.name} x{protocol.scale}"),
    ):
        rows = found[found[column] == value]
        if rows.empty:
            there = [_name(contents, column, other) for other in dict.fromkeys(found[column])]
            raise RunError(
                f"the results have no images of {name!r}; there are {'some of: ' if there else 'none at all'}"
                f"{', '.join(sorted(there))}; run bench.sr_quality for it, without --no-images"
            )
        found = rows
    order = {store: position for position, store in enumerate(contents.stores)}
    return found.assign(order=found["store"].map(order)).sort_values(["order", "run"], kind="stable")


def _name(contents: ResultsData, column: str, value: str) -> str:
    if column == "dataset":
        return value
    rule = contents.protocols.get(value)
    if rule is None:
        style = contents.style_protocols.get(value)
        return f"an unknown protocol ({value[:8]})" if style is None else style.name
    return f"{rule.name} x{rule.scale}"


def _newest(table: pd.DataFrame) -> dict[str, dict[str, Path]]:
    """Image -> model -> file, of the last hash of each model and of the last bytes of each image."""
    # The rows are sorted by run: the last one of a model or an image is the newest.
    last_hash = table.groupby("model")["model_hash"].transform("last")
    last_bytes = table.groupby("image")["image_sha256"].transform("last")
    kept = table[(table["model_hash"] == last_hash) & (table["image_sha256"] == last_bytes)]
    found: dict[str, dict[str, Path]] = {image: {} for image in sorted(set(table["image"]))}
    for image, model, file in zip(kept["image"], kept["model"], kept["file"], strict=True):
        found[image][model] = Path(file)
    return found


def read_stored_image(file: Path) -> Image.Image:
    """A grey or RGB picture, decoded.

    Raises:
        UserError: it cannot be decoded or has other channels.
    """
    try:
        # PNG alone, which all stored pictures are: results of others may name any file, and Pillow has many decoders.
        with Image.open(file, formats=["PNG"]) as picture:
            picture.load()
    # SyntaxError is what Pillow raises for a broken PNG chunk.
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise UserError(f"image {str(file)!r} cannot be read: {error}; must be a valid PNG") from error
    if picture.mode not in {"L", "RGB"}:
        raise UserError(f"image {str(file)!r} has mode {picture.mode}; must be 8-bit grey or RGB")
    return picture
