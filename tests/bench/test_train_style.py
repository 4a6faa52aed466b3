"""Training a style network, end to end, with a loss network of random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import loss_networks
from bench.data import images
from bench.errors import UserError
from bench.train import main
from models.style_net import load_style_net
from models.vgg import LossNetwork, random_loss_network
from models.weight_files import read_weights
from tests.bench.training.photographs import write_photographs

SMALL = ["--width", "2", "--patch", "44", "--iterations", "4", "--batch", "2", "--style-size", "32"]
OFTEN = ["--log-every", "2", "--validate-every", "2", "--checkpoint-every", "2", "--validation-share", "0.3"]
HERE = ["--device", "cpu", "--no-tensorboard", "--loss-network", "vgg19-conv3_1"]


def load_random(name: str, layers: Sequence[str]) -> LossNetwork:
    """As the honest one, but for the weights."""
    try:
        return random_loss_network(name, layers)
    except ValueError as error:
        raise UserError(str(error)) from error


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with ten photographs, one of them smaller than a patch, and a style."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loss_networks, "load", load_random)
    write_photographs(tmp_path / "photographs", size=(48, 60))
    write_photographs(tmp_path / "small", 1, seed=2, size=(20, 30))
    write_photographs(tmp_path / "styles", 1, seed=3, size=(40, 50))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


def command(out: str, *options: str, style: str = "styles/000.png") -> list[str]:
    data = ["--data", "photographs", "small"]
    return ["style", "--style", style, *data, "--out", out, *SMALL, *OFTEN, *HERE, *options]


def test_a_run_gives_a_network_that_loads_and_says_what_it_was_trained_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("run")) == 0
    assert "4 of 4 steps, done" in capsys.readouterr().out
    network = load_style_net(here / "run/network.safetensors")
    assert network(torch.rand(1, 3, 50, 61)).shape == (1, 3, 50, 61)
    record = read_weights(here / "run/network.safetensors")[0]
    assert (record["architecture"], record["style"], record["loss"]) == ("StyleNet", "000", "style")
    assert json.loads(record["config"]) == {"norm": "batch", "width": 2, "tanh": "paper"}
    aim = json.loads(record["objective"])
    assert (aim["size"], aim["style_size"], aim["style_layers"]) == (
        44,
        32,
        ["relu1_1", "relu2_1", "relu3_1"],
    )
    assert json.loads(record["validation"]).keys() >= {"total", "content", "style", "tv"}
    card = (here / "run/network.md").read_text()
    assert card.startswith(
        "# network\n\nStyleNet for the style 000, loss: style, loss network: vgg19-conv3_1 ("
    )
    assert "| style_layers | relu1_1, relu2_1, relu3_1 |" in card


def test_whole_images_are_squeezed_whatever_their_size_and_cut_ones_must_hold_a_patch(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("whole")) == 0
    assert main(command("cut", "--fit", "cut")) == 0
    err = capsys.readouterr()
    assert "must be at least 44x44 (got 30x20)" in err.out + err.err
    whole, cut = (
        json.loads(read_weights(here / n / "network.safetensors")[0]["data"]) for n in ("whole", "cut")
    )
    assert (whole["skipped"], cut["skipped"]) == (0, 1)


def test_a_run_goes_on_where_it_was_and_another_style_is_another_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("short", "--max-minutes", "0")) == 0
    assert main(command("short")) == 0
    assert main(command("long")) == 0
    short, long = (read_weights(here / n / "network.safetensors")[1] for n in ("short", "long"))
    assert [name for name in short if not torch.equal(short[name], long[name])] == []
    assert main(command("long", style="small/000.png")) == 2
    assert "the checkpoint of another run: style_sha256 is" in capsys.readouterr().err
    assert main(["sr", "--data", "photographs", "--out", "long", "--patch", "44", "--device", "cpu"]) == 2
    assert "the checkpoint of another run: task is sr, must be style" in capsys.readouterr().err


def test_a_grey_style_is_taken_as_colour(here: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (40, 50, 1), dtype=np.uint8)
    images.write(here / "grey.png", grey)
    assert main(command("run", style="grey.png")) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--style-layers", "relu9_9"], "layer is 'relu9_9', must be one that"),
        (["--style-weight", "-1"], "--style-weight is -1.0; must be a finite number of at least 0"),
        (["--style-size", "0"], "--style-size must be at least 1 (got 0)"),
        (["--patch", "40"], "patch must be at least 41 (got 40)"),
        (["--patch", "46"], "patch must be a multiple of 4 (got 46)"),
        (["--style", "nothing"], "no style is called 'nothing'; must be the file of an image, or one of: "),
        (["--style", "broken.png"], "broken.png"),
    ],
)
def test_what_cannot_be_is_refused(
    options: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.png").write_bytes(b"no image")
    assert main(command("run", *options)) == 2
    assert message in capsys.readouterr().err
