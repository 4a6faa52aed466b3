"""The options of `bench.apply`, checked before anything is loaded, and the images that they name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench import arguments
from bench.applying.origin import Origin, file_name, still_to_do
from bench.data.datasets import NAMED, dataset, left_out
from bench.errors import UserError
from bench.outputs import Named, check_clashes, image_files, model_files
from bench.records import Dataset, ImageFile
from bench.registry import catalog
from bench.registry.stylizers import StylizerEntry
from bench.variants.variant import parse_variant

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Config:
    """The options, each called as on the command line, and what comes of them.

    Attributes:
        images: those of all inputs, each once.
        size: longer side that a stylizer's images are resized to; None for as they are.
        variant: `auto` or the name of a variant.
        left_out: what of the folders is no image, in lines to be shown.
        name: of the outputs, of `{stem}` and `{model}`.
        waiting: images whose output is not there yet, or is to be made again.
    """

    model: str
    images: tuple[ImageFile, ...]
    out: Path
    scale: int
    size: int | None
    median: bool
    variant: str
    force: bool
    db: Path
    device: str
    tile: arguments.Tile
    self_ensemble: bool
    name: str
    left_out: tuple[str, ...]
    waiting: tuple[ImageFile, ...] = ()

    def output(self, image: ImageFile) -> Path:
        """The PNG that is made of an image."""
        model = catalog.entry(self.model).name
        return output(self.out, file_name(self.name, stem=image.stem, model=model))

    @cached_property
    def origin(self) -> Origin:
        """What outputs are made of, but for the input."""
        options = {
            "scale": self.scale,
            "size": self.size,
            "median": self.median,
            # As asked: `auto` may choose another variant once a sweep is measured, and its outputs are kept all the same.
            "rung": self.variant,
            "tile": self.tile,
            "self_ensemble": self.self_ensemble,
        }
        return Origin(
            model=catalog.entry(self.model).name,
            model_hash=catalog.entry(self.model).hash(self.scale),
            options=options,
        )

    def resized(self, h: int, w: int) -> tuple[int, int]:
        """(h, w) with the longer side changed to `size`, if there is one."""
        return (h, w) if self.size is None else resized(h, w, self.size)


def output(out: Path, name: str) -> Path:
    """The PNG in `out` of that name."""
    return out / f"{name}.png"


def resized(h: int, w: int, size: int) -> tuple[int, int]:
    """(h, w) with the longer side changed to `size`, the aspect kept as well as whole pixels can."""
    return max(1, round(h * size / max(h, w))), max(1, round(w * size / max(h, w)))


def configure(
    *,
    model: str,
    inputs: Sequence[str],
    out: Path,
    scale: int | None = None,
    size: int | None = None,
    median: bool = False,
    variant: str = AUTO,
    force: bool = False,
    db: Path = Path("results.db"),
    tile: str = "auto",
    self_ensemble: bool = False,
    name: str = "{stem}",
    device: str = "auto",
) -> Config:
    """Resolve names and files; nothing heavy is loaded.

    Raises:
        UserError: an unknown model, variant, file or folder; an option that the model does not have; two inputs of one
            stem; an output that would overwrite an input.
    """
    _check_options(model, scale=scale, size=size, median=median)
    _check_tiles(model, tile=tile, self_ensemble=self_ensemble)
    if variant != AUTO:
        parse_variant(variant)
    config = Config(
        model=model,
        images=tuple(gather(inputs)),
        out=out,
        scale=catalog.scale_of(model, scale),
        size=size,
        median=median,
        variant=variant,
        force=force,
        db=db,
        device=device,
        tile=arguments.tile(tile),
        self_ensemble=self_ensemble,
        left_out=tuple(line for name in inputs for line in _left_out(name)),
        name=name,
    )
    check_outputs(config.images, config.output, out, inputs, [model])
    if force:
        return replace(config, waiting=config.images)
    # Asked for late: the origin hashes the model's weights, which is not needed where no output is there.
    waiting = still_to_do(config.images, config.output, lambda: config.origin, "{stem}-{model}")
    return replace(config, waiting=waiting)


def _check_options(model: str, *, scale: int | None, size: int | None, median: bool) -> None:
    kind = catalog.kind(model)
    entry = catalog.entry(model)
    if isinstance(entry, StylizerEntry) and entry.weights is None:
        raise UserError(f"{model} has random weights, which are for timing only; use another model")
    if kind == "stylizer" and scale is not None:
        raise UserError(f"--scale is {scale}, but {model} is a stylizer, which has none; leave it out")
    if kind == "upscaler" and (size is not None or median):
        option = "--median" if size is None else f"--size {size}"
        raise UserError(f"{option} is for a stylizer, but {model} is an upscaler; leave it out")
    for name, value in (("--scale", scale), ("--size", size)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1 (got {value})")


def _check_tiles(model: str, *, tile: str, self_ensemble: bool) -> None:
    if catalog.kind(model) == "upscaler" or not (self_ensemble or tile not in {AUTO, "off"}):
        return
    raise UserError(
        f"{'--self-ensemble' if self_ensemble else '--tile'} is for an upscaler, but {model} is a stylizer, which "
        "looks at the whole image; leave it out"
    )


def gather(inputs: Sequence[str]) -> Iterator[ImageFile]:
    """Every image once, in the order given.

    Raises:
        UserError: neither file, folder nor data set; two files of one stem.
    """
    by_stem: dict[str, ImageFile] = {}
    for image in (image for name in inputs for image in _images(name)):
        other = by_stem.setdefault(image.stem, image)
        if other is image:
            yield image
        elif other.file != image.file:
            raise UserError(
                f"two inputs are called {image.stem!r}: {other.file!r} and {image.file!r}; must be different names, "
                "since their outputs are named after them"
            )


def _images(name: str) -> Sequence[ImageFile]:
    path = Path(os.path.abspath(name))  # noqa: PTH100 (links stay as they were given)
    if path.is_dir():
        return dataset(str(path), every=True).images
    # A file or folder called like a data set is what was meant.
    if not path.exists() and name in NAMED:
        return dataset(name).images
    if not path.exists():
        raise UserError(
            f"there is no file or folder {name!r}; must be an image, a folder of images or a data set"
        )
    return (ImageFile(stem=path.stem, file=str(path)),)


def _left_out(name: str) -> Iterator[str]:
    path = Path(os.path.abspath(name))  # noqa: PTH100 (links stay as they were given)
    if path.is_dir():
        yield from left_out(dataset(str(path), every=True))


def check_outputs(
    images: Sequence[ImageFile],
    output: Callable[[ImageFile], Path],
    out: Path,
    inputs: Sequence[str],
    models: Sequence[str] = (),
    others: Iterable[Named] = (),
) -> None:
    """
    Args:
        inputs: as they were given: a folder among them is not what outputs go into.
        models: whose files are read.
        others: files that are read.

    Raises:
        UserError: `out` is a file or an input's folder, an output would overwrite an input, or two outputs are one.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {str(out)!r} is a file; must be a folder")
    read = Dataset(name="the inputs", images=images, source="")
    check_clashes(
        reads=[*image_files([read]), *model_files(models), *others],
        writes=[("the output", output(image)) for image in images],
        folders_read=[("an input", name) for name in inputs if os.path.isdir(name)],  # noqa: PTH112 (long names)
        folders_written=[("--out", out)],
    )
