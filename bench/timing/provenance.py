"""A timing with everything that it depends on, so that a reader can trust it or see why not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import psutil
import torch

from bench.allocator import release_memory
from bench.devices import SLOWING, find_device, gpu_state, precision_flags
from bench.environment import environment, onednn_flags
from bench.timing import peak
from bench.timing.clocks import Clock, Work
from bench.timing.provenance_record import PeakMemory, TimingProvenance
from bench.timing.records import SpeedProtocol, Timing
from bench.timing.stopwatch import measure

CUDA_MEANING = "torch.cuda.max_memory_allocated during one call, what was allocated before it included"
CPU_MEANING = (
    "growth of the process's resident set during one call, sampled every millisecond: a lower bound, "
    "which misses memory that the allocator had kept from before"
)
FLOPS_MEANING = (
    "torch.utils.flop_counter over one eager call: convolutions and matrix products, multiply-add is two"
)
SAMPLE_SECONDS = 1e-3


def time_work(
    work: Work,
    protocol: SpeedProtocol,
    *,
    device: str = "cpu",
    weights: str = "",
    eager: Work | None = None,
    network: torch.nn.Module | None = None,
    clock: Clock | None = None,
) -> tuple[Timing, TimingProvenance]:
    """Measure `work` under `protocol`, and its provenance.

    Args:
        weights: where those of what is timed come from, in words.
        eager: the same work uncompiled and uncaptured, which FLOPs can be counted in; `work` by default.
        network: whose parameters are counted.
        clock: as in :func:`bench.timing.stopwatch.measure`.

    Raises:
        ValueError: torch uses another number of threads than the protocol says.
        TimingError: there is no time that can be trusted.
    """
    found = find_device(device)
    check_threads(protocol)
    before = accelerator_state(found)
    timing = measure(work, device=device, clock=clock, **asdict(protocol.stopping))
    timing = timing if protocol.rounds == 1 else timing.first_round
    # Read at once: memory and FLOPs, measured next, would be in it.
    after = accelerator_state(found)
    record = provenance(
        timing,
        protocol,
        device=found,
        weights=weights,
        work=work,
        eager=eager or work,
        network=network,
        states=(before, after),
    )
    return timing, record


def time_round(
    work: Work,
    before: TimingProvenance,
    protocol: SpeedProtocol,
    *,
    device: str = "cpu",
    clock: Clock | None = None,
) -> TimingProvenance:
    """The provenance of a timing with one more round; memory, FLOPs and what else no round changes stay as they were.

    Raises:
        ValueError, TimingError: as :func:`time_work`.
    """
    found = find_device(device)
    check_threads(protocol)
    timing = before.timing.and_round(measure(work, device=device, clock=clock, **asdict(protocol.stopping)))
    after = accelerator_state(found)
    reached = None if before.flops is None else before.flops / timing.median
    peak_flops = (before.peak or {}).get("flops_per_second")
    return replace(
        before,
        timing=timing,
        seconds=timing.median,
        ci95=timing.ci95,
        flops_per_second=reached,
        share_of_peak=reached / peak_flops if reached and peak_flops else None,
        gpu_after=after,
        warnings=(*timing.warnings, *state_warnings(after)),
    )


def provenance(
    timing: Timing,
    protocol: SpeedProtocol,
    *,
    device: torch.device,
    weights: str,
    work: Work,
    eager: Work,
    network: torch.nn.Module | None,
    states: tuple[dict[str, Any] | None, dict[str, Any] | None],
) -> TimingProvenance:
    """What `timing` depends on. Calls `work` and `eager` once more, untimed.

    Args:
        states: of the GPU before and after the measurement (:func:`bench.devices.gpu_state`), None on a CPU.
    """
    machine = environment(str(device))
    return TimingProvenance(
        protocol=protocol.definition,
        protocol_hash=protocol.hash,
        seconds=timing.median,
        ci95=timing.ci95,
        timing=timing,
        peak_memory=peak_memory(work, device),
        parameters=None if network is None else parameters(network),
        **throughput(eager, timing, protocol, device),
        threads=torch.get_num_threads(),
        float32=float32_settings(),
        gpu_before=states[0],
        gpu_after=states[1],
        environment=dict(machine.facts),
        environment_hash=machine.hash,
        warnings=(*timing.warnings, *state_warnings(states[1])),
        weights=weights,
    )


def throughput(eager: Work, timing: Timing, protocol: SpeedProtocol, device: torch.device) -> dict[str, Any]:
    """Fields of the provenance: FLOPs of one call, FLOP/s reached, share of the peak; None where nothing is counted."""
    count = flops(eager)
    # Of the layers' dtype, at torch's present threads: the peak that this variant could reach. It is of floating-point
    # products, and int8 is none.
    best = None if protocol.dtype == "int8" else peak.peak(device, getattr(torch, protocol.dtype))
    reached = None if count is None else count / timing.median
    return {
        "flops": count,
        "flops_meaning": FLOPS_MEANING,
        "flops_per_second": reached,
        "peak": None if best is None else asdict(best),
        "share_of_peak": None if reached is None or best is None else reached / best.flops_per_second,
    }


def flops(work: Work) -> int | None:
    """Floating-point operations of one call; None when no operation that is counted was seen."""
    from torch.utils.flop_counter import FlopCounterMode  # loads triton, which takes as long as all of ours

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() or None


def parameters(network: torch.nn.Module) -> int:
    """Trainable and frozen ones; shared ones once; buffers not."""
    return sum(parameter.numel() for parameter in network.parameters())


def peak_memory(work: Work, device: torch.device) -> PeakMemory:
    """Of one call."""
    if device.type == "cuda":
        return PeakMemory(bytes=cuda_peak_bytes(work, device), meaning=CUDA_MEANING)
    # what an earlier call gave back would be used again, and not be seen
    release_memory()
    with resident_peak() as resident:
        # Held until the last look: what a call returns is part of what it needs.
        result = work()
    del result
    return PeakMemory(bytes=resident.growth, meaning=CPU_MEANING)


def cuda_peak_bytes(work: Work, device: torch.device) -> int:
    """The most that torch held on the device during a call, weights and images included."""
    torch.cuda.synchronize(device)
    # After a wait: work in flight would count towards this call.
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


@dataclass(kw_only=True)
class ResidentSet:
    """The resident set in bytes, as it was at first and at its largest."""

    read: Callable[[], int]
    first: int = field(init=False)
    largest: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.largest = self.read()

    def sample(self) -> None:
        """One sample."""
        self.largest = max(self.largest, self.read())

    @property
    def growth(self) -> int:
        return self.largest - self.first


@contextmanager
def resident_peak(read: Callable[[], int] | None = None) -> Iterator[ResidentSet]:
    """Watches the resident set from a thread; the last look is on leaving."""
    resident = ResidentSet(read=read or resident_bytes)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            resident.sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield resident
    finally:
        done.set()
        thread.join()
        resident.sample()


def resident_bytes() -> int:
    """The resident set of this process, in bytes."""
    return psutil.Process().memory_info().rss


def float32_settings() -> dict[str, Any]:
    """How exactly float32 is computed: TF32 and cuDNN flags, and oneDNN's leave to use bf16 inside."""
    return {**precision_flags(), **onednn_flags()}


def accelerator_state(device: torch.device) -> dict[str, Any] | None:
    """Clocks, throttling and other processes of a CUDA device now; None for any other."""
    return gpu_state(device.index) if device.type == "cuda" else None


def state_warnings(state: dict[str, Any] | None) -> list[str]:
    """What the driver saw that slows work down: throttling, other processes."""
    if state is None:
        return []
    slowing = [reason for reason in state.get("throttle_reasons") or [] if reason in SLOWING]
    warnings = [f"the GPU was throttled: {', '.join(slowing)}"] if slowing else []
    if state.get("other_processes"):
        warnings.append(f"{state['other_processes']} other processes were on the GPU")
    if "unknown" in state:
        warnings.append(f"clocks and throttling are unknown: {state['unknown']}")
    return warnings


def check_threads(protocol: SpeedProtocol) -> None:
    """Raises ValueError where torch does not use the protocol's number."""
    if torch.get_num_threads() != protocol.threads:
        raise ValueError(
            f"torch uses {torch.get_num_threads()} threads, must be the protocol's {protocol.threads}"
        )
