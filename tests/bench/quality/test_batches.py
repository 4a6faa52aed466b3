"""Images of one size go through a network together on a GPU; here on a CPU, whose own runs never do so."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from baselines.histogram import Matched
from bench.data import images
from bench.data.datasets import dataset
from bench.metrics import METRICS, load
from bench.metrics.pair import numbers
from bench.protocols import protocol
from bench.quality.engine import BATCH_PIXELS, MOST_WAITING, batches
from bench.quality.pipeline import score_image, score_images, takes_batches
from bench.quality.plan import ImageJob, LoadedMetric, Model, Plan
from bench.quality.whole import upscale
from bench.self_ensemble import SelfEnsemble
from bench.tiling.tiles import tiled
from models.sr_net import SRNet

CPU = torch.device("cpu")


@dataclass
class Seen:
    """An upscaler that remembers how many images it was given at a time."""

    network: Any
    batch: bool = True
    scale: int = 4
    channels: int | None = 3
    given: list[int] = field(default_factory=list)

    def __call__(self, lr: Tensor) -> Tensor:
        self.given.append(len(lr))
        return self.network(lr)


def network() -> SRNet:
    torch.manual_seed(0)
    return (
        SRNet(scale=4, width=8, blocks=1).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    )


def metrics(*names: str) -> list[LoadedMetric]:
    def nowhere(name: str) -> Path:
        raise AssertionError(name)

    return [LoadedMetric(entry=METRICS[name], metric=load(name, nowhere, CPU)) for name in names]


def made(folder: Path, upscaler: Any, *names: str) -> tuple[Plan, list[ImageJob]]:
    """Five images of one size, and behind them one of another, with a job each."""
    rng = np.random.default_rng(0)
    for number in range(6):
        size = (180, 176) if number == 5 else (176, 180)
        images.write(folder / "set" / f"{number}.png", rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    plan = Plan(
        dataset=dataset(str(folder / "set")),
        protocol=protocol("johnson2016", 4),
        models=[Model(name="m", hash="1", upscaler=upscaler, validated=True)],
        metrics=metrics(*names),
        device=CPU,
    )
    jobs = [
        ImageJob(image=image, hr=images.load(image), pending=[(plan.models[0], plan.metrics)])
        for image in plan.dataset.images
    ]
    return plan, jobs


def test_a_batch_gives_the_digits_that_each_image_gives_alone(tmp_path: Path) -> None:
    seen = Seen(network())
    plan, jobs = made(tmp_path, seen, "psnr", "ssim", "ms-ssim")
    together = score_images(plan, jobs[:5])
    assert seen.given == [5]
    alone = [score_image(plan, job) for job in jobs[:5]]
    for one, other in zip(together, alone, strict=True):
        assert not one.failures
        assert [score.metric for score in one.scores] == ["psnr", "ssim", "ms-ssim"]
        for a, b in zip(one.scores, other.scores, strict=True):
            assert replace(a, value=0.0) == replace(b, value=0.0)
            # beyond the digits that are printed: two of PSNR, four of SSIM
            assert a.value == pytest.approx(b.value, abs=1e-5)


def test_a_model_in_tiles_as_every_run_has_it_is_given_a_batch(tmp_path: Path) -> None:
    seen = Seen(network())
    plan, jobs = made(tmp_path, tiled(seen, "auto"), "psnr")
    assert all(not outcome.failures for outcome in score_images(plan, jobs[:5]))
    assert seen.given == [5]


def test_a_model_that_does_not_say_that_it_takes_batches_is_given_one_image_at_a_time(tmp_path: Path) -> None:
    seen = Seen(network(), batch=False)
    plan, jobs = made(tmp_path, seen, "psnr")
    score_images(plan, jobs[:5])
    assert seen.given == [1] * 5


def test_networks_and_what_stands_around_them_take_batches() -> None:
    for around in (tiled(network(), "auto"), SelfEnsemble(upscaler=network()), Matched(upscaler=network())):
        assert takes_batches(around)
    assert not takes_batches(tiled(Seen(network(), batch=False), "auto"))
    assert not takes_batches(None)


def test_what_fails_together_is_done_alone(tmp_path: Path) -> None:
    net = network()

    def small(lr: Tensor) -> Tensor:
        if len(lr) > 1:
            raise torch.OutOfMemoryError("no room for so many")
        return net(lr)

    seen = Seen(small)
    plan, jobs = made(tmp_path, seen, "psnr")
    found = score_images(plan, jobs[:5])
    assert [len(outcome.scores) for outcome in found] == [1] * 5
    assert seen.given == [5, 1, 1, 1, 1, 1]


def test_an_image_that_a_model_fails_on_costs_itself_alone(tmp_path: Path) -> None:
    net = network()
    plan, jobs = made(tmp_path, None, "psnr")
    assert jobs[0].hr is not None
    dark = images.to_tensor(jobs[0].hr.pixels).mean()

    def picky(lr: Tensor) -> Tensor:
        if any(abs(image.mean() - dark) < 1e-4 for image in lr):
            raise ValueError("not this one")
        return net(lr)

    plan, jobs = made(tmp_path, Seen(picky), "psnr")
    found = score_images(plan, jobs[:5])
    assert [len(outcome.failures) for outcome in found] == [1, 0, 0, 0, 0]


def test_an_image_that_cannot_be_used_costs_itself_alone(tmp_path: Path) -> None:
    plan, jobs = made(tmp_path, Seen(network()), "psnr")
    tiny = replace(jobs[1].hr, pixels=np.zeros((8, 8, 3), np.uint8))  # type: ignore[type-var]
    found = score_images(plan, [jobs[0], replace(jobs[1], hr=tiny), jobs[2]])
    assert [len(outcome.failures) for outcome in found] == [0, 1, 0]


def test_every_job_is_in_a_batch(tmp_path: Path) -> None:
    _, jobs = made(tmp_path, None)
    found = list(batches(jobs))
    assert [len(batch) for batch in found] == [5, 1]
    assert sorted(job.image.stem for batch in found for job in batch) == [str(n) for n in range(6)]


def test_a_batch_is_bounded_and_so_are_the_images_that_wait(tmp_path: Path) -> None:
    _, jobs = made(tmp_path, None)
    one, other = jobs[0], jobs[5]
    assert one.hr is not None
    most = BATCH_PIXELS // one.hr.pixels[..., 0].size
    assert [len(batch) for batch in batches([one] * (most + 1))] == [min(most, MOST_WAITING)] + (
        [most + 1 - MOST_WAITING] if most > MOST_WAITING else [1]
    )
    found = list(batches([one] * (MOST_WAITING - 1) + [other]))
    assert max(map(len, found)) < MOST_WAITING
    assert sum(map(len, found)) == MOST_WAITING


class Reads(TorchDispatchMode):
    """Counts what is read as a number: on a GPU each read waits until everything before it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_a_metric_more_is_no_transfer_more(tmp_path: Path) -> None:
    counts = []
    for names in (("psnr",), ("psnr", "ssim", "ms-ssim", "vif-p")):
        plan, jobs = made(tmp_path / str(len(names)), Seen(network()), *names)
        with Reads() as reads:
            outcome = score_image(plan, jobs[0])
        assert len(outcome.scores) == len(names)
        counts.append(reads.count)
    # nothing at all is read one by one, of an image that the sanity checks have seen
    assert counts == [0, 0]


def test_the_sanity_checks_read_a_models_image_a_few_times(tmp_path: Path) -> None:
    """What they ask of it in full is one transfer; the rest is asked of samples and means, on the CPU."""
    plan, jobs = made(tmp_path, Seen(network()), "psnr")
    checked = replace(plan, models=[replace(plan.models[0], validated=False)])
    job = replace(jobs[0], pending=[(checked.models[0], checked.metrics)])
    sizes: Counter[int] = Counter()

    class Sizes(Reads):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in {torch.ops.aten.aminmax.default, torch.ops.aten.isfinite.default}:
                sizes[args[0].numel()] += 1
            return super().__torch_dispatch__(func, types, args, kwargs)

    with Sizes():
        score_image(checked, job)
    assert sizes == {3 * 176 * 180: 2}


def test_numbers_are_those_of_the_tensors_whatever_their_type() -> None:
    values = (torch.tensor(0.1), 2.5, torch.tensor([0.1], dtype=torch.float64), torch.tensor(True))
    assert numbers(*values) == [float(values[0]), 2.5, 0.1, 1.0]
    assert numbers() == []


def test_one_batch_is_in_a_gpus_network_at_a_time() -> None:
    """Workers take turns on every device but a CPU; on `meta` nothing is computed, and so no range can be read."""
    inside, most = [0], [0]

    def slow(lr: Tensor) -> Tensor:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.02)
        inside[0] -= 1
        return lr.repeat_interleave(4, -1).repeat_interleave(4, -2)

    def work(lr: Tensor) -> None:
        with suppress(RuntimeError, NotImplementedError):
            upscale(Seen(slow), lr)

    for device, expected in (("meta", 1), ("cpu", 3)):
        most[0] = 0
        lr = torch.rand(1, 3, 8, 8, device=device)
        threads = [threading.Thread(target=work, args=(lr,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == [expected]
