"""The printed numbers of `paper.toml`: what each says, and which result of ours it is to be held against."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from math import isfinite
from typing import Any, Literal

from bench.errors import UserError
from bench.statistics import within_a_unit

SHOWN = 200
UNITS = {"psnr": "dB"}
METRIC_TITLES = {"psnr": "PSNR", "ssim": "SSIM", "ms-ssim": "MS-SSIM", "lpips-alex": "LPIPS (alex)"}
DATASET_TITLES = {"set5": "Set5", "set14": "Set14", "bsd100": "BSD100"}
IMAGE_TITLES = {"361010": "polo riders (361010)"}
Standing = Literal["printed", "misprint", "digitised", "calculated"]


@dataclass(frozen=True, kw_only=True)
class PaperCell:
    """One number that somebody printed.

    Attributes:
        id: `figure8.set5.bicubic.psnr`.
        where: `Johnson 2016, Figure 8`.
        row, column: in words.
        printed: as printed, to the last digit.
        standing: how we know it, and whether it is a misprint.
        likely: what a misprint most likely means; empty elsewhere.
        remark: on its standing.
        protocol: name of the protocol that it belongs to.
    """

    id: str
    where: str
    row: str
    column: str
    printed: str
    unit: str = ""
    standing: Standing = "printed"
    likely: str = ""
    remark: str = ""
    protocol: str = ""

    @property
    def decimals(self) -> int:
        """Digits after the point of what counts."""
        return len((self.likely or self.printed).partition(".")[2])

    @property
    def value(self) -> float:
        """What counts: the likely value of a misprint, else what is printed."""
        return float(self.likely or self.printed)

    def is_within_a_unit(self, ours: float) -> bool:
        """Whether they differ by at most one unit of the last digit that was printed: some are cut, not rounded."""
        return within_a_unit(ours, self.value, self.decimals)


@dataclass(frozen=True, kw_only=True)
class ScoreTarget:
    """A mean over a data set, or the value of one image of it.

    Attributes:
        image: stem; empty for the mean.
        processed: the model that the paper's post-processing makes of `model`; empty where there is none.
        brought: no registered model has the name.
        short: the source in a word or two.
    """

    dataset: str
    image: str
    scale: int
    protocol: str
    model: str
    metric: str
    processed: str
    brought: bool
    short: str


@dataclass(frozen=True, kw_only=True)
class GridTarget:
    """A cell of Table 1 or Figure 5: side of the image in pixels, and the column."""

    table: str
    size: int
    column: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A printed number and what it is about.

    Attributes:
        target: None for what is neither a score nor a cell of a grid.
        cannot: why it cannot be had; empty where it can.
    """

    cell: PaperCell
    target: ScoreTarget | GridTarget | None
    cannot: str = ""

    @property
    def source(self) -> str:
        """`figure8`, `table1`, `rcan2018`."""
        return self.cell.id.partition(".")[0]


def cells() -> tuple[PaperCell, ...]:
    """Every printed number, in the order of the file."""
    return tuple(entry.cell for entry in entries())


@cache
def entries() -> tuple[Entry, ...]:
    """Every printed number with its target."""
    return _entries(_document())


def parse(text: str) -> tuple[Entry, ...]:
    """Every number of a file like `paper.toml`, with its target.

    Raises:
        UserError: it is not TOML, or lacks something.
    """
    try:
        return _entries(tomllib.loads(text))
    except RecursionError as error:
        raise UserError("paper.toml is nested too deeply") from error
    # What code raises that takes tables for granted, where a file has something else in their place.
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise UserError(f"paper.toml is not sound: {ascii(str(error))[1:-1][:SHOWN]}") from error


def _entries(document: Mapping[str, Any]) -> tuple[Entry, ...]:
    plain = (*_scores(document), *_grids(document), *_values(document))
    order = ("table1", "figure5", "figure8", "figure9")
    ranked = sorted(plain, key=lambda e: order.index(e.source) if e.source in order else len(order))
    found = tuple(_remarked(entry, document["remark"]) for entry in ranked)
    for cell in (entry.cell for entry in found):
        # Texts, since a TOML float has lost the digits that were printed: 28.40 would be 28.4.
        if not all(isinstance(value, str) for value in vars(cell).values()) or not isfinite(cell.value):
            raise ValueError(f"{cell.id} is {cell.printed!r}; must be texts, and a number printed in digits")
    return found


def title_of(model: str) -> str:
    """What the paper calls a model; its own name where the paper has none."""
    return str(_document()["titles"].get(model, model))


@cache
def _document() -> Mapping[str, Any]:
    text = resources.files("bench").joinpath("data/paper.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def data_title(dataset: str, image: str, scale: int) -> str:
    """`Set5 x4`, or `Set5 x4, baby` for one image."""
    title = f"{DATASET_TITLES.get(dataset, dataset)} x{scale}"
    return f"{title}, {IMAGE_TITLES.get(image, image)}" if image else title


def _scores(document: Mapping[str, Any]) -> Iterator[Entry]:
    for table in document["scores"]:
        for model, *printed in table["rows"]:
            for data, text in zip(table["data"], printed, strict=True):
                # "28.43/0.8114": a number for each metric of the table; empty where the source prints none.
                numbers = text.split("/") if text else [""] * len(table["metrics"])
                for metric, number in zip(table["metrics"], numbers, strict=True):
                    if number:
                        yield _score(document, table, model, data, metric, number)


def _score(
    document: Mapping[str, Any], table: Mapping[str, Any], model: str, data: str, metric: str, number: str
) -> Entry:
    dataset, _, image = data.partition("/")
    protocol = table.get("protocols", {}).get(model, table["protocol"])
    place = f"{dataset}.{image}" if image else dataset
    return Entry(
        cell=PaperCell(
            id=f"{table['id']}.{place}.{model}.{metric}",
            where=table["where"],
            row=data_title(dataset, image, table["scale"]),
            column=f"{document['titles'].get(model, model)}, {METRIC_TITLES.get(metric, metric)}",
            printed=number,
            unit=UNITS.get(metric, ""),
            protocol=protocol,
        ),
        target=ScoreTarget(
            dataset=dataset,
            image=image,
            scale=table["scale"],
            protocol=protocol,
            model=model,
            metric=metric,
            processed=document["processed"].get(model, ""),
            brought=model in document["brought"],
            short=table.get("short", table["where"].partition(",")[0]),
        ),
    )


def _grids(document: Mapping[str, Any]) -> Iterator[Entry]:
    for grid in document["grid"]:
        heads = tuple(zip(grid["columns"], grid["titles"], grid["units"], strict=True))
        for size, *printed in grid["rows"]:
            for (column, title, unit), number in zip(heads, printed, strict=True):
                yield Entry(
                    cell=PaperCell(
                        id=f"{grid['id']}.{size}.{column}",
                        where=grid["where"],
                        row=f"{size}x{size}",
                        column=title,
                        printed=number,
                        unit=unit,
                    ),
                    target=GridTarget(table=grid["id"], size=int(size), column=column),
                )


def _values(document: Mapping[str, Any]) -> Iterator[Entry]:
    for value in document["value"]:
        yield Entry(cell=PaperCell(**value), target=None)


def _remarked(entry: Entry, remarks: list[Mapping[str, Any]]) -> Entry:
    """The entry with what all remarks on it say: of a misprint, its likely value makes its standing."""
    # fnmatchcase: fnmatch itself ignores case on Windows.
    own = [r for r in remarks if any(fnmatchcase(entry.cell.id, pattern) for pattern in r["cells"])]
    fields = vars(entry.cell) | {"remark": "; ".join(r["why"] for r in own if "why" in r)}
    for remark in own:
        if "likely" in remark:
            fields |= {"likely": remark["likely"], "standing": "misprint"}
        # After the misprint's: what a remark says outright goes before what follows from it.
        if "standing" in remark:
            fields["standing"] = remark["standing"]
    cannot = "; ".join(r["cannot"] for r in own if "cannot" in r)
    return Entry(cell=PaperCell(**fields), target=entry.target, cannot=cannot)
