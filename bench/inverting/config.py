"""The config of `bench.inversion`: its command line, checked before an image or a network is loaded, and its layers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.applying.config import gather
from bench.data import styles
from bench.data.datasets import dataset
from bench.data.styles import LOSS_WEIGHTS, StyleImage, style_image, weights_name
from bench.errors import UserError
from bench.records import Dataset, StyleProtocol, content_hash
from bench.styling.config import Baseline
from models.vgg_weights import find_architecture

PAPER = {
    "Figure 3": ("relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"),
    "Figure 4": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
}
"""Layers whose features are met (Figure 3) and whose Gram matrices are met (Figure 4)."""

LOOSE = "files"
"""The data set of images that are named one by one."""
STYLES = "styles"
"""The data set that style images are stored as."""


def choose(
    named: Sequence[str] | None, figure: str, loss_network: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers to look at: those named, or the figure's; where it lacks some, all that end in a ReLU.

    Returns:
        The layers, and a line that names the figure's that are missing; no line where none is.

    Raises:
        UserError: a layer was named that the network does not have; the message lists those it has.
    """
    there = reached(loss_network)
    if named is not None:
        check_layers(named, loss_network)
        return tuple(dict.fromkeys(named)), ()
    missing = [layer for layer in PAPER[figure] if layer not in there]
    if not missing:
        return PAPER[figure], ()
    # Layers before a ReLU are left to whoever names them: the paper shows none.
    instead = tuple(layer for layer in there if layer.startswith("relu"))
    having = [name for name in LOSS_WEIGHTS if set(PAPER[figure]) <= set(reached(name))]
    return instead, (
        f"{figure}: {', '.join(missing)} missing in {loss_network}, present in {' and '.join(having)}; "
        f"used instead: {', '.join(instead)}",
    )


def reached(loss_network: str) -> tuple[str, ...]:
    """The layers of a loss network, first to last."""
    return find_architecture(loss_network).layers


def check_layers(named: Sequence[str], loss_network: str) -> None:
    """
    Raises:
        UserError: a layer that the network does not reach; the message lists those that it does.
    """
    there = reached(loss_network)
    for layer in named:
        if layer not in there:
            raise UserError(
                f"layer is {layer!r}; must be one that {loss_network} reaches: {', '.join(there)}"
            )


def check_size(size: int, layers: Sequence[str], loss_network: str) -> None:
    """
    Raises:
        UserError: images of this size have no pixel left at one of the layers.
    """
    there = reached(loss_network)
    for layer in layers:
        least = 2 ** sum(name.startswith("pool") for name in there[: there.index(layer) + 1])
        if size < least:
            raise UserError(f"--size must be at least {least} for {layer} (got {size})")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The command line, checked; every name and layer is known. A field is called as its option is.

    Attributes:
        contents: data sets, whose features are met at each of `layers`.
        styles: whose Gram matrices are met at each of `style_layers`.
        missing: a line for each figure of the paper whose layers the loss network does not have.
        tv_weight: of the total variation, beside a content's weight of 1 and the style's of `DEFAULTS`; None for one
            that suits each layer.
        content_tv, style_tv: it by layer, when :func:`bench.inverting.weights.weighed` has found it.
        style_size: longer side of a style image.
        save_images: folder for what is made and what it was made from.
    """

    contents: tuple[Dataset, ...]
    styles: tuple[StyleImage, ...]
    layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    missing: tuple[str, ...]
    loss_network: str
    tv_weight: float | None
    size: int
    style_size: int
    iterations: int
    seed: int
    device: str
    db: Path
    save_images: Path
    force: bool
    content_tv: Mapping[str, float] = field(default_factory=dict)
    style_tv: Mapping[str, float] = field(default_factory=dict)

    @property
    def subject_hash(self) -> str:
        """Of all that decides the optimisation but its objective and for how long it goes on."""
        # `kept` parts these from images of the same optimisation that are the last ones, not the best.
        return content_hash({"baseline": Baseline(seed=self.seed).hash, "kept": "lowest"})

    def inversion(self, layer: str) -> StyleProtocol:
        """What is minimised to see what a layer keeps of a content (Figure 3)."""
        return StyleProtocol(
            name="inversion",
            size=self.size,
            # No style: the same hash whatever --styles and --style-size say.
            style="",
            style_sha256="",
            style_size=0,
            loss_network=self.loss_network,
            loss_weights=weights_name(self.loss_network),
            content_layers=(layer,),
            style_layers=(),
            style_weight=0.0,
            tv_weight=self.content_tv[layer],
        )

    def reconstruction(self, layer: str, style: StyleImage) -> StyleProtocol:
        """What is minimised to see what a layer keeps of a style (Figure 4)."""
        chosen = styles.protocol(
            style,
            self.size,
            loss_network=self.loss_network,
            content_layers=(),
            style_layers=(layer,),
            content_weight=0.0,
            tv_weight=self.style_tv[layer],
            style_size=self.style_size,
        )
        return replace(chosen, name="reconstruction")

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Every layer, once."""
        return tuple(
            dict.fromkeys(
                (*(self.layers if self.contents else ()), *(self.style_layers if self.styles else ()))
            )
        )

    @property
    def expected(self) -> set[tuple[str, str]]:
        """Data set and hash of the protocol of all that shall come out, one image at least of each."""
        inversions = {
            (data.name, self.inversion(layer).hash) for data in self.contents for layer in self.layers
        }
        return inversions | {(STYLES, protocol.hash) for protocol in self.protocols if protocol.style_layers}

    @property
    def protocols(self) -> tuple[StyleProtocol, ...]:
        """Every objective, those of the contents first."""
        return (
            *(self.inversion(layer) for layer in self.layers if self.contents),
            *(self.reconstruction(layer, style) for style in self.styles for layer in self.style_layers),
        )


def read_config(args: argparse.Namespace) -> Config:
    """Check numbers, resolve names and layers; what is None is chosen here. Names given twice count once.

    Raises:
        UserError: neither contents nor styles, an unknown name or layer, two contents of one name, a number that
            cannot be, images too small for a layer.
        MissingFile: a named style image that is not to be had.
    """
    if not args.contents and not args.styles:
        raise UserError("nothing to invert; must be a CONTENT, or --styles with a style image")
    style_size = args.size if args.style_size is None else args.style_size
    counts = {"size": args.size, "style-size": style_size, "iterations": args.iterations, "limit": args.limit}
    check_numbers(counts, args.seed)
    # NaN is in no interval and is refused, too.
    if args.tv_weight is not None and not 0 <= args.tv_weight < float("inf"):
        raise UserError(f"--tv-weight is {args.tv_weight}; must be a finite number of at least 0")
    layers, missing = choose(args.layers, "Figure 3", args.loss_network)
    style_layers, missing_of_style = choose(args.style_layers, "Figure 4", args.loss_network)
    used = (layers if args.contents else ()) + (style_layers if args.styles else ())
    check_size(args.size, used, args.loss_network)
    if args.save_images.exists() and not args.save_images.is_dir():
        raise UserError(f"--save-images {str(args.save_images)!r} is a file; must be a folder")
    return Config(
        contents=tuple(replace(data, images=data.images[: args.limit]) for data in datasets(args.contents)),
        styles=named_styles(args.styles),
        layers=layers,
        style_layers=style_layers,
        missing=(missing if args.contents else ()) + (missing_of_style if args.styles else ()),
        loss_network=args.loss_network,
        tv_weight=args.tv_weight,
        size=args.size,
        style_size=style_size,
        iterations=args.iterations,
        seed=args.seed,
        device=args.device,
        db=args.db,
        save_images=args.save_images,
        force=args.force,
    )


def check_numbers(counts: Mapping[str, int | None], seed: int) -> None:
    """
    Raises:
        UserError: a count below 1, a negative seed.
    """
    for name, value in counts.items():
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1 (got {value})")
    if seed < 0:
        raise UserError(f"--seed must be at least 0 (got {seed})")


def datasets(contents: Sequence[str]) -> tuple[Dataset, ...]:
    """Each data set and folder, and the images that are named one by one as one more.

    Raises:
        UserError: neither file, folder nor data set; two of one name.
    """
    loose = [name for name in dict.fromkeys(contents) if Path(name).is_file()]
    found = [dataset(name, every=True) for name in dict.fromkeys(contents) if name not in loose]
    if loose:
        found.append(Dataset(name=LOOSE, images=tuple(gather(loose)), source="named one by one"))
    check_unique([data.name for data in found], "data sets")
    return tuple(found)


def named_styles(names: Sequence[str]) -> tuple[StyleImage, ...]:
    """Each style once.

    Raises:
        UserError: an unknown name, two pictures of one name.
        MissingFile: a named one is not to be had.
    """
    found = tuple({image.sha256: image for image in map(style_image, names)}.values())
    check_unique([image.name for image in found], "styles")
    return found


def check_unique(names: Sequence[str], what: str) -> None:
    """
    Raises:
        UserError: a name that is there twice; pictures and rows are named by it.
    """
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise UserError(
            f"two {what} are called {repeated[0]!r}; must be one name each: rename one, or run them apart"
        )
