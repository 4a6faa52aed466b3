"""The machine and the versions, described: facts that change a number, none that say whose machine it is."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.devices import devices, find_device, gpu_facts
from bench.records import Environment, fast_bf16

DISTRIBUTION = "perceptual-bench"
PACKAGES = (
    "torchvision",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "lpips",
    "triton",
    "onnxruntime",
    "spandrel",
)
CHECKOUT = Path(__file__).resolve().parents[1]
# Instruction sets that decide which kernels run; the rest of what the CPU can do is skipped.
CAPABILITIES = (
    "avx2",
    "avx512_f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "amx_fp16",
    "neon",
    "bf16",
    "i8mm",
    "sve",
)
AUTO = "auto"
TENSOR_CORES = (8, 0)
"""Compute capability from which a CUDA device multiplies bfloat16 in hardware."""
VERSION = re.compile(r"^Version: *(\S+)[ \t]*$", re.MULTILINE)
TRADEMARKS = re.compile(r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|@", re.IGNORECASE)


def environment(device: str = "cpu") -> Environment:
    """What a number measured now on `device` depends on: versions, processor, GPU and their settings.

    Facts hold no user name, host name, path or serial number: they are published. What cannot be found out is
    None, or a text that begins with "unknown". Takes well under a second once torch is imported.

    Raises:
        UserError: there is no such device here.
    """
    import psutil
    import torch

    found = find_device(device)
    capabilities = cpu_capabilities()
    facts = {
        "suite": suite(),
        "python": platform.python_version(),
        "system": {"name": system_name(), "kernel": platform.release(), "machine": platform.machine()},
        "cpu": {
            "model": cpu_model(),
            "cores_physical": psutil.cpu_count(logical=False),
            "cores_logical": psutil.cpu_count(logical=True),
            "cores_allowed": cores_allowed(),
            "core_quota": core_quota(),
            "kernels": torch.backends.cpu.get_cpu_capability(),
            "capabilities": [name for name in CAPABILITIES if capabilities.get(name)],
        },
        "memory_bytes": psutil.virtual_memory().total,
        "packages": {name: version(name) for name in PACKAGES},
        # torch's version and the settings that change what it computes or how fast
        "torch": {
            "version": str(torch.__version__),
            "commit": torch.version.git_version,
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "onednn": bool(torch.backends.mkldnn.is_available()),  # type: ignore[no-untyped-call]
            **onednn_flags(),
            "accelerators": devices()[1:],
        },
        "device": str(found),
        "gpu": gpu_facts(found),
    }
    return Environment(facts=facts)


def summary(environment: Environment) -> str:
    """One line: "Intel Xeon 2.50GHz, 2 cores, 23 GiB, torch 2.15.0, no GPU"."""
    facts = environment.facts
    cores = facts["cpu"]["cores_allowed"]
    parts = [
        facts["cpu"]["model"],
        f"{cores} core{'s' if cores != 1 else ''}",
        gibibytes(facts["memory_bytes"]),
        f"torch {facts['torch']['version'].split('+')[0]}",
    ]
    if facts["gpu"] is not None:
        parts.append(f"{facts['gpu']['name']} {gibibytes(facts['gpu']['memory_bytes'])}")
    else:
        parts.append("GPU not used" if facts["torch"]["accelerators"] else "no GPU")
    return ", ".join(parts)


def suite() -> dict[str, Any]:
    """The version and, in a checkout, the commit ("-dirty" when files were changed since) of this suite."""
    return {"version": version(DISTRIBUTION) or "unknown", "commit": commit(CHECKOUT)}


def commit(checkout: Path) -> str | None:
    """The commit that the folder `checkout` is at; None if it is no checkout, or git is not installed."""
    # Without this git would name the commit of whatever repository a virtual environment lies in.
    if not (checkout / ".git").exists():
        return None
    # --exclude=*: no tag is looked at, so that it is the full commit with or without tags.
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def version(distribution: str) -> str | None:
    """The installed version of a package, None if it is not installed; imports nothing."""
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return None
    # one line of what `found.version` would parse as a mail, which takes 3 ms for each package
    line = VERSION.search(found.read_text("METADATA") or "")
    return line[1] if line else found.version


def suite_version() -> str:
    """The installed version of this suite, as exports have it."""
    return version(DISTRIBUTION) or "unknown"


def system_name() -> str:
    """As "Debian GNU/Linux 12 (bookworm)", "macOS 15.1" or "Windows 11"."""
    if platform.system() == "Linux":
        try:
            return platform.freedesktop_os_release()["PRETTY_NAME"]
        except (OSError, KeyError):
            return "Linux"
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"


@functools.cache
def bf16_units(device_type: str = "cpu") -> tuple[str, ...]:
    """What multiplies bfloat16 faster than float32 on a device of this kind, by name; empty where nothing does.

    The one place where it is detected: what uses bfloat16 by default asks here. Apple's GPU counts as having none,
    since none was ever measured.

    Args:
        device_type: `cpu`, `cuda` (the current one) or `mps`.
    """
    import torch

    if device_type == "cuda":
        return ("tensor cores",) if torch.cuda.get_device_capability() >= TENSOR_CORES else ()
    if device_type != "cpu":
        return ()
    found = cpu_capabilities() or dict.fromkeys(cpu_flags(), True)
    return fast_bf16([name for name, has in found.items() if has])


def precision(option: str, device_type: str) -> str:
    """`float32` or `bf16` as asked for; for `auto` bf16 where a device of this kind has units for it."""
    if option != AUTO:
        return option
    return "bf16" if bf16_units(device_type) else "float32"


def cpu_flags(listing: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Instruction sets as Linux names them, for a torch that does not; bfloat16's have the same names there."""
    text = listing.read_text(encoding="utf-8") if listing.exists() else ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)", text, re.MULTILINE)
    return found[1].split() if found else []


def cpu_capabilities() -> dict[str, Any]:
    """Instruction sets by torch's names for them; empty where torch is too old to say."""
    import torch

    return dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}


def cpu_model() -> str:
    """The processor's name as on its box, without trade marks: "Intel Xeon 2.50GHz"."""
    listing = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", listing.read_text()) if listing.exists() else None
    name = found[1] if found else cpu_capabilities().get("cpu_name") or platform.processor() or "unknown CPU"
    return " ".join(TRADEMARKS.sub(" ", name).split())


def cores_allowed() -> int:
    """Logical cores that this process may run on (its affinity; all of them where the system has none)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def core_quota(cgroup: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores' worth of time that a container grants (cgroup v2 `cpu.max`, microseconds); None if unlimited."""
    file = cgroup / "cpu.max"
    if not file.exists():
        return None
    quota, period = file.read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def onednn_flags() -> dict[str, Any]:
    """What oneDNN may compute float32 in: "ieee", "bf16", "tf32"; "none" for the parent setting's."""
    import torch

    return {
        "onednn_matmul_precision": torch.backends.mkldnn.matmul.fp32_precision,  # type: ignore[attr-defined]
        "onednn_conv_precision": torch.backends.mkldnn.conv.fp32_precision,  # type: ignore[attr-defined]
    }


def gibibytes(count: int) -> str:
    """Of bytes, without decimals: `23 GiB`."""
    return f"{count / 2**30:.0f} GiB"
