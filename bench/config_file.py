"""Options in a TOML file, for every program: `--config FILE` reads them, `--dump-config FILE` writes them.

Keys are the long options without their dashes, or the names of positional arguments. The command line wins.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bench.atomic import atomic_write
from bench.data.untrusted import parse_toml
from bench.data.whole_file import read_whole
from bench.errors import UserError, describe_os_error, did_you_mean
from bench.help_format import HelpFormatter
from bench.text import fitted, one_line, shortened

CONFIG, DUMP = "config", "dump_config"
LARGEST_BYTES = 2**20
SHOWN = 60
STDOUT = "-"
HELP = {
    CONFIG: "take options from a TOML file; what the command line gives wins (docs/programs.md)",
    DUMP: "also write all options to a .toml file that --config reads; - (or no file) prints them and runs nothing",
}
WORDS: Mapping[type, str] = {int: "a whole number", float: "a number", str: "text in quotes"}
NO_VALUE = object()
Parser = TypeVar("Parser", bound=argparse.ArgumentParser)


class Command(tuple[str, ...]):
    """The command line of a run, and with it the text of the config file that it names.

    Attributes:
        config: as it was read; empty for none.
    """

    config: str

    def __new__(cls, words: Sequence[str] = (), config: str = "") -> Command:
        made = super().__new__(cls, words)
        made.config = config
        return made


def with_config(p: Parser) -> Parser:
    """The parser with `--config` and `--dump-config`, also for each of its commands. Neither is in a namespace.

    Its help is laid out by :class:`bench.help_format.HelpFormatter`.
    """
    parsers: list[argparse.ArgumentParser] = [p, *_commands(p).values()]
    for each in parsers:
        each.formatter_class = HelpFormatter
        group = each.add_argument_group("config file")
        group.add_argument(
            "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help=HELP[CONFIG]
        )
        group.add_argument(
            "--dump-config",
            nargs="?",
            const=STDOUT,
            default=argparse.SUPPRESS,
            metavar="FILE",
            help=HELP[DUMP],
        )
    return p


def parse(p: argparse.ArgumentParser, argv: Sequence[str] | None) -> tuple[argparse.Namespace, Command]:
    """The options of a command line and of the config file that it names, and what the record of the run keeps of them.

    Exits with status 2 and a message for wrong usage, a wrong file included; with 0 after `--dump-config -`.

    Args:
        p: made by :func:`with_config`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    text, line = "", words
    for each in (p, *_commands(p).values()):
        # argparse prints the whole usage above its message; _refuse() prints one line.
        each.error = partial(_refuse, each)  # type: ignore[method-assign]
    try:
        if (file := _named(words)) is not None:
            text, line = _apply(p, file, words)
        args = p.parse_args(line)
        # argparse takes an abbreviation such as --conf, which the look ahead in _named() does not see.
        if hasattr(args, CONFIG) and not text and _named(words) is None:
            raise UserError("--config must be written in full")
        dump = getattr(args, DUMP, None)
        for name in (CONFIG, DUMP):
            vars(args).pop(name, None)
        if dump is not None:
            _write(dump, dumped(p, args), file)
    except UserError as error:
        p.error(one_line(str(error)))
    if dump == STDOUT:
        p.exit(0)
    return args, Command(words, text)


def _refuse(p: argparse.ArgumentParser, message: str) -> NoReturn:
    """One line, with the option that may have been meant; the usage is for who asks for it."""
    what, _, given = message.partition("unrecognized arguments: ")
    unknown = given.split(" ")[0].partition("=")[0] if not what else ""
    known = [option for action in p._actions for option in action.option_strings]
    hint = did_you_mean(unknown, known) if unknown.startswith("-") else ""
    p.exit(2, fitted(f"{p.prog}: error: {message}{hint}; --help lists the options", sys.stderr) + "\n")


def _named(words: Sequence[str]) -> Path | None:
    """The file of `--config`, the last one, as argparse takes it."""
    before = words[: words.index("--")] if "--" in words else words
    found = [word.partition("=")[2] for word in before if word.startswith("--config=")]
    found += [after for word, after in pairwise(before) if word == "--config"]
    return Path(found[-1]) if found else None


def _commands(p: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of `bench.train sr` and `bench.train style`, by command; empty for most programs."""
    action = _chooser(p)
    return {} if action is None else dict(action.choices)


def _chooser(p: argparse.ArgumentParser) -> Any:
    return next((a for a in p._actions if isinstance(a, argparse._SubParsersAction)), None)


def _apply(p: argparse.ArgumentParser, file: Path, words: list[str]) -> tuple[str, list[str]]:
    """Make the file's values the defaults of the parser.

    Returns:
        The file's text, and the command line with the command that the file names where it has none.

    Raises:
        UserError: the file cannot be read, or holds what is no option of the program.
    """
    text, table = _read(file)
    commands, chosen = _commands(p), p
    if commands:
        key = _chooser(p).dest
        command = table.pop(key, None)
        if not words or words[0] not in commands:
            if command not in commands:
                known = ", ".join(commands)
                what = "is missing" if command is None else f"is {_shown(command)}"
                raise UserError(f"{str(file)!r}: {key} {what}; must be one of: {known}")
            words = [command, *words]
        elif command not in {None, words[0]}:
            raise UserError(
                f"{str(file)!r}: {key} is {_shown(command)}, and the command line says {words[0]!r}"
            )
        chosen = commands[words[0]]
    given = _given(chosen, words[1:] if commands else words)
    values = _values(chosen, table, str(file))
    _check_exclusive(chosen, values, str(file))
    for group in chosen._mutually_exclusive_groups:
        members = {action.dest for action in group._group_actions}
        if members & given.keys():  # the command line wins over all that excludes what it says
            values = {dest: value for dest, value in values.items() if dest not in members}
    for action in chosen._actions:
        if action.dest in values and action.dest not in given:
            # As defaults, so that the file is overruled by argparse's own rules and not by ours.
            action.default, action.required = values[action.dest], False
    return text, words


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = read_whole(file, most=LARGEST_BYTES).decode()
        return text, parse_toml(text)
    except OSError as error:
        raise UserError(f"--config: {describe_os_error(error)}") from error
    except ValueError as error:  # of TOML and of UTF-8
        raise UserError(f"{str(file)!r} is not a TOML file in UTF-8: {error}") from error


def _given(p: argparse.ArgumentParser, words: Sequence[str]) -> Mapping[str, Any]:
    """What the command line itself says, by the name that it has in the namespace."""
    # Parsed once without any default: what is then in the namespace was typed.
    probe = copy.deepcopy(p)
    for action in probe._actions:
        action.default, action.required = argparse.SUPPRESS, False
    given = vars(probe.parse_args(words))
    # argparse hands the default of an optional positional argument to its type, this one too
    return {name: value for name, value in given.items() if str(value) != argparse.SUPPRESS}


def _options(p: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Every key that a file may have, and what it stands for."""
    skipped = (argparse._HelpAction, argparse._SubParsersAction)
    for action in p._actions:
        if isinstance(action, skipped) or action.dest in {CONFIG, DUMP}:
            continue
        if not action.option_strings:
            yield action.dest.replace("_", "-"), action
        yield from ((option[2:], action) for option in action.option_strings if option.startswith("--"))
    for option, action in p._option_string_actions.items():  # former spellings, which no action lists
        if option not in action.option_strings and not isinstance(action, skipped):
            yield option[2:], action


def _values(p: argparse.ArgumentParser, table: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The values of a file by their names in the namespace.

    Raises:
        UserError: names the file, the key, what it is and what it must be.
    """
    known, values, keys = dict(_options(p)), {}, set()
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
            raise UserError(f"{file!r}: {shortened(key, SHOWN)!r} is no option of {p.prog}; {hint}")
        if name in keys:
            raise UserError(f"{file!r}: {name!r} is given twice, with - and with _; must be given once")
        keys.add(name)
        action = known[name]
        found = _value(action, name, value, f"{file!r}: {key} is {_shown(value)}")
        if found is not NO_VALUE:
            if action.dest in values:
                raise UserError(f"{file!r}: {key!r} contradicts another key; must be one of the two")
            values[action.dest] = found
    return values


def _value(action: argparse.Action, key: str, value: Any, what: str) -> Any:
    """The value of one option as argparse would make it; :data:`NO_VALUE` for a switch that is off."""
    if action.nargs == 0:
        if type(value) is not bool:
            raise UserError(f"{what}; must be true or false")
        if isinstance(action, argparse.BooleanOptionalAction):
            return value is not (key.startswith("no-") and f"--{key[3:]}" in action.option_strings)
        return action.const if value else NO_VALUE
    kind = _kind(action)
    repeated = isinstance(action, argparse._AppendAction)  # of which `extend` is one
    if action.nargs in {None, argparse.OPTIONAL} and not repeated:
        return _element(action, kind, value, f"{what}; must be {WORDS[kind]}", what)
    example = {int: "4", float: "0.5", str: '"text"'}[kind]
    must = f"{what}; must be an array, each element {WORDS[kind]}: {key} = [{example}]"
    if not isinstance(value, list):
        raise UserError(must)
    # An option whose default is an empty list is dumped as one, and must be read again.
    if action.nargs == argparse.ONE_OR_MORE and not value and action.default != []:
        raise UserError(f"{what}; must have one element at least")
    found = [_element(action, kind, each, must, f"{what}: {_shown(each)}") for each in value]
    # Its type makes a list of each text (`--fail-on worse,missing`), which argparse joins.
    if isinstance(action, argparse._ExtendAction) and action.nargs is None:
        return [each for part in found for each in part]
    return found


def _kind(action: argparse.Action) -> type:
    """int, float or str: what an element of an option is in TOML, found out from what reads it."""
    # "1" tells a whole number from a float; "0.5" is for options that refuse 1, as --alpha does.
    for text in ("1", "0.5"):
        try:
            found = action.type(text) if callable(action.type) else text
        except (argparse.ArgumentTypeError, ValueError, TypeError):
            continue
        if type(found) in {int, float}:
            return type(found)
    return str


def _element(action: argparse.Action, kind: type, value: Any, must: str, what: str) -> Any:
    # By type() and not isinstance(): true and false are ints in Python and no numbers in TOML.
    number = type(value) is int or (type(value) is float and kind is float)
    text = type(value) is str
    if kind is str:
        fits = text or (
            type(value) is int and action.type is None
        )  # `tile = 256`, though "auto" is allowed too
    else:
        fits = number
    if not fits:
        raise UserError(must)
    try:
        found = action.type(str(value)) if callable(action.type) else str(value)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{what}: {error}") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{what}; must be {WORDS[kind]}") from error
    if action.choices is not None and found not in action.choices:
        known = [str(choice) for choice in action.choices]
        close = difflib.get_close_matches(str(found), known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UserError(f"{what}; must be one of: {', '.join(known)}{hint}")
    return found


def _check_exclusive(p: argparse.ArgumentParser, values: Mapping[str, Any], file: str) -> None:
    for group in p._mutually_exclusive_groups:
        dests = dict.fromkeys(action.dest for action in group._group_actions if action.dest in values)
        if len(dests) > 1:
            names = " and ".join(name.replace("_", "-") for name in dests)
            raise UserError(f"{file!r}: {names} exclude each other; must be one of the two")


def dumped(p: argparse.ArgumentParser, args: argparse.Namespace) -> str:
    """All options of a namespace as the text of a config file, which `--config` reads to an equal namespace.

    Raises:
        UserError: a value is not text that TOML can hold.
    """
    commands = _commands(p)
    lines = []
    if commands:
        chooser = _chooser(p)
        command = getattr(args, chooser.dest)
        lines, p = [f"{chooser.dest} = {_toml(command)}"], commands[command]
    switched = {a.dest for a in p._actions if a.nargs == 0 and _is_on(a, args)}
    done: set[str] = set()
    for key, action in _options(p):
        value = getattr(args, action.dest, None)
        excluded = {
            other.dest
            for group in p._mutually_exclusive_groups
            if action in group._group_actions
            for other in group._group_actions
        }
        if action.dest in done or (action.nargs != 0 and excluded & (switched - {action.dest})):
            continue
        if action.nargs == 0 and not isinstance(action, argparse.BooleanOptionalAction):
            on = _is_on(action, args)
            if not on and excluded:
                continue
            value = on
        if value is not None:
            lines.append(f"{key} = {_toml(value)}")
            done.add(action.dest)
    text = "".join(f"{line}\n" for line in (f"# {p.prog} --config FILE", *lines))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"an option is no text that a TOML file can hold: {error}") from error
    return text


def _is_on(action: argparse.Action, args: argparse.Namespace) -> bool:
    """Whether a switch was given."""
    value = getattr(args, action.dest, None)
    # The type too, since 1 == True.
    return type(value) is type(action.const) and value == action.const


def _toml(value: Any) -> str:
    """A value of a namespace in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, tuple):  # NAME=VALUE of `--tolerance`
        return _toml("=".join(map(str, value)))
    # a string of JSON is one of TOML but for DEL, which TOML has escaped
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _shown(value: object) -> str:
    """A value of a file, for a message."""
    if isinstance(value, dict):
        return "a table"
    known = isinstance(value, bool | int | float | str | list)
    return shortened(_toml(value) if known else str(value), SHOWN)


def _write(dump: str, text: str, config: Path | None) -> None:
    if dump == STDOUT:
        print(text, end="")
        return
    file = Path(dump)
    # FILE is optional, so `--dump-config photo.jpg` would take an input for it and replace it.
    if file.suffix != ".toml":
        raise UserError(f"--dump-config is {dump!r}; must be a file that ends in .toml, or -")
    try:
        if config is not None and file.exists() and file.samefile(config):
            raise UserError(f"--dump-config is {dump!r}, the file of --config; use another name")
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"--dump-config: {describe_os_error(error)}") from error
