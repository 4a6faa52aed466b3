"""The forms that one network can run in: layout, folding, precision, compiler, graph, ONNX Runtime.

A form changes how long a network takes and how its values are rounded, nothing else. All of them take and give
float32 images in [0, 1], `n c h w`.
"""

from __future__ import annotations

import copy
import logging
import time
import typing as tp
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float

from bench.errors import UserError
from bench.out_of_memory import out_of_memory
from bench.timing.records import Backend, Dtype, MemoryFormat, SpeedProtocol, Stopping

if tp.TYPE_CHECKING:
    import torch
    from torch import nn

    Images = Float[torch.Tensor, "n c h w"]
    Call = Callable[[Images], Images]

GRAPH_WARM_UP = 3
LONGEST_REASON = 160


class FormUnavailable(UserError):
    """A form that this network, this machine or this installation does not have; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a network is run; the default is plain eager float32, `n c h w` in memory.

    Attributes:
        folded: batch norm is folded into the convolutions.
        spread: convolutions of few filters are computed in blocks (:mod:`bench.forms.spread`).
        dtype: of the convolutions; images stay float32.
        compiled: by torch.compile, weights frozen into the code on a CPU; anew for each image size.
        graph: replayed as a CUDA graph; anew for each image size.
    """

    memory_format: MemoryFormat = "contiguous"
    folded: bool = False
    spread: bool = False
    dtype: Dtype = "float32"
    compiled: bool = False
    graph: bool = False
    backend: Backend = "torch"

    @property
    def name(self) -> str:
        """`eager`, or what differs from it: `channels_last+folded+bfloat16`."""
        words = (w for w, fields in WORDS.items() if fields and fields.items() <= vars(self).items())
        return "+".join(words) or "eager"

    @property
    def per_size(self) -> bool:
        """Whether it is built anew for each image size."""
        return self.compiled or self.graph

    def protocol(self, *, size: int, threads: int, stopping: Stopping) -> SpeedProtocol:
        """What is timed when a network runs in this form on a square image."""
        return SpeedProtocol(
            size=size,
            threads=threads,
            dtype=self.dtype,
            memory_format=self.memory_format,
            backend=self.backend,
            folded=self.folded,
            spread=self.spread,
            compiled=self.compiled,
            graph=self.graph,
            **vars(stopping),
        )


WORDS: dict[str, dict[str, tp.Any]] = {
    "eager": {},
    "channels_last": {"memory_format": "channels_last"},
    "folded": {"folded": True},
    "spread": {"spread": True},
    "bfloat16": {"dtype": "bfloat16"},
    "float16": {"dtype": "float16"},
    "compiled": {"compiled": True},
    "graph": {"graph": True},
    "onnxruntime": {"backend": "onnxruntime"},
}


def form(name: str) -> Form:
    """The form called `name`: words of :data:`WORDS` joined by `+`.

    Raises:
        UserError: an unknown word.
    """
    fields: dict[str, tp.Any] = {}
    for word in name.split("+"):
        if word not in WORDS:
            raise UserError(f"no form is called {word!r}; there are: {', '.join(WORDS)}, joined by +")
        fields |= WORDS[word]
    return Form(**fields)


def exact_float32() -> None:
    """Settings of this process under which forms are timed and applied: no TF32, cuDNN takes its fastest algorithm."""
    import torch

    from bench import gpu

    gpu.exact_float32()
    torch.backends.cudnn.benchmark = True


@dataclass(frozen=True, kw_only=True)
class Built:
    """A network in a form, ready to be called.

    Attributes:
        call: images to images, on the device it was built for.
        eager: the same without compiler, graph or session; what FLOPs are counted in.
        network: whose parameters are counted.
        seconds: that building took: copy, fold, compile, capture, export, and the first call.
    """

    form: Form
    call: Call
    eager: Call
    network: nn.Module
    seconds: float


def build(network: nn.Module, form: Form, example: Images) -> Built:
    """`network` in `form`, for images of the size of `example` and on its device; `network` itself is not changed.

    Raises:
        FormUnavailable: it cannot run like that here.
        RuntimeError: as torch raises it, out of memory for one.
    """
    import torch

    if form.graph and example.device.type != "cuda":
        raise FormUnavailable(f"a CUDA graph needs a CUDA device; the image is on {example.device.type}")
    start = time.perf_counter()
    with torch.inference_mode():
        changed = transformed(network, form)
        eager: Call = partial(run, changed, form)
        call = eager
        if form.backend == "onnxruntime":
            from bench.forms.onnx_session import session

            call = session(changed, example)
        elif form.compiled:
            call = partial(run, compiled(changed, form, example), form)
        if form.graph:
            call = captured(call, example)
        call(example)
        if example.device.type == "cuda":
            torch.cuda.synchronize(example.device)
    return Built(form=form, call=call, eager=eager, network=changed, seconds=time.perf_counter() - start)


def transformed(network: nn.Module, form: Form) -> nn.Module:
    """A copy with everything of `form` that changes layers or weights."""
    import torch

    from bench.forms.spread import spread
    from models.fold import fold_batch_norm

    changed = copy.deepcopy(network)
    try:
        changed = fold_batch_norm(changed) if form.folded else changed
        changed = spread(changed) if form.spread else changed
    except ValueError as error:
        raise FormUnavailable(str(error)) from error
    if form.dtype != "float32" and casts_itself(changed):
        cast_layers(changed, getattr(torch, form.dtype))
    return changed.to(memory_format=layout(form))


def layout(form: Form) -> torch.memory_format:
    import torch

    return torch.channels_last if form.memory_format == "channels_last" else torch.contiguous_format


def casts_itself(network: nn.Module) -> bool:
    """Whether its layers may have another dtype than its images."""
    from models.style_net import StyleNet

    return isinstance(network, StyleNet)


def cast_layers(network: nn.Module, dtype: torch.dtype) -> None:
    """Layers with weights to `dtype`; constants of the network itself stay exact."""
    for layer in network.modules():
        if next(layer.parameters(recurse=False), None) is not None:
            layer.to(dtype)


def run(network: Call, form: Form, image: Images) -> Images:
    """One pass, the image brought into the form's layout; under autocast where the network does not cast itself."""
    import torch

    given = image.contiguous(memory_format=layout(form))
    dtype = getattr(torch, form.dtype)
    reduced = form.dtype != "float32" and not casts_itself(getattr(network, "_orig_mod", network))  # type: ignore[arg-type]
    with torch.autocast(image.device.type, dtype, enabled=reduced):
        return network(given).to(image.dtype)


def compiled(network: nn.Module, form: Form, example: Images) -> Call:
    """`network` compiled for images like `example`; the first call is made here.

    Raises:
        FormUnavailable: torch.compile, or the C++ compiler that it needs, fails.
    """
    import torch

    torch._dynamo.reset()  # a ninth size or network would silently run uncompiled
    options: dict[str, tp.Any] = {"freezing": example.device.type == "cpu"}
    quick: Call = torch.compile(network, dynamic=False, options=options)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses CUDA on a CPU machine
    try:
        with warnings.catch_warnings():  # of what the compiler traces, which concern the compiler's authors
            warnings.simplefilter("ignore")
            run(quick, form, example)
    except Exception as error:  # the compiler raises whatever happens to go wrong in it
        if out_of_memory(error):
            raise
        raise FormUnavailable(f"torch.compile fails: {first_line(error)}") from error
    return quick


def captured(call: Call, example: Images) -> Call:
    """`call` as a CUDA graph for images like `example`.

    Raises:
        FormUnavailable: it does something that a graph cannot hold.
    """
    import torch

    given = example.clone()
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
        raise FormUnavailable(f"the graph cannot be captured: {first_line(error)}") from error

    def replay(image: Images) -> Images:
        given.copy_(image)
        graph.replay()
        return output.clone()

    return replay


def first_line(error: Exception) -> str:
    """The kind of an error and the beginning of what it says."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:LONGEST_REASON]
