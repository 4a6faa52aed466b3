"""Which of the files that the suite can use are here, and in what state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bench.data import cache, datasets, manifest
from bench.data.cache import State
from bench.data.manifest import Group, ManifestFile
from bench.data.trunks import sources
from bench.errors import UserError


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """One file: what is known of it, and its state.

    Attributes:
        bytes: its size; None where none is pinned.
        address: where it can be had.
        trouble: what is wrong with a damaged file and what to do; empty for others.
    """

    name: str
    state: State
    bytes: int | None
    sha256: str
    address: str
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class GroupReport:
    """Files that are of use together; the words are the manifest's."""

    name: str
    licence: str
    source: str
    enables: str
    files: tuple[FileReport, ...]

    def having(self, state: State) -> tuple[FileReport, ...]:
        """The files in `state`."""
        return tuple(file for file in self.files if file.state == state)


def inventory(*, verify: bool) -> tuple[GroupReport, ...]:
    """Every group with the state of its files, by size, or with `verify` by hash; downloads nothing."""
    return (_samples(verify=verify), *(_group(group, verify=verify) for group in manifest.groups().values()))


def _group(group: Group, *, verify: bool) -> GroupReport:
    files = tuple(_file(file, verify=verify) for file in group.files)
    return GroupReport(
        name=group.name, licence=group.licence, source=group.source, enables=group.enables, files=files
    )


def _file(file: ManifestFile, *, verify: bool) -> FileReport:
    state = cache.state(file.name, verify=verify)
    return FileReport(
        name=file.name,
        state=state,
        bytes=file.bytes,
        sha256=file.sha256,
        address=_address(file),
        trouble=cache.damage(file) if state == "damaged" else "",
    )


def _address(file: ManifestFile) -> str:
    """Where it is downloaded from, a trunk's sources in words; as the manifest has it where torchvision gives another."""
    if file.address.startswith(manifest.TRUNK):
        return sources.about(file)
    try:
        return manifest.address(file)
    except UserError:
        return file.address


def _samples(*, verify: bool) -> GroupReport:
    """The photographs that scikit-image installs, as if they were a group."""
    return GroupReport(
        name="samples",
        licence=datasets.SAMPLES_LICENCE,
        source="installed with scikit-image",
        enables="data set samples",
        files=tuple(_sample(name, sha256, verify=verify) for name, sha256 in datasets.SAMPLES.items()),
    )


def _sample(name: str, sha256: str, *, verify: bool) -> FileReport:
    path = datasets.samples_folder() / name
    here = path.is_file()
    # Without --verify only whether it is there: sizes of scikit-image's files are not pinned, hashes are.
    damaged = here and verify and hashlib.sha256(path.read_bytes()).hexdigest() != sha256
    return FileReport(
        name=f"skimage/data/{name}",
        state="damaged" if damaged else "present" if here else "missing",
        bytes=path.stat().st_size if here else None,
        sha256=sha256,
        address="installed with scikit-image",
        trouble=f"{str(path)!r} is not the pinned file; reinstall scikit-image" if damaged else "",
    )
