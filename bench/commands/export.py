"""What `bench.export` does once its options are parsed: read results files, write what another tool reads."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from bench.atomic import atomic_write
from bench.cli import DONE, as_given
from bench.errors import MissingExtra, UserError
from bench.exporting import hub, long
from bench.exporting.config import Config
from bench.outputs import check_clashes, store_files
from bench.storage.reader import read
from bench.tables import to_csv

CARD = "model-card.md"


def run(config: Config) -> int:
    """Write the files and say where they are.

    Raises:
        UserError: nothing to export, a package is missing, or an output is an input.
        StoreError: a results file cannot be read.
    """
    if config.to == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("--to parquet", "pyarrow", "export", instead="--to csv")
    contents = read(config.results)
    out = config.out.absolute()
    if config.to == "eval-results":
        texts = hub.eval_results(hub.results(contents, config), config)
        write(config, {out / name: _text(text) for name, text in texts.items()})
    elif config.to == "model-card":
        write(config, {out / CARD: _text(hub.model_card(hub.results(contents, config), config))})
    else:
        frames = {"scores": long.scores(contents, config), "timings": long.timings(contents, config)}
        filled = {name: frame for name, frame in frames.items() if len(frame)}
        if not filled:
            raise UserError(
                "the results files have no score and no timing of this selection; must be other names"
            )
        write(config, {out / f"{name}.{config.to}": _table(frame, config) for name, frame in filled.items()})
        for name, frame in filled.items():
            print(f"{name}: {len(frame)} lines")
    return DONE


def write(config: Config, files: Mapping[Path, Callable[[Path], None]]) -> None:
    """Write each file, whole or not at all."""
    check_clashes(
        reads=[each for file in config.results for each in store_files("the results file", file)],
        writes=[("--out", file) for file in files],
    )
    for file, fill in files.items():
        with atomic_write(file) as part:
            fill(part)
        print(as_given(file))


def _text(text: str) -> Callable[[Path], None]:
    def fill(part: Path) -> None:
        part.write_text(text, encoding="utf-8", newline="\n")

    return fill


def _table(frame: pd.DataFrame, config: Config) -> Callable[[Path], None]:
    if config.to == "parquet":
        return lambda part: frame.to_parquet(part, index=False, engine="pyarrow")
    lines = ([_cell(value) for value in row] for row in frame.itertuples(index=False))
    return _text(to_csv(list(frame.columns), lines))


def _cell(value: object) -> str | float:
    if isinstance(value, bool):  # before int, of which it is one
        return str(value).lower()
    return value if isinstance(value, int | float) else "" if value is None else str(value)
