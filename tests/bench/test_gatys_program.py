"""`python -m bench.gatys`: any picture as the style, wrong input named, the last good image kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from baselines.gatys import Gatys
from baselines.optimise import Callback, OptimisationResult
from bench import environment, inversion, loss_networks
from bench import gatys as program
from bench.data import images, styles
from bench.styling.gatys import precision_on
from bench.styling.plan import TRY_SMALLER
from models.vgg import LossNetwork, random_loss_network

OPTIONS = ["--style", "style.png", "--out", "out", "--size", "32", "--device", "cpu", "--iterations", "12"]


def random_network(name: str, layers: Sequence[str]) -> LossNetwork:
    return random_loss_network(name, layers)


def picture(h: int, w: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with a content and a style, and a loss network that needs no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loss_networks, "load", random_network)
    images.write(Path("photo.png"), picture(40, 60, 0))
    images.write(Path("style.png"), picture(30, 50, 1))


def run(*arguments: str) -> int:
    return program.main([*arguments, *OPTIONS])


@pytest.mark.parametrize("network", list(styles.DEFAULTS))
def test_a_photograph_is_stylized_and_kept(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("photo.png", "--loss-network", network) == 0
    made = images.read(Path("out/photo.png"))
    assert made.shape == (21, 32, 3)
    assert "1 image written to out" in capsys.readouterr().out
    assert run("photo.png", "--loss-network", network) == 0
    assert "1 there already and kept" in capsys.readouterr().out
    for other in (["--seed", "1"], ["--style-weight", "3"]):
        assert run("photo.png", "--loss-network", network, *other) == 2
        assert "an existing output was made otherwise: 'out/photo.png'" in capsys.readouterr().err
    np.testing.assert_array_equal(images.read(Path("out/photo.png")), made)


@pytest.mark.parametrize(
    ("units", "options", "precision"),
    [
        ((), [], "float32"),
        (("avx512_bf16",), [], "bf16"),
        (("avx512_bf16",), ["--precision", "float32"], "float32"),
        ((), ["--precision", "bf16"], "bf16"),
    ],
)
def test_the_loss_network_is_in_bfloat16_where_the_cpu_has_units_for_it(
    units: tuple[str, ...],
    options: list[str],
    precision: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(environment, "bf16_units", lambda kind: units)
    given: list[torch.dtype] = []
    real = Gatys.run

    def watched(self: Gatys, *args: Any, **kwargs: Any) -> OptimisationResult:
        given.append(self.settings.dtype)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Gatys, "run", watched)
    assert run("photo.png", *options) == 0
    assert given == [torch.bfloat16 if precision == "bf16" else torch.float32]
    assert f"loss network on cpu in {precision}" in capsys.readouterr().out


def test_an_image_in_another_precision_is_another_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for units, options, status in (
        ((), [], 0),
        ((), ["--precision", "float32"], 0),  # the same, said by name
        (("avx512_bf16",), [], 2),
        (("avx512_bf16",), ["--precision", "float32"], 0),
    ):
        monkeypatch.setattr(environment, "bf16_units", lambda kind, units=units: units)
        assert run("photo.png", *options) == status
    assert "it was made with other options" in capsys.readouterr().err


@pytest.mark.parametrize("program", [program, inversion])
def test_what_is_advised_where_memory_ran_out_is_an_option(program: ModuleType) -> None:
    options = program.parser().format_help()
    advised = re.findall(r"--[a-z-]+", TRY_SMALLER)
    assert advised
    for option in advised:
        assert f"{option} " in options


def test_the_layers_of_content_and_style_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("photo.png", "--content-layers", "relu3_3", "--style-layers", "relu1_2") == 0
    assert run("photo.png") == 2  # of the default layers another picture
    assert "was made otherwise" in capsys.readouterr().err


def test_on_a_gpu_auto_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "bf16_units", lambda kind: ("tensor cores",))
    assert precision_on("auto", torch.device("cuda")) == "float32"
    assert precision_on("bf16", torch.device("cuda")) == "bf16"


def test_a_style_that_is_none_is_refused_where_every_output_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("photo.png") == 0
    assert program.main(["photo.png", *[{"style.png": "starry"}.get(word, word) for word in OPTIONS]]) == 2
    assert "no style is called 'starry'" in capsys.readouterr().err


def test_a_broken_image_costs_itself_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.png").write_bytes(b"<html>")
    assert run("broken.png", "photo.png") == 1
    assert "broken.png" in capsys.readouterr().err
    assert Path("out/photo.png").exists()


def test_a_style_that_cannot_be_read_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("style.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    assert run("photo.png") == 2
    Path("style.png").unlink()
    assert run("photo.png") == 2
    assert capsys.readouterr().err.count("style.png") == 2


def test_a_style_too_small_for_the_network_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("style.png"), picture(1, 64, 1))
    assert run("photo.png") == 2
    assert "the style must be at least 8 pixels per side (got 32x1)" in capsys.readouterr().err


def test_a_content_too_small_for_the_network_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    images.write(Path("thin.png"), picture(2, 64, 1))
    assert run("thin.png") == 1
    assert "image must be at least 8x8 for relu4_3 (got 32x1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--size", "0"], "--size must be at least 1 (got 0)"),
        (["--iterations", "-1"], "--iterations must be at least 1 (got -1)"),
        (["--style-weight", "nan"], "--style-weight is nan; must be a finite number of at least 0"),
        (["--tv-weight", "-1"], "--tv-weight is -1.0; must be a finite number of at least 0"),
        (["--device", "cuda:7"], "device is 'cuda:7', which is not here"),
    ],
)
def test_wrong_values_are_refused(wrong: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["photo.png", *OPTIONS, *wrong]) == 2
    assert said in capsys.readouterr().err


def test_an_input_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["photo.png", *OPTIONS, "--out", "."]) == 2
    assert "never overwritten" in capsys.readouterr().err


def test_an_objective_that_is_not_finite_leaves_the_last_good_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = torch.full((1, 3, 21, 32), 0.5)

    def fails(
        self: Gatys,
        content: torch.Tensor,
        *,
        record: bool = False,
        callback: Callback | None = None,
        callback_every: int = 50,
    ) -> OptimisationResult:
        return OptimisationResult(image=good, iterations=12, stopped="non-finite", failed_at=(7,))

    monkeypatch.setattr(Gatys, "run", fails)
    assert run("photo.png") == 1
    assert "not finite in iteration 7; the image before it is 'out/photo.png'" in capsys.readouterr().err
    assert (images.read(Path("out/photo.png")) == 128).all()


def test_ctrl_c_ends_it_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Gatys, "run", interrupted)
    assert run("photo.png") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "error: interrupted"
