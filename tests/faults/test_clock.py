"""A clock that is put forward and back changes no value, loses none, and does not make an older run the newest."""

from __future__ import annotations

import ast
import itertools
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
import torch

import tests.stores
from bench.protocols import protocol
from bench.records import Environment, Run
from bench.sr_quality import main
from bench.storage import store as store_module
from bench.storage.reader import read
from bench.storage.store import Store
from bench.style_quality import main as style
from bench.timing.clocks import clock_for
from reports.load.gather import gather
from reports.load.speeds import machines
from tests.faults import sabotage
from tests.faults.stage import FAST, files, rows, stage
from tests.faults.test_kill import STYLE, style_stage
from tests.reports.test_figures import timing
from tests.stores import MACHINE, fill, fill_styles, style_protocol

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = 3600
# What asks the calendar: when a run began, when a report was made, how long ago a file was changed.
MAY_ASK_THE_CALENDAR = {
    "bench/storage/store.py",
    "bench/quality/engine.py",
    "reports/__main__.py",
    "reports/writers/pdf_data.py",
}
CALENDAR = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
}
Hours = Iterator[int]


def wrong(monkeypatch: pytest.MonkeyPatch, hours: Hours) -> None:
    """Each time that the clock is read it is put forward or back by the next of `hours`."""
    real = {name: getattr(time, name) for name in ("time", "time_ns")}

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(real["time"]() + HOUR * next(hours), tz)

    monkeypatch.setattr(store_module, "datetime", Calendar)
    monkeypatch.setattr(time, "time", lambda: real["time"]() + HOUR * next(hours))
    monkeypatch.setattr(time, "time_ns", lambda: real["time_ns"]() + 10**9 * HOUR * next(hours))


def jumping() -> Hours:
    return itertools.cycle([0, -1, 1, -24, 8760])


def test_a_run_under_a_jumping_clock_gives_the_values_of_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, whole = stage(tmp_path / "here", 4), stage(tmp_path / "whole", 4)
    command = ["./set", *FAST, "--device", "cpu", "--json", "r.json"]
    monkeypatch.chdir(whole)
    assert main(command) == 0
    wrong(monkeypatch, jumping())
    monkeypatch.chdir(here)
    for limit in (["--limit", "2"], [], []):  # in two runs; a third has nothing to do
        assert main([*command, *limit]) == 0
    assert rows(here / "results.db") == rows(whole / "results.db")
    assert files(here) == files(whole)
    assert_no_negative_number_is_said(capsys)


def assert_no_negative_number_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """But for the linter's, which says where an image lies."""
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "sr lies" not in line]
    assert not [line for line in lines if re.search(r"(^|[\s(│])-\d", line)]


def test_durations_are_those_of_a_clock_that_is_never_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench import loss_networks
    from bench.registry import stylizers

    monkeypatch.chdir(style_stage(tmp_path / "here"))
    for module, name in ((loss_networks, "load"), (stylizers, "STYLIZERS")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back after the next lines
    before = torch.get_num_threads()
    sabotage.small_style()
    wrong(monkeypatch, jumping())
    assert style(STYLE) == 0
    torch.set_num_threads(before)
    with sqlite3.connect("results.db") as db:
        seconds = dict(db.execute("select subject, min(seconds) from curves group by subject"))
        longest = db.execute("select max(seconds) from curves").fetchone()[0]
    db.close()
    assert seconds.pop("content") == 0
    assert min(seconds.values()) > 0
    assert longest < HOUR / 2
    assert_no_negative_number_is_said(capsys)


def test_times_are_taken_with_a_clock_that_is_never_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong(monkeypatch, jumping())
    clock = clock_for(torch.device("cpu"))
    for lap in (clock.lap(lambda: sum(range(1000)), 3) for _ in range(20)):
        assert 0 < lap.seconds < HOUR / 2
        assert 0 < lap.wall_seconds < HOUR / 2


def test_only_what_says_when_something_was_asks_the_calendar() -> None:
    """Whatever else measures time does so with a clock that cannot be put back."""
    found = set()
    for folder in ("bench", "baselines", "models", "reports"):
        for file in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            calls = {
                (node.value.id, node.attr)
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            }
            if calls & CALENDAR:
                found.add(file.relative_to(ROOT).as_posix())
    assert found <= MAY_ASK_THE_CALENDAR


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Starts of runs, each an hour before the one that came before it."""
    hours = itertools.count()

    def now() -> str:
        return (NOON - timedelta(hours=next(hours))).isoformat(timespec="seconds")

    monkeypatch.setattr(tests.stores, "now", now)
    return now


def change_weights(file: Path) -> None:
    """What is in the file becomes that of other weights, older ones."""
    with sqlite3.connect(file) as db:
        db.execute("update scores set model_hash = 'older ' || model_hash")
    db.close()


@pytest.mark.usefixtures("backwards")
def test_scores_of_the_run_that_came_last_into_a_file_count_whatever_the_clock_said(tmp_path: Path) -> None:
    file = tmp_path / "r.db"
    fill(file, levels={"bicubic": 1.0})
    change_weights(file)
    fill(file, levels={"bicubic": 5.0})
    starts = [run.started for run in read([file]).runs.values()]
    assert starts == sorted(starts, reverse=True)
    (group,) = gather(read([file])).groups
    assert {c.subject_hash for c in group.provenance.values()} == {"hash of bicubic"}
    assert group.values["bicubic", "psnr"]["a"] == pytest.approx(25 + 5, abs=0.2)


def test_of_runs_that_began_in_the_same_second_the_later_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tests.stores, "now", NOON.isoformat)
    for name, level in (("z", 1.0), ("a", 5.0)):
        file = tmp_path / "r.db"
        fill(file, levels={"bicubic": level})
        with sqlite3.connect(file) as db:
            db.execute("update scores set model_hash = ? where model_hash = 'hash of bicubic'", (name,))
        db.close()
    (group,) = gather(read([file])).groups
    assert {c.subject_hash for c in group.provenance.values()} == {"a"}


@pytest.mark.usefixtures("backwards")
def test_curves_of_the_run_that_came_last_count_whatever_the_clock_said(tmp_path: Path) -> None:
    rule = style_protocol()
    for version, share in (("1", 0.5), ("2", 0.25)):
        fill_styles(tmp_path / "r.db", rule, networks={"style-la_muse": share}, version=version)
    (group,) = gather(read([tmp_path / "r.db"])).styles
    assert {c.subject_hash for c in group.curves["style-la_muse"].values()} == {"hash of style-la_muse2"}
    assert group.provenance["style-la_muse"].subject_hash == "hash of style-la_muse2"


def test_times_of_the_run_that_came_last_count_whatever_the_clock_said(
    tmp_path: Path, backwards: Callable[[], str]
) -> None:
    with Store(tmp_path / "r.db") as store:
        for version, seconds in (("z", 0.4), ("a", 0.1)):
            one = replace(timing("style-paper", seconds=seconds), subject_hash=version)
            environment = Environment(facts=one.certificate["environment"])
            run = store.start(Run(program="speed", command=(), started=backwards(), environment=environment))
            store.add(run, timings=[one])
    (machine,) = machines(gather(read([tmp_path / "r.db"])), ())
    newest = machine.network(machine.timed[0].row.size)
    assert newest is not None
    assert newest.row.seconds == pytest.approx(0.1, rel=0.5)


@pytest.mark.usefixtures("backwards")
def test_between_files_the_one_that_was_begun_later_counts(tmp_path: Path) -> None:
    """A run that the clock dates before an earlier one of its file is as new as that one."""
    late, early = tmp_path / "late.db", tmp_path / "early.db"
    fill(late, levels={"bicubic": 1.0})  # noon
    change_weights(late)
    fill(early, levels={"bicubic": 2.0})  # 11:00
    change_weights(early)
    with sqlite3.connect(early) as db:
        db.execute("update scores set model_hash = 'other ' || model_hash")
    db.close()
    fill(late, levels={"bicubic": 5.0})  # 10:00 by the clock, but after noon in its file
    for order in ([late, early], [early, late]):
        (group,) = gather(read(order)).groups
        assert {c.subject_hash for c in group.provenance.values()} == {"hash of bicubic"}


def test_a_start_is_stored_as_the_clock_says_it(tmp_path: Path, backwards: Callable[[], str]) -> None:
    """Nothing is made up: what is wrong with the clock is put right where runs are sorted."""
    with Store(tmp_path / "r.db") as store:
        for _ in range(2):
            store.finish(
                store.start(
                    Run(
                        program="t",
                        command=(),
                        started=backwards(),
                        environment=Environment(facts=MACHINE),
                        protocols=(protocol("johnson2016", 4),),
                    )
                )
            )
    found = list(read([tmp_path / "r.db"]).runs.values())
    assert [run.started[11:13] for run in found] == ["12", "11"]
    assert [run.age for run in sorted(found, key=lambda run: run.age)] == [run.age for run in found]
