"""The table of metrics. To add one, add a file, and an entry to `METRICS`; listing them loads nothing."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bench.errors import MissingExtra, UserError, did_you_mean
from bench.interfaces import Metric, NoReferenceMetric
from bench.plugins import ExtendedTable, Plugin
from bench.records import MetricInfo

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    """What is known of a metric before anything is loaded.

    Attributes:
        target: `module:callable`: the metric itself, or, with `needs`, called with their paths and `device=`.
        view: the side of :class:`bench.prepare.Prepared` that it measures.
        reference: it measures sr against hr; otherwise sr alone, and hr has a value of its own (model `hr`).
        version: raised whenever the code's values change, so that stored scores are not taken for new ones.
        decimals: digits after the point in tables.
        needs: manifest files.
        short: a head for narrow terminals; empty where the name is short.
        extra: the optional extra of this package that has to be installed (:data:`EXTRAS`); empty for none.
        unit: of the values; empty for none.
        least: pixels that each side must have after shaving.
        never_run: its code is tested with random weights alone, for nobody here had the trained ones yet.
    """

    name: str
    about: str
    target: str
    view: Literal["channel", "rgb", "luma"]
    higher_is_better: bool
    version: str = "1"
    decimals: int = 4
    needs: tuple[str, ...] = ()
    short: str = ""
    extra: str = ""
    unit: str = ""
    least: int = 1
    never_run: bool = False
    reference: bool = True

    @property
    def missing_extra(self) -> str:
        """The package of its extra that is not installed; empty where nothing is missing."""
        module = EXTRAS.get(self.extra)
        return module if module and not _installed(module) else ""


EXTRAS = {"metrics": "piq"}
"""Extra to the package in it that is imported."""


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


METRICS: dict[str, MetricEntry] = {
    entry.name: entry
    for entry in (
        MetricEntry(
            name="psnr",
            about="peak signal-to-noise ratio, peak 1",
            target="bench.metrics.psnr:psnr",
            view="channel",
            higher_is_better=True,
            decimals=2,
            unit="dB",
        ),
        MetricEntry(
            name="ssim",
            about="structural similarity (Wang et al. 2004), Gaussian 11x11",
            target="bench.metrics.ssim:ssim",
            view="channel",
            higher_is_better=True,
        ),
        MetricEntry(
            name="ms-ssim",
            about="multi-scale structural similarity (Wang et al. 2003), sides of at least 161",
            target="bench.metrics.ms_ssim:ms_ssim",
            view="channel",
            higher_is_better=True,
            # stands in the metric's own file too, which needs torch; a test compares them
            least=161,
        ),
        MetricEntry(
            name="lpips-alex",
            short="LPIPS-A",
            about="LPIPS 0.1 (Zhang et al. 2018) on AlexNet",
            target="bench.metrics.lpips_distance:alex",
            view="rgb",
            higher_is_better=False,
            needs=("weights/trunks/alexnet-features.safetensors",),
        ),
        MetricEntry(
            name="lpips-vgg",
            short="LPIPS-V",
            about="LPIPS 0.1 (Zhang et al. 2018) on VGG-16",
            target="bench.metrics.lpips_distance:vgg",
            view="rgb",
            higher_is_better=False,
            needs=("weights/trunks/vgg16-features.safetensors",),
        ),
        MetricEntry(
            name="lpips-squeeze",
            short="LPIPS-S",
            about="LPIPS 0.1 (Zhang et al. 2018) on SqueezeNet 1.1",
            target="bench.metrics.lpips_distance:squeeze",
            view="rgb",
            higher_is_better=False,
            needs=("weights/torchvision/squeezenet1_1-b8a52dc0.pth",),
            never_run=True,
        ),
        MetricEntry(
            name="feature-relu2_2",
            short="feat-16",
            about="feature distance (Johnson et al. 2016, equation 2) at relu2_2 of VGG-16",
            target="bench.metrics.feature:vgg16_relu2_2",
            view="rgb",
            higher_is_better=False,
            decimals=4,
            needs=("weights/trunks/vgg16-features.safetensors",),
        ),
        MetricEntry(
            name="feature-vgg19-relu2_2",
            short="feat-19",
            about="feature distance (Johnson et al. 2016, equation 2) at relu2_2 of VGG-19",
            target="bench.metrics.feature:vgg19_relu2_2",
            view="rgb",
            higher_is_better=False,
            decimals=1,  # on Caffe's 0..255 scale the values run into the thousands
            needs=("weights/vgg19-caffe-conv3_1/vgg19.model",),
        ),
        MetricEntry(
            name="dists",
            about="DISTS (Ding et al. 2020) on VGG-16, of the whole image",
            target="bench.metrics.dists:dists",
            view="rgb",
            higher_is_better=False,
            version="2",  # version 1 is dists-256 today
            needs=("weights/trunks/vgg16-features.safetensors", "weights/dists/weights.pt"),
            least=16,
        ),
        MetricEntry(
            name="dists-256",
            about="DISTS (Ding et al. 2020) on VGG-16, shorter side resized to 256, bilinear, where it is above",
            target="bench.metrics.dists:dists_256",
            view="rgb",
            higher_is_better=False,
            version="1",
            needs=("weights/trunks/vgg16-features.safetensors", "weights/dists/weights.pt"),
            least=16,
        ),
        MetricEntry(
            name="gmsd",
            about="GMSD (Xue et al. 2014), by piq: full-range luma, halved",
            target="bench.metrics.gmsd:gmsd",
            view="rgb",
            higher_is_better=False,
            extra="metrics",
        ),
        MetricEntry(
            name="haarpsi",
            about="HaarPSI (Reisenhofer et al. 2018), by piq: colour version, halved, sides of at least 16",
            target="bench.metrics.haarpsi:haarpsi",
            view="rgb",
            higher_is_better=True,
            extra="metrics",
            least=16,
        ),
        MetricEntry(
            name="vif-p",
            about="VIF in the pixel domain (Sheikh and Bovik 2006): full-range luma, sides of at least 41",
            target="bench.metrics.vif:vif_p",
            view="rgb",
            higher_is_better=True,
            least=41,
        ),
        MetricEntry(
            name="niqe",
            about="NIQE (Mittal et al. 2013), without a reference: 8-bit luma, the authors' model, two blocks of 96x96",
            target="bench.metrics.niqe:niqe",
            view="luma",
            higher_is_better=False,
            needs=("weights/niqe/modelparameters.mat",),
            least=96,
            reference=False,
        ),
    )
}


def _signed(entry: MetricEntry, plugin: Plugin) -> MetricEntry:
    # another version of a plugin may give other values: its scores must not be taken for these
    return replace(entry, version=f"{entry.version}+{plugin.stamp}")


EXTENDED = ExtendedTable(
    group="perceptual_bench.metrics",
    what="metric",
    ours=lambda: METRICS,
    kinds=(MetricEntry,),
    signed=_signed,
)
"""With what plugins add (:mod:`bench.plugins`)."""


def entry(name: str) -> MetricEntry:
    """The entry called `name`, of the table or of a plugin.

    Raises:
        UserError: there is none, and the message lists those there are; or a plugin's cannot be used.
    """
    found = EXTENDED.find(name)
    if found is None:
        known = [*METRICS, *EXTENDED.names()]
        raise UserError(
            f"no metric is called {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}"
        )
    return found


def used_entry(name: str, used_name: Callable[[str], str]) -> MetricEntry:
    """The entry with the version that its scores get here: `1`, or `1+FILE` where a file stands in for the manifest's.

    Args:
        used_name: manifest file name to that of the file which is used for it (:func:`bench.data.cache.used_name`).
    """
    chosen = entry(name)
    # weights of other values are kept under a name of their own (bench.data.trunks), which then is in every score
    others = [used for file in chosen.needs if (used := used_name(file)) != file.rpartition("/")[2]]
    return replace(chosen, version="+".join([chosen.version, *others]))


def info(name: str, used_name: Callable[[str], str] | None = None) -> MetricInfo:
    """What goes into the results file beside the scores of the metric `name`; UserError for an unknown one.

    Args:
        used_name: as in :func:`used_entry`.
    """
    chosen = used_entry(name, used_name) if used_name else entry(name)
    return MetricInfo(**{field: getattr(chosen, field) for field in MetricInfo.__dataclass_fields__})


def load(name: str, find: Callable[[str], Path], device: torch.device) -> Metric | NoReferenceMetric:
    """The metric `name`, on `device`, ready to be called.

    Args:
        find: manifest file name to a local, verified path (:func:`bench.data.cache.find`).

    Raises:
        UserError: unknown name.
        MissingExtra: the extra that it is in is not installed.
        MissingFile: a file that it needs is not to be had.
    """
    chosen = entry(name)
    if chosen.missing_extra:
        raise MissingExtra(f"metric {name}", chosen.missing_extra, chosen.extra)
    files = [find(file) for file in chosen.needs]
    module, _, attribute = chosen.target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    return target(*files, device=device) if files else target
