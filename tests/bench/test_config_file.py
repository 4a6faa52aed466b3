"""`--config FILE.toml` and `--dump-config`, for every program."""

from __future__ import annotations

import argparse
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import merge, sr_quality, style_quality
from bench.__main__ import PROGRAMS
from bench.config_file import _chooser, _commands, _kind, dumped, parse
from bench.storage.reader import read
from tests.stores import fill

SAMPLES = {int: ("3", "2"), float: ("0.25", "0.5"), str: ('a "b" \\ é\x7f', "it's")}
OF_TYPE = {
    "tolerance": ("psnr=0.01", "x=2"),
    "conditions": ("worse,missing", "different"),
    "hub_dataset": ("set5=a/b", "x=c"),
}


def program(name: str) -> argparse.ArgumentParser:
    lies = "reports.__main__" if name == "reports" else f"bench.{name}"
    return importlib.import_module(lies).parser()  # type: ignore[no-any-return]


def cases() -> Iterator[tuple[str, str]]:
    for name in PROGRAMS:
        commands = _commands(program(name)) or [""]
        yield from ((name, command) for command in commands)


CASES = list(cases())


def words(action: argparse.Action) -> list[str]:
    """An action as a command line has it, with values that are not its defaults."""
    option = action.option_strings[-1:]  # of `--flips` and `--no-flips` the second
    if action.nargs == 0:
        return option
    known = OF_TYPE.get(getattr(action.type, "__name__", ""), SAMPLES[_kind(action)])
    if action.choices is not None:
        choices = [str(choice) for choice in action.choices]
        known = (choices[-1], choices[0])
    if isinstance(action, argparse._AppendAction):
        return [*option, known[0], *option, known[1]]
    return [*option, *(known if action.nargs not in {None, argparse.OPTIONAL} else known[:1])]


def command_lines(name: str, command: str) -> Iterator[list[str]]:
    """With what is required alone; with everything; and with each of what excludes other options."""
    p = program(name)
    chosen = _commands(p).get(command, p)
    own = [
        action
        for action in chosen._actions
        if action.dest not in {"config", "dump_config"}
        and not isinstance(action, argparse._HelpAction)
        and action is not _chooser(p)
    ]
    exclusive = [action for group in chosen._mutually_exclusive_groups for action in group._group_actions]
    positional = [word for a in own if not a.option_strings for word in words(a)]
    start = [command] if command else []
    plain = [word for a in own if a.option_strings and a not in exclusive for word in words(a)]
    needed = [word for a in own if a.option_strings and a.required for word in words(a)]
    yield [*start, *positional, *needed]
    for action in exclusive or [None]:
        yield [*start, *positional, *plain, *(words(action) if action else [])]


@pytest.mark.parametrize(("name", "command"), CASES)
def test_what_is_dumped_is_read_to_the_same_options(name: str, command: str, tmp_path: Path) -> None:
    for line in command_lines(name, command):
        args, _ = parse(program(name), [*line, "--dump-config", f"{tmp_path}/options.toml"])
        text = (tmp_path / "options.toml").read_text(encoding="utf-8")
        again, used = parse(program(name), ["--config", f"{tmp_path}/options.toml"])
        assert vars(again) == vars(args), line
        assert used.config == text
        assert dumped(program(name), again) == text
        assert "config" not in vars(args)


@pytest.mark.parametrize(("name", "command"), CASES)
def test_without_a_file_the_options_are_what_they_were(name: str, command: str) -> None:
    for line in command_lines(name, command):
        args, used = parse(program(name), line)
        assert vars(args) == vars(program(name).parse_args(line))
        assert used == tuple(line)
        assert used.config == ""


def options(text: str, line: str, tmp_path: Path) -> argparse.Namespace:
    file = tmp_path / "c.toml"
    file.write_text(text)
    return parse(sr_quality.parser(), [*line.split(), f"--config={file}"])[0]


def test_the_command_line_wins(tmp_path: Path) -> None:
    text = 'datasets = ["set5"]\nscales = [2, 3]\nself_ensemble = true\nimages = "here"\ntile = 64\n'
    args = options(text, "", tmp_path)
    assert (args.datasets, args.scales, args.self_ensemble) == (["set5"], [2, 3], True)
    assert (args.save_images, args.tile) == (Path("here"), "64")
    args = options(text, "set14 --scales 4 --no-images --tile off", tmp_path)
    assert (args.datasets, args.scales, args.save_images, args.tile) == (["set14"], [4], None, "off")
    assert options("no-images = true\n", "set14 --images there", tmp_path).save_images == Path("there")
    assert options("force = false\n", "set14 --force", tmp_path).force


def test_a_switch_of_the_file_gives_way_to_what_excludes_it(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('style = ["s"]\nno-pictures = true\n')
    args, _ = parse(style_quality.parser(), ["--config", str(file), "--pictures", "there"])
    assert (args.no_images, args.save_images) == (False, Path("there"))


def test_lists_that_grow_are_replaced_by_those_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('b = "new.db"\ntolerance = ["psnr=0.1"]\nfail-on = ["worse,missing"]\n')
    p = program("compare")
    args, _ = parse(p, ["old.db", "--config", str(file)])
    assert (args.a, args.b, args.fail_on) == ("old.db", "new.db", ["worse", "missing"])
    args, _ = parse(program("compare"), ["old.db", "--config", str(file), "--tolerance", "ssim=0.2"])
    assert args.tolerance == [("ssim", 0.2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scalse = [4]", "'scalse' is no option of python -m bench.sr_quality; did you mean 'scales'?"),
        ("zzz = 1", "'zzz' is no option of python -m bench.sr_quality; there are: datasets, list, models"),
        ('config = "x"', "'config' is no option"),
        ('scales = ["4"]', 'scales is ["4"]; must be an array, each element a whole number: scales = [4]'),
        ("scales = [4.0]", "scales is [4.0]; must be an array, each element a whole number"),
        ("scales = 4", "scales is 4; must be an array"),
        ("scales = []", "scales is []; must have one element at least"),
        (f"scales = [{'9' * 25}]", "must be a whole number of at most 256"),
        ('datasets = "set5"', 'datasets is "set5"; must be an array, each element text in quotes'),
        ("datasets = [true]", "datasets is [true]; must be an array"),
        ("force = 1", "force is 1; must be true or false"),
        ('strict = "yes"', 'strict is "yes"; must be true or false'),
        ("protocol = 2016", None),
        ("protocol = true", "protocol is true; must be text in quotes"),
        ("db = 5", "db is 5; must be text in quotes"),
        ("limit = 1979-05-27", "limit is 1979-05-27; must be a whole number"),
        ("[models]\nx = 1", "models is a table; must be an array"),
        ('engine = "rya"', "engine is \"rya\"; must be one of: local, ray (did you mean 'ray'?)"),
        ("self-ensemble = true\nself_ensemble = true", "given twice, with - and with _"),
        ('images = "a"\nno-images = true', "'no-images' contradicts another key"),
        ("scales = [4", "is not a TOML file in UTF-8"),
        pytest.param(f"scales = {'[' * 5000}{']' * 5000}", "is nested too deeply", id="brackets"),
        pytest.param(f"scales = [{{{'.'.join('a' * 5000)} = 1}}]", "is nested too deeply", id="dots"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_what_it_must_be(
    text: str, message: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if message is None:
        options(text, "", tmp_path)
        return
    with pytest.raises(SystemExit) as ended:
        options(text, "", tmp_path)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert str(tmp_path / "c.toml") in err


def test_files_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "latin.toml").write_bytes(b'db = "\xe9"')
    for line, message in (
        (["--config", f"{tmp_path}/none.toml"], "No such file"),
        (["--config", str(tmp_path)], "s a directory"),
        (["--config", f"{tmp_path}/latin.toml"], "is not a TOML file in UTF-8"),
        (["--dump-config", "photo.jpg"], "must be a file that ends in .toml"),
        (["--conf", f"{tmp_path}/latin.toml"], "--config must be written in full"),
    ):
        with pytest.raises(SystemExit) as ended:
            parse(sr_quality.parser(), ["set5", *line])
        assert ended.value.code == 2
        assert message in capsys.readouterr().err


def test_a_config_file_is_not_replaced_by_its_dump(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("# kept\nforce = true\n")
    with pytest.raises(SystemExit):
        parse(sr_quality.parser(), ["--config", str(file), "--dump-config", str(file)])
    assert "the file of --config; use another name" in capsys.readouterr().err
    assert file.read_text() == "# kept\nforce = true\n"


def test_printed_options_are_a_config_file_and_nothing_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for dash in ([], ["-"]):
        with pytest.raises(SystemExit) as ended:
            sr_quality.main(["samples", "--scales", "2", "--dump-config", *dash])
        assert ended.value.code == 0
        assert tomllib.loads(capsys.readouterr().out)["scales"] == [2]
    assert list(tmp_path.iterdir()) == []


def test_the_command_may_stand_in_the_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.toml"
    file.write_text('command = "export"\nrun = "r"\nout = "o"\n')
    args, used = parse(program("train"), ["--config", str(file), "--out", "other"])
    assert (args.command, args.run, args.out) == ("export", Path("r"), Path("other"))
    assert used == ("--config", str(file), "--out", "other")
    for line, message in (
        (["card", "--config", str(file)], "command is \"export\", and the command line says 'card'"),
        (["--config", str(tmp_path / "empty.toml")], "command is missing; must be one of: sr, style"),
    ):
        (tmp_path / "empty.toml").write_text("")
        with pytest.raises(SystemExit):
            parse(program("train"), line)
        assert message in capsys.readouterr().err


def test_the_files_content_is_in_the_record_of_the_run_and_survives_merging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        '# of a paper\ndatasets = ["samples"]\nmodels = ["nearest"]\nmetrics = ["psnr"]\nno-images = true\n'
    )
    Path("c.toml").write_text(text)
    assert sr_quality.main(["--config", "c.toml", "--limit", "1"]) == 0
    assert merge.main(["all.db", "results.db"]) == 0
    for name in ("results.db", "all.db"):
        (run,) = read([Path(name)]).runs.values()
        assert run.command == ("--config", "c.toml", "--limit", "1")
        assert run.config == text


def test_a_run_without_a_file_has_none(tmp_path: Path) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0})
    (run,) = read([tmp_path / "r.db"]).runs.values()
    assert (run.config, run.contributor) == ("", "")
