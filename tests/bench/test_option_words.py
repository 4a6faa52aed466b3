"""Options have the field's words; what they were called before is still understood, and shown nowhere."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from types import ModuleType

import pytest

from bench import apply, compare, inversion, preference, rescore, speed, sr_quality, style_quality, verify
from bench.config_file import parse

BUILD = ["build", "bicubic", "lanczos", "--dataset", "set5", "--out", "study"]
FORMER = [
    (compare, ["a", "b"], "--allow-unlike", "--allow-different-machines", ()),
    (rescore, ["--metrics", "ssim"], "--trust-pictures", "--skip-hash-check", ()),
    (preference, BUILD, "--catch", "--attention-checks", ("4",)),
    (sr_quality, ["set5"], "--images", "--save-images", ("there",)),
    (verify, [], "--images", "--save-images", ("there",)),
    (style_quality, ["--style", "wave"], "--images", "--contents", ("photos",)),
    (style_quality, ["--style", "wave"], "--pictures", "--save-images", ("there",)),
    (style_quality, ["--style", "wave"], "--no-pictures", "--no-images", ()),
    (style_quality, ["--style", "wave"], "--picture-limit", "--image-limit", ("2",)),
    (inversion, ["photos"], "--pictures", "--save-images", ("there",)),
    (apply, ["style-paper", "a.png", "--out", "out"], "--rung", "--variant", ("folded",)),
    (speed, [], "--ladder", "--sweep", ()),
    (
        preference,
        ["score", "a.json", "--key", "key.json"],
        "--least-right",
        "--min-attention-accuracy",
        ("0.5",),
    ),
]
EACH = pytest.mark.parametrize(
    ("program", "words", "former", "option", "value"), FORMER, ids=[f"{f[0].__name__}{f[2]}" for f in FORMER]
)


def toml(value: tuple[str, ...]) -> str:
    if not value:
        return "true"
    return value[0] if value[0][0].isdigit() else f'"{value[0]}"'


def help_of(p: argparse.ArgumentParser) -> str:
    """Of a program and of its commands."""
    commands = [a.choices for a in p._actions if isinstance(a, argparse._SubParsersAction)]
    return p.format_help() + "".join(c.format_help() for found in commands for c in (found or {}).values())


@EACH
def test_the_former_spelling_of_an_option_means_the_same(
    program: ModuleType, words: list[str], former: str, option: str, value: tuple[str, ...]
) -> None:
    a, _ = parse(program.parser(), [*words, option, *value])
    b, _ = parse(program.parser(), [*words, former, *value])
    assert vars(a) == vars(b)


@EACH
def test_only_the_new_spelling_is_shown(
    program: ModuleType, words: list[str], former: str, option: str, value: tuple[str, ...]
) -> None:
    shown = help_of(program.parser())
    assert option in shown
    assert not re.search(rf"(?<![\w-]){former}(?![\w-])", shown)


@EACH
def test_a_config_file_may_hold_the_former_spelling(
    program: ModuleType, words: list[str], former: str, option: str, value: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"{former[2:]} = {toml(value)}\n", encoding="utf-8")
    a, _ = parse(program.parser(), [*words, "--config", str(file)])
    b, _ = parse(program.parser(), [*words, option, *value])
    assert {**vars(a), "config": None} == {**vars(b), "config": None}
