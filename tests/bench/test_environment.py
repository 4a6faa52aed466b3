from __future__ import annotations

import getpass
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench import devices as devices_module
from bench import environment as environment_module
from bench.devices import devices, driver_version, find_device, gpu_state, throttle_reasons
from bench.environment import (
    bf16_units,
    commit,
    core_quota,
    cpu_flags,
    cpu_model,
    environment,
    precision,
    summary,
)
from bench.errors import UserError
from bench.records import BF16_UNITS, Environment, machine_kind


def test_importing_the_module_imports_no_torch() -> None:
    program = "import bench.environment, bench.devices, sys; sys.exit('torch' in sys.modules)"
    root = Path(environment_module.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_facts_survive_json_and_their_hash_is_stable() -> None:
    found = environment()
    assert json.loads(json.dumps(found.facts, allow_nan=False)) == found.facts
    assert environment().hash == found.hash


def test_facts_hold_versions_processor_and_settings() -> None:
    facts = environment().facts
    assert facts["torch"]["version"] == torch.__version__
    assert facts["torch"]["threads"] == torch.get_num_threads()
    assert facts["python"] == platform.python_version()
    assert set(facts["packages"]) >= {"torchvision", "numpy", "scikit-image", "pillow", "lpips"}
    assert 1 <= facts["cpu"]["cores_allowed"] <= facts["cpu"]["cores_logical"]
    assert facts["memory_bytes"] > 2**28
    assert facts["gpu"] is None


def test_another_number_of_threads_is_another_environment() -> None:
    threads, before = torch.get_num_threads(), environment().hash
    torch.set_num_threads(threads + 1)
    try:
        assert environment().hash != before
    finally:
        torch.set_num_threads(threads)
    assert environment().hash == before


def test_facts_name_no_person_host_or_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/slartibartfast")
    monkeypatch.setenv("USER", "zaphod")
    monkeypatch.setattr(platform, "node", lambda: "betelgeuse")
    text = json.dumps(environment().facts)
    secrets = ["slartibartfast", "zaphod", "betelgeuse", str(Path(environment_module.__file__).parents[1])]
    assert not [secret for secret in secrets if secret in text]
    assert not re.search(r"/(home|Users|root|work|tmp)\b|[A-Z]:\\", text)


def test_facts_hold_neither_the_real_user_nor_the_real_host() -> None:
    values = json.dumps(environment().facts)
    for secret in (getpass.getuser(), platform.node(), platform.node().split(".")[0]):
        assert not secret or not re.search(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])", values)


def test_summary_is_one_line_in_the_expected_words() -> None:
    facts = {
        "cpu": {"model": "Intel Xeon 2.50GHz", "cores_allowed": 2},
        "memory_bytes": 23 * 2**30,
        "torch": {"version": "2.15.0+cu132", "accelerators": []},
        "gpu": None,
    }
    assert summary(Environment(facts=facts)) == "Intel Xeon 2.50GHz, 2 cores, 23 GiB, torch 2.15.0, no GPU"
    facts["gpu"] = {"name": "NVIDIA H200", "memory_bytes": 140 * 2**30}
    assert summary(Environment(facts=facts)).endswith("torch 2.15.0, NVIDIA H200 140 GiB")


def test_summary_says_when_a_gpu_is_there_but_not_used() -> None:
    facts = dict(environment().facts)
    facts["torch"] = {"version": "2.15.0", "accelerators": ["cuda:0"]}
    assert summary(Environment(facts=facts)).endswith("GPU not used")


def test_summary_of_this_machine_is_one_line() -> None:
    assert "\n" not in summary(environment())


@pytest.mark.parametrize("name", ["cuda:99", "meta", "mps:7"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(UserError, match=rf"device is '{name}', which is not here; must be one of: cpu"):
        environment(name)


def test_a_name_that_is_no_device_is_refused() -> None:
    with pytest.raises(UserError, match="device is 'gpu'; must be one of: cpu"):
        find_device("gpu")


def test_a_gpu_asked_for_where_there_is_none_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="device is 'cuda', which is not here"):
        find_device("cuda")


def test_cpu_is_always_among_the_devices() -> None:
    assert devices()[0] == "cpu"
    assert find_device("cpu") == torch.device("cpu")


def test_the_processor_is_named_without_trade_marks() -> None:
    assert not re.search(r"\(R\)|\(TM\)|  |@", cpu_model())


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None


def test_a_changed_checkout_says_so(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    file = tmp_path / "file"
    file.write_text("first")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    clean = commit(tmp_path)
    assert clean is not None
    assert re.fullmatch("[0-9a-f]{40}", clean)
    file.write_text("second")
    assert commit(tmp_path) == f"{clean}-dirty"


def test_a_containers_quota_is_cores_worth_of_time(tmp_path: Path) -> None:
    assert core_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert core_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert core_quota(tmp_path) == 1.5


def test_throttle_bits_are_named_and_unknown_ones_kept() -> None:
    assert throttle_reasons(0) == ()
    assert throttle_reasons(0x4 | 0x40) == ("power cap", "hardware thermal")
    assert throttle_reasons(1 << 20) == ("0x100000",)


def test_a_gpu_without_the_drivers_library_says_why_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices_module, "installed", lambda: False)
    assert driver_version() == "unknown: nvidia-ml-py is not installed"
    assert gpu_state() == {"unknown": "unknown: nvidia-ml-py is not installed"}


class FakeNVML(SimpleNamespace):
    """A driver that answers all but the power question."""

    class NVMLError(Exception):
        pass

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self) -> None:
        super().__init__(
            nvmlInit=lambda: None,
            nvmlSystemGetDriverVersion=lambda: "580.65.06",
            nvmlDeviceGetClockInfo=lambda handle, kind: {1: 1980, 2: 3201}[kind],
            nvmlDeviceGetMaxClockInfo=lambda handle, kind: 1980,
            nvmlDeviceGetPowerUsage=self.refuse,
            nvmlDeviceGetTemperature=lambda handle, kind: 41,
            nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=7, memory=3),
            nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: 0x4,
            nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=-1)],
        )

    def refuse(self, handle: object) -> None:
        raise self.NVMLError("Not Supported")


def test_what_the_driver_says_is_recorded_and_what_it_refuses_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNVML())
    monkeypatch.setattr(devices_module, "installed", lambda: True)
    monkeypatch.setattr(devices_module, "device_handle", lambda index: object())
    state = gpu_state(0)
    assert driver_version() == "580.65.06"
    assert state["sm_clock_mhz"] == 1980
    assert state["throttle_reasons"] == ["power cap"]
    assert state["other_processes"] == 1
    assert state["power_watts"] is None


@pytest.mark.parametrize("unit", BF16_UNITS)
def test_units_for_bfloat16_are_those_that_torch_reports(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    detect = bf16_units.__wrapped__
    monkeypatch.setattr(environment_module, "cpu_capabilities", lambda: {"avx2": True, unit: True})
    assert detect("cpu") == (unit,)
    monkeypatch.setattr(environment_module, "cpu_capabilities", lambda: {"avx2": True, unit: False})
    assert detect("cpu") == ()
    assert detect("mps") == ()


def test_vectors_of_bfloat16_do_not_count_where_intels_matrix_units_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"avx512_bf16": True, "avx512_fp16": True, "amx_bf16": False}
    monkeypatch.setattr(environment_module, "cpu_capabilities", lambda: there)
    assert bf16_units.__wrapped__("cpu") == ()
    monkeypatch.setattr(environment_module, "cpu_capabilities", lambda: {**there, "amx_bf16": True})
    assert bf16_units.__wrapped__("cpu") == ("avx512_bf16", "amx_bf16")


def test_units_are_those_of_linux_where_torch_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment_module, "cpu_capabilities", dict)
    monkeypatch.setattr(environment_module, "cpu_flags", lambda: ["fpu", "avx512_bf16", "sse2"])
    assert bf16_units.__wrapped__("cpu") == ("avx512_bf16",)
    listing = tmp_path / "cpuinfo"
    for key in ("flags\t\t", "Features\t"):
        listing.write_text(f"processor\t: 0\n{key}: fp asimd bf16\nbugs\t: none\n")
        assert cpu_flags(listing) == ["fp", "asimd", "bf16"]
    assert cpu_flags(tmp_path / "absent") == []


@pytest.mark.parametrize(("capability", "units"), [((7, 5), ()), ((8, 0), ("tensor cores",))])
def test_a_gpu_has_units_from_ampere_on(
    capability: tuple[int, int], units: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert bf16_units.__wrapped__("cuda") == units


def test_auto_is_bfloat16_only_where_there_are_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_module, "bf16_units", lambda kind: ("amx_bf16",) if kind == "cpu" else ())
    assert [precision("auto", kind) for kind in ("cpu", "mps")] == ["bf16", "float32"]
    assert [precision(asked, "mps") for asked in ("bf16", "float32")] == ["bf16", "float32"]


@pytest.mark.cuda
def test_a_cuda_device_is_described() -> None:
    facts = environment("cuda").facts
    assert facts["gpu"]["name"] == torch.cuda.get_device_name()
    assert facts["device"] == f"cuda:{torch.cuda.current_device()}"
    assert facts["gpu"]["memory_bytes"] > 2**30
    json.dumps(facts, allow_nan=False)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {
                "cpu": {
                    "model": "AMD EPYC",
                    "cores_allowed": 2,
                    "kernels": "AVX512",
                    "capabilities": ["avx2", "avx512_bf16"],
                },
                "torch": {"version": "2.14.1+cu130"},
            },
            "AMD EPYC (avx512_bf16), 2 cores, torch 2.14.1",
        ),
        (
            {"cpu": {"model": "AMD EPYC", "cores_allowed": 1, "kernels": "AVX2", "capabilities": ["avx2"]}},
            "AMD EPYC (AVX2), 1 core",
        ),
        ({"gpu": {"name": "NVIDIA H200"}, "cpu": {"model": "one"}}, "NVIDIA H200"),
        ({"cpu": {"model": "one"}, "torch": None}, "one"),
        ({}, "an unknown machine"),
    ],
)
def test_the_kind_of_a_machine_has_its_instructions(facts: dict[str, Any], expected: str) -> None:
    assert machine_kind(facts) == expected
