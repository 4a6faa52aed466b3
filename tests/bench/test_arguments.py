"""No argument ends a program with a traceback, or as a defect of ours."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import arguments, degrade
from bench.__main__ import PROGRAMS
from bench.errors import UserError
from bench.registry.spec import parse

HUGE = "9" * 30
ROOT = Path(__file__).parents[2]


def whole_numbers(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from whole_numbers(inner)
        elif action.type is int or getattr(action.type, "__module__", "") == arguments.__name__:
            yield action


LIES = {name: "reports.__main__" if name == "reports" else f"bench.{name}" for name in PROGRAMS}


@pytest.mark.parametrize("program", [*PROGRAMS])
def test_every_whole_number_of_a_command_line_has_a_largest_value(program: str) -> None:
    for action in whole_numbers(importlib.import_module(LIES[program]).parser()):
        assert action.type is not int, action.option_strings
        for text in (HUGE, f"-{HUGE}", "9" * 5000, "1.5", "x"):
            with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number of at most"):
                action.type(text)  # type: ignore[operator, misc]


@pytest.mark.parametrize("value", ["1e308", "-1", "nan", "inf", "1e9"])
def test_a_blur_that_no_image_has_is_refused(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    assert degrade.main([str(tmp_path), str(tmp_path / "lr"), f"--blur={value}"]) == 2
    assert "must be a sigma in pixels" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["multiple=99999", "scale=99999999999999999999999", f"multiple={'9' * 5000}"]
)
def test_an_option_of_a_model_that_would_take_all_memory_is_refused(option: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    with pytest.raises(UserError, match="at most 1024") as refused:
        parse(f"{tmp_path}/m.onnx,{option}")
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_streams_that_are_closed_end_no_program(closed: str, tmp_path: Path) -> None:
    command = (
        f"{sys.executable} -m bench.sr_quality samples --models nearest --metrics psnr --limit 1 --no-images"
    )
    ended = subprocess.run(
        f"{command} --db {tmp_path}/r.db {closed}",
        shell=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("apply", ("style-johnson-candy", "sr-pixel")),
        ("style_quality", ("la_muse", "style-la_muse", "content-lpips", "vgg19-conv3_1", "coco50")),
    ],
)
def test_a_listing_needs_no_other_argument(
    program: str, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"bench.{program}").main(["--list"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out.split() or f"{name}," in out.split() for name in names)
