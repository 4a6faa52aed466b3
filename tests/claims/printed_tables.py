"""The tables of README.md and docs/results.md, as claims: a row each, its numbers at their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.claims import readme
from tests.claims.readme import Token
from tests.claims.runs import FEATURE, SETS

METRICS = ("psnr", "ssim", "ms-ssim", "lpips-alex", FEATURE)
Values = Sequence[object]
# By how much two measurements of one machine may differ.
TIME = 1.5


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A row of a printed table; as :class:`tests.claims.table.Claim`, but for where its numbers stand."""

    text: str
    sources: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], Values]
    places: tuple[Token, ...]
    factor: float | None = None

    def tokens(self, text: str) -> list[Token]:
        """Where its numbers stand."""
        return list(self.places)


def score_tables(text: str) -> Iterator[Cells]:
    """The tables of `bench.sr_quality`: our rows against a run, published rows against `bench/data/paper.toml`."""
    for dataset in SETS:
        title = f"{dataset} x4, protocol johnson2016 ("
        start = text.index(f"\n{title}") + 1 + len(title)
        digest = Token(start, start + 8, text[start : start + 8])
        yield Cells(
            text=f"{dataset}: hash of the protocol",
            sources=("constants",),
            values=lambda r: [r["constants"]["hash"]],
            places=(digest,),
        )
        for offset, line in readme.block(text, title):
            if line.startswith("│") and not line.startswith(("│model", "│  ")):
                yield score_row(dataset, offset, line)


def score_row(dataset: str, offset: int, line: str) -> Cells:
    """A line of such a table."""
    cells, columns, position = line.split("│")[1:-1], [*METRICS, "n"], offset + 1
    name = cells[0].strip()
    model, _, short = name.partition(" (")
    places, asked = [], []
    position += len(cells[0]) + 1
    for column, cell in zip(columns, cells[1:], strict=True):
        words = cell.removesuffix("(sic)").rstrip().removesuffix(" (sic)")
        number = words.strip()
        if number:
            start = position + len(words) - len(number)
            places.append(Token(start, start + len(number), number))
            asked.append(column)
        position += len(cell) + 1
    theirs = short.removesuffix(")")

    def values(r: Mapping[str, Any]) -> Values:
        if theirs:
            found = r["printed"][dataset, 4, model, theirs]
            return [found[column].removesuffix(" (sic)") for column in asked]
        return [r[dataset][dataset, model, column] for column in asked]

    source = "printed" if theirs else dataset
    return Cells(text=f"{dataset} x4: {name}", sources=(source,), values=values, places=tuple(places))


def result_table(text: str) -> Iterator[Cells]:
    """README.md's result: a row a model, a cell a data set, with PSNR, SSIM and LPIPS in it."""
    for offset, line in readme.block(text, "| model | Set5 | Set14 | BSD100 |"):
        places = [Token(t.start + offset, t.end + offset, t.text) for t in readme.numbers(line)]
        name = line.split("|")[1].strip()
        if places:
            yield Cells(
                text=f"result: {name}",
                sources=SETS,
                values=means_of(name),
                places=tuple(places),
            )


def means_of(model: str) -> Callable[[Mapping[str, Any]], Values]:
    def values(r: Mapping[str, Any]) -> Values:
        return [r[d][d, model, metric] for d in SETS for metric in ("psnr", "ssim", "lpips-alex")]

    return values


def speed_table(text: str) -> Iterator[Cells]:
    """Table 1: our seconds and speed-ups against a run, the paper's against `bench/data/paper.toml`."""
    size = 0
    for offset, line in readme.block(text, "             Gatys   Gatys"):
        places = [Token(t.start + offset, t.end + offset, t.text) for t in readme.numbers(line)]
        words = line.split()
        if words[0].isdigit():
            size, first, places = int(words[0]), places[0], places[1:]
            yield plain_cells(f"Table 1: size {size}", (first,))
        if "here" in words:
            yield Cells(
                text=f"Table 1: {size}, here",
                sources=("table 1",),
                values=ours_at(size),
                places=tuple(places),
                factor=TIME,
            )
        elif "paper" in words:
            yield Cells(
                text=f"Table 1: {size}, paper",
                sources=("printed",),
                values=theirs_at(size),
                places=tuple(places),
            )
        elif places:
            yield plain_cells("Table 1: heads", tuple(places))


def plain_cells(text: str, places: tuple[Token, ...]) -> Cells:
    """Numbers of a printed table that are no measurements."""
    return Cells(text=text, sources=(), values=lambda r: [], places=places)


def ours_at(size: int) -> Callable[[Mapping[str, Any]], Values]:
    def values(r: Mapping[str, Any]) -> Values:
        found = {iterations: seconds for (side, iterations), seconds in r["table 1"].items() if side == size}
        times = [found[iterations] for iterations in (100, 300, 500)]
        return *times, found["network"], *(seconds / found["network"] for seconds in times)

    return values


def speed_up(size: int) -> Callable[[Mapping[str, Any]], Values]:
    """Over 500 iterations: on this machine, and as the paper prints it."""

    def values(r: Mapping[str, Any]) -> Values:
        return ours_at(size)(r)[-1], list(r["printed"]["table1"][size].values())[-1]

    return values


def theirs_at(size: int) -> Callable[[Mapping[str, Any]], Values]:
    def values(r: Mapping[str, Any]) -> Values:
        return list(r["printed"]["table1"][size].values())

    return values
