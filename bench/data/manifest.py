"""What `manifest.toml` says: every file the suite can use, with its size, hash, licence and address."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from bench.data.untrusted import parse_as, short_repr
from bench.errors import UserError, did_you_mean

TOML = Path(__file__).with_name("manifest.toml")
TORCHVISION = "torchvision:"
TRUNK = "trunk:"
ADDRESSES = ("https://", "http://", TORCHVISION, TRUNK)
SHA256 = re.compile(r"[0-9a-f]{8}|[0-9a-f]{64}")  # eight: torchvision's
SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class ManifestFile:
    """One file that can be had from a public address, byte for byte.

    Attributes:
        name: path below the cache folder, with forward slashes: `data/set5/baby.png`.
        bytes: its size; None where none is pinned (torchvision's weights).
        sha256: 64 hex digits, or the first eight where torchvision's file name holds no more.
        address: as in the manifest; `torchvision:ENUM.MEMBER` is resolved by :func:`address`.
        enables: what a user can do with it, in words.
    """

    name: str
    bytes: int | None
    sha256: str
    address: str
    licence: str
    group: str
    enables: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        # names become paths of this machine: a backslash would be a separator on Windows alone
        if path.is_absolute() or ".." in path.parts or not self.name.isprintable() or "\\" in self.name:
            raise ValueError(
                f"a file is called {short_repr(self.name)}; must be a path below the cache's folder"
            )
        if not SHA256.fullmatch(self.sha256):
            raise ValueError(
                f"{self.name}: sha256 is {short_repr(self.sha256)}; must be 64 hex digits, or the first 8"
            )
        if not self.address.startswith(ADDRESSES) or not self.address.isprintable():
            raise ValueError(
                f"{self.name}: address is {short_repr(self.address)}; must be {' or '.join(ADDRESSES)}"
            )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Files of use together. `source` says in one line who made them and where the bytes come from."""

    name: str
    licence: str
    source: str
    enables: str
    files: tuple[ManifestFile, ...]


@functools.cache
def groups() -> Mapping[str, Group]:
    """Every group by name, in the manifest's order."""
    return parse(TOML.read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, Group]:
    """What a manifest says.

    Raises:
        UserError: it is not TOML, lacks something, or names a file that would lie outside of the cache's folder, or
            an address that is not on the web.
    """
    parsed: dict[str, Group] = {}
    try:
        for group, table in tomllib.loads(text).items():
            files = [
                {
                    "name": f"{part['folder']}/{name}",
                    "bytes": size or None,  # 0 stands for one that is not pinned
                    "sha256": sha256,
                    # a fourth item stands where the address does not end with the file's name
                    "address": part["base"] + (tail[0] if tail else name),
                    "licence": table["licence"],
                    "group": group,
                    "enables": table["enables"],
                }
                for part in table["parts"]
                for name, size, sha256, *tail in part["files"]
            ]
            about = {key: table[key] for key in ("licence", "source", "enables")}
            parsed[group] = parse_as(
                Group, {"name": group, "files": files, **about}, f"group {short_repr(group)}"
            )
    except RecursionError as error:
        raise UserError("the manifest is nested too deeply") from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise UserError(f"the manifest is not sound: {ascii(str(error))[1:-1][:SHOWN]}") from error
    # cached and shared: nobody may change it
    return MappingProxyType(parsed)


@functools.cache
def files() -> Mapping[str, ManifestFile]:
    """Every file by name, in the manifest's order."""
    return MappingProxyType({file.name: file for group in groups().values() for file in group.files})


def group(name: str) -> Group:
    """The group `name`.

    Raises:
        UserError: no group has that name.
    """
    if name not in groups():
        raise UserError(
            f"no group of files is called {name!r}{did_you_mean(name, groups())}; there are: {', '.join(groups())}"
        )
    return groups()[name]


def file(name: str) -> ManifestFile:
    """The file `name`.

    Raises:
        UserError: the manifest has no such file.
    """
    if name not in files():
        raise UserError(f"{name!r} is not in the manifest; must be one of its {len(files())} files")
    return files()[name]


def address(file: ManifestFile) -> str:
    """Where `file` is downloaded from: its address, or the one that the installed torchvision gives for it.

    Raises:
        UserError: torchvision gives another file now than the one that is pinned.
    """
    if not file.address.startswith(TORCHVISION):
        return file.address  # of a trunk, the name of its sources
    return torchvision_address(file.address.removeprefix(TORCHVISION), file.name.rpartition("/")[2])


def torchvision_address(enum: str, pinned: str) -> str:
    """The address that the installed torchvision gives for weights, `VGG16_Weights.IMAGENET1K_V1`.

    Raises:
        UserError: it is of another file than the one called `pinned`.
    """
    from torchvision.models import get_weight

    given = str(get_weight(enum).url)
    if given.rpartition("/")[2] != pinned:
        raise UserError(f"torchvision gives {given} for {enum}; must be a file called {pinned}")
    return given
