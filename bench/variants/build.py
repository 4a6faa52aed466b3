"""A network brought into a variant: a copy that is folded, laid out, cast, compiled, captured or exported."""

from __future__ import annotations

import copy
import logging
import time
import typing as tp
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import nn

from bench import devices
from bench.errors import out_of_memory
from bench.interfaces import requirements
from bench.variants import onnx_session, openvino_session
from bench.variants.calibration import CALIBRATION, DATASET
from bench.variants.variant import Variant, VariantUnavailable, first_line
from models.few_filters import with_blocked_convolutions
from models.fold import fold_batch_norm

Images = Float[torch.Tensor, "n c h w"]
Call = Callable[[Images], Images]

GRAPH_WARM_UP = 3


def exact_float32() -> None:
    """Settings of this process under which variants are timed and applied: no TF32, cuDNN takes its fastest algorithm."""
    devices.exact_float32()
    torch.backends.cudnn.benchmark = True


@dataclass(frozen=True, kw_only=True)
class Built:
    """A network in a variant, ready to be called.

    Attributes:
        call: images to images, on the device it was built for.
        eager: the same without compiler, graph or session; what FLOPs are counted in.
        network: whose parameters are counted.
        seconds: that building took: copy, fold, compile, capture, export, calibration, and the first call.
        calibration: the images that int8 was calibrated on, as `samples/camera`; empty for any other precision.
    """

    variant: Variant
    call: Call
    eager: Call
    network: nn.Module
    seconds: float
    calibration: tuple[str, ...] = ()


def build(network: nn.Module, variant: Variant, example: Images) -> Built:
    """`network` in `variant`, for images of the size of `example` and on its device; `network` itself is not changed.

    Raises:
        VariantUnavailable: it cannot run like that here.
        RuntimeError: as torch raises it, out of memory for one.
    """
    if variant.graph and example.device.type != "cuda":
        raise VariantUnavailable(f"a CUDA graph needs a CUDA device; the image is on {example.device.type}")
    check_consistent(variant)
    start = time.perf_counter()
    with torch.inference_mode():
        in_torch = of_torch(variant)
        changed = transformed(network, in_torch)
        eager: Call = partial(run, changed, in_torch)
        call = eager
        if variant.backend == "onnxruntime":
            call = onnx_session.session(changed, example)
        elif variant.backend == "openvino":
            call = openvino_session.session(changed, variant, example)
        elif variant.compiled:
            call = partial(run, compiled(changed, variant, example), variant)
        if variant.graph:
            call = captured(call, example)
        # Tunes and allocates what the first call must: `seconds` has it, and no later call.
        call(example)
        if example.device.type == "cuda":
            torch.cuda.synchronize(example.device)
    return Built(
        variant=variant,
        call=call,
        eager=eager,
        network=changed,
        seconds=time.perf_counter() - start,
        calibration=tuple(f"{DATASET}/{stem}" for stem in CALIBRATION) if variant.dtype == "int8" else (),
    )


def check_consistent(variant: Variant) -> None:
    """Raises VariantUnavailable for words that cannot stand together."""
    if variant.dtype == "int8" and variant.backend != "openvino":
        raise VariantUnavailable(
            f"int8 is computed by OpenVINO alone (got {variant.name}); must be openvino+int8"
        )
    if variant.backend == "openvino" and variant.compiled:
        raise VariantUnavailable(
            f"OpenVINO compiles by itself (got {variant.name}); must be openvino without compiled"
        )


def of_torch(variant: Variant) -> Variant:
    """What of a variant is done to torch's network: OpenVINO gets it in float32, and casts or quantises it itself."""
    return replace(variant, dtype="float32") if variant.backend == "openvino" else variant


def transformed(network: nn.Module, variant: Variant) -> nn.Module:
    """A copy with everything of `variant` that changes layers or weights."""
    changed = copy.deepcopy(network)
    try:
        changed = fold_batch_norm(changed) if variant.folded else changed
        changed = with_blocked_convolutions(changed) if variant.spread else changed
    except ValueError as error:
        raise VariantUnavailable(str(error)) from error
    # After folding, which divides by the running deviations and needs float32 for it.
    if variant.dtype != "float32" and requirements(changed).half_precision == "layers":
        cast_layers(changed, getattr(torch, variant.dtype))
    return changed.to(memory_format=layout(variant))


def layout(variant: Variant) -> torch.memory_format:
    """How torch lays out the images of a variant."""
    return torch.channels_last if variant.memory_format == "channels_last" else torch.contiguous_format


def cast_layers(network: nn.Module, dtype: torch.dtype) -> None:
    """Layers with weights to `dtype`; constants of the network itself stay exact."""
    for layer in network.modules():
        if next(layer.parameters(recurse=False), None) is not None:
            layer.to(dtype)


def run(network: Call, variant: Variant, image: Images) -> Images:
    """One pass, the image brought into the variant's layout; under autocast where the network does not cast itself."""
    given = image.contiguous(memory_format=layout(variant))
    dtype = getattr(torch, variant.dtype)
    plain = getattr(network, "_orig_mod", network)  # the network that torch.compile was given
    autocast = variant.dtype != "float32" and requirements(plain).half_precision == "autocast"
    with torch.autocast(image.device.type, dtype, enabled=autocast):
        return network(given).to(image.dtype)


def compiled(network: nn.Module, variant: Variant, example: Images) -> Call:
    """`network` compiled for images like `example`; the first call is made here.

    Raises:
        VariantUnavailable: torch.compile, or the C++ compiler that it needs, fails.
    """
    torch._dynamo.reset()  # a ninth size or network would silently run uncompiled
    options: dict[str, tp.Any] = {"freezing": example.device.type == "cpu"}
    # dynamic=False: a variant is built, and timed, for one size.
    quick: Call = torch.compile(network, dynamic=False, options=options)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses CUDA on a CPU machine
    try:
        with warnings.catch_warnings():  # of what the compiler traces, which concern the compiler's authors
            warnings.simplefilter("ignore")
            run(quick, variant, example)
    except Exception as error:  # the compiler raises whatever happens to go wrong in it
        if out_of_memory(error):
            raise
        raise VariantUnavailable(f"torch.compile fails: {first_line(error)}") from error
    return quick


def captured(call: Call, example: Images) -> Call:
    """`call` as a CUDA graph for images like `example`.

    Raises:
        VariantUnavailable: it does something that a graph cannot hold.
    """
    # A graph reads and writes fixed addresses: images are copied in, and results out.
    given = example.clone()
    # torch asks for a few calls on another stream before a capture.
    aside = torch.cuda.Stream(example.device)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(example.device))
    with torch.cuda.stream(aside):
        for _ in range(GRAPH_WARM_UP):
            call(given)
    torch.cuda.current_stream(example.device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            output = call(given)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise VariantUnavailable(f"the graph cannot be captured: {first_line(error)}") from error

    def replay(image: Images) -> Images:
        given.copy_(image)
        graph.replay()
        return output.clone()

    return replay
