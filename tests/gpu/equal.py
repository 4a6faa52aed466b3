"""A GPU against the CPU: every metric, imresize, network, loss and optimiser, each within a stated tolerance.

What is compared is the largest |device - cpu| / (atol + rtol |cpu|) of any value, of a gradient its norm's: at
most 1. Float32 products are float32 on both sides (no TF32); sums have another order.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from baselines.bicubic import imresize
from baselines.optimise import Settings, optimise
from baselines.style_gradient import StyleGradient
from bench.data import cache
from bench.errors import UserError
from bench.metrics import METRICS, load
from bench.prepare import quantize, to_luma
from bench.registry import catalog
from bench.timing import workloads as subjects
from models.losses import Terms, feature_loss, gram, pixel_loss, total_variation
from models.sr_net import SRNet
from tests.gpu.asked import Asked
from tests.gpu.machine import ready
from tests.gpu.record import Record

CPU = torch.device("cpu")
Work = Callable[[torch.device], Tensor]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Of each value: `atol` + `rtol` times the CPU's; with `of_norm` of the whole: `rtol` times the CPU's norm."""

    rtol: float
    atol: float = 0.0
    of_norm: bool = False


EXACT = Tolerance(rtol=0.0)
FLOAT64 = Tolerance(rtol=1e-9, atol=1e-12)
IMAGE = Tolerance(rtol=0.0, atol=1e-5)  # float32 in [0, 1]: a four-hundredth of a grey level
PICTURE = Tolerance(rtol=0.0, atol=1e-3)  # through a network: the sweep's tolerance of a float32 variant
METRIC = Tolerance(rtol=2e-3, atol=1e-9)
LOSS = Tolerance(rtol=1e-4, atol=1e-9)
GRADIENT = Tolerance(rtol=1e-3, of_norm=True)  # single values cancel to nothing
SEARCH = Tolerance(rtol=2e-2)  # the objective after iterations, in which rounding parts any two searches
TRAINED = Tolerance(rtol=1e-2)


def compare(asked: Asked, record: Record) -> None:
    """Every item; one that fails to run is a result too, and the next one is compared."""
    device = ready(asked)
    size = 48 if asked.smoke else 256
    for items in (resizes(size), losses(size), optimisers(size), networks(size, record), metrics(record)):
        for name, tolerance, work in items:
            one(record, device, name, tolerance, work)


def one(record: Record, device: torch.device, name: str, tolerance: Tolerance, work: Work) -> None:
    try:
        expected = work(CPU).detach().double()
        found = work(device).detach().cpu().double()
    except Exception as error:  # of whatever kind: it is what the comparison came to
        record.compare(name, float("inf"), 1.0, error=f"{type(error).__name__}: {error}"[:300])
        return
    difference = (found - expected).abs()
    if tolerance.of_norm:
        share = difference.norm() / (tolerance.rtol * expected.norm())
    else:
        allowed = tolerance.atol + tolerance.rtol * expected.abs()
        share = torch.where(difference == 0, 0.0, difference / allowed).max()
    record.compare(
        name, float(share), 1.0, max_abs=float(difference.max()), rtol=tolerance.rtol, atol=tolerance.atol
    )


Items = Iterator[tuple[str, Tolerance, Work]]


# Read once for each device: most of a dry run would go into it.
loss_network = functools.cache(subjects.loss_network)


def photograph(size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return imresize(subjects.photograph().double(), (size, size)).clamp(0, 1).to(dtype)


def resizes(size: int) -> Items:
    """Of MATLAB's imresize; its uint8 arithmetic to the last bit."""
    for scale in (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(2), Fraction(4)):
        for dtype, tolerance in ((torch.float32, IMAGE), (torch.float64, FLOAT64)):
            name = f"imresize x{scale} {str(dtype).removeprefix('torch.')}"
            yield (
                name,
                tolerance,
                lambda d, s=scale, t=dtype: imresize(photograph(size, t).to(d), s),
            )
        yield (
            f"imresize x{scale} uint8",
            EXACT,
            lambda d, s=scale: imresize(
                photograph(size, torch.float64).mul(255).round().div(255).to(d), s, arithmetic="uint8"
            ),
        )


def losses(size: int) -> Items:
    """Terms and gradients of the style objective, by autograd and by hand; the losses of training."""
    image, other = photograph(size), photograph(size).flip(-1)
    yield "pixel loss", LOSS, lambda d: pixel_loss(image.to(d), other.to(d))
    yield "total variation", LOSS, lambda d: total_variation(image.to(d))
    yield "gram", LOSS, lambda d: gram(image.to(d))

    def features(device: torch.device) -> Tensor:
        network = loss_network(device)
        pair = (network(image.to(device))["relu2_2"], network(other.to(device))["relu2_2"])
        return feature_loss(*pair)

    yield "feature loss relu2_2", LOSS, features

    def noise(device: torch.device) -> Tensor:
        return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)

    def objective(device: torch.device) -> StyleGradient:
        return StyleGradient(subjects.objective(size, loss_network(device), device))

    yield "style objective", LOSS, lambda d: torch.stack(list(objective(d).objective(noise(d))))
    yield "style objective by hand", LOSS, lambda d: torch.stack(list(objective(d)(noise(d))[0]))
    yield "gradient by hand", GRADIENT, lambda d: by_hand(objective(d), noise(d))
    yield "gradient by autograd", GRADIENT, lambda d: by_autograd(objective(d), noise(d))


def by_hand(gradient: StyleGradient, at: Tensor) -> Tensor:
    return gradient(at)[1]


def by_autograd(gradient: StyleGradient, at: Tensor) -> Tensor:
    variable = at.clone().requires_grad_()
    total = gradient.objective(variable).total.sum()
    return torch.autograd.grad(total, variable)[0]


def optimisers(size: int) -> Items:
    """L-BFGS and Adam, in float64 on a bowl and in float32 on the style objective; as a CUDA graph on a GPU."""
    side = min(size, 128)
    for method in ("lbfgs", "adam"):
        for graph in (False, True):
            words = f"{method}{' as a graph' if graph else ''}"
            yield (
                f"{words}, float64",
                Tolerance(rtol=0.0, atol=1e-6),
                lambda d, m=method, g=graph: bowl(d, m, graph=g),
            )
            yield (
                f"{words}, objective",
                SEARCH,
                lambda d, m=method, g=graph: searched(d, m, side, graph=g),
            )
    yield "training steps, loss", TRAINED, trained


def settings(method: str, device: torch.device, iterations: int, *, graph: bool) -> Settings:
    return Settings(method=method, iterations=iterations, graph=graph and device.type == "cuda")


def bowl(device: torch.device, method: str, *, graph: bool) -> Tensor:
    """The image after 20 iterations down a quadratic."""
    generator = torch.Generator().manual_seed(0)
    start, aim, weight = torch.rand(3, 2, 3, 16, 16, dtype=torch.float64, generator=generator).to(device)

    def objective(image: Tensor) -> Terms:
        total = ((0.1 + weight) * (image - aim).square()).sum((1, 2, 3))
        return Terms(total=total, content=total, style=total, tv=total)

    return optimise(objective, start, settings(method, device, 20, graph=graph)).image


def searched(device: torch.device, method: str, side: int, *, graph: bool) -> Tensor:
    """The lowest objective of 12 iterations from noise."""
    objective = subjects.objective(side, loss_network(device), device)
    start = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    found = optimise(objective, start, settings(method, device, 12, graph=graph), record=True)
    assert found.objective is not None
    return found.objective.total.amin(0)


def trained(device: torch.device) -> Tensor:
    """The pixel loss after each of 8 steps of Adam, the trainer's kind."""
    torch.manual_seed(0)
    network = SRNet(scale=4, width=16, blocks=1).to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=device.type in {"cpu", "cuda"})
    hr = photograph(64).to(device)
    lr, values = imresize(hr, Fraction(1, 4)), []
    for _ in range(8):
        loss = pixel_loss(network(lr), hr).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    return torch.stack(values)


def present(name: str) -> Path:
    """A file of the manifest that is here already; nothing is downloaded."""
    if cache.state(name) != "present":
        raise UserError(f"{name} is not here")
    return cache.find(name)


def networks(size: int, record: Record) -> Items:
    """Every model of the tables whose weights are here, at a scale that it has."""
    for name in catalog.names():
        scale = 1 if catalog.kind(name) == "stylizer" else 3 if name.startswith("srcnn-9") else 4
        try:
            model = catalog.load(name, scale=scale, device=CPU, find=present)
        except UserError as error:
            record.left_out(f"network {name}", str(error))
            continue
        image = photograph(max(size // scale, model.requirements.minimum + 3))
        yield f"network {name}", PICTURE, lambda d, n=name, s=scale, x=image: through(n, s, x.to(d))


@torch.inference_mode()
def through(name: str, scale: int, image: Tensor) -> Tensor:
    loaded = catalog.load(name, scale=scale, device=image.device, find=present)
    return loaded.network(image).clamp(0, 1)


def metrics(record: Record) -> Items:
    """Every metric of the table, with its own weights, or with random ones where those are not here."""
    hr = photograph(200, torch.float64)  # two blocks of niqe
    sr = imresize(imresize(hr, Fraction(1, 4)), Fraction(4)).clamp(0, 1)
    with tempfile.TemporaryDirectory() as folder:
        here: dict[str, Path] = {}
        find = here.__getitem__
        for name, entry in METRICS.items():
            views = [view(image, entry.view) for image in (sr, hr)]
            pair = views if entry.reference else views[:1]
            try:
                here |= {file: found(file, Path(folder)) for file in entry.needs if file not in here}
                load(name, find, CPU)
            except (UserError, FileNotFoundError) as error:
                record.left_out(f"metric {name}", str(error))
                continue
            yield (
                f"metric {name}",
                METRIC,
                lambda d, n=name, p=pair: load(n, find, d)(*(x.to(d) for x in p)),
            )


def view(image: Tensor, name: str) -> Tensor:
    """The image as a metric sees it: one channel, 8-bit luma, or RGB."""
    if name == "luma":
        return to_luma(quantize(image))
    return image[:, :1] if name == "channel" else image


def found(file: str, folder: Path) -> Path:
    """The file of the manifest, or one of random weights under its name."""
    if cache.state(file) == "present":
        return cache.find(file)
    from tests.bench.metrics.random_weights import dists_weights, write_random_weights

    if not (folder / "weights").exists():
        write_random_weights(folder, dists=dists_weights())
    return folder / file
