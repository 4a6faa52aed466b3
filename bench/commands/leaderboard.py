"""What `bench.leaderboard` does once its file is read: score, time, write leaderboard.json and the report."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from rich.console import Console

from bench import interrupts
from bench.atomic import atomic_write
from bench.cli import DONE, FAILED, as_given, device, next_step, progress, working, writable_file
from bench.cluster.connect import chosen
from bench.commands.sr_quality import score
from bench.config_file import Command
from bench.data import cache
from bench.data.datasets import dataset
from bench.environment import environment, suite_version, summary
from bench.errors import MissingFile, UserError
from bench.leaderboards import STEPS, opened_models, table
from bench.leaderboards.config import Config, Entry, Leaderboard, Quality, Speed
from bench.outputs import check_clashes, model_files, store_files
from bench.protocols import protocol
from bench.quality import summary as quality
from bench.quality.config import config as quality_config
from bench.quality.loading import can_measure, load_metrics
from bench.records import HR, Run
from bench.registry import catalog
from bench.registry.adapters.image_folder import images_for
from bench.registry.catalog import DEFAULT_SCALE
from bench.registry.external import ExternalModel
from bench.registry.upscalers import UpscalerEntry
from bench.storage.store import Store, now
from bench.tables import print_table
from bench.text import log, one_line, show
from bench.timing.config import Config as SpeedConfig
from bench.timing.rows import Row
from bench.timing.rows import record as timing_record
from bench.timing.run import SpeedRun, round_rows
from bench.variants.build import exact_float32

FILE = "leaderboard.json"


def leaderboard(config: Config, board: Leaderboard, command: Command) -> int:
    """Do the steps that were asked for.

    Returns:
        The exit status: done only if the file has no problem, and every model its scores and times.
    """
    file = writable_file(config.out / FILE)
    check_clashes(
        reads=[("the leaderboard", config.file), *model_files(entry.model for entry in board.entries)],
        writes=[*store_files("--db", config.db), ("--out", file)],
    )
    problems = [*board.problems]
    for line in problems:
        warn(line)
    scores: list[quality.Row] = []
    times: list[Row] = []
    interrupts.keeps(f"scores and times of finished models are kept in {config.db}")
    # A cluster's nodes have their own devices; here models are only opened, and this machine may have no GPU.
    where = device("cpu" if config.engine == "ray" else config.device)
    names = [entry.model for entry in board.entries]
    if not config.force:
        opened_models.restore(config.out / opened_models.FILE, names)
    entries = list(usable(board, problems))
    opened_models.keep(config.out / opened_models.FILE, [entry.model for entry in entries])
    # Times first: scoring changes how this process keeps memory (:mod:`bench.allocator`), and so the time of a network.
    if "speed" in config.only and board.speed:
        times = time_models(config, board, entries, where, command, problems)
    if "quality" in config.only:
        for part in board.quality:
            scores += score_part(config, part, entries, command, problems)
    made = record(board, entries, scores, times, problems)
    with atomic_write(file) as new, new.open("w", encoding="utf-8", newline="\n") as stream:
        json.dump(
            {**made, "command": command_of(config), "environment": dict(environment(str(where)).facts)},
            stream,
            indent=1,
            default=dict,
        )
    # Into a pipe rich takes a terminal of 80 columns, and would cut the table.
    console = Console(width=None if sys.stdout.isatty() else table.WIDTH_OF_A_FILE)
    for each in table.tables(board, scores, times):
        console.print()
        print_table(each, console)
    for line in dict.fromkeys(problems):
        show(one_line(line))
    print(f"\nresults: {config.db}\nleaderboard: {as_given(file)}")
    reported = True
    if "report" in config.only:
        with working("writing the report"):
            reported = report(config)
    else:
        next_step(config.db)
    return FAILED if problems or not reported else DONE


def warn(text: str) -> None:
    """A line on standard error, at once."""
    log(one_line(text))


def usable(board: Leaderboard, problems: list[str]) -> Iterator[Entry]:
    """The models that can be loaded; of each other one a line says why not."""
    scales = {scale for part in board.quality for scale in part.scales}
    for entry in board.entries:
        try:
            model = catalog.upscaler_entry(entry.model)
            if isinstance(model, UpscalerEntry):  # an external one was called when it was opened
                for scale in filter(model.supports, scales):
                    # Loaded once and let go: what cannot be loaded is said now and not after the first models' hours.
                    catalog.load_upscaler(entry.model, scale, cache.find, torch.device("cpu"))
        except UserError as error:
            noted(problems, f"{entry.place}: {error}")
            continue
        yield entry


def noted(problems: list[str], line: str) -> None:
    """A problem, said when it is found and again at the end."""
    problems.append(line)
    warn(line)


def score_part(
    config: Config, part: Quality, entries: Sequence[Entry], command: Command, problems: list[str]
) -> list[quality.Row]:
    """Scores of one [[quality]]: through the config, plans and engine of `bench.sr_quality`, resumed like its."""
    names = list(usable_metrics(part, problems))
    entries = list(with_images(part, entries, problems))
    # Without a metric the default ones would be scored, which the file does not name.
    if not names or not entries:
        noted(
            problems,
            f"{part.place}: none of its {'models' if names else 'metrics'} can be used; nothing is scored",
        )
        return []
    by_label = {entry.label: entry for entry in entries}
    try:
        request = quality_config(
            datasets=part.datasets,
            models=[entry.model for entry in entries],
            scales=part.scales,
            metrics=names,
            protocol=part.protocol,
            device=config.device,
            engine=config.engine,
            address=config.address,
            db=config.db,
            limit=config.limit,
            shard=config.shard,
            force=config.force,
        )
        with Store(request.db) as store, chosen(request) as cluster:
            found, _ = score(request, device("cpu" if cluster else request.device), store, command, cluster)
    except (UserError, ValueError) as error:
        noted(problems, f"{part.place}: {error}")
        return []
    counts = {(row.model, row.dataset, row.scale, row.metric): row.n for row in found if row.model != HR}
    for data in request.datasets:
        for rule in request.protocols:
            images = len(request.shard.of(data).images)
            for opened in request.entries:
                if opened.supports(rule.scale):
                    # By the metric with the fewest: a model counts as scored where every metric has every image.
                    n = min(counts.get((opened.name, data.name, rule.scale, name), 0) for name in names)
                    if n < images:
                        place = by_label[opened.name].place
                        noted(
                            problems,
                            f"{place}: {n} of {images} images of {data.name} x{rule.scale} were scored",
                        )
    return found


def with_images(part: Quality, entries: Sequence[Entry], problems: list[str]) -> Iterator[Entry]:
    """All but folders of images that have not what a data set needs: those would stop the whole part."""
    for entry in entries:
        opened = catalog.upscaler_entry(entry.model)
        try:
            if isinstance(opened, ExternalModel) and opened.kind == "images":
                for name, scale in itertools.product(part.datasets, part.scales):
                    images_for(opened, dataset(name), scale)
        except UserError as error:
            noted(problems, f"{entry.place}: {error}")
            continue
        yield entry


def usable_metrics(part: Quality, problems: list[str]) -> Iterator[str]:
    """Those whose files are here and that can measure under the protocol."""
    rules = [protocol(part.protocol, scale) for scale in part.scales]
    for name in part.metrics:
        try:
            (metric,) = load_metrics([name], torch.device("cpu"))
            for rule in rules:
                can_measure(metric, rule, required=True, log=warn)
        except (MissingFile, UserError) as error:
            noted(problems, f"{part.place}.metrics: {error}")
            continue
        yield name


def time_models(
    config: Config,
    board: Leaderboard,
    entries: Sequence[Entry],
    where: torch.device,
    command: Command,
    problems: list[str],
) -> list[Row]:
    """Times and cards, a model after the other in each round, so that one that fails stops no other."""
    speed = board.speed
    assert speed is not None
    found: list[Row] = []
    last = speed.rounds - 1
    exact_float32()
    machine = environment(str(where))
    show(summary(machine))
    units = speed.rounds * len(entries) * len(speed.sizes)
    with Store(config.db) as store, progress("speed", units) as reporter:
        number = store.start(Run(program="speed", command=tuple(command), started=now(), environment=machine))

        def begin(entry: Entry) -> SpeedRun:
            return SpeedRun(
                config=speed_config(config, speed, entry),
                device=where,
                environment=machine,
                store=store,
                run=number,
                reporter=reporter,
            )

        benches: dict[str, SpeedRun] = {}
        timed = [entry for entry in entries if not is_images(entry)]
        for turn, entry in itertools.product(range(speed.rounds), timed):
            try:
                if turn == 0:
                    benches[entry.label] = begin(entry)
                elif entry.label not in benches:  # it failed in an earlier round
                    continue
                rows = list(round_rows(benches[entry.label], turn))
                if turn == last:  # its network is not held any longer
                    del benches[entry.label]
            except (UserError, ValueError, RuntimeError) as error:
                noted(problems, f"{entry.place}: cannot be timed: {error}")
                benches.pop(entry.label, None)
                continue
            for row in rows:
                if row.error:
                    noted(problems, f"{entry.place}: cannot be timed at {row.size}: {row.error}")
            found += rows
        store.finish(number)
    return found


def speed_config(config: Config, speed: Speed, entry: Entry) -> SpeedConfig:
    """Of one model of the leaderboard: what `bench.speed --card` would be given."""
    return SpeedConfig(
        sizes=speed.sizes,
        iterations=(1,),  # of the optimisation, which a leaderboard does not time
        models=(entry.model,),
        scale=speed.scale,
        card=True,
        force=config.force,
        time_limit=speed.time_limit,
        rounds=speed.rounds,
        db=config.db,
    )


def is_images(entry: Entry) -> bool:
    """Whether it is a folder of images that were made elsewhere, of which nothing can be timed."""
    opened = catalog.upscaler_entry(entry.model)
    return isinstance(opened, ExternalModel) and opened.kind == "images"


def record(
    board: Leaderboard,
    entries: Sequence[Entry],
    scores: Sequence[quality.Row],
    times: Sequence[Row],
    problems: Sequence[str],
) -> dict[str, Any]:
    """Rows as `bench.sr_quality --json` and `bench.speed --card --json` write them, with what the file says of each model.

    `hashes` of a model is the content hash that its scores have, by scale.
    """
    scales = sorted({row.scale for row in scores}) or [DEFAULT_SCALE]
    hashes = {}
    for entry in entries:
        opened = catalog.upscaler_entry(entry.model)
        if not (
            isinstance(opened, ExternalModel) and opened.kind == "images"
        ):  # those depend on the data set too
            hashes[entry.label] = {
                str(scale): opened.hash(scale) for scale in scales if opened.supports(scale)
            }
    return {
        "title": board.title,
        "suite_version": suite_version(),
        "models": [
            {
                "label": entry.label,
                "hashes": hashes.get(entry.label, {}),
                "source": entry.source,
                "paper": entry.paper,
                "weights": entry.weights,
                "sha256": entry.sha256,
                "published": [asdict(value) for value in entry.published],
            }
            for entry in board.entries
        ],
        "scores": [quality.record(row) for row in scores],
        "timings": [timing_record(row) for row in times],
        "problems": list(dict.fromkeys(problems)),
    }


def command_of(config: Config) -> str:
    """The command without folders of this machine."""
    options = ["--only", *config.only] if config.only != STEPS else []
    options += ["--limit", str(config.limit)] if config.limit is not None else []
    return " ".join(["python -m bench.leaderboard", config.file.name, *options])


def report(config: Config) -> bool:
    """The report of the results file, by its own program: what measures imports nothing that reads."""
    options = [str(config.db), "--out", str(config.out), "--force"]
    return subprocess.run([sys.executable, "-m", "reports", *options], check=False).returncode == DONE
