"""The variants that one network can run in: layout, folding, precision, compiler, graph, ONNX Runtime, OpenVINO.

A variant changes how long a network takes and how its values are rounded, nothing else. All of them take and give
float32 images in [0, 1], `n c h w`. :mod:`bench.variants.build` brings a network into one.
"""

from __future__ import annotations

import typing as tp
from dataclasses import dataclass
from typing import Literal

from bench.errors import UserError, did_you_mean

Dtype = Literal["float32", "bfloat16", "float16", "int8"]
MemoryFormat = Literal["contiguous", "channels_last"]
Backend = Literal["torch", "onnxruntime", "openvino"]
LONGEST_REASON = 160  # characters


class VariantUnavailable(UserError):
    """A variant that this network, this machine or this installation does not have; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How a network is run; the default is plain eager float32, `n c h w` in memory.

    Attributes:
        folded: batch norm is folded into the convolutions.
        spread: convolutions of few filters are computed in blocks (:class:`models.few_filters.BlockedConv2d`).
        dtype: of the convolutions; images stay float32. int8 is static quantisation, which OpenVINO alone has.
        compiled: by torch.compile, weights frozen into the code on a CPU; anew for each image size.
        graph: replayed as a CUDA graph; anew for each image size.
        backend: what computes it; a network is exported to one of the others anew for each image size.
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
        # In the order of CHANGES, so that one variant has one name: timings are stored under it.
        words = (w for w, fields in CHANGES.items() if fields and fields.items() <= vars(self).items())
        return "+".join(words) or "eager"

    @property
    def per_size(self) -> bool:
        """Whether it is built anew for each image size."""
        return self.compiled or self.graph or self.backend != "torch"


CHANGES: dict[str, dict[str, tp.Any]] = {
    "eager": {},
    "channels_last": {"memory_format": "channels_last"},
    "folded": {"folded": True},
    "spread": {"spread": True},
    "openvino": {"backend": "openvino"},
    "bfloat16": {"dtype": "bfloat16"},
    "float16": {"dtype": "float16"},
    "int8": {"dtype": "int8"},
    "compiled": {"compiled": True},
    "graph": {"graph": True},
    "onnxruntime": {"backend": "onnxruntime"},
}


def parse_variant(name: str) -> Variant:
    """The variant called `name`: words of :data:`CHANGES` joined by `+`.

    Raises:
        UserError: an unknown word.
    """
    fields: dict[str, tp.Any] = {}
    for word in name.split("+"):
        if word not in CHANGES:
            raise UserError(
                f"no variant is called {word!r}{did_you_mean(word, CHANGES)}; there are: {', '.join(CHANGES)}, joined by +"
            )
        fields |= CHANGES[word]
    return Variant(**fields)


def first_line(error: Exception) -> str:
    """The kind of an error and the beginning of what it says."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:LONGEST_REASON]
