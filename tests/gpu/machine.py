"""The machine: what it is, how fast it multiplies, and how much of that and of its memory a network uses."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import torch

from bench.devices import find_device, gpu_state
from bench.environment import bf16_units, environment, summary
from bench.errors import UserError
from bench.registry import catalog
from bench.timing.peak import peak
from bench.timing.provenance import time_work
from bench.timing.records import SpeedProtocol, Stopping
from bench.timing.workloads import example
from bench.variants.build import build, exact_float32
from bench.variants.variant import VariantUnavailable, parse_variant
from tests.gpu.asked import Asked, Skip
from tests.gpu.record import Record

FORMS = ("eager", "channels_last+folded", "channels_last+folded+bfloat16")
QUERY = "name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.draw,temperature.gpu,utilization.gpu"


def ready(asked: Asked) -> torch.device:
    """The device, with float32 meaning float32 on it.

    Raises:
        Skip: it is not here.
    """
    try:
        device = find_device(asked.device)
    except UserError as error:
        raise Skip(str(error)) from error
    exact_float32()
    return device


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def state(device: torch.device) -> dict[str, Any]:
    """Clocks, temperature and other users at this moment; by nvidia-smi too, which needs no package."""
    if device.type != "cuda":
        return {}
    found = gpu_state(device.index or 0)
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        done = subprocess.run(
            [tool, f"--query-gpu={QUERY}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        found["nvidia_smi"] = {"query": QUERY, "answer": done.stdout.strip() or done.stderr.strip()}
    return found


def describe(asked: Asked, record: Record) -> None:
    """Versions, device, driver, settings and clocks."""
    device = ready(asked)
    machine = environment(str(device))
    print(summary(machine), flush=True)
    record.write(
        "machine", summary=summary(machine), facts=dict(machine.facts), bfloat16=bf16_units(device.type)
    )
    record.write("state", **state(device))


def peaks(asked: Asked, record: Record) -> None:
    """The measured peak by dtype; of the paper's network its share, and the memory of a pass."""
    device = ready(asked)
    for dtype in (torch.float32, torch.bfloat16, torch.float16) if not asked.smoke else (torch.float32,):
        found = peak(device, dtype)
        record.write(f"peak {found.dtype}", flops_per_second=found.flops_per_second, size=found.size)
    network = catalog.load("style-paper", scale=1, device=device)
    for size in (256, 512, 1024) if not asked.smoke else (64,):
        image = example(network, size, device)
        for name in FORMS if not asked.smoke else FORMS[:2]:
            record.write(f"style-paper {size} {name}", **pass_of(network, name, image, asked))
    record.write("state", **state(device))


def pass_of(network: catalog.LoadedModel, name: str, image: torch.Tensor, asked: Asked) -> dict[str, Any]:
    """Seconds, memory and share of the peak of a pass in a variant, or why there is none."""
    assert network.module is not None
    chosen = parse_variant(name)
    stopping = Stopping(min_repeats=3, time_limit_seconds=0.2 if asked.smoke else 1.0)
    protocol = SpeedProtocol.of(
        chosen, size=image.shape[-1], threads=torch.get_num_threads(), stopping=stopping
    )
    try:
        built = build(network.module, chosen, image)
    except VariantUnavailable as error:
        return {"left_out": str(error)}
    with torch.inference_mode():
        timing, paper = time_work(
            lambda: built.call(image),
            protocol,
            device=str(image.device),
            eager=lambda: built.eager(image),
            network=built.network,
        )
    kept = ("ci95", "peak_memory", "flops", "flops_per_second", "share_of_peak", "warnings", "gpu_after")
    return {"seconds": timing.median, **{key: paper.to_json()[key] for key in kept}}
