"""Folders of stylised images that another program made, scored as they are: `CONTENT_stylized_STYLE.png`, by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from bench.data import images
from bench.data.layouts import listing
from bench.data.names import listed, normal
from bench.data.styles import StyleImage
from bench.data.whole_file import read_whole
from bench.errors import UserError
from bench.records import Dataset, content_hash
from bench.registry.external import ExternalModel
from bench.styling.methods import ObjectiveMethod
from bench.styling.objective import square
from bench.styling.plan import Content, Item, MeasuredImage, Report
from bench.text import escape_control_chars, stem_of_name

MARK = "_stylized_"
RULE = f"CONTENT{MARK}STYLE.png"
SLACK_PIXELS, SLACK = 8, 0.02
"""By how much a side may differ from the content's aspect: what networks that work in blocks round by."""


@dataclass(frozen=True, kw_only=True)
class StylizedFolder:
    """The images of one folder.

    Attributes:
        files: of each content and style, by their names.
        extra: names of files of no content in no style that is asked for.
        hashes: by style: of the names and the bytes of all its images, whether their contents are asked for or not.
    """

    folder: Path
    files: Mapping[tuple[str, str], Path]
    extra: tuple[str, ...]
    hashes: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """What is skipped."""
        if self.extra:
            names = escape_control_chars(listed(self.extra))
            yield f"{escape_control_chars(str(self.folder))}: skipped, not of a content in one of the styles: {names}"

    def of_style(self, style: str) -> Mapping[str, Path]:
        """The file of each content in a style."""
        return {content: file for (content, name), file in self.files.items() if name == style}


def stylized_folder(model: ExternalModel, data: Dataset, styles: Sequence[StyleImage]) -> StylizedFolder:
    """The images of a folder, one for each content in each style.

    Raises:
        UserError: there is no such folder; a name fits several contents and styles, two names fit one, or one is missing.
            The message says what was given and what is expected.
    """
    folder = Path(model.spec.source.replace("{dataset}", data.name)).absolute()
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r}; must be stylised images called {RULE}")
    contents = {normal(image.stem): image.stem for image in data.images}
    wanted = {normal(style.name): style.name for style in styles}
    if len(wanted) < len(styles):
        raise UserError(
            f"two styles are called alike ({', '.join(style.name for style in styles)}), so that names of stylised images "
            "cannot tell them apart; must be styles of different names"
        )
    given = listing(folder).names
    files: dict[tuple[str, str], Path] = {}
    extra = []
    for name in given:
        pair = _pair(name, contents, wanted)
        if pair is None:
            extra.append(name)
        elif pair in files:
            raise UserError(
                f"{str(folder)!r} has two images of content {pair[0]!r} in style {pair[1]!r}: {files[pair].name!r} and "
                f"{name!r}; must be one"
            )
        else:
            files[pair] = folder / name
    missing = [
        f"{content}{MARK}{style}.png"
        for content in contents.values()
        for style in wanted.values()
        if (content, style) not in files
    ]
    if missing:
        raise UserError(
            f"{str(folder)!r} has no image for {len(missing)} of {len(contents) * len(wanted)} pairs of content and style; "
            f"given: {listed(given) or 'no image'}; expected, as {RULE}: {listed(missing)}"
        )
    return StylizedFolder(
        folder=folder,
        files=files,
        extra=tuple(extra),
        hashes={style: _hash(folder, given, style) for style in wanted.values()},
    )


def _pair(name: str, contents: Mapping[str, str], styles: Mapping[str, str]) -> tuple[str, str] | None:
    """Content and style of a file; None where it is of none.

    Raises:
        UserError: it can be read in several ways.
    """
    parts = normal(stem_of_name(name)).split(MARK)
    ways = [(MARK.join(parts[:i]), MARK.join(parts[i:])) for i in range(1, len(parts))]
    found = [(contents[c], styles[s]) for c, s in ways if c in contents and s in styles]
    if len(found) > 1:
        read = ", or ".join(f"content {content!r} in style {style!r}" for content, style in found)
        raise UserError(f"{name!r} can be {read}; must be names that fit {RULE} in one way")
    return found[0] if found else None


def _hash(folder: Path, names: Sequence[str], style: str) -> str:
    ending = f"{MARK}{normal(style)}"
    own = {stem: name for name in names if (stem := normal(stem_of_name(name))).endswith(ending)}
    return content_hash({stem: _sha256(folder / name) for stem, name in own.items()})


def _sha256(file: Path) -> str:
    """Of a file's bytes; of nothing where it cannot be read, which is reported when it is scored."""
    try:
        return hashlib.sha256(read_whole(file)).hexdigest()
    except OSError:
        return ""


@dataclass(frozen=True, kw_only=True)
class StylizedImages(ObjectiveMethod):
    """The images of a folder in one style, judged as if a network had made them just now.

    Attributes:
        files: by content.
        images_hash: of all of them.
    """

    files: Mapping[str, Path]
    images_hash: str

    @property
    def without_network(self) -> str:
        return "its images were made elsewhere, and the network that made them is not here to be called again"

    def hash(self, item: Item) -> str:
        return self.images_hash

    def make(self, contents: Sequence[Content], iterations: int, report: Report) -> Sequence[MeasuredImage]:
        """
        Raises:
            ImageError: the file is not an image that is measured.
            ValueError: it has another shape than the content, of which both are cut to the centred square.
            NotFinite: its objective is not finite.
        """
        (content,) = contents
        pixels = images.read(self.files[content.name])
        check_shape(self.files[content.name].name, pixels, content)
        image = square(images.to_tensor(pixels), self.aim.protocol.size).to(self.aim.device)
        terms = self.aim.judge(content.pixels.to(self.aim.device), image)
        return [MeasuredImage(image=image, terms=terms, seconds=0.0)]


def check_shape(name: str, pixels: UInt8[np.ndarray, "h w c"], content: Content) -> None:
    """
    Raises:
        ValueError: the aspect is not the content's.
    """
    height, width = pixels.shape[:2]
    expected = content.height * width / content.width
    if abs(height - expected) > max(1.0, min(SLACK_PIXELS, SLACK * max(height, width))):
        raise ValueError(
            f"{name!r} is {width}x{height}, but the content is {content.width}x{content.height}; must be the content's "
            "aspect, or contents that are cut as the images are"
        )
