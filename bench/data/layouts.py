"""Where the images lie in the folders that people have; nothing is guessed, what could mean two things is refused.

- `ROOT/GTmod12` with `ROOT/LRbicx4` (and other scales), as BasicSR and mmagic have it; hr is cropped already;
- `ROOT/HR` with `ROOT/LR_bicubic/X4`, as EDSR and KAIR have it, whose lr files are called `babyx4.png`;
- `ROOT/DIV2K_valid_HR` with `ROOT/DIV2K_valid_LR_bicubic/X4`, as the authors of DIV2K have it, whatever stands before `HR`;
- a flat folder: the images lie in `ROOT` itself; lr files may lie beside them, called `_LR` where these are called `_HR`.

Case of the folders' names does not count. What the names of the files say stands in :mod:`bench.data.names`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data.formats import SUFFIXES, is_image
from bench.data.names import hr_among, listed, normal, role_of
from bench.data.pairing import pair
from bench.data.whole_file import read_whole
from bench.errors import UserError
from bench.records import Dataset, content_hash
from bench.text import escape_control_chars, stem_of_name

HR_FOLDERS = ("GTmod12", "HR")  # BasicSR and mmagic, EDSR and KAIR
PREFIXED_HR = ("_hr", "-hr")  # of DIV2K's authors: DIV2K_valid_HR
# By scale, the names of the folders one below the other, in the order of HR_FOLDERS.
LR_FOLDERS: tuple[Callable[[int], tuple[str, ...]], ...] = (
    lambda scale: (f"LRbicx{scale}",),
    lambda scale: ("LR_bicubic", f"X{scale}"),
)
# Of DIV2K, tried only where there is none of the above: its other degradations, one of which must be the only one.
OTHER_LR_FOLDERS: tuple[Callable[[int], tuple[str, ...]], ...] = (
    lambda scale: (f"LR_bicubic_X{scale}",),
    lambda scale: ("LR_unknown", f"X{scale}"),
    lambda scale: (f"LR_x{scale}",),
    lambda scale: ("LR_mild",) if scale == 4 else (),
    lambda scale: ("LR_difficult",) if scale == 4 else (),
    lambda scale: ("LR_wild",) if scale == 4 else (),
)
NAMED = 10  # names in a message


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a folder.

    Attributes:
        names: of its images, sorted.
        skipped: name -> what it is, of the files that are none; empty words where that is not known.
    """

    names: tuple[str, ...]
    skipped: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """What is no image, by name and number."""
        if self.skipped:
            words = [f"{name!r}{f' ({what})' if what else ''}" for name, what in sorted(self.skipped.items())]
            more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
            files = len(self.names) + len(self.skipped)
            said = escape_control_chars(f"{', '.join(words[:NAMED])}{more}")
            yield f"skipped, no image{'s' * (len(words) > 1)} ({len(words)} of {files} files): {said}"


def hr_folder(root: Path) -> Path:
    """The folder below `root` whose images are hr; `root` itself where the images lie flat in it.

    Raises:
        UserError: it could be two, or there is neither an image nor a folder of hr images.
    """
    found = [folder for name in HR_FOLDERS for folder in _below(root, name) if any(image_names(folder))]
    flat = sum(1 for _ in image_names(root))
    # last, or a folder of images beside one called train_HR would be taken for two things
    if not found and not flat:
        prefixed = [f for f in _folders(root) if f.name.casefold().endswith(PREFIXED_HR)]
        found = [folder for folder in prefixed if any(image_names(folder))]
    if len(found) > 1 or (found and flat):
        names = [f"the folder {folder.name}" for folder in found] + [f"{flat} images beside it"] * bool(flat)
        typed = " or ".join(repr(escape_control_chars(str(folder))) for folder in found)
        raise UserError(
            f"{_named(root)} has {' and '.join(names)}; must be one: type {typed}{_or_move(flat)}"
        )
    if found:
        return found[0]
    if not flat and (others := _folders_with_images(root)):
        typed = " or ".join(repr(escape_control_chars(str(folder))) for folder in others[:NAMED])
        raise UserError(
            f"{_named(root)} holds no image and no folder {' or '.join(HR_FOLDERS)}; "
            f"must be the folder that holds the hr images: type {typed}"
        )
    return root


def image_names(folder: Path) -> Iterator[str]:
    """Of image files, hidden ones skipped; in no order.

    A file with the ending of an image is one, even where it turns out to be damaged; any other by its first bytes. Links
    that lead nowhere are among them: they are reported when they are read, not skipped in silence.

    Raises:
        UserError: the folder cannot be listed.
    """
    return (name for name, image, _ in _files(folder) if image)


def listing(folder: Path) -> Listing:
    """The images of a folder and what else lies there; two files of one stem are left to the caller.

    A file whose ending says nothing gives way to one of its stem that has the ending of an image.

    Raises:
        UserError: the folder cannot be listed.
    """
    names, skipped, loose = [], {}, []
    for name, image, what in _files(folder):
        if not image:
            skipped[name] = what
        elif _has_ending(name):
            names.append(name)
        else:
            loose.append(name)
    if loose:
        stems = {normal(stem_of_name(name)) for name in names}
        for name in loose:
            # as a preview or a sidecar beside its image: the one with the usual ending is meant
            if normal(stem_of_name(name)) in stems:
                skipped[name] = "an image called like another"
            else:
                names.append(name)
    return Listing(names=tuple(sorted(names)), skipped=skipped)


def _files(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Name, whether it is an image, and what it is instead."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # hidden files are systems' own (._baby.png), and are not counted as skipped
                if entry.name.startswith(".") or not _may_be_file(entry):
                    continue
                yield (
                    (entry.name, True, "")
                    if _has_ending(entry.name)
                    else (
                        entry.name,
                        *is_image(Path(entry.path)),
                    )
                )
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be listed: {error.strerror or error}") from error


def _has_ending(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def hr_names(names: Sequence[str], scale: int | None = None) -> tuple[tuple[str, ...], Iterator[str]]:
    """Those of the hr images among a folder's images, and a line for each kind of what is skipped.

    Raises:
        UserError: hr images of one name are there at several scales.
    """
    stems = {stem_of_name(name): name for name in names}
    chosen = hr_among(list(stems), scale)
    kept = frozenset(stems[stem] for stem in chosen.stems)

    def lines() -> Iterator[str]:
        for why in dict.fromkeys(chosen.aside.values()):
            out = [stems[stem] for stem, reason in chosen.aside.items() if reason == why]
            yield f"skipped, {why} ({len(out)} of {len(names)} images): {listed(out)}"

    return (tuple(names) if not chosen.aside else tuple(n for n in names if n in kept)), lines()


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    # a link to nowhere counts: what reads it reports it
    return (entry.is_symlink() or entry.is_file()) and not _is_folder(entry)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead in a circle
        return False


def lr_files(root: Path, scale: int, pattern: str | None = None) -> Mapping[str, Path]:
    """The lr file of each hr image by its stem, paired by name (:mod:`bench.data.pairing`).

    Args:
        root: the folder of the layout, or its folder of hr images.
        pattern: of the lr files' names, as `{stem}_LRBI_x4`.

    Raises:
        UserError: there is no folder of lr files for the scale, or two; or an image lacks its file.
    """
    hr, folders, prefix = _places(root)
    there = listing(hr).names
    stems = [stem_of_name(name) for name in hr_names(there, scale)[0]]
    # a role that needs no other image: `_LR`, not `_out`
    beside = [hr / name for name in there if role_of(normal(stem_of_name(name))) == ("lr", True)]
    # a folder whose images are all called `_LR` is one of hr images by the rule of names: nothing lies beside them
    if beside and len(stems) < len(there) and not _lr_folders(folders, prefix, scale):
        folder, files = hr, beside
    else:
        folder = lr_folder(folders, scale, prefix)
        files = [folder / name for name in listing(folder).names]
    paired = pair(stems, files, scale=scale, role="lr", pattern=pattern)
    if paired.missing or paired.extra:
        raise UserError(
            f"{_named(folder)}: {'; '.join(paired.lines())}; must be one lr file for each hr image"
        )
    return paired.pairs


def _places(root: Path) -> tuple[Path, Path, str]:
    """Where hr lies, where the folders of lr files lie, and what stands before their names."""
    name = root.name.casefold()
    if name in {each.casefold() for each in HR_FOLDERS}:
        return root, root.parent, ""
    hr = root if name.endswith(PREFIXED_HR) and any(image_names(root)) else hr_folder(root)
    prefixed = hr.name.casefold().endswith(PREFIXED_HR)
    # `DIV2K_valid_` of `DIV2K_valid_HR`: the separator stays
    return hr, hr.parent if prefixed else root, hr.name[:-2] if prefixed else ""


def lr_of(data: Dataset, scale: int, pattern: str | None = None) -> Mapping[str, Path]:
    """The lr files that came with a folder's data set, for the images that the record still has.

    Raises:
        UserError: as :func:`lr_files`; or the data set is a named one, which comes without lr files.
    """
    first = Path(data.images[0].file)
    # paths of named sets are below the cache folder
    if not first.is_absolute():
        raise UserError(f"data set {data.name} comes without lr files; must be a folder that has them")
    files = lr_files(first.parent, scale, pattern)
    # paired over the whole folder, then cut to the images that --limit or --shard left
    return {image.stem: files[image.stem] for image in data.images}


def digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over the names and contents of lr files: what scores made with them depend on.

    A file that cannot be read counts as having none: it costs the image that it belongs to.
    """
    return content_hash({stem: _sha256(file) for stem, file in files.items()})


def lr_folder(root: Path, scale: int, prefix: str = "") -> Path:
    """The folder of lr files for `scale` below `root`.

    Args:
        prefix: of the names of its folders, as `DIV2K_valid_`.

    Raises:
        UserError: there is none, or more than one.
    """
    found = _lr_folders(root, prefix, scale)
    if len(found) == 1:
        return found[0]
    required = " or ".join("/".join(_prefixed(parts(scale), prefix)) for parts in LR_FOLDERS)
    if found:
        names = " and ".join(str(folder.relative_to(root)) for folder in found)
        raise UserError(
            f"{_named(root)} has {len(found)} folders of lr files for x{scale}: {names}; must be one"
        )
    there = ", ".join(sorted(folder.name for folder in _folders(root))) or "no folder"
    raise UserError(
        f"{_named(root)} has no lr files for x{scale}: it has {escape_control_chars(there)}; must be {required}"
    )


def _lr_folders(root: Path, prefix: str, scale: int) -> list[Path]:
    usual = _prefixed_folders(root, prefix, scale, LR_FOLDERS)
    return usual or [
        folder
        for folder in _prefixed_folders(root, prefix, scale, OTHER_LR_FOLDERS)
        if any(image_names(folder))
    ]


def _prefixed_folders(
    root: Path, prefix: str, scale: int, kinds: Iterable[Callable[[int], tuple[str, ...]]]
) -> list[Path]:
    return [f for parts in kinds if parts(scale) for f in _below(root, *_prefixed(parts(scale), prefix))]


def _prefixed(parts: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    return (prefix + parts[0], *parts[1:])


def _below(root: Path, *parts: str) -> list[Path]:
    """Folders whose names are `parts`, one below the other, but for their case."""
    found = [root]
    for part in parts:
        found = [f for folder in found for f in _folders(folder) if f.name.casefold() == part.casefold()]
    return found


def _folders(folder: Path) -> Iterable[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / entry.name for entry in entries if _is_folder(entry))
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be listed: {error.strerror or error}") from error


def _folders_with_images(root: Path) -> list[Path]:
    """Below `root`, or one folder deeper where a layout lies there: what one could have meant."""
    return [
        folder
        for folder in _folders(root)
        if any(image_names(folder)) or any(_below(folder, name) for name in HR_FOLDERS)
    ]


def _or_move(flat: int) -> str:
    return ", or move the images that lie beside it" if flat else ""


def _named(folder: Path) -> str:
    return repr(escape_control_chars(str(folder)))


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(read_whole(file)).hexdigest()
    except (OSError, ValueError):
        return ""
