"""A network compiled by OpenVINO for one image size, in float32, half precision or int8; all in the `openvino` extra.

int8 is static post-training quantisation by NNCF, with the images of :mod:`bench.variants.calibration`.
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
from bench.errors import missing_extra, out_of_memory
from bench.variants.calibration import calibration_images
from bench.variants.onnx_session import export
from bench.variants.variant import LONGEST_REASON, Variant, VariantUnavailable

Images = Float[torch.Tensor, "n c h w"]

DEVICE = "CPU"
# What a variant's dtype is for OpenVINO: the hint, and the capability that the processor must have. By default OpenVINO
# computes float32 networks in bfloat16 where it can, so that the hint is always given.
PRECISIONS = {
    "float32": ("f32", "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16": ("f16", "FP16"),
    "int8": ("f32", "INT8"),
}
CONVOLUTIONS = {
    *("Convolution", "ConvolutionBackpropData"),
    *("GroupConvolution", "GroupConvolutionBackpropData"),
}
# Both packages send statistics of their use to their authors when they are imported, unless these variables say that
# they are being tested.
NO_STATISTICS = {"CI": "true", "NNCF_CI": "1"}
LOGGERS = ("nncf", "torch.utils.cpp_extension")  # the latter misses CUDA on a CPU machine


def versions(variant: Variant) -> dict[str, str | None]:
    """Of the packages that compute a variant, but for torch and ONNX Runtime, which every environment states."""
    if variant.backend != "openvino":
        return {}
    names = ("openvino", "nncf") if variant.dtype == "int8" else ("openvino",)
    return {name: version(name) for name in names}


def session(network: nn.Module, variant: Variant, example: Images) -> Callable[[Images], Images]:
    """`network`, in float32, for images of the size of `example`, with as many threads as torch has.

    Raises:
        VariantUnavailable: a package is not installed, the processor lacks the precision, the image is not on the CPU, or
            the network cannot be exported, quantised or compiled.
    """
    require("openvino")
    if variant.dtype == "int8":
        require("nncf")
    if example.device.type != "cpu":
        raise VariantUnavailable(
            f"OpenVINO runs on the CPU alone here; the image is on {example.device.type}"
        )
    exported = export(network, example)
    try:
        return compiled(exported, variant, example)
    except VariantUnavailable:
        raise
    except Exception as error:  # OpenVINO and NNCF raise whatever happens to go wrong in them
        if out_of_memory(error):
            raise
        raise VariantUnavailable(f"OpenVINO cannot run the network: {reason(error)}") from error


def require(package: str) -> None:
    """Raises VariantUnavailable where a package of the extra is not installed."""
    if importlib.util.find_spec(package) is None:
        raise VariantUnavailable(missing_extra("it", package, "openvino"))


def compiled(exported: bytes, variant: Variant, example: Images) -> Callable[[Images], Images]:
    """An ONNX file as a function; the first call is made here.

    Raises:
        VariantUnavailable: the processor lacks the precision.
        Exception: what OpenVINO and NNCF raise.
    """
    with quiet():
        import openvino

    core = openvino.Core()
    hint, capability = PRECISIONS[variant.dtype]
    capabilities = core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    if capability not in capabilities:
        raise VariantUnavailable(
            f"OpenVINO has no {variant.dtype} on this CPU; it has {', '.join(capabilities)}"
        )
    model = core.read_model(exported)
    if variant.dtype == "int8":
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
    """An OpenVINO model with int8 convolutions but the first, their ranges taken from the calibration images.

    The rest stays in float32: the first layer, which sees the image itself, costs more accuracy than time, and the
    matrix products of an upscaler's imresize are exact. Ranges hold every calibration value; NNCF's default, a mean over
    images, clips what is brighter than that.

    Raises:
        VariantUnavailable: there is no convolution besides the first.
    """
    operations = [(op.get_type_name(), op.get_friendly_name()) for op in model.get_ordered_ops()]
    convolutions = [name for kind, name in operations if kind in CONVOLUTIONS]
    if len(convolutions) < 2:
        raise VariantUnavailable(f"int8 needs at least 2 convolutions to quantise (got {len(convolutions)})")
    with quiet():
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet

        return nncf.quantize(
            model,
            nncf.Dataset([image.numpy() for image in calibration_images(example)]),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(
                names=convolutions[:1],
                types=sorted({kind for kind, _ in operations} - CONVOLUTIONS),
                validate=False,  # constants, inputs and outputs are no operations for it
            ),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )


@contextmanager
def quiet() -> Iterator[None]:
    """OpenVINO and NNCF without statistics of use, progress bars and notes."""
    before = {name: os.environ.get(name) for name in NO_STATISTICS}
    os.environ.update(NO_STATISTICS)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        # NNCF's progress bars go to the standard output, where a program's own table or JSON may be expected
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of their own dependencies
            for name in LOGGERS:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def reason(error: Exception) -> str:
    """The kind of an error and the first line that is no place in OpenVINO's own source."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check "))]
    return f"{type(error).__name__}: {(telling or lines or [''])[0]}"[:LONGEST_REASON]
