"""The records that everything else passes around: frozen, keyword-only, free of torch.

A definition (:class:`SRProtocol`) has a hash; a value (:class:`Score`) carries the hashes of all that it depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

HR, LR = "hr", "lr"
"""Names of the images that models are measured against and given, where a model's name stands; no model has them."""

Colour = Literal["rgb", "y"]
Arithmetic = Literal["uint8", "float"]
Border = Literal["symmetric", "replicate"]
IN_TILES = "+tile"
BF16_UNITS = ("avx512_bf16", "amx_bf16", "bf16")
"""Instructions that multiply bfloat16: vectors of x86, its matrix units, Arm's."""


def fast_bf16(capabilities: Collection[str]) -> tuple[str, ...]:
    """Those of :data:`BF16_UNITS` that are faster than float32.

    Intel's processors that have `avx512_fp16` multiply bfloat16 fast in their matrix units alone: where a virtual machine
    hides these, convolutions take 1.3 to 1.8 times as long as in float32 (docs/speed.md).
    """
    units = tuple(unit for unit in BF16_UNITS if unit in capabilities)
    return () if units == ("avx512_bf16",) and "avx512_fp16" in capabilities else units


def content_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a mapping's canonical JSON form: equal content, equal hash, on every machine."""
    # Every stored score lies under hashes of this text: other separators or key order would orphan them all.
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def tiled_hash(model_hash: str, tile: int) -> str:
    """Of a model on an image that memory had done in tiles: the model's, and the tile's side in lr pixels."""
    return f"{model_hash}{IN_TILES}{tile}"


def untiled_hash(model_hash: str) -> str:
    """Of the model alone: images that fit into memory and images that did not are of one model."""
    return model_hash.partition(IN_TILES)[0]  # a hash is hexadecimal and holds no "+"


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """One image of a data set.

    Attributes:
        stem: name of the image in every table; unique in its data set.
        file: path below the cache folder, or an absolute path for a user's own folder.
        sha256: of the file's bytes; None where nothing pins it (a user's own folder).
    """

    stem: str
    file: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A benchmark set: fixed images in a fixed order. `source` says in one line where they come from."""

    name: str
    images: Sequence[ImageFile]
    source: str


@dataclass(frozen=True, kw_only=True)
class Defined:
    """What is measured, by name: two numbers can be compared when the hashes of theirs are equal."""

    added_later: ClassVar[tuple[str, ...]] = ()
    """Fields that are not in the definition while they are empty, so that older hashes stay what they were."""

    name: str

    @property
    def definition(self) -> dict[str, Any]:
        """All that changes a number: every field but the name."""
        fields = asdict(self)
        del fields["name"]
        # The name is left out, so that equal definitions of two names share their scores.
        return {key: value for key, value in fields.items() if value or key not in self.added_later}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of :attr:`definition`; the first eight digits are printed beside every number."""
        return content_hash(self.definition)


@dataclass(frozen=True, kw_only=True)
class SRProtocol(Defined):
    """How super-resolution is measured.

    Attributes:
        colour: what is degraded and what a model sees: RGB, or the BT.601 studio-range luma alone.
        arithmetic: of MATLAB's imresize that makes lr: `uint8` rounds after each pass, `float` never.
        border: taps outside the image: `symmetric` mirrors (recent MATLAB), `replicate` clamps (older MATLAB).
        blur_sigma: Gaussian blur of hr before the resize, in hr pixels; 0 for none.
        quantize: round sr to 8 bits before it is measured.
        channel: what PSNR and SSIM are measured on: float BT.601 studio-range luma, or the RGB channels.
        shave: pixels cut from each side before measuring.
        ssim_window: Gaussian 11x11, sigma 1.5, averaged over the region where the window fits (Wang et al. 2004).
        mean: a data set's value is the mean of its images' values, not the value of pooled errors.
        lr_sha256: of the lr files that were given instead of making lr; empty where lr was made.
    """

    added_later: ClassVar[tuple[str, ...]] = ("lr_sha256",)

    # The names of the fields are hashed with their values: renaming one makes another protocol.
    scale: int
    colour: Colour = "rgb"
    arithmetic: Arithmetic = "uint8"
    border: Border = "symmetric"
    blur_sigma: float = 0.0
    quantize: bool = True
    channel: Colour = "y"
    shave: int
    ssim_window: Literal["gaussian-11-1.5-valid"] = "gaussian-11-1.5-valid"
    mean: Literal["of-images"] = "of-images"
    lr_sha256: str = ""

    def __post_init__(self) -> None:
        if self.scale < 2:
            raise ValueError(f"protocol {self.name}: scale is {self.scale}, must be an integer of at least 2")
        if self.shave < 0:
            raise ValueError(f"protocol {self.name}: shave must be at least 0 (got {self.shave})")
        if self.colour == "y" and self.channel == "rgb":
            raise ValueError(f"protocol {self.name}: degrades luma but measures RGB; must be channel 'y'")


@dataclass(frozen=True, kw_only=True)
class StyleProtocol(Defined):
    """The objective of style transfer (equation 5) and what it is measured on: content, style, loss network, weights.

    With a single content layer and no style it is feature inversion, with a single style layer and no content the
    reconstruction of a style (section 3.2, Figures 3 and 4).

    Attributes:
        size: side in pixels of the contents, each its largest centred square resized as MATLAB's imresize does.
        style: name of the style image; empty where no style layer is looked at.
        style_sha256: of its file's bytes.
        style_size: its longer side in pixels; it is resized to that whatever `size` is.
        loss_network: `vgg16`, `vgg19-conv3_1`.
        loss_weights: name of the file that its weights are from.
        content_weight, style_weight, tv_weight: the lambdas, total variation of the image in 0..255.
        style_distance: `mean` averages the entries of a Gram matrix (the release), `sum` adds them (the paper).
    """

    name: str = "johnson2016-style"
    size: int
    style: str
    style_sha256: str
    style_size: int
    loss_network: str
    loss_weights: str
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    content_weight: float = 1.0
    style_weight: float
    tv_weight: float
    style_distance: Literal["mean", "sum"] = "mean"
    fit: Literal["centre-square"] = "centre-square"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The objective of what a subject makes of one content.

    Attributes:
        subject: a registered style network, `gatys`, or `content` for the content itself.
        subject_hash: of its code version, weights and settings.
        terms: `total`, `content`, `style`, `tv`: each after 0, 1, ... iterations; of what does not iterate, one value.
        seconds: from the content to the last image, this content's share of its batch; 0 for `content`.
        batch: contents that were done together.
    """

    subject: str
    subject_hash: str
    dataset: str
    image: str
    image_sha256: str
    protocol_hash: str
    terms: Mapping[str, tuple[float, ...]]
    seconds: float
    batch: int

    @property
    def total(self) -> tuple[float, ...]:
        """The objective after each iteration."""
        return self.terms["total"]


@dataclass(frozen=True, kw_only=True)
class CachedFileHash:
    """An image file that was read once: as long as its stamp is the same, its hash need not be made again.

    Attributes:
        path: absolute.
        stamp: size, times of change and number on the file system (:func:`bench.quality.engine.fingerprint`).
        sha256: of its bytes.
        height, width: in pixels, after EXIF orientation.
    """

    path: str
    stamp: str
    sha256: str
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """One value of one metric for one image, with everything that it depends on.

    Attributes:
        model_hash: of the model's code version and weights.
        image_sha256: of the hr file's bytes.
        value: finite, or infinite for the PSNR of identical images; never NaN.
    """

    model: str
    model_hash: str
    dataset: str
    image: str
    image_sha256: str
    scale: int
    protocol: str
    protocol_hash: str
    metric: str
    metric_version: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An image, or a model on an image, that could not be scored, and why. `model` is empty for the image itself."""

    dataset: str
    image: str
    model: str
    scale: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class SavedImage:
    """Where the image that was scored lies; `model` is `hr` or `lr` for what it was made from.

    Attributes:
        file: relative to the folder of the results file where it lies below it, absolute elsewhere.
        pixels_sha256: of what the file must hold (:func:`bench.data.images.pixels_sha256`); empty where an older version
            stored it.
    """

    dataset: str
    protocol_hash: str
    image: str
    image_sha256: str
    model: str
    model_hash: str
    file: str
    pixels_sha256: str = ""


def map_file(image: Path, metric: str) -> Path:
    """Of the map by a metric of a model's image: FOLDER-maps/METRIC/MODEL/STEM.png for FOLDER/MODEL/STEM.png."""
    folder = image.parent.parent
    return folder.with_name(f"{folder.name}-maps") / metric / image.parent.name / image.name


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the versions that a run was made with (:mod:`bench.environment` fills it)."""

    facts: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of the facts."""
        return content_hash(self.facts)


def machine_kind(facts: Mapping[str, Any]) -> str:
    """Where times may be compared: GPU, or processor, its instructions and cores; and torch. What is not known is skipped.

    `NVIDIA H200, torch 2.15.0` or `AMD EPYC (avx512_bf16), 2 cores, torch 2.15.0`. One name, such as "AMD EPYC", is that of
    processors with and without units for bfloat16, whose times differ by half.
    """
    gpu, cpu, torch = (_facts_of(facts, name) for name in ("gpu", "cpu", "torch"))
    if gpu:
        hardware = [gpu.get("name")]
    else:
        cores = cpu.get("cores_allowed")
        hardware = [_processor(cpu), cores and f"{cores} core{'s' if cores != 1 else ''}"]
    release = str(torch.get("version", "")).partition("+")[0]  # "2.15.0+cu132"
    words = [str(word) for word in (*hardware, release and f"torch {release}") if word]
    return ", ".join(words) or "an unknown machine"


def _processor(cpu: Mapping[str, Any]) -> str | None:
    model, kernels = cpu.get("model"), cpu.get("kernels")
    units = [unit for unit in BF16_UNITS if unit in cpu.get("capabilities", ())]
    instructions = ", ".join(units) or kernels
    return f"{model} ({instructions})" if model and instructions else model


def _facts_of(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a reader of a score must know of its metric; see :class:`bench.metrics.MetricEntry`."""

    name: str
    version: str
    about: str
    unit: str
    decimals: int
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Run:
    """One start of a program: when (ISO 8601, UTC), with which command line, on which machine.

    Attributes:
        config: text of the config file that the command names; empty for none.
    """

    program: str
    command: tuple[str, ...]
    started: str
    environment: Environment
    protocols: tuple[SRProtocol | StyleProtocol, ...] = field(default=())
    metrics: tuple[MetricInfo, ...] = field(default=())
    config: str = ""


EAGER = "eager"
"""The variant of a network, and the step of a sweep, that the others are compared with: plain float32."""


@dataclass(frozen=True, kw_only=True)
class SpeedResult:
    """One subject timed in one variant under one speed protocol on one machine.

    Attributes:
        subject: a registered model, or `gatys`.
        subject_hash: of its code version and weights.
        variant: that it ran in: `eager`, or what was changed, as `channels_last+folded`.
        size: side of the image that comes out, in pixels.
        seconds: raw repetitions, each the mean of the calls in it.
        certificate: everything that they depend on (:class:`bench.timing.provenance_record.TimingProvenance`), as JSON.
    """

    subject: str
    subject_hash: str
    variant: str
    size: int
    protocol_hash: str
    environment_hash: str
    seconds: tuple[float, ...]
    certificate: Mapping[str, Any]
