"""Style quality: the contents of a batch share an optimisation on a GPU, against one by one."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor

from bench.data.styles import StyleImage
from bench.styling.config import Baseline, Objective
from bench.styling.loading import batch_size
from bench.styling.methods import Aim, Optimisation, optimised
from bench.styling.objective import objective
from bench.styling.plan import MeasuredImage
from models.losses import Terms
from models.vgg import random_loss_network
from tests.gpu.asked import Asked
from tests.gpu.machine import ready
from tests.gpu.record import Record

SAME = 0.02
"""Of the objective after a few iterations: sums have another order in a batch, and rounding parts two searches."""


def plan(device: torch.device, *, size: int, iterations: int) -> Optimisation:
    """Of random weights, which take as long as trained ones."""
    protocol = Objective().protocol(StyleImage(name="noise", file=Path(), sha256=""), size, "vgg16")
    network = random_loss_network("vgg16", [*protocol.content_layers, *protocol.style_layers]).to(device)
    style = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)).to(device)
    content = torch.zeros(1, 3, size, size, device=device)
    aim = Aim(
        protocol=protocol,
        objective=objective(protocol, network, content=content, style=style),
        device=device,
        pictures=None,
        style=style,
    )
    return Optimisation(
        dataset="noise", aim=aim, baseline=Baseline(iterations=iterations), iterations=iterations
    )


def noise(contents: int, size: int) -> Tensor:
    return torch.rand(contents, 3, size, size, generator=torch.Generator().manual_seed(0))


def nothing(done: int, terms: Terms) -> None:
    """Called every few iterations, as the progress bar is."""


def against_one_by_one(asked: Asked, record: Record) -> None:
    """Seconds and objectives of a batch and of its first images by themselves."""
    device = ready(asked)
    size, contents, iterations, alone = (32, 3, 4, 2) if asked.smoke else (256, 50, 50, 5)
    chosen = plan(device, size=size, iterations=iterations)
    network = chosen.aim.objective.network
    record.write("batch that fits", images=batch_size(network, size, device, 10_000))
    images = noise(contents, size).to(device)
    optimised(
        chosen, images[:1], iterations, nothing
    )  # cuDNN chooses, and memory is taken, before anything is timed
    begun = time.perf_counter()
    together = optimised(chosen, images, iterations, nothing)
    batched = (time.perf_counter() - begun) / contents
    begun = time.perf_counter()
    singly = [optimised(chosen, image, iterations, nothing)[0] for image in images[:alone].split(1)]
    single = (time.perf_counter() - begun) / alone
    record.write(
        "seconds per content",
        batched=batched,
        one_by_one=single,
        times_faster=single / batched,
        batch=contents,
    )
    for index, (one, whole) in enumerate(zip(singly, together, strict=False)):
        assert isinstance(one, MeasuredImage)
        assert isinstance(whole, MeasuredImage)
        a, b = one.terms["total"][iterations // 4], whole.terms["total"][iterations // 4]
        record.compare(f"content {index}, after {iterations // 4} iterations", abs(a / b - 1), SAME)
    if device.type == "cuda":
        record.write("memory", peak_bytes=torch.cuda.max_memory_allocated(device))
