"""What the sweep brings, and how far the network is ahead of the optimisation, in one run: `nox -s benchmarks`."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.environment import bf16_units
from bench.registry import catalog
from bench.timing import workloads
from bench.variants import sweep
from bench.variants.build import Built, build
from bench.variants.variant import VariantUnavailable, parse_variant
from tests.benchmarks.ratio import record, require_enabled, seconds

pytestmark = pytest.mark.usefixtures("two_cores")
CPU = torch.device("cpu")
# At 512x512 the network is 76 billion operations. Two cores of AVX-512 at 2.5 GHz make 320 billion a second at best,
# 0.24 s; plain eager float32 takes 0.72 s. No order of float32 sums brings 2.5 there; units for bfloat16 do.
HALF = bool(bf16_units())
REQUIRED = 2.5 if HALF else 1.5
REQUIRED_SPEED_UP = 1000
ROUNDS = 7
FORMS = (
    "channels_last+folded+spread",
    "channels_last+folded+spread+compiled",
    "channels_last+folded+spread+bfloat16",
    "channels_last+folded+spread+bfloat16+compiled",
    "folded+onnxruntime",
)


def fastest(times: dict[str, list[float]]) -> tuple[str, float]:
    name = min(times, key=lambda key: min(times[key]))
    return name, min(times[name])


def admissible_forms(model: catalog.LoadedModel, image: torch.Tensor) -> dict[str, Built]:
    assert model.module is not None
    reference = model.network(image)
    found = {}
    for name in (n for n in FORMS if HALF or "bfloat16" not in n):
        try:
            built = build(model.module, parse_variant(name), image)
        except VariantUnavailable:
            continue
        if sweep.tolerance("stylizer", built.variant).admits(sweep.closeness(built.call(image), reference)):
            found[name] = built
    return found


def test_the_best_variant_is_much_faster_than_plain_eager_float32_at_512(benchmark: BenchmarkFixture) -> None:
    model = catalog.load("style-paper", scale=1, device=CPU)
    image = workloads.example(model, 512, CPU)
    with torch.inference_mode():
        benchmark.pedantic(lambda: model.network(image), rounds=1)
        require_enabled(benchmark)
        built = admissible_forms(model, image)
        times: dict[str, list[float]] = {name: [] for name in ("eager", *built)}
        for _ in range(ROUNDS):
            times["eager"].append(seconds(lambda: model.network(image)))
            for name, form_ in built.items():
                times[name].append(seconds(lambda form_=form_: form_.call(image)))
    eager = min(times.pop("eager"))
    name, best = fastest(times)
    benchmark.extra_info |= {
        "eager": eager,
        **{key: round(eager / min(value), 2) for key, value in times.items()},
    }
    benchmark.extra_info["form"] = name
    record(benchmark, reference="plain eager float32", ratio=eager / best, required=REQUIRED)


def test_the_network_is_a_thousand_times_faster_than_500_iterations_at_256(
    benchmark: BenchmarkFixture,
) -> None:
    model = catalog.load("style-paper", scale=1, device=CPU)
    image = workloads.example(model, 256, CPU)
    gatys = workloads.optimisation(256, CPU, fast=False, settled=True)
    with torch.inference_mode():
        benchmark.pedantic(lambda: model.network(image), rounds=3)
    require_enabled(benchmark)
    networks, iterations = [], []
    for _ in range(ROUNDS):
        with torch.inference_mode():
            networks.append(seconds(lambda: model.network(image)))
        iterations.append(seconds(gatys.iterate))
    ratio = 500 * min(iterations) / min(networks)
    benchmark.extra_info |= {"network": min(networks), "iteration": min(iterations)}
    record(benchmark, reference="500 iterations of Gatys", ratio=ratio, required=REQUIRED_SPEED_UP)
