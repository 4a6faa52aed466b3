"""The devices of this machine: found by torch's names, and a GPU described.

What is known of a GPU comes from torch and, where nvidia-ml-py is installed, from its driver.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

from bench.errors import UserError

if TYPE_CHECKING:
    import torch

ABSENT = "unknown: nvidia-ml-py is not installed"

# Bits of nvmlDeviceGetCurrentClocksEventReasons (NVML API reference, "NvmlClocksEventReasons").
THROTTLE_REASONS = {
    0x001: "idle",
    0x002: "application clocks",
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal",
    0x040: "hardware thermal",
    0x080: "power brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability",
}
# What slows the work down; `idle` and clocks that somebody set do not make repetitions differ.
SLOWING = frozenset({"power cap", "hardware slowdown", "software thermal", "hardware thermal", "power brake"})


def find_device(device: str) -> torch.device:
    """The torch device called `device`: cpu, cuda, cuda:1, mps.

    Raises:
        UserError: the name is not one torch knows, or this machine has no such device.
    """
    import torch

    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device is {device!r}; must be one of: {', '.join(devices())}") from error
    if found.type == "cuda" and found.index is None and torch.cuda.is_available():
        # devices() lists cuda with its number.
        found = torch.device("cuda", torch.cuda.current_device())
    if str(found) not in devices():
        raise UserError(f"device is {device!r}, which is not here; must be one of: {', '.join(devices())}")
    return found


def devices() -> list[str]:
    """The devices of this machine by torch's name for them: cpu first."""
    import torch

    cuda = (
        [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def gpu_facts(device: torch.device) -> dict[str, Any] | None:
    """The accelerator `device`, None for the CPU."""
    if device.type == "cuda":
        return cuda_facts(device)
    return mps_facts() if device.type == "mps" else None


def cuda_facts(device: torch.device) -> dict[str, Any]:
    """A CUDA device, the versions of what drives it, and the settings that trade exactness for speed."""
    import torch

    about = torch.cuda.get_device_properties(device)
    return {
        "name": about.name,
        "memory_bytes": about.total_memory,
        "compute_capability": f"{about.major}.{about.minor}",
        "multiprocessors": about.multi_processor_count,
        "count": torch.cuda.device_count(),
        "driver": driver_version(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        **precision_flags(),
    }


def precision_flags() -> dict[str, Any]:
    """TF32 and cuDNN settings; a precision is "tf32", "ieee", or "none" for the parent setting's."""
    import torch

    return {
        "matmul_precision": torch.backends.cuda.matmul.fp32_precision,
        "conv_precision": torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
        "cudnn_enabled": torch.backends.cudnn.enabled,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
    }


def exact_float32() -> None:
    """Float32 products are float32: no TF32, from here on in this process.

    Through torch's older switches: after the newer ones, torch.compile and torch.export fail in torch 2.15.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def mps_facts() -> dict[str, Any]:
    """Apple's GPU, which shares the machine's memory: what Metal recommends to use of it at most."""
    import torch

    return {"name": "Apple GPU (MPS)", "memory_bytes": torch.mps.recommended_max_memory(), "count": 1}


def throttle_reasons(bits: int) -> tuple[str, ...]:
    """Names of the set bits of NVML's clocks-event mask, unknown ones as hexadecimal."""
    masks = [1 << shift for shift in range(bits.bit_length()) if bits >> shift & 1]
    return tuple(THROTTLE_REASONS.get(mask, hex(mask)) for mask in masks)


def driver_version() -> str:
    """The NVIDIA driver's version, such as "580.65.06", or why it is unknown."""
    if not installed():
        return ABSENT
    import pynvml

    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError as error:
        return f"unknown: {error}"


def gpu_state(index: int = 0) -> dict[str, Any]:
    """Clocks, throttling and other users of CUDA device `index` at this moment.

    Keys: `sm_clock_mhz`, `memory_clock_mhz`, `sm_clock_max_mhz`, `power_watts`, `temperature_celsius`,
    `utilization_percent`, `throttle_reasons` (names), `other_processes` (a number: who they are is nobody's
    business). A value the driver will not give is None; where it gives none at all the only key is `unknown`.
    """
    if not installed():
        return {"unknown": ABSENT}
    import pynvml

    try:
        pynvml.nvmlInit()
        handle = device_handle(index)
    except pynvml.NVMLError as error:
        return {"unknown": str(error)}
    return {
        "sm_clock_mhz": ask("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_SM),
        "memory_clock_mhz": ask("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_MEM),
        "sm_clock_max_mhz": ask("nvmlDeviceGetMaxClockInfo", handle, pynvml.NVML_CLOCK_SM),
        "power_watts": scaled(ask("nvmlDeviceGetPowerUsage", handle), 1e-3),  # NVML gives milliwatts
        "temperature_celsius": ask("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU),
        "utilization_percent": getattr(ask("nvmlDeviceGetUtilizationRates", handle), "gpu", None),
        "throttle_reasons": named_reasons(ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)),
        "other_processes": others(ask("nvmlDeviceGetComputeRunningProcesses", handle)),
    }


def device_handle(index: int) -> Any:
    """NVML's handle of CUDA device `index`; the two number devices differently, so it is found by UUID."""
    import pynvml
    import torch

    return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(index).uuid}")


def ask(question: str, handle: Any, *arguments: int) -> Any:
    """One NVML answer, or None where this GPU or this user is not given one."""
    import pynvml

    try:
        return getattr(pynvml, question)(handle, *arguments)
    except pynvml.NVMLError:
        return None


def scaled(value: float | None, factor: float) -> float | None:
    """An answer in another unit, such as milliwatts in watts; None stays None."""
    return None if value is None else value * factor


def named_reasons(bits: int | None) -> list[str] | None:
    """As :func:`throttle_reasons`, as JSON has it; None stays None."""
    return None if bits is None else list(throttle_reasons(bits))


def others(processes: list[Any] | None) -> int | None:
    """How many are not this process; a container may hide its number, which then counts as another."""
    return None if processes is None else sum(process.pid != os.getpid() for process in processes)


def installed() -> bool:
    """Whether nvidia-ml-py is; it is an extra."""
    return importlib.util.find_spec("pynvml") is not None
