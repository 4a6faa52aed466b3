"""`--help` of every program at 80 columns: nothing is broken inside a word, defaults are shown, examples are commands."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator

import pytest

from bench.__main__ import PROGRAMS, main, module
from bench.config_file import _commands
from bench.help_format import HelpFormatter

WIDTH = 80


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for program in PROGRAMS:
        made = importlib.import_module("reports.__main__" if program == "reports" else module(program))
        p = made.parser()
        for each in (p, *_commands(p).values()):
            yield each.prog.removeprefix("python -m "), each


ALL = dict(parsers())


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))


@pytest.mark.parametrize("name", ALL)
def test_no_line_is_wider_than_a_terminal(name: str) -> None:
    assert not [line for line in ALL[name].format_help().splitlines() if len(line) > WIDTH]


@pytest.mark.parametrize("name", ALL)
def test_no_word_is_broken(name: str) -> None:
    p = ALL[name]
    sources = [p.description or "", p.epilog or "", *(action.help or "" for action in p._actions)]
    whole = {word for text in sources for word in text.replace("%%", "%").split()}
    text = p.format_help()
    for word in (word for source in (p.epilog or "", p.description or "") for word in source.split()):
        assert word in text.split(), word
    broken = {line.split()[-1] for line in text.splitlines() if line.endswith("-")} - whole
    assert not broken


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained_and_says_its_default(name: str) -> None:
    p = ALL[name]
    formatter = p._get_formatter()
    assert isinstance(formatter, HelpFormatter)
    for action in p._actions:
        if action.dest in {"help", "config", "dump_config"} or isinstance(action, argparse._SubParsersAction):
            continue
        assert action.help
        assert not action.help.startswith("(default"), f"{action.option_strings}: what is it?"
        valued = action.nargs != 0 and not isinstance(action.default, bool)
        if valued and action.default not in (None, [], argparse.SUPPRESS):
            assert "default" in formatter._get_help_string(action)


@pytest.mark.parametrize("name", [name for name, p in ALL.items() if p.epilog])
def test_examples_are_commands_that_the_parsers_take(name: str) -> None:
    joined = re.sub(r" \\\n +", " ", ALL[name].format_help())
    examples = re.findall(r"^  python -m (\S+) ?(.*)$", joined, flags=re.MULTILINE)
    assert examples
    for program, options in examples:
        words = shlex.split(options.partition("   ")[0].partition("  (")[0])
        commands = _commands(ALL[program])
        chosen = ALL[f"{program} {words[0]}"] if words and words[0] in commands else ALL[program]
        chosen.parse_args(words[1:] if chosen is not ALL[program] else words)


def test_the_list_of_programs_fits_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    column = len("  python -m bench.sr_quality    ")
    assert all(line.startswith("  python -m") or not line[:column].strip() for line in lines[3:])


def test_a_default_is_added_where_the_text_has_none() -> None:
    p = argparse.ArgumentParser(prog="x", formatter_class=HelpFormatter)
    p.add_argument("--sizes", nargs="+", type=int, default=[256, 512], help="sides")
    p.add_argument("--share", default="50%", help="of all")
    p.add_argument("--name", help="no default")
    text = p.format_help()
    assert "sides (default: 256 512)" in text
    assert "of all (default: 50%)" in text
    assert "no default\n" in text


def test_an_example_is_broken_before_an_option_and_prose_is_filled() -> None:
    p = argparse.ArgumentParser(
        prog="x",
        formatter_class=HelpFormatter,
        epilog=f"examples:\n  python -m x {'file ' * 8}--first {'value ' * 5}--second value\n\n{'prose of a line ' * 7}\n"
        "goes on\nexit status: 0 done",
    )
    lines = p.format_help().splitlines()
    at = lines.index("examples:")
    assert lines[at + 1].endswith(" \\")
    assert lines[at + 2].startswith("      --first")
    assert lines[-2].endswith("line goes on")
    assert lines[-1] == "exit status: 0 done"
