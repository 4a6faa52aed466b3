"""A network compiled by OpenVINO for one image size, in float32, half precision or int8; all in the `openvino` extra.

int8 is static post-training quantisation by NNCF, with the images of :mod:`bench.forms.calibration`.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch
from jaxtyping import Float
from torch import nn

from bench.environment import version
from bench.forms.calibration import calibration_images
from bench.forms.form import LONGEST_REASON, Form, FormUnavailable
from bench.forms.onnx_session import export
from bench.out_of_memory import out_of_memory

Images = Float[torch.Tensor, "n c h w"]

DEVICE = "CPU"
# What a form's dtype is for OpenVINO: the hint, and the capability that the processor must have. By default OpenVINO
# computes float32 networks in bfloat16 where it can, so that the hint is always given.
PRECISIONS = {
    "float32": ("f32", "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16": ("f16", "FP16"),
    "int8": ("f32", "INT8"),
}
# With this variable NNCF sends no statistics of its use to its authors.
NO_TELEMETRY = "NNCF_CI"


def versions(form: Form) -> dict[str, str | None]:
    """Of the packages that compute a form beside torch and ONNX Runtime, which every environment states; empty for none."""
    if form.backend != "openvino":
        return {}
    names = ("openvino", "nncf") if form.dtype == "int8" else ("openvino",)
    return {name: version(name) for name in names}


def session(network: nn.Module, form: Form, example: Images) -> Callable[[Images], Images]:
    """`network`, in float32, for images of the size of `example`, with as many threads as torch has.

    Raises:
        FormUnavailable: a package is not installed, the processor lacks the precision, the image is not on the CPU, or
            the network cannot be exported, quantised or compiled.
    """
    require("openvino")
    if form.dtype == "int8":
        require("nncf")
    if example.device.type != "cpu":
        raise FormUnavailable(f"OpenVINO runs on the CPU alone here; the image is on {example.device.type}")
    exported = export(network, example)
    try:
        return compiled(exported, form, example)
    except FormUnavailable:
        raise
    except Exception as error:  # OpenVINO and NNCF raise whatever happens to go wrong in them
        if out_of_memory(error):
            raise
        raise FormUnavailable(f"OpenVINO cannot run the network: {reason(error)}") from error


def require(package: str) -> None:
    """Raises FormUnavailable where a package of the extra is not installed."""
    if importlib.util.find_spec(package) is None:
        raise FormUnavailable(f"{package} is not installed; it is in the openvino extra")


def compiled(exported: bytes, form: Form, example: Images) -> Callable[[Images], Images]:
    """An ONNX file as a function; the first call is made here.

    Raises:
        FormUnavailable: the processor lacks the precision.
        Exception: what OpenVINO and NNCF raise.
    """
    import openvino

    core = openvino.Core()
    hint, capability = PRECISIONS[form.dtype]
    capabilities = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    if capability not in capabilities:
        raise FormUnavailable(f"OpenVINO has no {form.dtype} on this CPU; it has {', '.join(capabilities)}")
    model = core.read_model(exported)
    if form.dtype == "int8":
        model = quantized(model, example)
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        "INFERENCE_PRECISION_HINT": hint,
        "ENABLE_CPU_PINNING": "NO",  # torch's threads are not bound to cores either
    }
    ready = core.compile_model(model, DEVICE, options)

    def call(image: Images) -> Images:
        return torch.from_numpy(ready(image.contiguous().numpy())[0])

    call(example)
    return call


def quantized(model: Any, example: Images) -> Any:
    """An OpenVINO model with int8 convolutions, their ranges taken from the calibration images; the rest is float32."""
    with quiet():
        import nncf

        data = nncf.Dataset([image.numpy() for image in calibration_images(example)])
        return nncf.quantize(model, data, preset=nncf.QuantizationPreset.MIXED)


@contextmanager
def quiet() -> Iterator[None]:
    """NNCF without progress bars, notes and statistics of use."""
    before = os.environ.get(NO_TELEMETRY)
    os.environ[NO_TELEMETRY] = "1"
    logger = logging.getLogger("nncf")
    level = logger.level
    try:
        # its progress bars go to the standard output, where a program's own table or JSON may be expected
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of its own dependencies
            logger.setLevel(logging.ERROR)
            yield
    finally:
        logger.setLevel(level)
        if before is None:
            del os.environ[NO_TELEMETRY]
        else:
            os.environ[NO_TELEMETRY] = before


def reason(error: Exception) -> str:
    """The kind of an error and the first line that is no place in OpenVINO's own source."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check "))]
    return f"{type(error).__name__}: {(telling or lines or [''])[0]}"[:LONGEST_REASON]
