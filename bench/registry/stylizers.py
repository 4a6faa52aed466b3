"""The table of registered style networks. To add one, add a line to `STYLIZERS`; listing them loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from bench.data import shipped
from bench.records import content_hash

TRAINED = ("la_muse", "starry_night", "wave", "composition_vii")
"""Styles that we trained a network for, on VGG-16, whose weights are in `models/weights`."""
SEED = 0


@dataclass(frozen=True, kw_only=True)
class StylizerEntry:
    """What is known of a style network before anything is loaded.

    Attributes:
        hash_id: what stands for the code in the content hash. It never changes, wherever `target` moves to: stored curves
            and timings are found by it.
        target: `module:callable` that returns the network; called with the path of its weights, if it has any.
        weights: manifest file, or one that the package ships; None for random weights, whose pictures mean nothing but
            take as long.
        style: the style image it was trained for, by its name in :mod:`bench.data.styles`; empty for none.
        loss_network: that it was trained with; empty where there was none.
        minimum: pixels per side that it needs at least (:class:`bench.interfaces.Requirements`); 41 is that of
            :mod:`models.style_net`, which every network of this table is.
        version: raised whenever the code's values change, so that stored timings are not taken for new ones.
    """

    kind: ClassVar[Literal["stylizer"]] = "stylizer"

    name: str
    about: str
    hash_id: str
    target: str
    weights: str | None = None
    style: str = ""
    loss_network: str = ""
    minimum: int = 41
    version: str = "1"

    def hash(self, scale: int = 1) -> str:
        """SHA-256 of all that decides its output: code version and the weights' own hash."""
        weights = shipped.sha256_of(self.weights) if self.weights else None
        return content_hash({"target": self.hash_id, "version": self.version, "weights": weights})

    @property
    def text(self) -> str:
        """What it is asked for by."""
        return self.name

    @property
    def weights_text(self) -> str:
        """Where the weights come from, in the words of every table."""
        return self.weights.rpartition("/")[2] if self.weights else f"random weights, seed {SEED}"


STYLIZERS: dict[str, StylizerEntry] = {
    entry.name: entry
    for entry in (
        StylizerEntry(
            name="style-paper",
            about="the paper's network (batch norm, 32 filters) with random weights: for timing only",
            hash_id="bench.stylizers:random_paper_network",  # where it lay when it was first hashed
            target="bench.registry.random_network:random_paper_network",
        ),
        *(
            StylizerEntry(
                name=f"style-{style}",
                about=f"the paper's network as we trained it for {style}",
                hash_id="models.style_net:load_style_net",
                target="models.style_net:load_style_net",
                weights=f"{shipped.PREFIX}style-{style}.safetensors",
                style=style,
                loss_network="vgg16",
            )
            for style in TRAINED
        ),
        *(
            StylizerEntry(
                name=f"style-johnson-{style}",
                about=f"the authors' released network for {style}: instance norm, half width (Johnson et al.)",
                hash_id="models.johnson_onnx:load_johnson",
                target="models.johnson_onnx:load_johnson",
                weights=f"weights/style-johnson-in/{style}.onnx",
                style=style,
                loss_network="vgg16",
            )
            for style in ("candy", "la_muse", "mosaic", "udnie")
        ),
    )
}
