"""The program prints Table 1, stores what it measured, resumes, and survives what fails."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import speed
from bench.cli import Silent
from bench.data.published import table_1
from bench.environment import environment
from bench.errors import UserError
from bench.records import SpeedResult
from bench.registry import catalog
from bench.registry.catalog import LoadedModel
from bench.registry.random_network import random_paper_network
from bench.storage.store import Store
from bench.timing import peak, provenance, workloads
from bench.timing import run as speed_run
from bench.timing.card import MEANINGS, card, is_current
from bench.timing.config import Config
from bench.timing.records import Timing
from bench.timing.rows import Row, gatys_rows, network_row
from bench.timing.stopwatch import TimingError
from bench.timing.table import cell, notes, significant, speed_up
from bench.variants import openvino_session, sweep
from tests.schemas import assert_valid

SIZE = "64"
QUICK = ["--time-limit", "0.2", "--device", "cpu"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In an empty folder, with a peak that takes no time to measure."""
    monkeypatch.chdir(tmp_path)
    fixed = peak.Peak(flops_per_second=1e11, size=1, dtype="float32", device="cpu", threads=1, tf32=False)
    monkeypatch.setattr(peak, "peak", lambda device, dtype: fixed)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The protocols of what is really measured, in order."""
    found: list[Any] = []
    real = provenance.time_work

    def counted(work: Callable[[], object], protocol: Any, **options: Any) -> Any:
        found.append(protocol)
        return real(work, protocol, **options)

    monkeypatch.setattr(provenance, "time_work", counted)
    return found


def rows(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and the JSON of a run."""
    status = speed.main([*arguments, *QUICK, "--json", "rows.json"])
    assert_valid("speed", "rows.json")
    return status, json.loads(Path("rows.json").read_text())


def test_table_1_comes_out_with_the_papers_numbers_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = rows("--sizes", SIZE, "--iterations", "100", "500")
    out = capsys.readouterr().out
    assert status == 0
    assert "speed-up" in out
    assert "random weights, seed 0; values do not change the time" in out
    assert "--full runs them all" in out
    gatys, whole, network = found
    assert [row["method"] for row in found] == ["gatys", "gatys", "style-paper"]
    assert (gatys["iterations"], whole["iterations"], network["iterations"]) == (100, 500, None)
    assert whole["seconds"] == pytest.approx(5 * gatys["seconds"])
    assert gatys["extrapolated_from"] == gatys["n"] >= 1
    assert network["extrapolated_from"] is None
    assert network["megapixels_per_second"] == pytest.approx(64**2 / network["seconds"] / 1e6)


def test_a_row_holds_what_its_number_depends_on() -> None:
    _, (row,) = rows("--sizes", SIZE, "--models", "style-paper")
    required = {"method", "size", "iterations", "variant", "seconds", "ci", "n", "extrapolated_from"}
    assert required | {"peak_memory_bytes", "device", "weights", "protocol_hash"} <= set(row)
    assert (row["size"], row["variant"], row["device"], row["admissible"]) == (64, "eager", "cpu", True)
    paper = row["certificate"]
    assert paper["protocol_hash"] == row["protocol_hash"]
    assert paper["environment_hash"] == row["environment_hash"]
    network = random_paper_network()
    assert paper["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert paper["flops"] > 1e9
    assert row["share_of_peak"] == pytest.approx(paper["flops"] / row["seconds"] / 1e11)
    assert paper["protocol"]["timed_region"] == ["network"]


def test_the_same_command_measures_nothing_again_and_says_so(
    measured: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("--sizes", SIZE, "--models", "style-paper", "gatys")
    _, first = rows(*command)
    assert len(measured) == 2
    capsys.readouterr()
    _, second = rows(*command)
    assert len(measured) == 2
    assert second == first
    assert "style-paper 64 eager: already measured" in capsys.readouterr().err


def test_another_limit_or_force_measures_again(measured: list[Any]) -> None:
    command = ["--sizes", SIZE, "--models", "style-paper", "--device", "cpu"]
    speed.main([*command, "--time-limit", "0.2"])
    speed.main([*command, "--time-limit", "0.3"])
    assert len(measured) == 2
    speed.main([*command, "--time-limit", "0.3", "--force"])
    assert len(measured) == 3


def test_a_card_is_made_once_for_a_network_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no time in it: another protocol or another machine takes the stored one, `--force` does not."""
    made = []

    def counted(model: LoadedModel, image: torch.Tensor) -> dict[str, Any]:
        made.append(image.shape[-1])
        return card(model, image)

    monkeypatch.setattr(speed_run, "card", counted)

    def timed(*options: str) -> Any:
        command = ["--models", "bicubic", "--device", "cpu", "--card", "--json", "rows.json"]
        assert speed.main([*command, *options]) == 0
        return json.loads(Path("rows.json").read_text())[0]["certificate"]["card"]

    first = timed("--sizes", SIZE, "--time-limit", "0.2")
    assert timed("--sizes", SIZE, "--time-limit", "0.3") == first
    assert made == [int(SIZE) // 4]
    timed("--sizes", str(2 * int(SIZE)), "--time-limit", "0.2")
    assert made == [int(SIZE) // 4, int(SIZE) // 2]
    monkeypatch.setattr(
        speed_run, "is_current", lambda stored: False
    )  # as if a number meant something else by now
    timed("--sizes", SIZE, "--time-limit", "0.4")
    assert len(made) == 3
    timed("--sizes", SIZE, "--time-limit", "0.4", "--force")
    assert len(made) == 4


def test_a_card_of_another_kind_of_device_is_not_taken() -> None:
    """On a CPU some layers go another way, with more activations."""
    command = ["--models", "bicubic", "--device", "cpu", "--card", "--sizes", SIZE, "--time-limit", "0.2"]
    assert speed.main(command) == 0
    upscaler = catalog.load("bicubic", scale=4, device=torch.device("cpu"))
    with Store(Path("results.db")) as store:
        (timed,) = store.timings(subject="bicubic")
        bench = speed_run.SpeedRun(
            config=Config(models=("bicubic",), sizes=(int(SIZE),), iterations=(1,)),
            device=torch.device("cpu"),
            environment=environment("cpu"),
            store=store,
            run=0,
            reporter=Silent(),
        )
        assert bench.stored_card(upscaler, int(SIZE)) == timed.certificate["card"]
        assert replace(bench, device=torch.device("cuda:0")).stored_card(upscaler, int(SIZE)) is None


def test_a_stored_card_is_current_while_its_numbers_mean_the_same() -> None:
    assert is_current({**MEANINGS, "flops": 1})
    assert not is_current({**MEANINGS, "receptive_field_meaning": "another"})
    assert not is_current({"flops": 1})


def test_another_machine_or_other_weights_are_not_taken_for_these(
    measured: list[Any], tmp_path: Path
) -> None:
    command = ("--sizes", SIZE, "--models", "style-paper")
    rows(*command)
    with Store(tmp_path / "results.db") as store:
        store._db.execute("update timings set environment_hash = 'elsewhere'")
    rows(*command)
    with Store(tmp_path / "results.db") as store:
        store._db.execute("update timings set subject_hash = 'others'")
    rows(*command)
    assert len(measured) == 3


def test_a_third_partys_measurements_are_refused_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("--sizes", SIZE, "--models", "bicubic")
    rows(*command)
    with Store(tmp_path / "results.db") as store:
        store._db.execute("update timings set certificate = '{}'")
    assert speed.main([*command, *QUICK]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: results file 'results.db' is damaged or made by another program")
    assert "'bicubic' at 64" in message


def test_raw_repetitions_and_the_provenance_are_stored(tmp_path: Path) -> None:
    rows("--sizes", SIZE, "--models", "style-paper")
    with Store(tmp_path / "results.db", read_only=True) as store:
        (result,) = store.timings(subject="style-paper")
    assert result.seconds == tuple(result.certificate["timing"]["seconds"])
    assert result.certificate["weights"] == "random weights, seed 0"
    assert result.certificate["environment"]["cpu"]["model"]


def test_an_upscaler_is_timed_by_the_pixels_that_come_out(measured: list[Any]) -> None:
    status, (row,) = rows("--sizes", SIZE, "--models", "bicubic", "--scale", "4")
    assert status == 0
    assert row["megapixels_per_second"] == pytest.approx(64**2 / row["seconds"] / 1e6)
    assert measured[0].size == 16


def test_a_whole_run_is_summed_not_scaled(measured: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    _, found = rows("--sizes", SIZE, "--models", "gatys", "--iterations", "2", "4", "--full")
    assert measured[0].min_repeats == measured[0].max_repeats == 4
    assert [row["extrapolated_from"] for row in found] == [None, None]
    assert [(row["n"], row["ci"]) for row in found] == [(1, None), (1, None)]
    assert found[0]["seconds"] < found[1]["seconds"]
    assert "*" not in capsys.readouterr().out


def test_a_model_that_is_no_module_has_an_eager_step_only(capsys: pytest.CaptureFixture[str]) -> None:
    status, (row,) = rows("--sizes", SIZE, "--models", "bicubic", "--sweep")
    assert (status, row["rung"], row["kept"]) == (0, "eager", True)
    assert "has no variant but eager" in capsys.readouterr().err


def test_a_sweep_gives_a_row_per_step_with_time_error_and_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch, "compile", no_compiler)
    status, found = rows("--sizes", SIZE, "--models", "style-paper", "--sweep")
    by_step = {row["rung"]: row for row in found}
    assert status == 0
    assert by_step["channels_last"]["max_abs_error"] < 1e-4
    assert by_step["bfloat16"]["psnr_against_float32"] > 45
    assert by_step["folded"]["build_seconds"] > 0
    assert by_step["graph"]["seconds"] is None
    assert "needs a CUDA device" in by_step["graph"]["error"]
    assert "no compiler here" in by_step["compiled"]["error"]
    out = capsys.readouterr().out
    assert "Optimisation sweep: style-paper at 64x64" in out
    assert "times plain eager float32" in out


def test_an_upscaler_that_comes_in_channels_last_is_compared_with_plain_float32(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", no_compiler)
    status, found = rows("--sizes", SIZE, "--models", "srcnn-955", "--sweep")
    by_step = {row["rung"]: row for row in found}
    assert (status, by_step["eager"]["max_abs_error"]) == (0, 0)
    assert by_step["onnxruntime"]["max_abs_error"] < 1e-4
    assert "psnr_lost" not in by_step["eager"]
    assert abs(by_step["channels_last"]["psnr_lost"]) < 1e-3
    assert abs(by_step["channels_last"]["lpips_lost"]) < 1e-4


def test_an_openvino_that_is_missing_is_three_rows_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "openvino" else real(name, *rest)
    )
    monkeypatch.setattr(torch, "compile", no_compiler)
    status, found = rows("--sizes", SIZE, "--models", "style-paper", "--sweep")
    missing = {row["rung"]: row["error"] for row in found if "openvino" in row["rung"]}
    assert status == 0
    assert missing == dict.fromkeys(
        ("openvino", "openvino+bfloat16", "openvino+int8"),
        "it needs openvino, which is not installed. Run: pip install 'perceptual-bench[openvino]'",
    )
    assert "64, openvino+int8: it needs openvino, which is not installed" in capsys.readouterr().out


def test_openvino_is_timed_with_its_error_its_calibration_and_its_version(
    monkeypatch: pytest.MonkeyPatch, measured: list[Any]
) -> None:
    if not all(importlib.util.find_spec(package) for package in ("openvino", "nncf", "onnx")):
        pytest.skip("needs the openvino extra")
    monkeypatch.setattr(sweep, "TORCH_STEPS", ())
    monkeypatch.setattr(sweep, "ENGINES", ("openvino", "openvino+int8"))
    command = ("--sizes", SIZE, "--models", "sr-pixel", "--sweep")
    status, found = rows(*command)
    by_step = {row["rung"]: row for row in found}
    assert status == 0
    assert by_step["openvino"]["max_abs_error"] < 1e-4
    assert by_step["openvino"]["admissible"]
    int8 = by_step["openvino+int8"]
    assert (int8["certificate"]["protocol"]["backend"], int8["share_of_peak"]) == ("openvino", None)
    assert int8["certificate"]["form"]["tolerance"]["psnr"] == sweep.MEASURED.psnr
    assert int8["admissible"] == (int8["psnr_against_float32"] >= 55 and int8["max_abs_error"] <= 4 / 255)
    assert int8["psnr_lost"] > -1
    assert set(int8["certificate"]["form"]["engine"]) == {"openvino", "nncf"}
    assert "samples/camera" in int8["certificate"]["form"]["calibration"]
    assert len(measured) == 3
    assert rows(*command)[1] == found
    assert len(measured) == 3
    monkeypatch.setattr(openvino_session, "version", lambda name: "a newer one")
    rows(*command)
    assert [(protocol.backend, protocol.dtype) for protocol in measured[3:]] == [
        ("openvino", "float32"),
        ("openvino", "int8"),
    ]


def no_compiler(module: torch.nn.Module, **_: object) -> Callable[[torch.Tensor], torch.Tensor]:
    def call(image: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no compiler here")

    return call


def fail_at(monkeypatch: pytest.MonkeyPatch, subject: str, size: int, error: BaseException) -> None:
    """Measuring `subject` at `size` raises `error`."""
    real = workloads.example

    def example(model: catalog.LoadedModel, side: int, device: torch.device) -> torch.Tensor:
        if (model.name, side) == (subject, size):
            raise error
        return real(model, side, device)

    monkeypatch.setattr(workloads, "example", example)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_is_a_row_with_its_size_and_the_run_goes_on(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_at(monkeypatch, "style-paper", 80, error)
    status, found = rows("--sizes", SIZE, "80", "96", "--models", "style-paper")
    assert status == 1
    assert [row["error"] for row in found] == ["", "out of memory at 80x80", ""]
    assert found[1]["seconds"] is None
    assert "style-paper at 80, eager: out of memory at 80x80" in capsys.readouterr().out


def test_a_clock_that_cannot_be_trusted_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, "style-paper", 64, TimingError("the clocks disagree"))
    status, (row,) = rows("--sizes", SIZE, "--models", "style-paper")
    assert (status, row["error"]) == (1, "the clocks disagree")


def test_a_defect_is_not_taken_for_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_at(monkeypatch, "style-paper", 64, RuntimeError("shapes cannot be multiplied"))
    assert speed.main(["--sizes", SIZE, "--models", "style-paper", *QUICK]) == 1
    err = capsys.readouterr().err
    assert "defect of perceptual-bench" in err
    Path(err.split("please report ")[1].split()[0]).unlink()


def test_an_interrupted_run_keeps_and_shows_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, measured: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, "style-paper", 80, KeyboardInterrupt())
        status, found = rows("--sizes", SIZE, "80", "--models", "style-paper")
    assert (status, len(found)) == (130, 1)
    assert "style-paper" in capsys.readouterr().out
    status, found = rows("--sizes", SIZE, "80", "--models", "style-paper")
    assert (status, len(found), len(measured)) == (0, 2, 2)


ROUNDS = ("--sizes", "48", SIZE, "--models", "style-paper", "bicubic", "gatys", "--rounds", "6")


def test_rounds_take_turns_and_the_interval_is_of_their_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []
    real = provenance.measure

    def noted(work: Callable[[], object], **options: Any) -> Timing:
        order.append(options["warmup"])
        return real(work, **options)

    monkeypatch.setattr(provenance, "measure", noted)
    status, found = rows(*ROUNDS)
    assert status == 0
    # Two networks at two sizes in each of six rounds, and the optimisation once at each.
    assert len(order) == 4 * 6 + 2
    networks = [row for row in found if row["method"] != "gatys"]
    assert len(networks) == 4
    with Store(Path("results.db")) as store:
        stored = {
            (t.subject, t.size): t for name in ("style-paper", "bicubic") for t in store.timings(subject=name)
        }
    for row in networks:
        timing = stored[row["method"], row["size"]].certificate["timing"]
        assert len(timing["rounds"]) == row["n"] == 6
        assert timing["seconds"] == pytest.approx([np.median(laps) for laps in timing["rounds"]])
        assert row["seconds"] == pytest.approx(np.median(timing["seconds"]))
        low, high = row["certificate"]["ci95"]
        assert min(timing["seconds"]) <= low <= row["seconds"] <= high <= max(timing["seconds"])
        assert row["certificate"]["protocol"]["rounds"] == 6
        of_a_call = row["certificate"]["flops"] and row["certificate"]["flops"] / row["seconds"]
        assert row["certificate"]["flops_per_second"] == (of_a_call and pytest.approx(of_a_call))
    assert "rounds" not in next(row for row in found if row["method"] == "gatys")["certificate"]["protocol"]


def test_rounds_that_were_interrupted_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--sizes", SIZE, "--models", "bicubic", "style-paper", "--rounds", "6")
    real, calls = provenance.measure, []

    def interrupted(work: Callable[[], object], **options: Any) -> Timing:
        calls.append(1)
        if len(calls) == 6:  # style-paper, in the third round
            raise KeyboardInterrupt
        return real(work, **options)

    monkeypatch.setattr(provenance, "measure", interrupted)
    status, found = rows(*asked)
    assert (status, {row["method"]: row["n"] for row in found}) == (130, {"bicubic": 3, "style-paper": 2})
    with Store(Path("results.db")) as store:
        (three,), (two,) = (store.timings(subject=name) for name in ("bicubic", "style-paper"))
    assert (len(three.seconds), len(two.seconds)) == (3, 2)
    assert "too few rounds for a 95 % interval (2 of 6)" in two.certificate["warnings"]
    capsys.readouterr()
    status, found = rows(*asked)
    assert (status, len(calls)) == (0, 6 + 3 + 4)
    said = capsys.readouterr().err
    assert "bicubic 64 eager: 3 of 6 rounds already measured" in said
    with Store(Path("results.db")) as store:
        (first,), (second,) = (store.timings(subject=name) for name in ("bicubic", "style-paper"))
    assert (len(first.seconds), len(second.seconds)) == (6, 6)
    assert (first.seconds[:3], second.seconds[:2]) == (three.seconds, two.seconds)
    assert rows(*asked) == (0, found)
    assert len(calls) == 13
    assert speed.main([*asked, *QUICK, "--force"]) == 0
    assert len(calls) == 13 + 12


def test_rounds_begun_without_a_card_and_finished_with_it_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("--sizes", SIZE, "--models", "bicubic", "--rounds", "6")
    real, calls = provenance.measure, []

    def interrupted(work: Callable[[], object], **options: Any) -> Timing:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(work, **options)

    monkeypatch.setattr(provenance, "measure", interrupted)
    assert speed.main([*asked, *QUICK]) == 130
    status, (row,) = rows(*asked, "--card")
    assert (status, len(calls)) == (0, 3 + 4)
    assert row["certificate"]["card"]["input"]


def test_a_network_that_fails_in_a_round_has_no_former_time_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ("--sizes", SIZE, "--models", "bicubic", "style-paper", "--rounds", "6")
    assert rows(*asked)[0] == 0
    real, calls = provenance.measure, []

    def failing_once(work: Callable[[], object], **options: Any) -> Timing:
        calls.append(1)
        if len(calls) == 1:  # bicubic, in the first round
            raise TimingError("the clocks disagree")
        return real(work, **options)

    monkeypatch.setattr(provenance, "measure", failing_once)
    _, found = rows(*asked, "--force")
    by_name = {row["method"]: row for row in found}
    assert by_name["bicubic"]["seconds"] is None
    assert by_name["bicubic"]["error"] == "the clocks disagree"
    assert by_name["style-paper"]["n"] == 6
    assert len(calls) == 1 + 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "5"], "--rounds must be 1, or at least 6: fewer have no interval (got 5)"),
        (["--rounds", "6", "--sweep"], "--rounds and --sweep exclude each other"),
        (["--sizes", "0"], "--sizes must be whole numbers of at least 1 (got 0)"),
        (["--sizes", "-5", "64"], "--sizes must be whole numbers of at least 1 (got -5)"),
        (["--sizes", "40"], "--sizes must be at least 41 for style-paper (got 40)"),
        (["--sizes", "4", "--models", "gatys"], "--sizes must be at least 8 for gatys (got 4)"),
        (
            ["--sizes", "66", "--models", "bicubic"],
            "--sizes must be multiples of the scale, 4, for bicubic (got 66)",
        ),
        (["--iterations", "0"], "--iterations must be"),
        (["--scale", "0", "--models", "bicubic"], "--scale must be"),
        (["--time-limit", "0"], "--time-limit must be"),
        (["--time-limit", "nan"], "--time-limit must be"),
        (["--models", "nope"], "no model is called 'nope'; there are: style-paper"),
        (["--device", "cuda:99"], "device is 'cuda:99', which is not here; must be one of: cpu"),
    ],
)
def test_bad_input_is_refused_before_anything_is_measured(
    arguments: list[str], message: str, measured: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert speed.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not measured


def test_a_model_without_weights_for_the_scale_is_refused() -> None:
    with pytest.raises(UserError, match="model srcnn-955 has no weights for x8; it has x2, x3, x4"):
        catalog.load("srcnn-955", scale=8, device=torch.device("cpu"))


def test_sizes_and_models_given_twice_count_once() -> None:
    asked = Config(sizes=[64, 64], iterations=[500, 100, 500], models=["gatys", "gatys"])
    assert (asked.sizes, asked.iterations, asked.models) == ((64,), (100, 500), ("gatys",))


def test_every_name_that_can_be_timed_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert speed.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("gatys", *catalog.names()))


def test_the_photograph_is_made_in_the_size_that_goes_in() -> None:
    upscaler = catalog.load("bicubic", scale=4, device=torch.device("cpu"))
    image = workloads.example(upscaler, 64, torch.device("cpu"))
    assert image.shape == (1, 3, 16, 16)
    assert image.min() >= 0
    assert image.max() <= 1


def test_a_settled_iteration_works_over_a_full_history() -> None:
    whole, settled = (
        workloads.optimisation(32, torch.device("cpu"), fast=False, settled=s) for s in (False, True)
    )
    used = [o.iterate.__self__.rule.history.used for o in (whole, settled)]
    assert used == [0, 100]


def timing(*seconds: float) -> Timing:
    return Timing(
        seconds=seconds,
        wall_seconds=seconds,
        first_seconds=1.0,
        warmup_seconds=(),
        loops=1,
        clock="perf_counter",
        target_ci=0.02,
        stopped="narrow",
    )


def stored(times: Timing, *, whole_run: bool = False) -> SpeedResult:
    return SpeedResult(
        subject="gatys",
        subject_hash="h",
        variant="eager",
        size=256,
        protocol_hash="p",
        environment_hash="e",
        seconds=times.seconds,
        certificate={
            "protocol": {},
            "timing": asdict(times),
            "whole_run": whole_run,
            "peak_memory": {"bytes": 2**21},
            "environment": {"device": "cpu"},
            "weights": "vgg16, random weights, seed 0",
            "warnings": list(times.warnings),
        },
    )


def test_a_sample_is_scaled_by_its_median_with_its_interval() -> None:
    hundred, five_hundred = gatys_rows(stored(timing(0.9, 1.0, 1.0, 1.0, 1.0, 1.1)), [100, 500])
    assert (hundred.seconds, five_hundred.seconds) == (100.0, 500.0)
    assert (hundred.n, hundred.extrapolated_from) == (6, 6)
    assert hundred.ci is not None
    assert five_hundred.ci is not None
    assert five_hundred.ci[0] == pytest.approx(5 * hundred.ci[0])
    assert cell(hundred) == "100*"


def test_a_whole_run_is_the_sum_of_its_iterations_and_warns_of_no_interval() -> None:
    one, three = gatys_rows(stored(timing(1.0, 2.0, 4.0), whole_run=True), [1, 3])
    assert (one.seconds, three.seconds, three.n, three.extrapolated_from) == (1.0, 7.0, 1, None)
    assert not any("interval" in warning for warning in three.warnings)


def test_more_iterations_than_a_whole_run_had_are_scaled() -> None:
    (row,) = gatys_rows(stored(timing(1.0, 1.0), whole_run=True), [4])
    assert (row.seconds, row.extrapolated_from) == (4.0, 2)


def test_speed_ups_by_hand() -> None:
    (slow,) = gatys_rows(stored(timing(*[0.5] * 6)), [500])
    fast = Row(method="style-paper", size=256, variant="eager", device="cpu", weights="", seconds=0.1, n=9)
    assert speed_up(slow, fast) == "2500*"
    assert speed_up(None, fast) == speed_up(slow, None) == ""
    failed = Row(method="s", size=1, variant="eager", device="cpu", weights="", error="out of memory at 1x1")
    assert (cell(failed), speed_up(slow, failed)) == ("no memory", "")


@pytest.mark.parametrize(
    ("eager", "said"),
    [
        (0.4, "style at 64: fastest is folded, 4.00 times plain eager float32"),
        (None, "style at 64: fastest is folded; plain eager float32 was not measured"),
    ],
)
def test_the_fastest_step_is_compared_with_plain_eager_alone(eager: float | None, said: str) -> None:
    def step(word: str, seconds: float | None) -> Row:
        row = network_row(stored(timing(seconds or 1.0)))
        facts = {"form": {"admissible": True}}
        return replace(
            row, method="style", size=64, variant=word, rung=word, seconds=seconds, certificate=facts
        )

    rows = [step("eager", eager), step("channels_last", 0.2), step("folded", 0.1)]
    assert said in list(notes(rows))


def test_a_networks_row_is_its_median() -> None:
    row = network_row(stored(timing(0.1, 0.2, 0.3)))
    assert (row.seconds, row.ci, row.n, row.peak_memory_bytes) == (0.2, None, 3, 2**21)


def test_times_have_three_digits_and_no_powers_of_ten() -> None:
    values = (12345.6, 123.4, 12.34, 1.234, 0.1234, 0.01234, 0.0012345)
    assert [significant(v) for v in values] == ["12346", "123", "12.3", "1.23", "0.123", "0.0123", "0.00123"]
    assert [significant(v) for v in (99.97, 9.996, 0.000987, 1e-5)] == [
        "100",
        "10.0",
        "0.000987",
        "0.0000100",
    ]


def test_the_papers_speed_ups_agree_with_its_seconds_within_its_rounding() -> None:
    for printed in table_1().values():
        for count in (100, 300, 500):
            ratio = float(printed[f"gatys-{count}"]) / float(printed["ours"])
            assert float(printed[f"speed-up-{count}"]) == pytest.approx(ratio, rel=0.08)


def test_warnings_are_said_once_for_each_measurement() -> None:
    many = gatys_rows(stored(timing(1.0, 1.0)), [100, 300, 500])
    said = [line for line in notes(many) if "too few" in line]
    assert said == [
        "gatys at 256, eager: too few repetitions for a 95 % interval (2 of 6, narrow); raise --time-limit"
    ]


def test_the_program_answers_for_help_without_torch() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from bench import speed, apply\nspeed.parser().format_help(); apply.parser().format_help()\n"
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(speed.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_every_step_of_the_progress_is_foreseen() -> None:
    asked = Config(sizes=[64, 128], iterations=[100], models=["gatys", "style-paper"], sweep=True)
    assert speed_run.steps(asked) == 2 * (2 + 12)
    in_rounds = Config(sizes=[64, 128], iterations=[100], models=["gatys", "style-paper"], rounds=6)
    assert speed_run.steps(in_rounds) == 2 * (1 + 6)
