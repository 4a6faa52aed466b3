"""The table of registered upscalers. To add one, add a line to `UPSCALERS`; listing them loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from bench.data import shipped
from bench.records import content_hash


@dataclass(frozen=True, kw_only=True)
class UpscalerEntry:
    """What is known of an upscaler before anything is loaded.

    Attributes:
        hash_id: what stands for the code in the content hash. It never changes, wherever `target` moves to: stored scores
            are found by it.
        target: `module:callable`; called with `scale=` and, where it has weights, `weights=` (a path).
        options: further keyword arguments of the target.
        weights: scale to a file of the manifest or of the package (:mod:`bench.data.shipped`); empty for an upscaler that
            has none and takes any scale.
        minimum: lr pixels per side that it needs at least (:class:`bench.interfaces.Requirements`).
        version: raised whenever the code's values change, so that stored scores are not taken for new ones.
    """

    kind: ClassVar[Literal["upscaler"]] = "upscaler"

    name: str
    about: str
    hash_id: str
    target: str
    options: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[int, str] = field(default_factory=dict)
    minimum: int = 1
    version: str = "1"

    @property
    def weights_text(self) -> str:
        """The scales that it has weights for, in words."""
        return ", ".join(f"x{scale}" for scale in self.weights)

    def supports(self, scale: int) -> bool:
        """Whether it can enlarge by `scale`."""
        return not self.weights or scale in self.weights

    def hash(self, scale: int) -> str:
        """SHA-256 of all that decides its output: code version, options, the weights' own hash."""
        weights = shipped.sha256_of(self.weights[scale]) if self.weights else None
        return content_hash(
            {
                # the key stays `target`, as when it held that: another would orphan every stored score
                "target": self.hash_id,
                "options": dict(self.options),
                "version": self.version,
                "weights": weights,
            }
        )


def _trained(loss: str, scales: tuple[int, ...]) -> tuple[UpscalerEntry, UpscalerEntry]:
    """The paper's network as we trained it, plain and with its output's histogram matched to its input's."""
    about = f"the paper's network (Johnson et al. 2016) trained here with the {loss} loss"
    weights = {scale: f"{shipped.PREFIX}sr-{loss}-x{scale}.safetensors" for scale in scales}
    return (
        UpscalerEntry(
            name=f"sr-{loss}",
            about=about,
            hash_id="models.sr_net:load_sr_net",
            target="models.sr_net:load_sr_net",
            weights=weights,
        ),
        UpscalerEntry(
            name=f"sr-{loss}+match",
            about=f"sr-{loss}, its histogram matched to the lr image's",
            hash_id="baselines.histogram:matched_sr_net",
            target="baselines.histogram:matched_sr_net",
            weights=weights,
        ),
    )


UPSCALERS: dict[str, UpscalerEntry] = {
    entry.name: entry
    for entry in (
        UpscalerEntry(
            name="nearest",
            about="nearest neighbour",
            hash_id="baselines.interpolate:Interpolation",
            target="baselines.interpolate:Interpolation",
            options={"kernel": "box"},
        ),
        UpscalerEntry(
            name="bilinear",
            about="triangle kernel",
            hash_id="baselines.interpolate:Interpolation",
            target="baselines.interpolate:Interpolation",
            options={"kernel": "triangle"},
        ),
        UpscalerEntry(
            name="bicubic",
            about="MATLAB's imresize, cubic kernel a = -0.5",
            hash_id="baselines.bicubic:Bicubic",
            target="baselines.bicubic:Bicubic",
        ),
        UpscalerEntry(
            name="lanczos",
            about="Lanczos kernel of three lobes",
            hash_id="baselines.interpolate:Interpolation",
            target="baselines.interpolate:Interpolation",
            options={"kernel": "lanczos3"},
        ),
        UpscalerEntry(
            name="srcnn-915",
            about="SRCNN 9-1-5 trained on 91 images (Dong et al. 2014), the authors' weights",
            hash_id="baselines.srcnn:SRCNN",
            target="baselines.srcnn:SRCNN",
            weights={scale: f"weights/srcnn/9-1-5-91/x{scale}.mat" for scale in (2, 3, 4)},
        ),
        UpscalerEntry(
            name="srcnn-955",
            about="SRCNN 9-5-5 trained on ImageNet (Dong et al. 2014), the authors' weights",
            hash_id="baselines.srcnn:SRCNN",
            target="baselines.srcnn:SRCNN",
            weights={scale: f"weights/srcnn/9-5-5-imagenet/x{scale}.mat" for scale in (2, 3, 4)},
        ),
        *_trained("pixel", (2, 4, 8)),
        *_trained("feature", (2, 4, 8)),
        UpscalerEntry(
            name="sr-feature-vgg16",
            about="the paper's network trained on VGG-16 almost alone: closer at relu2_2 than sr-feature, worse by LPIPS",
            hash_id="models.sr_net:load_sr_net",
            target="models.sr_net:load_sr_net",
            weights={scale: f"{shipped.PREFIX}sr-feature-vgg16-x{scale}.safetensors" for scale in (2, 4)},
        ),
    )
}
