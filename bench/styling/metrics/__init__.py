"""The table of style metrics. To add one, add a file, and an entry to `METRICS`; listing them loads nothing.

A style metric is a function of a :class:`bench.styling.stylized.Stylized` that gives one number. It has no options.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError, did_you_mean
from bench.records import MetricInfo

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class StyleMetricEntry:
    """What is known of a style metric before anything is loaded.

    Attributes:
        about: what it is the distance, or the likeness, of.
        source: where it is defined: authors and year, or a module.
        target: `module:callable`: the metric itself, or, with `needs`, called with their paths and `device=`.
        higher_is_better: of a stylized image, all else being equal; no single one of them says which image is best.
        version: raised whenever the code's values change, so that stored scores are not taken for new ones.
        decimals: digits behind the point, where a reader wants a fixed number of them.
        needs: manifest files.
        unit: of the values; empty for none.
        least: pixels that each side must have.
        per_layer: called once for each style layer, with `layer=`; each has a value NAME-LAYER.
        of_network: measures the style network, not the image: of the content itself and of an optimisation there is none.
    """

    name: str
    about: str
    source: str
    target: str
    higher_is_better: bool
    version: str = "1"
    decimals: int = 4
    needs: tuple[str, ...] = ()
    unit: str = ""
    least: int = 1
    per_layer: bool = False
    of_network: bool = False


@dataclass(frozen=True, kw_only=True)
class StyleMetric:
    """A style metric, loaded, for one layer where it has one for each.

    Attributes:
        name: of its values: that of the entry, or NAME-LAYER.
        measure: a :class:`bench.styling.stylized.Stylized` to the value.
    """

    name: str
    entry: StyleMetricEntry
    measure: Callable[[Any], float]

    @property
    def info(self) -> MetricInfo:
        """What goes into the results file beside its scores."""
        names = ("version", "about", "unit", "decimals", "higher_is_better")
        return MetricInfo(name=self.name, **{name: getattr(self.entry, name) for name in names})


METRICS: dict[str, StyleMetricEntry] = {
    entry.name: entry
    for entry in (
        StyleMetricEntry(
            name="content-lpips",
            about="LPIPS 0.1 on AlexNet between the image and the content, both RGB",
            source="Zhang et al. 2018, arXiv:1801.03924",
            target="bench.styling.metrics.content:content_lpips",
            higher_is_better=False,
            needs=("weights/trunks/alexnet-features.safetensors",),
            least=31,  # below, AlexNet's poolings leave nothing
        ),
        StyleMetricEntry(
            name="content-ssim",
            about="SSIM, Gaussian 11x11, between the luma of the image and that of the content",
            source="Wang et al. 2004, doi:10.1109/TIP.2003.819861",
            target="bench.styling.metrics.content:content_ssim",
            higher_is_better=True,
            least=11,  # one window
        ),
        StyleMetricEntry(
            name="gram",
            about="squared Frobenius distance of the Gram matrices, over C H W each, of the image and the style at a layer",
            source="Johnson et al. 2016, equations 3 and 4, arXiv:1603.08155",
            target="bench.styling.metrics.gram:gram_of_layer",
            higher_is_better=False,
            per_layer=True,
        ),
        StyleMetricEntry(
            name="colour-histogram",
            about="Wasserstein-1 distance of the image's and the style's histograms of 256 levels, mean of R, G and B",
            source="Vallender 1974, doi:10.1137/1118101: in one dimension the area between the two CDFs",
            target="bench.styling.metrics.colour_histogram:colour_histogram",
            higher_is_better=False,
            decimals=2,
            unit="levels",
        ),
        StyleMetricEntry(
            name="stability-shift",
            about="RMS change of the network's image, shifted back, where the content is shifted right by one pixel",
            source="after Gupta et al. 2017, arXiv:1705.02092, which measures it between frames of a video",
            target="bench.styling.metrics.stability:stability_shift",
            higher_is_better=False,
            decimals=2,
            unit="levels",
            of_network=True,
        ),
        StyleMetricEntry(
            name="stability-noise",
            about="RMS change of the network's image where every value of the content changes by one level, up or down",
            source="after Zheng et al. 2016, arXiv:1604.04326, which trains with such noise",
            target="bench.styling.metrics.stability:stability_noise",
            higher_is_better=False,
            decimals=2,
            unit="levels",
            of_network=True,
        ),
    )
}


def entry(name: str) -> StyleMetricEntry:
    """The entry called `name`.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    if name not in METRICS:
        raise UserError(
            f"no style metric is called {name!r}{did_you_mean(name, METRICS)}; there are: {', '.join(METRICS)}"
        )
    return METRICS[name]


def load(
    name: str, style_layers: Sequence[str], find: Callable[[str], Path], device: torch.device
) -> Iterator[StyleMetric]:
    """The metric `name`, once, or once for each style layer.

    Args:
        find: manifest file name to a local, verified path (:func:`bench.data.cache.find`).

    Raises:
        UserError: unknown name.
        MissingFile: a file that it needs is not to be had.
    """
    chosen = entry(name)
    files = [find(file) for file in chosen.needs]
    module, _, attribute = chosen.target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    measure = target(*files, device=device) if files else target
    if not chosen.per_layer:
        yield StyleMetric(name=name, entry=chosen, measure=measure)
        return
    for layer in style_layers:
        yield StyleMetric(name=f"{name}-{layer}", entry=chosen, measure=partial(measure, layer=layer))
