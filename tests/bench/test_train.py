"""Training, end to end: the same result whatever happens, and refusals that say what to do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bench import environment
from bench.data.digest import sha256
from bench.train import main
from bench.training import checkpoint, loop
from bench.training.checkpoint import State
from bench.training.tasks import SRTask
from models.sr_net import load_sr_net
from models.weight_files import read_weights
from tests.bench.training.photographs import write_photographs

ROOT = Path(__file__).parents[2]
SMALL = ["--scale", "2", "--width", "4", "--blocks", "1", "--patch", "16", "--iterations", "8"]
OFTEN = ["--log-every", "2", "--validate-every", "4", "--checkpoint-every", "2"]
HERE = ["--device", "cpu", "--no-tensorboard"]
STRONG = ["--preset", "strong", "--patch", "16", "--batch", "4", "--validation-share", "0.3"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder with ten images in `photographs`; one thread, as the networks are tiny."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write_photographs(tmp_path / "photographs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


def command(out: str, *options: str) -> list[str]:
    return ["sr", "--data", "photographs", "--out", out, *SMALL, *OFTEN, *HERE, *options]


def weights(run: Path) -> dict[str, Tensor]:
    return read_weights(run / "network.safetensors")[1]


def assert_equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    """Bit for bit."""
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_a_run_gives_weights_that_load_and_say_where_they_come_from(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("run", *STRONG)) == 0
    assert "8 of 8 steps, done" in capsys.readouterr().out
    net = load_sr_net(scale=2, weights=here / "run/network.safetensors")
    assert net(torch.rand(1, 3, 5, 7)).shape == (1, 3, 10, 14)
    record = read_weights(here / "run/network.safetensors")[0]
    assert (record["architecture"], record["scale"], record["iterations"]) == ("SRNet", "2", "8")
    assert (record["loss"], record["loss_network"]) == ("pixel", "none")
    data = json.loads(record["data"])
    assert data["trained on"] + data["held out"] == data["sources"]["photographs"] == 10
    assert json.loads(record["validation"]).keys() == {"psnr_y", "loss"}
    assert json.loads(record["recipe"])["average"] == 0.999
    assert json.loads(record["versions"])["torch"] == torch.__version__.split("+")[0]
    assert str(here) not in str(record)


@pytest.mark.parametrize(("units", "precision"), [(("avx512_bf16",), "bf16"), ((), "float32")])
def test_the_strong_preset_is_bf16_where_there_are_units_and_the_record_says_which(
    here: Path, monkeypatch: pytest.MonkeyPatch, units: tuple[str, ...], precision: str
) -> None:
    monkeypatch.setattr(environment, "bf16_units", lambda kind: units)
    assert main(command("run", *STRONG, "--iterations", "2")) == 0
    assert json.loads(read_weights(here / "run/network.safetensors")[0]["recipe"])["precision"] == precision


def test_a_run_goes_on_in_its_own_precision_or_not_at_all(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "bf16_units", lambda kind: ("avx512_bf16",))
    assert main(command("run", *STRONG, "--iterations", "4", "--max-minutes", "0.000001")) == 0
    monkeypatch.setattr(environment, "bf16_units", lambda kind: ())
    assert main(command("run", *STRONG, "--iterations", "4")) == 2
    assert "precision is float32, must be bf16" in capsys.readouterr().err
    assert main(command("run", *STRONG, "--iterations", "4", "--precision", "bf16")) == 0


def test_the_log_has_losses_speed_and_scores_and_pictures_are_kept(here: Path) -> None:
    assert main(command("run", *STRONG)) == 0
    lines = [json.loads(line) for line in (here / "run/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "train"] == [2, 4, 6, 8]
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [4, 8]
    assert {"loss", "learning_rate", "images_per_second", "seconds"} <= lines[0].keys()
    assert (here / "run/samples/00.png").is_file()


def test_the_loss_falls(here: Path) -> None:
    assert main(command("run", "--iterations", "40", "--learning-rate", "0.01", "--log-every", "10")) == 0
    losses = [json.loads(line) for line in (here / "run/log.jsonl").read_text().splitlines()]
    values = [line["loss"] for line in losses if line["kind"] == "train"]
    assert values[-1] < 0.5 * values[0]


def test_batch_normalisation_keeps_its_statistics_from_the_step_on(here: Path) -> None:
    frozen = ["--freeze-norm", "4"]
    assert main(command("long", *frozen, "--iterations", "8")) == 0
    assert main(command("short", *frozen, "--iterations", "4")) == 0
    long, short = weights(here / "long"), weights(here / "short")
    assert torch.equal(long["first.norm.running_mean"], short["first.norm.running_mean"])
    assert not torch.equal(long["first.conv.weight"], short["first.conv.weight"])


def test_export_writes_the_same_weights_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("run")) == 0
    assert main(["export", "run", "--out", "again.safetensors"]) == 0
    assert_equal(read_weights(here / "again.safetensors")[1], weights(here / "run"))
    assert "architecture:" in capsys.readouterr().out
    card = (here / "again.md").read_text()
    assert card.startswith("# again\n\nSRNet for x2, loss: pixel, loss network: none.\n")
    assert "| steps | 8 |" in card
    assert "| sources | photographs: 10 |" in card


def test_a_run_can_begin_with_the_weights_of_another(here: Path) -> None:
    assert main(command("first")) == 0
    tiny = ["--learning-rate", "1e-12", "--iterations", "1"]
    assert main(command("second", "--init", "first/network.safetensors", *tiny)) == 0
    a, b = weights(here / "first")["last.weight"], weights(here / "second")["last.weight"]
    torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
    digest = sha256(here / "first/network.safetensors")
    card = (here / "second/network.md").read_text()
    assert f"| began with | network.safetensors, sha256 {digest} |" in card
    save_file({"x": torch.zeros(1)}, here / "other.safetensors")
    assert main(command("third", "--init", "other.safetensors")) == 2


def test_a_run_can_begin_with_the_weights_of_another_scale(here: Path) -> None:
    assert main(command("x2")) == 0
    tiny = ["--learning-rate", "1e-12", "--iterations", "1", "--scale", "8"]
    assert main(command("x8", "--init", "x2/network.safetensors", *tiny)) == 0
    x2, x8 = weights(here / "x2"), weights(here / "x8")
    for stage in range(3):
        torch.testing.assert_close(x2["up.0.conv.weight"], x8[f"up.{stage}.conv.weight"], atol=1e-9, rtol=0)


def test_a_run_killed_and_resumed_equals_one_that_was_not(here: Path) -> None:
    options = [
        *STRONG,
        "--iterations",
        "80",
        "--freeze-norm",
        "30",
        "--loss",
        "pixel",
        "--log-every",
        "7",
        "--checkpoint-every",
        "5",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.train", *command("killed", *options)],
        stderr=subprocess.PIPE,
    )
    kill_at_checkpoint(process, here / "killed" / checkpoint.NAME)
    step = checkpoint.read(here / "killed")["step"]
    assert 0 < step < 80
    assert not (here / "killed/network.safetensors").exists()
    assert main(command("killed", *options)) == 0
    assert main(command("whole", *options)) == 0
    assert_equal(weights(here / "killed"), weights(here / "whole"))
    killed, whole = (checkpoint.read(here / name) for name in ("killed", "whole"))
    assert_equal(killed["network"], whole["network"])
    for a, b in zip(killed["optimizer"]["state"].values(), whole["optimizer"]["state"].values(), strict=True):
        assert_equal(a, b)
    assert steps(here / "killed") == steps(here / "whole")


def kill_at_checkpoint(process: subprocess.Popen[bytes], file: Path) -> None:
    """SIGKILL, some steps after the first checkpoint."""
    deadline = time.monotonic() + 100
    while not file.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err.decode()


def steps(run: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_time_that_is_up_stops_with_a_checkpoint_and_the_command_goes_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("short", "--max-minutes", "0")) == 0
    assert "2 of 8 steps, time is up; repeat the same command to resume" in capsys.readouterr().out
    assert main(command("short")) == 0
    assert main(command("whole")) == 0
    assert_equal(weights(here / "short"), weights(here / "whole"))


def test_a_finished_run_is_not_trained_further(here: Path) -> None:
    assert main(command("run")) == 0
    before = read_weights(here / "run/network.safetensors")
    assert main(command("run")) == 0
    after = read_weights(here / "run/network.safetensors")
    assert after[0] == before[0]
    assert_equal(after[1], before[1])


def test_two_processes_train_under_torchrun(here: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, "-m", "bench.train", *command("two", *STRONG)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("8 of 8 steps, done") == 1
    assert steps(here / "two") == [2, 4, 4, 6, 8, 8]
    record = read_weights(here / "two/network.safetensors")[0]
    assert record["processes"] == "2"
    assert all(tensor.isfinite().all() for tensor in weights(here / "two").values())


def test_a_run_is_saved_every_two_minutes_whatever_the_number_of_steps(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a checkpoint more or less changes no weight."""
    rarely = ["--checkpoint-every", "1000"]
    written, save = [], checkpoint.save

    def counted(folder: Path, state: State, identity: dict[str, Any], record: dict[str, str]) -> None:
        written.append(state.step)
        save(folder, state, identity, record)

    monkeypatch.setattr(checkpoint, "save", counted)
    assert main(command("rarely", *rarely)) == 0
    assert written == [8]
    monkeypatch.setattr(loop, "UNSAVED_SECONDS", 0.0)
    assert main(command("often", *rarely)) == 0
    assert written == [8, 2, 4, 6, 8]
    assert_equal(weights(here / "often"), weights(here / "rarely"))


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("run")) == 0
    assert main(command("run", "--scale", "4", "--width", "8")) == 2
    err = capsys.readouterr().err
    assert (
        "the checkpoint of another run: scale is 4, must be 2; width is 8, must be 4, or another --out" in err
    )


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, calls = SRTask.objective, []

    def failing(self: SRTask, output: Tensor, target: Tensor) -> Tensor:
        calls.append(1)
        return honest(self, output, target) * (float("nan") if len(calls) == 6 else 1)

    monkeypatch.setattr(SRTask, "objective", failing)
    assert main(command("run", "--validation-share", "0")) == 1
    err = capsys.readouterr().err
    assert "the loss is not finite in step 5 (learning rate 0.001)" in err
    assert "its last checkpoint is kept" in err
    kept = checkpoint.read(here / "run")
    assert kept["step"] == 4
    assert all(tensor.isfinite().all() for tensor in kept["network"].values())


def test_a_full_disk_leaves_the_last_checkpoint(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(command("run", "--max-minutes", "0")) == 0
    before = (here / "run" / checkpoint.NAME).read_bytes()
    honest = torch.save

    def full(content: object, stream: object) -> None:
        honest("a part", stream)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert main(command("run")) == 1
    assert (here / "run" / checkpoint.NAME).read_bytes() == before
    assert not list((here / "run").glob(".*.part"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--patch", "15"], "patch must be a multiple of 2 (got 15)"),
        (["--batch", "0"], "batch must be a number above 0 (got 0)"),
        (["--average", "1"], r"average must be a number in [0, 1) (got 1.0)"),
        (["--log-every", "0"], "log_every must be a number above 0 (got 0)"),
        (["--device", "nowhere"], "must be one of"),
        (["--init", "photographs/000.png"], "must be a safetensors file"),
    ],
)
def test_options_that_cannot_be_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(command("run", *options)) == 2
    assert message in capsys.readouterr().err
    assert not (here / "run").exists()


def test_an_unknown_layer_of_the_loss_network_is_refused(
    here: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = ["--loss", "feature", "--loss-network", "vgg19-conv3_1", "--loss-layer", "relu4_4"]
    assert main(command("run", *features)) == 2
    assert "layer is 'relu4_4', must be one that vgg19-conv3_1 reaches" in capsys.readouterr().err
