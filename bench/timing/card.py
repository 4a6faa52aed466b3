"""The card of a network: what it is made of and what one call computes, beside what the stopwatch says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.errors import out_of_memory
from bench.registry.catalog import LoadedModel
from bench.tiling.receptive_field import Probe, receptive_field
from bench.timing.clocks import Work

aten = torch.ops.aten
# The ones that torch's own counter knows; which of them a call goes through depends on the device.
CONVOLUTIONS = (aten.convolution, aten._convolution, aten.cudnn_convolution, aten._slow_conv2d_forward)
ACTIVATIONS_MEANING = (
    "elements of the outputs of all convolutions of one call, those of torch.nn.functional too"
)
MEMORY_MEANING = (
    "the most bytes that tensors made during one call held at a time, its result included; not weights, not the input, "
    "not what a library takes for itself"
)
FIELD_MEANING = (
    "side in lr pixels of the square that one lr pixel's sr pixels depend on; None where it has no bound"
)


MEANINGS = {
    "activations_meaning": ACTIVATIONS_MEANING,
    "peak_tensor_bytes_meaning": MEMORY_MEANING,
    "receptive_field_meaning": FIELD_MEANING,
}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of one call.

    Attributes:
        flops: of convolutions and matrix products, torch's count: a multiplication and an addition are two.
        activations: elements of the outputs of all convolutions.
        convolutions: calls of one, transposed ones too.
        peak_bytes: the most that tensors made during the call held at a time.
    """

    flops: int
    activations: int
    convolutions: int
    peak_bytes: int

    @property
    def multiply_adds(self) -> int:
        """The other convention, of most papers: a multiplication with its addition is one."""
        return self.flops // 2


def counts(work: Work) -> Counts:
    """Count what one eager call computes."""
    from torch.utils.flop_counter import FlopCounterMode  # loads Triton: 0.2 s that no other program needs

    outputs: list[torch.Size] = []
    with LiveTensors() as live, FlopCounterMode(display=False, custom_mapping=_noted(outputs)) as counter:
        work()
    return Counts(
        flops=counter.get_total_flops(),
        activations=sum(math.prod(shape) for shape in outputs),
        convolutions=len(outputs),
        peak_bytes=live.peak,
    )


class LiveTensors(TorchDispatchMode):
    """Sums the storages that operations make, as long as something holds them.

    Unlike the resident set, this is the same each time, and whatever ran before in this process. An operation's own
    scratch memory is not seen.

    Attributes:
        peak: bytes, the largest sum so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._made: dict[int, tuple[StorageWeakRef, int]] = {}
        self._given: dict[int, StorageWeakRef] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for storage in _storages((args, kwargs)):
            ref = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            if ref.cdata not in self._made:  # weights and the input, of which an output may be a view
                self._given.setdefault(ref.cdata, ref)
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            # the weak reference keeps the address from being used again while it is a key
            ref = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            if ref.cdata not in self._given:
                self._made[ref.cdata] = (ref, storage.nbytes())
        self._made = {key: held for key, held in self._made.items() if not held[0].expired()}  # type: ignore[no-untyped-call]
        self.peak = max(self.peak, sum(size for _, size in self._made.values()))
        return result


def _storages(tree: Any) -> Iterator[torch.UntypedStorage]:
    return (leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _noted(outputs: list[Any]) -> dict[Any, Callable[..., int]]:
    """torch's own formulas, which also put down the shape of what comes out."""

    def noting(formula: Callable[..., int]) -> Callable[..., int]:
        def count(*args: Any, out_val: Tensor, **options: Any) -> int:
            outputs.append(out_val.shape)
            return formula(*args, out_val=out_val, **options)

        count._get_raw = True  # type: ignore[attr-defined]  # torch's sign for: give the tensors, not their shapes
        return count

    from torch.utils.flop_counter import flop_registry

    return {operation: noting(flop_registry[operation]) for operation in CONVOLUTIONS}


@dataclass(frozen=True, kw_only=True)
class _Probed:
    """A model as the probe of receptive fields calls it."""

    network: Callable[[Any], Any]
    scale: int
    channels: int = 3

    def __call__(self, lr: Tensor) -> Tensor:
        return self.network(lr)


def card(model: LoadedModel, image: Tensor) -> dict[str, Any]:
    """What a network is made of, and what it computes of `image`; calls it some dozen times, untimed.

    Returns:
        `parameters` is None for a callable that is no module, the counts where nothing that is counted was seen.
    """
    with torch.inference_mode():
        found = counts(lambda: model.network(image))
    module = model.module
    field, reason = _field(model, image)
    return {
        "input": list(image.shape[-2:]),
        "parameters": None if module is None else sum(p.numel() for p in module.parameters()),
        "multiply_adds": found.multiply_adds or None,
        "flops": found.flops or None,
        "activations": found.activations or None,
        "convolutions": found.convolutions or None,
        "peak_tensor_bytes": found.peak_bytes or None,
        "receptive_field": field,
        "receptive_field_reason": reason,
        **MEANINGS,
    }


def is_current(stored: Mapping[str, Any]) -> bool:
    """Whether a stored card counts what :func:`card` counts today: it says what each of its numbers means."""
    return all(stored.get(name) == text for name, text in MEANINGS.items())


def _field(model: LoadedModel, image: Tensor) -> tuple[int | None, str]:
    """The side of the receptive field, or why there is none."""
    needs = model.requirements
    if needs.receptive_field == "unbounded":
        return None, "it looks at the whole image"
    probe = Probe(
        upscaler=_Probed(network=model.network, scale=model.scale),
        like=image,
        multiple=needs.multiple,
        minimum=needs.minimum,
    )
    try:
        found = receptive_field(probe)
    except (RuntimeError, ValueError) as error:  # it fails on a strip, or has one size only
        return None, "it does not fit into memory" if out_of_memory(
            error
        ) else f"it cannot be probed: {error}"
    # From the radius around one lr pixel to the side of the square.
    return (None if found.radius is None else 2 * found.radius + 1), found.reason


def challenge_score(
    seconds: tuple[float, float], multiply_adds: tuple[float, float], parameters: tuple[float, float]
) -> float:
    """The score of the NTIRE 2024 and 2025 challenges on efficient super-resolution; lower is better.

    0.7 e^(2 t/t0) + 0.15 e^(2 F/F0) + 0.15 e^(2 P/P0), as the README of their repositories has it: times, multiply-adds
    and parameters relative to a baseline's, which itself scores e^2 = 7.389.

    Args:
        seconds: the network's and the baseline's; likewise the others.
    """
    shares = zip((0.7, 0.15, 0.15), (seconds, multiply_adds, parameters), strict=True)
    return sum(weight * math.exp(2 * own / baseline) for weight, (own, baseline) in shares)
