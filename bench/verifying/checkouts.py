"""Repositories of others that claims' models are in. An environment variable says where a copy of each lies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
KEYS = {
    "repository": (re.compile(r"https://[\w./-]+", re.ASCII), "an address that begins with https://"),
    "commit": (re.compile(r"[0-9a-f]{40}"), "the 40 hexadecimal digits of a commit"),
}


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A repository at a commit.

    Attributes:
        variable: the environment variable that holds the path of a checkout.
    """

    variable: str
    repository: str
    commit: str

    @property
    def missing(self) -> str:
        """Why nothing of it can be run here, with the command that mends it; empty where there is a checkout."""
        given = os.environ.get(self.variable, "")
        if given and Path(given).expanduser().is_dir():
            return ""
        state = (
            f"${self.variable} is {given!r}, which is no folder" if given else f"${self.variable} is not set"
        )
        folder = self.repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return (
            f"{state}; must be a checkout of {self.repository}: git clone {self.repository} && "
            f"git -C {folder} checkout {self.commit} && export {self.variable}=$PWD/{folder}"
        )


def mistakes(variable: str, given: Any) -> Iterator[tuple[str, str]]:
    """Keys of a table [checkouts.VARIABLE] with what is wrong with them; the empty key is the table itself."""
    if not VARIABLE.fullmatch(variable):
        yield "", "must be called like an environment variable"
    if not isinstance(given, dict):
        yield "", f"must be a table with: {', '.join(KEYS)} (got {given!r})"
        return
    for key in given:
        if key not in KEYS:
            yield key, f"unknown key; there are: {', '.join(KEYS)}"
    for key, (form, wanted) in KEYS.items():
        if key not in given:
            yield "", f"has no {key}; must have: {', '.join(KEYS)}"
        elif not (isinstance(given[key], str) and form.fullmatch(given[key])):
            yield key, f"must be {wanted} (got {given[key]!r})"


def made(variable: str, given: Mapping[str, str]) -> Checkout:
    """Of a table without mistakes."""
    return Checkout(variable=variable, repository=given["repository"], commit=given["commit"])
