"""Whatever bytes a third party gives: read, or refused in one line; more than ten thousand cases, the same every time."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import reading, target_stores
from tests.hostile.targets import TARGETS

# Together 13,500 by the seeded mutators and 1,750 by hypothesis; what a case costs decides how many a target has.
CASES = {
    "images": 4000,
    "manifest": 1000,
    "paper": 1000,
    "options": 3500,
    "weights": 2000,
    "store": 800,
    "preference": 1200,
}
ANYHOW = settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What libtiff and libjpeg say of damaged files goes to the terminal past Python: no traceback is among it."""
    yield
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out


def test_there_are_ten_thousand_cases_and_a_count_for_each_target() -> None:
    assert CASES.keys() == TARGETS.keys()
    assert sum(CASES.values()) + len(TARGETS) * ANYHOW.max_examples >= 10_000


@pytest.mark.parametrize("name", TARGETS)
def test_sound_files_are_what_cases_are_made_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SOUND", name != "images")  # some sound images are of kinds that are refused
    monkeypatch.setattr(target_stores, "COSTLY", 1)
    for content in TARGETS[name].sound():
        TARGETS[name].check(content)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused_in_one_line(name: str) -> None:
    target = TARGETS[name]
    for seed in range(CASES[name]):
        content = target.cases(random.Random(seed))
        try:
            target.check(content)
        except BaseException as error:
            error.add_note(f"case {seed} of {name}: {content[:300]!r}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused_in_one_line(name: str) -> None:
    target = TARGETS[name]
    heads = st.sampled_from([content[:12] for content in target.sound()])

    @ANYHOW
    @given(head=heads, tail=st.binary(max_size=200))
    def check(head: bytes, tail: bytes) -> None:
        target.check(head + tail)

    check()


def test_a_case_that_fails_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.data import images

    monkeypatch.setattr(images, "DECODER_ERRORS", (EOFError,))
    failed = 0
    for seed in range(200):
        try:
            TARGETS["images"].check(TARGETS["images"].cases(random.Random(seed)))
        except (OSError, SyntaxError, ValueError, TypeError, LookupError):
            failed += 1
    assert failed > 50


def test_the_coverage_guided_fuzzer_runs_the_same_targets() -> None:
    pytest.importorskip("atheris", reason="needs atheris, which is no dependency: pip install atheris")
    import subprocess

    command = [sys.executable, "-m", "tests.hostile.fuzz", "options", "--cases", "200"]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "options: 200 cases" in ran.stdout
