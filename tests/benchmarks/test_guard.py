"""What the regression guard says of ratios; nothing is timed here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as program
from tests.benchmarks import guard
from tests.benchmarks.guard import (
    COLUMNS,
    Entry,
    MeasuredImage,
    best,
    compare,
    entries,
    machine_key,
    read,
    remarks,
    rows,
    to_repeat,
    updated,
    write,
)

A, B = "test_a_speed.py::test_x", "test_b_speed.py::test_y"


def ran(
    ratio: float | None = 4.0, *, name: str = A, required: float | None = None, **fields: str
) -> MeasuredImage:
    outcome = fields.pop("outcome", "passed")
    return MeasuredImage(name=name, outcome=outcome, reference="R", ratio=ratio, required=required, **fields)  # type: ignore[arg-type]


def entry(ratio: float = 4.0, *, busy: float = 0.0) -> Entry:
    return Entry(ratio=ratio, reference="R", date="2026-01-01", runs=3, busy=busy, machine="M")


def verdict(measured: MeasuredImage, base: Entry | None) -> str:
    (line,) = compare([measured], {} if base is None else {measured.name: base})
    return line.verdict


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(4.0, "ok"), (3.41, "ok"), (3.39, "lost"), (0.1, "lost"), (4.59, "ok"), (4.61, "faster")],
)
def test_a_loss_above_15_percent_fails_and_a_smaller_one_does_not(ratio: float, expected: str) -> None:
    (line,) = compare([ran(ratio)], {A: entry(4.0)})
    assert line.verdict == expected
    assert line.fails == (expected == "lost")
    assert line.change == pytest.approx(ratio / 4 - 1)


def test_the_bar_of_every_machine_holds_with_and_without_a_baseline() -> None:
    assert verdict(ran(3.9, required=4.0, outcome="failed"), None) == "below the bar"
    assert verdict(ran(3.9, required=4.0, outcome="failed"), entry(3.9)) == "below the bar"
    assert verdict(ran(4.1, required=4.0), None) == "no baseline"


def test_a_machine_without_a_baseline_fails_nothing_and_says_how_to_add_one() -> None:
    (line,) = compare([ran(0.5)], {})
    assert not line.fails
    said = " ".join(remarks("K2", {"K1": {A: entry()}}))
    assert "no baseline for this kind of machine (K2); there are: K1." in said
    assert "nox -s benchmarks -- --update-baseline" in said


def test_what_was_skipped_is_listed_with_the_reason_and_fails_nothing() -> None:
    (line,) = compare([ran(None, outcome="skipped", reason="needs a GPU")], {A: entry()})
    assert (line.verdict, line.reason, line.fails) == ("skipped", "needs a GPU", False)
    assert rows([line])[0][-1] == "skipped: needs a GPU"


def test_a_benchmark_of_the_baseline_that_vanished_is_a_failure() -> None:
    lines = compare([ran(name=B)], {A: entry(), B: entry()})
    assert [(line.name, line.verdict, line.fails) for line in lines] == [
        (B, "ok", False),
        (A, "vanished", True),
    ]


def test_a_benchmark_of_a_file_that_was_not_asked_for_has_not_vanished() -> None:
    assert [line.name for line in compare([ran(name=B)], {A: entry(), B: entry()}, ["test_b_speed.py"])] == [
        B
    ]


def test_one_that_measures_no_ratio_any_more_or_against_something_else_has_vanished() -> None:
    assert verdict(ran(None), entry()) == "vanished"
    assert verdict(ran(40.0), replace(entry(), reference="something slower")) == "vanished"


def test_one_that_only_times_something_is_no_line_unless_it_fails() -> None:
    assert compare([ran(None)], {}) == []
    (line,) = compare([ran(None, outcome="failed", reason="boom")], {})
    assert (line.verdict, line.reason, line.fails) == ("failed", "boom", True)


def test_only_what_seems_lost_is_measured_again_and_the_best_counts() -> None:
    base = {A: entry(), B: entry()}
    first = [ran(3.0), ran(4.0, name=B)]
    assert to_repeat(compare(first, base)) == [A]
    found = best([first, [ran(3.9)], [ran(2.0)]])
    assert [each.ratio for each in found] == [3.9, 4.0]
    assert to_repeat(compare(found, base)) == []


def test_a_repeat_that_passed_counts_before_a_failure() -> None:
    (found,) = best([[ran(5.0, outcome="failed", reason="boom")], [ran(4.0)]])
    assert found.outcome == "passed"


def test_a_baseline_is_the_median_of_the_runs_and_has_nothing_that_failed_once() -> None:
    runs = [
        [ran(value), ran(2.0, name=B, outcome=outcome)]
        for value, outcome in ((3, "passed"), (9, "failed"), (4, "passed"))
    ]
    made = entries(runs, date="2026-01-01", busy=0.123, machine="M", versions={"torch": "2"})
    assert list(made) == [A]
    assert (made[A].ratio, made[A].runs, made[A].busy, made[A].versions) == (4, 3, 0.12, {"torch": "2"})


def test_updating_one_file_leaves_the_others_and_other_machines() -> None:
    old = {"K": {A: entry(1.0), B: entry(2.0)}, "L": {A: entry(3.0)}}
    new = updated(old, "K", {A: entry(9.0)}, ["test_a_speed.py"])
    assert (new["K"][A].ratio, new["K"][B].ratio, new["L"]) == (9.0, 2.0, old["L"])
    assert updated(old, "K", {}, ["test_a_speed.py"])["K"] == {B: entry(2.0)}
    assert updated({}, "K", {A: entry()}, ["test_a_speed.py"]) == {"K": {A: entry()}}


def test_a_baseline_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    machines = {"K": {A: entry()}, "L": {B: entry(2.0, busy=0.9)}}
    write(machines, tmp_path / "baseline.json")
    assert read(tmp_path / "baseline.json") == machines
    assert read(tmp_path / "none.json") == {}


def test_an_entry_that_was_made_on_a_busy_machine_is_told() -> None:
    said = remarks("K", {"K": {A: entry(busy=0.9), B: entry()}})
    assert said == ["baseline: K", f"the baseline of {A} was taken while others used the machine"]


def test_kinds_of_machines_differ_by_processor_instructions_units_cores_and_gpu() -> None:
    cpu = {"model": "P", "kernels": "AVX512", "capabilities": ["avx2", "amx_bf16"], "cores_allowed": 2}
    assert machine_key({"cpu": cpu, "gpu": None}) == "P, AVX512+amx_bf16, 2 cores, no GPU"
    assert machine_key({"cpu": cpu, "gpu": {"name": "G"}}) == "P, AVX512+amx_bf16, 2 cores, G"


def test_a_row_has_a_cell_per_column_in_words() -> None:
    (row,) = rows(compare([ran(3.0, required=2.0)], {A: entry(4.0)}))
    assert len(row) == len(COLUMNS)
    assert row[:6] == ("x", "R", "2", "4.00", "3.00", "-25%")
    assert row[6].startswith("lost: more than 15%")


def test_the_committed_baseline_names_benchmarks_that_exist() -> None:
    folder = Path(guard.__file__).parent
    for found in read().values():
        for name, each in found.items():
            file, _, test = name.partition("::")
            assert f"def {test.partition('[')[0]}(" in (folder / file).read_text(encoding="utf-8"), name
            assert each.ratio > 0


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The program without pytest below it: each call is noted, and the first of a kind is slow."""
    asked: list[str] = []

    def measure(what: str) -> list[MeasuredImage]:
        asked.append(what)
        return [ran(2.0 if asked.count(what) == 1 and "::" not in what else 4.0, required=1.0)]

    monkeypatch.setattr(program, "measure", measure)
    monkeypatch.setattr(program, "this_machine", lambda: ("K", "M", {"torch": "2"}))
    monkeypatch.setattr(program, "busy", lambda: 0.0)
    return asked


def run(tmp_path: Path, *options: str) -> int:
    return program.main(["test_metric_speed.py", "--baseline", str(tmp_path / "b.json"), *options])


def test_a_loss_is_measured_again_before_it_is_declared(
    tmp_path: Path, measured: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write({"K": {A: entry(4.0)}}, tmp_path / "b.json")
    assert run(tmp_path, "--json", str(tmp_path / "found.json")) == 0
    assert list(measured) == ["test_metric_speed.py", A]
    assert f"measured again: {A}" in capsys.readouterr().out
    assert json.loads((tmp_path / "found.json").read_text())[A]["ratio"] == 4.0


def test_a_loss_that_stays_is_measured_three_times_and_ends_with_1(
    tmp_path: Path, measured: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write({"K": {A: entry(40.0)}}, tmp_path / "b.json")
    assert run(tmp_path) == 1
    assert len(measured) == 3
    assert "-90%" in capsys.readouterr().out


def test_updating_measures_three_times_and_writes_the_median(tmp_path: Path, measured: Sequence[str]) -> None:
    assert run(tmp_path, "--update-baseline") == 0
    assert len(measured) == 3
    found = read(tmp_path / "b.json")["K"][A]
    assert (found.ratio, found.runs, found.machine) == (4.0, 3, "M")


def test_a_file_that_is_not_there_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.main(["test_no_speed.py"])
    assert end.value.code == 2
    assert "tests/benchmarks has no test_no_speed.py" in capsys.readouterr().err


def test_the_recorder_hands_on_ratios_skips_and_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_tiny_speed.py").write_text(
        "import pytest\n"
        "from tests.benchmarks.ratio import record\n"
        "def test_good(benchmark):\n"
        "    benchmark.pedantic(lambda: None, rounds=1)\n"
        "    record(benchmark, reference='R', ratio=3.0, required=2.0)\n"
        "def test_slow(benchmark):\n"
        "    benchmark.pedantic(lambda: None, rounds=1)\n"
        "    record(benchmark, reference='R', ratio=1.0, required=2.0)\n"
        "@pytest.mark.skipif(True, reason='needs a GPU')\n"
        "def test_absent(benchmark):\n"
        "    pass\n"
    )
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    good, slow, absent = program.measure("test_tiny_speed.py")
    assert good.name == "test_tiny_speed.py::test_good"
    assert (good.outcome, good.ratio, good.reference, good.required) == ("passed", 3.0, "R", 2.0)
    assert good.seconds is not None
    assert (slow.outcome, slow.ratio) == ("failed", 1.0)
    assert "1.00 times as fast, must be 2.0" in slow.reason
    assert (absent.outcome, absent.reason) == ("skipped", "needs a GPU")
