"""What `bench.preference` does once its options are parsed: build a study, or score its answers."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from rich.console import Console

from bench.cli import DONE, FAILED, as_given, progress, writable_file
from bench.errors import RunError
from bench.outputs import check_clashes, store_files
from bench.protocols import protocol
from bench.storage.reader import read
from bench.study.config import BuildConfig, ScoreConfig
from bench.study.images import StudyImages, study_images
from bench.study.key import read_key
from bench.study.page import write_study
from bench.study.plan import Plan, plan
from bench.study.result import Dropped, PreferenceResult
from bench.study.score import score as scored
from bench.study.table import notes, pairs_table, plain, ranking_table
from bench.study.votes import votes
from bench.tables import print_table
from bench.text import show

MOST_NAMED = 10


def build(config: BuildConfig) -> int:
    """Make the page and the key."""
    rule = protocol(config.protocol, config.scale)
    found = study_images(read(config.db), dataset=config.dataset, protocol=rule, models=config.models)
    planned = plan(found, limit=config.limit, attention_checks=config.attention_checks, seed=config.seed)
    files = (("--instructions", config.instructions), ("--consent", config.consent))
    check_clashes(
        reads=[
            *((option, file) for option, file in files if file is not None),
            *(each for db in config.db for each in store_files("--db", db)),
            *(("a stored image", shown.file) for shown in planned.shown.values()),
        ],
        # Only the plan knows which stored pictures are shown, and they may lie in the folder that is replaced.
        replaced=[("the page", config.out / "page"), ("the key", config.out / "key.json")],
    )
    with progress("pictures", len(planned.shown)) as reporter:
        write_study(planned, config.out, reporter, texts=config.texts, force=config.force)
    _print_study(planned, found, config.out)
    return DONE


def _print_study(planned: Plan, found: StudyImages, out: Path) -> None:
    study = planned.study
    catch = sum(trial.right is not None for trial in study.trials)
    images = len({trial.image for trial in study.trials if trial.right is None})
    print(
        f"{len(study.trials)} trials: {images} images of {plain(study.dataset)} x{study.scale}, "
        f"{len(list(study.pairs))} pair(s) of models, {catch} attention checks"
    )
    if found.missing:
        more = len(found.missing) - MOST_NAMED
        names = ", ".join(plain(image) for image in found.missing[:MOST_NAMED])
        print(
            f"skipped, because not every model has an image of it: {names}{f' and {more} more' if more > 0 else ''}"
        )
    print(f"study: {study.hash}")
    print(f"page:  {out / 'page'}  (give this folder to the workers: index.html)")
    print(
        f"key:   {out / 'key.json'}  (keep it: it tells which image is from which model, and scoring needs it)"
    )
    key = shlex.quote(str(out / "key.json"))
    print(f"next:  python -m bench.preference score answers/*.json --key {key} --json preference.json")


def score(config: ScoreConfig) -> int:
    """Score the answers and print what they say."""
    study = read_key(config.key)
    export = writable_file(config.json) if config.json else None
    files = config.answers
    check_clashes(
        reads=[("--key", config.key), *(("a file of answers", file) for file in files)],
        writes=[("--json", export)] if export else [],
    )
    found = votes(files, study, least_right=config.min_attention_accuracy)
    result = scored(
        study, found, least_right=config.min_attention_accuracy, n_files=len(files), seed=config.seed
    )
    for refused in result.refused:
        print(f"refused: {plain(refused.file)!r}: {plain(refused.reason)}", file=sys.stderr)
    for dropped in result.dropped:
        print(f"dropped: {_why_dropped(dropped, config.min_attention_accuracy)}", file=sys.stderr)
    if not result.n_votes:
        raise RunError(
            f"no valid votes: {result.n_refused} of {result.n_files} files refused, {_dropped(result)}"
            f"{_shares_right(result)}; at least one must pass (--min-attention-accuracy, "
            f"{config.min_attention_accuracy:.0%})"
        )
    _print_result(result)
    if export:
        result.write(export)
        print(f"json: {export}")
        print(f"report: python -m reports results.db --preference {shlex.quote(str(as_given(export)))}")
    return FAILED if result.refused else DONE


def _shares_right(result: PreferenceResult) -> str:
    """` (attention checks: 1/5, 2/5)`, the workers' shares of right answers; empty where nobody was dropped."""
    shares = [f"{worker.right}/{worker.caught}" for worker in result.dropped[:MOST_NAMED]]
    return f" (attention checks: {', '.join(shares)})" if shares else ""


def _why_dropped(dropped: Dropped, least_right: float) -> str:
    """`worker ann: 2 of 5 attention checks right (40 %); must be at least 80 % (--min-attention-accuracy)`."""
    if not dropped.caught:
        return f"worker {plain(dropped.worker)}: answered no attention check; must answer one at least"
    return (
        f"worker {plain(dropped.worker)}: {dropped.right} of {dropped.caught} attention checks right "
        f"({dropped.right / dropped.caught:.0%}); must be at least {least_right:.0%} (--min-attention-accuracy)"
    )


def _dropped(result: PreferenceResult) -> str:
    return f"{result.n_dropped} {'worker' if result.n_dropped == 1 else 'workers'} dropped"


def _print_result(result: PreferenceResult) -> None:
    console = Console()
    print(
        f"{plain(result.dataset)} x{result.scale}, {result.protocol} [{result.protocol_hash[:8]}]", end=", "
    )
    print(
        f"study {result.study[:8]}: {result.n_votes} votes of {result.n_workers} workers on {result.n_images} images"
    )
    print(f"{_dropped(result)}, {result.n_refused} of {result.n_files} files refused\n")
    print_table(pairs_table(result), console)
    print()
    print_table(ranking_table(result), console)
    print()
    show(*notes(result))
