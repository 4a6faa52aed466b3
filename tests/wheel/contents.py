"""What a wheel and an sdist must hold, read from the source tree, and what is wrong with one that was built.

python -m tests.wheel.contents dist/*.whl dist/*.tar.gz
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = ("bench", "baselines", "models", "reports")
KEPT_OUT = ("__pycache__",)
NOT_PACKAGED = ("reports/leaderboards",)  # documents of a leaderboard
# A home folder or a drive, as an absolute path begins; examples in docstrings have none.
MACHINE = re.compile(rb"(?<![\w.<~])/(?:home|Users|root|mnt)/[\w.-]+|\b[A-Z]:\\Users\\\w+")
BINARY = (".safetensors",)


def package_files(root: Path = ROOT) -> set[str]:
    """Every file of the four layers: code and data alike, but what is not packaged."""
    return {
        file.relative_to(root).as_posix()
        for layer in LAYERS
        for file in (root / layer).rglob("*")
        if file.is_file()
        and not file.name.startswith(".")
        and not {*file.parts} & {*KEPT_OUT}
        and not any(file.is_relative_to(root / folder) for folder in NOT_PACKAGED)
    }


def wheel_files(wheel: Path) -> dict[str, bytes]:
    """Name and bytes of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def sdist_files(sdist: Path) -> dict[str, bytes]:
    """Name, without the top folder, and bytes of each file of an sdist."""
    found = {}
    with tarfile.open(sdist) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                found[member.name.partition("/")[2]] = stream.read()
    return found


def wheel_problems(files: Mapping[str, bytes], root: Path = ROOT) -> Iterator[str]:
    """What the wheel lacks, what it has too much, and whose machine it names; nothing for a wheel to be published."""
    inside = {name for name in files if ".dist-info/" not in name}
    yield from (f"lacks {name}" for name in sorted(package_files(root) - inside))
    yield from (
        f"has {name}, which is not in the source tree" for name in sorted(inside - package_files(root))
    )
    licences = [name for name in files if name.endswith(".dist-info/licenses/LICENSE")]
    if not licences:
        yield "lacks the licence"
    yield from machine_paths(
        {name: content for name, content in files.items() if not name.endswith("/RECORD")}
    )


def sdist_problems(files: Mapping[str, bytes], root: Path = ROOT) -> Iterator[str]:
    """What the sdist lacks of what is needed to build, test and document."""
    tests = {file.relative_to(root).as_posix() for file in (root / "tests").rglob("*.py")}
    needed = package_files(root) | tests | {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    yield from (f"lacks {name}" for name in sorted(needed - set(files)))
    yield from (f"has {name}" for name in files if {*name.split("/")} & {*KEPT_OUT})
    yield from machine_paths({n: content for n, content in files.items() if n.startswith(LAYERS)})


def machine_paths(files: Mapping[str, bytes]) -> Iterator[str]:
    """Absolute paths of somebody's machine in files of text."""
    for name, content in files.items():
        if not name.endswith(BINARY):
            yield from (f"{name} names {found.decode()}" for found in MACHINE.findall(content))


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> Iterator[str]:
    """Files that two wheels do not have alike."""
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            yield f"{name} differs" if name in one and name in other else f"{name} is in one alone"


def main(arguments: Sequence[str]) -> int:
    """Print what is wrong with each archive that is named; wheels must be alike. Exit status 1 if anything is."""
    wheels = [wheel_files(Path(name)) for name in arguments if name.endswith(".whl")]
    sdists = [sdist_files(Path(name)) for name in arguments if name.endswith(".tar.gz")]
    checks: list[tuple[Callable[..., Iterator[str]], tuple[object, ...]]] = [
        *((wheel_problems, (wheel,)) for wheel in wheels),
        *((sdist_problems, (sdist,)) for sdist in sdists),
        *((differences, (wheels[0], other)) for other in wheels[1:]),
    ]
    found = [problem for check, given in checks for problem in check(*given)]
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"{len(wheels)} wheels, {len(sdists)} sdists: {len(found)} problems")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
