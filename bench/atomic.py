"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on this system: a killed process leaves its part behind
    fcntl = None  # type: ignore[assignment]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file that is written and closed in the block; it becomes `path` at the end.

    Missing folders are made. If the block raises, or is killed, `path` is as it was before. What a killed process
    left is used by the next that replaces `path`. Several threads or processes may replace one path at once; the
    last one stays. A device or a pipe, as `/dev/stdout`, stays what it is: the path is its own.

    Raises:
        OSError: the folder cannot be written, or the file, in the block; it names `path`.
    """
    part, lock = path, None
    try:
        if special(path):
            yield path
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # Hashed, so that the part of a file whose name is as long as names may be has a name too.
        name = f".{hashlib.sha256(path.name.encode(errors='surrogateescape')).hexdigest()[:16]}"
        part = path.parent / f"{name}.part"
        lock = _locked(part)
        if lock is None:  # another process writes the same file, or there are no locks
            part = path.parent / f"{name}-{secrets.token_hex(8)}.part"
        try:
            yield part
            part.replace(path)
        # Ctrl-C too must leave no part behind.
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        # the name of the part means nothing to a user
        if error.filename is None or os.fspath(error.filename) == str(part):
            error.filename = str(path)
        raise
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A path beside `path` for a file that is gone after the block; what a killed process left is used again.

    Raises:
        OSError: as :func:`atomic_write`.
    """
    with suppress(_Done), atomic_write(path) as part:
        yield part
        # As a failure, whose way out of atomic_write removes the part.
        raise _Done


class _Done(Exception):
    """The block came to its end, and its file is not wanted."""


def special(path: Path) -> bool:
    """Whether it is a device or a pipe, which is written into and never replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    # By its folder too: /dev/stdout leads to a regular file where the shell sends output to one.
    return path.absolute().parts[1:2] in {("dev",), ("proc",)} or not (
        stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    )


def file_number(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """What tells a file from another that has its name (device and inode); None where there is none."""
    try:
        # ValueError: a name with a null character, which no file has.
        found = os.stat(path)  # noqa: PTH116 (a Path for each of 100,000 images takes seconds)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _locked(part: Path) -> int | None:
    """`part`, empty, under a lock that ends with the process; None where another has it or there are no locks."""
    if fcntl is None:
        return None
    try:
        # O_NOFOLLOW: a link that another process put in the part's place is not written through.
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError:
        return None
    ours = False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # who held the lock before may have renamed the file since it was opened here
        ours = os.path.samestat(os.fstat(descriptor), part.stat())
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:  # a file system without locks: nobody uses this name there
        part.unlink(missing_ok=True)
    if not ours:
        os.close(descriptor)
        return None
    # What a killed process left may be longer than what is written now.
    os.truncate(descriptor, 0)
    return descriptor
