"""The findings of the doctor as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from bench.data import cache
from bench.diagnostics.inventory import FileReport, GroupReport
from bench.environment import gibibytes
from bench.records import BF16_UNITS, Environment, fast_bf16
from bench.tables import Column, Table, columns, terminal

MANY = 10


def show(
    console: Console, machine: Environment, groups: Sequence[GroupReport], *, verified: bool, verbose: bool
) -> None:
    """Print everything; more than ten missing files of a group are summed up unless `verbose`."""
    console.print(terminal(machine_table(machine)), "", sep="\n")
    how = "by sha256" if verified else "by size (--verify: by sha256)"
    _say(console, f"files in {cache.folder()}, checked {how}")
    console.print("", terminal(files_table(groups)), "", terminal(licences_table(groups)), sep="\n")
    trouble = [file.trouble for group in groups for file in group.having("damaged")]
    if trouble:
        _say(console, "", "damaged", style="bold red")
        _say(console, *(f"  {line}" for line in trouble))
    absent = [line for group in groups for line in missing(group, verbose=verbose)]
    if absent:
        _say(
            console,
            "",
            "missing; each is downloaded when first needed, or now with --fetch GROUP",
            style="yellow",
        )
        _say(console, *(f"  {line}" for line in absent))


def show_fetched(console: Console, groups: Sequence[GroupReport]) -> None:
    """Print what is there of the groups that were to be downloaded, and under which licences."""
    console.print(terminal(files_table(groups)), "", terminal(licences_table(groups)), sep="\n")


def _say(console: Console, *lines: str, style: str | None = None) -> None:
    """Lines; those with an address or a path are never broken, so that it can be copied."""
    for line in lines:
        whole = not console.is_terminal or "/" in line
        console.print(line, style=style, soft_wrap=whole, markup=False)


def machine_table(machine: Environment) -> Table:
    """What a number measured here depends on."""
    rows = tuple(machine_rows(machine))
    name = Column(head="", align="left", overflow="words", styles={name: "bold" for name, _ in rows})
    value = Column(head="", align="left", overflow="words")
    return Table(columns=(name, value), rows=rows, layout="grid")


def machine_rows(machine: Environment) -> Iterator[tuple[str, str]]:
    """A name and a line, in the order of interest."""
    facts = machine.facts
    suite, cpu, torch, gpu = facts["suite"], facts["cpu"], facts["torch"], facts["gpu"]
    cores = f"{cpu['cores_allowed']} of {cpu['cores_logical']} cores"
    yield "suite", f"perceptual-bench {suite['version']}, commit {short(suite['commit'] or 'unknown')}"
    yield "machine", f"{cpu['model']}, {cores}, {gibibytes(facts['memory_bytes'])}"
    yield "GPU", f"{gpu['name']}, {gibibytes(gpu['memory_bytes'])}" if gpu else "none that torch can use"
    yield "system", f"{facts['system']['name']}, {facts['system']['machine']}, Python {facts['python']}"
    yield "torch", f"{torch['version']}, {torch['threads']} threads, {cpu['kernels']}"
    units = [unit for unit in BF16_UNITS if unit in cpu["capabilities"]]
    used = "used by default where its error allows"
    if not fast_bf16(cpu["capabilities"]):
        used = "slower than float32 on this processor, not used by default"
    yield "bfloat16", f"{', '.join(units)}: {used}" if units else "no units on the CPU"
    yield "packages", ", ".join(f"{name} {number}" for name, number in facts["packages"].items() if number)
    absent = [name for name, number in facts["packages"].items() if not number]
    if absent:
        yield "", f"not installed: {', '.join(absent)}"


def short(commit: str) -> str:
    """Seven digits of a commit, and whether files were changed since."""
    number, dash, dirty = commit.partition("-")
    return f"{number[:7]}{dash}{dirty}"


def files_table(groups: Sequence[GroupReport]) -> Table:
    """A row per group."""
    group, size_of = columns(("group", "size"))
    # Styles go by the text of a cell: two groups of equal counts have one colour.
    present = Column(head="present", align="left", styles={count(g): colour(g) for g in groups})
    use = Column(head="what it is for", align="left", overflow="words")
    rows = ((g.name, count(g), size(g.files), g.enables) for g in groups)
    return Table(columns=(group, present, size_of, use), rows=tuple(rows))


def licences_table(groups: Sequence[GroupReport]) -> Table:
    """A row per licence, with the groups that are under it."""
    rows = (
        (licence, ", ".join(group.name for group in groups if group.licence == licence))
        for licence in dict.fromkeys(group.licence for group in groups)
    )
    heads = (Column(head=head, align="left", overflow="words") for head in ("licence", "groups"))
    return Table(columns=tuple(heads), rows=tuple(rows))


def count(group: GroupReport) -> str:
    """`5 of 5`, or `4 of 5` and below it `1 damaged`."""
    present, damaged = len(group.having("present")), len(group.having("damaged"))
    return f"{present} of {len(group.files)}" + (f"\n{damaged} damaged" if damaged else "")


def colour(group: GroupReport) -> str:
    """Of its :func:`count`."""
    whole = len(group.having("present")) == len(group.files)
    return "bold red" if group.having("damaged") else "green" if whole else "yellow"


def size(files: Sequence[FileReport]) -> str:
    """In MB or kB (powers of 1000); empty where a size is not pinned."""
    sizes = [file.bytes for file in files]
    total = sum(filter(None, sizes))
    if None in sizes:
        return ""
    return f"{total / 1e6:.1f} MB" if total >= 1e6 else f"{total / 1e3:.0f} kB"


def missing(group: GroupReport, *, verbose: bool) -> Iterator[str]:
    """What the group is for; then for each folder the missing files, and where they are downloaded from."""
    files = group.having("missing")
    if files:
        yield f"{group.name}: {group.enables}"
    whole = len(files) <= MANY or verbose
    for folder, base in dict.fromkeys(map(places, files)):
        those = [file for file in files if places(file) == (folder, base)]
        what = ", ".join(map(own_name, those)) if whole else f"{len(those)} files, {size(those)}"
        yield f"  {folder}/: {what}"
        yield f"  from {base}"


def places(file: FileReport) -> tuple[str, str]:
    """The folder that a file belongs into, and the address of the folder it is had from, or its source in words."""
    base, slash, _ = file.address.rpartition("/")
    return file.name.rpartition("/")[0], f"{base}{slash}" if _is_address(file) else file.address


def own_name(file: FileReport) -> str:
    """A file's name, and what it is called where it is had from, if that differs."""
    name, there = file.name.rpartition("/")[2], file.address.rpartition("/")[2]
    return name if name == there or not _is_address(file) else f"{name} (there {there})"


def _is_address(file: FileReport) -> bool:
    return "://" in file.address
