"""ONNX files, run by ONNX Runtime; sizes, layout and range as the file says them, asked for where it does not."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.formats import no_weights, read_head
from bench.errors import MissingExtra, UserError
from bench.registry.adapters.convention import Convention, probe, reason, run_once, wrapped
from bench.registry.external import ExternalModel
from bench.registry.spec import Spec

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
CHANNELS = (1, 3)
LOCATION = b"\x0a\x08location"  # as ONNX's format has the key by which an array names another file
SMALLEST_SIDE = 16  # less than that is a number of channels, not of pixels


@dataclass(frozen=True, kw_only=True)
class Session:
    """An ONNX Runtime session as a callable; images and results pass through the host's memory.

    It takes and gives what the file says: its layout, its range of values.
    """

    session: Any
    input: str
    dtype: Any

    def __call__(self, image: Tensor) -> Tensor:
        array = image.cpu().contiguous().numpy()
        # a cast alone would cut digits off, and wrap what overshoots
        given = np.rint(array).clip(0, 255) if self.dtype == np.uint8 else array
        (output,) = self.session.run(None, {self.input: given.astype(self.dtype)})
        return torch.from_numpy(output).to(image.device)


def load_external(spec: Spec) -> ExternalModel:
    """The network in an ONNX file.

    Raises:
        UserError: onnxruntime is missing or cannot run the file, the file is not one image to one image, or does
            not say its range or layout.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingExtra(repr(spec.source), "onnxruntime", "onnx")
    file = Path(spec.source)
    _check_no_other_files(spec)
    # Before onnxruntime opens whatever files of this machine it names.
    beside = _arrays_beside(file)
    session = _session(spec, torch.device("cpu"))
    shape = _shape(session, spec)
    convention = _convention(session, spec, shape)
    try:
        scale = probe(session, convention)
    except UserError as error:
        raise UserError(f"{spec.source!r}: {error}") from error
    if spec.options.get("scale", scale) != scale:
        raise UserError(
            f"{spec.source!r} has the option scale={spec.options['scale']}, but its network is x{scale}"
        )
    kind = spec.options.get("kind", "upscaler" if scale > 1 else "stylizer")
    convention = replace(convention, windows=kind == "upscaler")
    return ExternalModel(
        spec=spec,
        kind=kind,
        about=f"ONNX x{scale}" + (f", images of {_size(convention)} only" if convention.fixed else ""),
        scale=scale,
        content=_content(file, beside),
        style=spec.options.get("style", ""),
        # a session of its own: one is bound to the device that it was made for
        make=lambda scale, device: wrapped(_session(spec, device), convention, scale),
    )


def _check_no_other_files(spec: Spec) -> None:
    try:
        what = no_weights(read_head(Path(spec.source)))
    except OSError as error:
        raise UserError(f"{spec.source!r} cannot be read: {error.strerror or error}") from error
    if what:
        raise UserError(f"{spec.source!r} cannot be run by onnxruntime: it is {what}; must be an ONNX file")


def _size(convention: Convention) -> str:
    assert convention.fixed is not None
    return f"{convention.fixed[1]}x{convention.fixed[0]}"


def provider_options(device: torch.device) -> list[dict[str, str]]:
    """Of a device's provider: the number of the GPU, without which it takes the first."""
    return [{} if device.index is None else {"device_id": str(device.index)}]


def _session(spec: Spec, device: torch.device) -> Session:
    import onnxruntime

    provider = PROVIDERS.get(device.type)
    if provider not in onnxruntime.get_available_providers():
        raise UserError(f"onnxruntime cannot use {device.type} here, for {spec.source!r}; needs --device cpu")
    options = onnxruntime.SessionOptions()
    # as many as torch may use here; by default ONNX Runtime takes all cores
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # fatal errors: the others are exceptions, reported in one line
    try:
        session = onnxruntime.InferenceSession(
            spec.source, options, providers=[provider], provider_options=provider_options(device)
        )
    except Exception as error:  # onnxruntime's errors have no common ancestor
        raise UserError(
            f"{spec.source!r} cannot be run by onnxruntime {onnxruntime.__version__}: {reason(error)}"
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{spec.source!r} has {len(inputs)} inputs and {len(outputs)} outputs; must be one image to one image"
        )
    if inputs[0].type not in TYPES:
        raise UserError(f"{spec.source!r} takes {inputs[0].type}; must be one of: {', '.join(TYPES)}")
    return Session(session=session, input=inputs[0].name, dtype=TYPES[inputs[0].type])


def _shape(session: Session, spec: Spec) -> list[Any]:
    shape = list(session.session.get_inputs()[0].shape)
    if len(shape) != 4:
        raise UserError(
            f"{spec.source!r} takes {len(shape)} dimensions, {shape}; must be 4: n c h w or n h w c"
        )
    if isinstance(shape[0], int) and shape[0] != 1:
        raise UserError(f"{spec.source!r} takes {shape[0]} images at a time; must be 1, or any number")
    return shape


def _convention(session: Session, spec: Spec, shape: list[Any]) -> Convention:
    nhwc = _nhwc(spec, shape)
    n_channels, h, w = (shape[3], *shape[1:3]) if nhwc else shape[1:]
    channels = int(spec.options.get("channels", n_channels if isinstance(n_channels, int) else 3))
    if channels not in CHANNELS or (isinstance(n_channels, int) and n_channels != channels):
        raise UserError(f"{spec.source!r} takes {n_channels} channels; must be 3 (RGB) or 1 (luma)")
    fixed = (h, w) if isinstance(h, int) and isinstance(w, int) else None
    if fixed is None and (isinstance(h, int) or isinstance(w, int)):
        raise UserError(
            f"{spec.source!r} fixes one side of an image, {shape}; must be both fixed, or neither"
        )
    told = Convention(
        nhwc=nhwc,
        bgr=spec.options.get("order") == "bgr",
        channels=channels,
        multiple=spec.options.get("multiple", 1),
        fixed=fixed,
    )
    return _with_range(session, spec, told)


def _nhwc(spec: Spec, shape: list[Any]) -> bool:
    """Whether channels come last: the one dimension that is 1 or 3."""
    if "layout" in spec.options:
        return bool(spec.options["layout"] == "nhwc")
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    # before a layout is asked for: four channels are refused under either
    for count in (shape[1], shape[3]):
        if not (first or last) and isinstance(count, int) and count < SMALLEST_SIDE:
            raise UserError(f"{spec.source!r} takes {count} channels, {shape}; must be 3 (RGB) or 1 (luma)")
    if first == last:
        raise UserError(
            f"{spec.source!r} takes {shape}, which does not say where the channels are; must be "
            f"{spec.text},layout=nchw or {spec.text},layout=nhwc"
        )
    return last


def _with_range(session: Session, spec: Spec, convention: Convention) -> Convention:
    """With the value of white: 255 for bytes, else what was said; never guessed.

    Raises:
        UserError: the file takes floats and nothing says in which range; the message shows what each would give.
    """
    if session.dtype == np.uint8:
        if spec.options.get("range", "255") != "255":
            raise UserError(f"{spec.source!r} takes bytes; must be range=255, or no range")
        return _limited(convention, 255)
    if "range" in spec.options:
        return _limited(convention, int(spec.options["range"]))
    tried = "; ".join(
        f"given 0..{limit} it makes {_spread(session, convention, limit)}" for limit in (1, 255)
    )
    raise UserError(
        f"{spec.source!r} does not say whether white is 1 or 255 ({tried}); must be "
        f"{spec.text},range=1 or {spec.text},range=255"
    )


def _limited(convention: Convention, limit: int) -> Convention:
    return replace(convention, limit=limit)


def _spread(session: Session, convention: Convention, limit: int) -> str:
    """Lowest and highest value that a ramp from black to white gives, on the network's own scale."""
    h, w = convention.fixed or (48, 48)
    ramp = torch.linspace(0, 1, w).expand(1, convention.channels, h, w)
    try:
        # `once` divides by the limit again
        result = run_once(session, _limited(convention, limit), ramp) * limit
    except ValueError as error:
        return f"an error ({error})"
    return f"{result.min():.3g} to {result.max():.3g}"


def _content(file: Path, beside: Sequence[str]) -> str:
    """SHA-256 of the file, and of those beside it that hold its arrays."""
    digest = hashlib.sha256(file.read_bytes())
    for name in beside:
        # a file's digest, not its bytes: where one ends must be part of what is hashed
        digest.update(hashlib.sha256((file.parent / name).read_bytes()).digest())
    return digest.hexdigest()


def _arrays_beside(file: Path) -> list[str]:
    """Names of the files that the arrays lie in, where they are not in the file itself.

    Raises:
        UserError: one of them lies elsewhere than beside the file, or onnx is missing, which knows them; the file is
            damaged.
    """
    if importlib.util.find_spec("onnx") is None:
        # without onnx nobody knows which files: a score would be kept for other weights than it was made with
        if LOCATION in file.read_bytes():
            raise MissingExtra(f"{str(file)!r}, whose arrays lie in other files,", "onnx", "onnx")
        return []
    import onnx

    try:
        # not loaded: a hostile file may name any path of this machine
        model = onnx.load(file, load_external_data=False)
    except Exception as error:  # of protobuf, which onnx brings
        raise UserError(
            f"{str(file)!r} cannot be run by onnxruntime: it is damaged; must be an ONNX file"
        ) from error
    entries = (entry for array in _arrays(model) for entry in array.external_data)
    names = sorted({entry.value for entry in entries if entry.key == "location"})
    for name in names:
        if Path(name).name != name:
            raise UserError(f"{str(file)!r} keeps arrays in {name!r}; must be a file beside it")
    return names


def _arrays(message: Any) -> Iterator[Any]:
    """Every array of an ONNX message: weights, constants of nodes, those of graphs inside of nodes."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if isinstance(value, Sequence) else (value,):
            if field.message_type.name == "TensorProto":
                yield part
            else:
                yield from _arrays(part)
