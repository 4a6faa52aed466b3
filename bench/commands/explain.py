"""What `bench.explain` does once its options are parsed: measure under every convention, print, export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, progress, writable_file
from bench.data import cache
from bench.data.datasets import dataset, left_out
from bench.data.images import load, read
from bench.errors import UserError
from bench.explaining import kernels
from bench.explaining.config import Config, Published
from bench.explaining.conventions import (
    CHANNELS,
    Convention,
    distinct,
    psnr_conventions,
    ssim_conventions,
)
from bench.explaining.inputs import FilePairs, describe_finding, loaded, stored, two
from bench.explaining.library_presets import LIBRARY_PRESETS
from bench.explaining.scores import ImageScores, Match, Value, match, measure, values
from bench.explaining.table import like_table, match_lines, record, spread, table, usual
from bench.outputs import check_clashes, store_files
from bench.quality.lint import Finding
from bench.tables import print_table, to_json
from bench.text import escape_control_chars, show


def run(config: Config) -> int:
    """Measure what was asked for and print it."""
    wanted, chosen = config.match, config.like
    file = writable_file(config.json) if config.json else None
    if config.kernels:
        return _kernels(config)
    found = _found(config)
    if file:
        _check_inputs(config, found, file)
    # A number is matched against all conventions, and the JSON holds them all, whatever the tables show.
    every = config.all or bool(wanted) or file is not None
    conventions = [] if chosen and not every else _conventions(len(found.pairs), every=every)
    # What libraries print is measured beside the grid: it has conventions (an epsilon) that the grid has not.
    likely: list[Convention] = [
        c for like in (LIBRARY_PRESETS if file or wanted else chosen) for c in (like.psnr, like.ssim) if c
    ]
    images, findings = _measure(found, config.scale, conventions + likely)
    of = "" if len(images) == found.expected else f" of {found.expected} expected"
    show(f"sr: {found.sr_said}", f"hr: {found.hr_said}")
    print(f"{_counted(len(images))}{of}, scale {config.scale}")
    if chosen:
        print()
        print_table(like_table(chosen, images), Console())
    grey = any(image.grey for image in images)
    grid = values(images, distinct(conventions, grey=grey))
    if not chosen and not wanted:
        _print_tables(grid, len(images), grey, config)
    # a library may print what no convention of the grid gives, such as 80.00 dB for equal images
    all_values = values(images, distinct([*conventions, *likely], grey=grey)) if wanted else []
    matches = _match(wanted, all_values, len(images), config.scale, grey)
    if file:
        with atomic_write(file) as part:
            text = to_json(record(images, grid, matches, findings, config.scale))
            # Without the line end, as this file was always written: it stays equal to the byte.
            part.write_text(text.removesuffix("\n"), encoding="utf-8", newline="\n")
    return DONE if all(match.exact for match in matches) else FAILED


def _found(config: Config) -> FilePairs:
    if config.db and config.dataset and config.model:
        return stored(config.db, config.dataset, config.model, config.scale, config.protocol)
    sr, hr = config.images
    return two(sr, hr, scale=config.scale, pattern=config.pattern)


def _check_inputs(config: Config, found: FilePairs, file: Path) -> None:
    pairs = [(sr, hr if isinstance(hr, Path) else cache.folder() / hr.file) for _, sr, hr in found.pairs]
    reads = [("an image", image) for pair in pairs for image in pair]
    check_clashes(
        reads=[*reads, *(store_files("--db", config.db) if config.db else [])], writes=[("--json", file)]
    )


def _conventions(images: int, *, every: bool) -> list[Convention]:
    found: list[Convention] = [*psnr_conventions(images), *ssim_conventions()]
    return [convention for convention in found if every or usual(convention, images)]


def _measure(
    found: FilePairs, scale: int, conventions: Sequence[Convention]
) -> tuple[list[ImageScores], list[tuple[str, Finding]]]:
    """The scores of every pair that can be measured, and the findings, which are printed as they come."""
    findings: list[tuple[str, Finding]] = [("names", finding) for finding in found.notes]
    images = []
    with progress("explain", len(found.pairs)) as reporter:
        for name, finding in findings:
            reporter.note(describe_finding(name, finding))
        for pair in loaded(found.pairs, scale):
            findings += [(pair.name, finding) for finding in pair.findings]
            for finding in pair.findings:
                reporter.note(describe_finding(pair.name, finding))
            reporter.begin(escape_control_chars(pair.name))
            if pair.sr is not None and pair.hr is not None:
                images.append(measure(pair.name, pair.sr, pair.hr, scale, conventions))
            reporter.advance(escape_control_chars(pair.name))
    if not images:
        raise UserError("no pair can be measured; the reasons are above")
    return images, findings


def _print_tables(grid: Sequence[Value], images: int, grey: bool, config: Config) -> None:
    for metric in ("psnr", "ssim"):
        found = [value for value in grid if value.metric == metric]
        shown = [value for value in found if config.all or usual(value.convention, images, grey=grey)]
        if not found:
            print(f"\nthe image is too small for {metric.upper()}")
            continue
        more = "" if config.all else "; --all shows more, also ranges taken wrongly"
        print()
        print_table(table(shown, spread(shown) + more, images, config.scale, grey=grey), Console())
    print()
    channels = [channel for channel in CHANNELS.values() if grey or not channel.on_colour]
    show("of: " + "; ".join(f"{channel.name}: {channel.about}" for channel in channels))


def _match(
    wanted: Sequence[Published], grid: Sequence[Value], images: int, scale: int, grey: bool
) -> list[Match]:
    matches = [match(number, grid) for number in wanted]
    for found in matches:
        print()
        show(*match_lines(found, images, scale, grey=grey))
    return matches


def _kernels(config: Config) -> int:
    hr, scale = config.images[0], config.scale
    if Path(hr).is_file():
        pixels = [read(Path(hr))]
    else:
        data = dataset(hr, scale=scale)
        for line in left_out(data):
            print(line, file=sys.stderr)
        pixels = [load(image).pixels for image in data.images]
    print(f"{_counted(len(pixels))}, made smaller by {scale} and larger again; border crop {scale}")
    print_table(kernels.table(pixels, scale), Console())
    return DONE


def _counted(images: int) -> str:
    return "1 image" if images == 1 else f"{images} images"
