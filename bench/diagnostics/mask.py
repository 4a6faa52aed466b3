"""Text without what says who wrote it: folders, people, hosts, addresses and tokens are masked, not cut short."""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.data import cache

# In the order in which they are looked for: a quoted path may hold blanks, an address holds slashes.
FREE_TEXT = (
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+"), "<address>"),
    (re.compile(r"[\w.+<>-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    # An IPv4 address; a version such as 2.15.0 has three numbers and stays.
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"), "<address>"),
    (re.compile(r"(?i)(\b\w*(?:token|secret|passw|api_?key|credential)\w*\s*[=:]\s*)\S+"), r"\1<token>"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "<token>"),
    (re.compile(r"'[^'\n]*[/\\][^'\n]*'|\"[^\"\n]*[/\\][^\"\n]*\""), "<path>"),
    (re.compile(r"(?:[A-Za-z]:|~\w*|<\w+>)?[^\s'\"=,;()<>]*[/\\][^\s'\"=,;()<>]*"), "<path>"),
    (re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|hf_|sk-|xox[a-z]-|AKIA)[\w-]{8,}"), "<token>"),
    # Long words of letters and digits, as keys are; a hash falls to it as well.
    (re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w+-]{24,}={0,2}(?![\w-])"), "<token>"),
)
NO_SECRETS = {"", "localhost", "unknown", "none"}


def masked(text: str) -> str:
    """Without this user's folders, user name and host name; for text that is ours but for what it quotes."""
    # Folders before names: a home folder holds the user's name, and goes as a whole.
    for secret, name in folders():
        text = text.replace(secret, name)
    for secret, name in names():
        # As a whole word; "<" and ">" are excluded so that a user called "home" leaves "<home>" as it is.
        text = re.sub(rf"(?i)(?<![\w<]){re.escape(secret)}(?![\w>])", name, text)
    return text


def masked_free_text(text: str) -> str:
    """Also without any path, address and token, whoever's; for messages, command lines and values of variables."""
    text = masked(text)
    for pattern, name in FREE_TEXT:
        text = pattern.sub(name, text)
    return text


def folders() -> list[tuple[str, str]]:
    """This user's folders, the longest first, each with what stands for it."""
    known = [
        (str(cache.folder()), "<data>"),
        (str(Path.cwd()), "<here>"),
        (sys.prefix, "<python>"),
        (str(Path(__file__).resolve().parents[2]), "<suite>"),
        (tempfile.gettempdir(), "<tmp>"),
        *((home, "<home>") for home in home_folders()),
    ]
    # len > 1: a folder "/" would mask every slash.
    found = {spelling: name for path, name in known for spelling in spellings(path) if len(path) > 1}
    # The longest first: the data folder may lie in the home folder, and says more.
    return sorted(found.items(), key=lambda pair: -len(pair[0]))


def spellings(path: str) -> Iterator[str]:
    """As it is given, with links followed, and with the backslashes that a repr doubles."""
    yield path
    yield path.replace("\\", "\\\\")
    with suppress(OSError, RuntimeError):
        yield str(Path(path).resolve())


def home_folders() -> Iterator[str]:
    """The home folder by everything that names it."""
    with suppress(RuntimeError):
        yield str(Path.home())
    yield from filter(None, (os.environ.get(name) for name in ("HOME", "USERPROFILE")))


def names() -> list[tuple[str, str]]:
    """User names and host names, the longest first, each with what stands for it."""
    users = {*user_names(), *(Path(home).name for home in home_folders())}
    hosts = {platform.node(), os.environ.get("HOSTNAME", ""), os.environ.get("COMPUTERNAME", "")}
    hosts |= {host.partition(".")[0] for host in hosts}
    found = dict.fromkeys(users, "<user>") | dict.fromkeys(hosts, "<host>")
    known = [(secret, name) for secret, name in found.items() if secret.lower() not in NO_SECRETS]
    return sorted(known, key=lambda pair: -len(pair[0]))


def user_names() -> Iterator[str]:
    """Names that this user has here."""
    with suppress(OSError, KeyError, ImportError):
        yield getpass.getuser()
    yield from (os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"))
