from __future__ import annotations

import pytest
import torch

from bench.timing.clocks import CpuClock, Work
from bench.timing.peak import SIZES, matmul_precision, measured_peak, product, sizes_for, sweep, tf32_allowed

CPU = torch.device("cpu")


class Machine:
    """Multiplies at a rate that depends on the size, on a clock of its own."""

    def __init__(self, rates: dict[int, float]) -> None:
        self.rates = rates
        self.seconds = 0.0
        self.tried: list[int] = []

    def work_of(self, size: int) -> Work:
        self.tried.append(size)

        def work() -> None:
            self.seconds += 2 * size**3 / self.rates[size]

        return work

    def clock(self) -> CpuClock:
        return CpuClock(counter=lambda: self.seconds)


def test_the_peak_is_the_fastest_of_the_sweep() -> None:
    machine = Machine({256: 1e12, 512: 3e12, 1024: 2e12})
    rate, size = sweep(machine.work_of, machine.clock(), (256, 512, 1024))
    assert rate == pytest.approx(3e12)
    assert size == 512


def test_the_sweep_ends_before_a_product_that_would_take_too_long() -> None:
    machine = Machine(dict.fromkeys(SIZES, 30e9))
    sweep(machine.work_of, machine.clock(), SIZES)
    assert machine.tried == [256, 512, 1024]


def test_the_matrices_are_the_same_each_time_and_the_callers_random_numbers_stay() -> None:
    state = torch.get_rng_state()
    first, second = (product(CPU, torch.float32, 8).args[0] for _ in range(2))  # type: ignore[attr-defined]
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_work_of_the_sweep_is_a_matrix_product() -> None:
    product_of = product(CPU, torch.float32, 32)
    left, right = product_of.args  # type: ignore[attr-defined]
    found = product_of()
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, left @ right)


def test_the_peak_of_this_machine_is_measured_once() -> None:
    found = measured_peak(CPU, torch.float32, torch.get_num_threads(), False)
    assert found.flops_per_second > 1e8
    assert (found.dtype, found.device, found.tf32) == ("float32", "cpu", False)
    assert measured_peak(CPU, torch.float32, torch.get_num_threads(), False) is found


def test_matrix_products_get_their_precision_back() -> None:
    before = torch.backends.cuda.matmul.fp32_precision
    with matmul_precision(True):
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    with pytest.raises(KeyError), matmul_precision(False):
        raise KeyError
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_there_is_no_tf32_on_a_cpu_nor_in_half_precision() -> None:
    assert not tf32_allowed(CPU, torch.float32)
    assert not tf32_allowed(torch.device("cuda"), torch.bfloat16)


def test_matrices_that_do_not_fit_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 6 * 4 * 1024**2

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    assert sizes_for(CPU) == [256, 512, 1024]
