"""No number stands in README.md that nobody would miss: each is claimed, with its command, or is no measurement."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.claims import __main__ as program
from tests.claims import readme, runs, table, verdicts
from tests.claims.claim import Claim
from tests.claims.printed_tables import Cells, score_row
from tests.claims.readme import Token, marked, numbers, plain
from tests.claims.runs import CommandFailed
from tests.claims.sources import SOURCES, Source
from tests.claims.table import claims
from tests.claims.verdicts import agrees, as_printed, judge

TEXT = readme.read()
NOTHING = [name for name, source in SOURCES.items() if source.cost == "nothing"]


def covered() -> list[Token]:
    """Every number that is claimed, or listed as no measurement."""
    claimed = [token for claim in claims(TEXT) for token in claim.tokens(TEXT)]
    return claimed + [token for words in table.PLAIN for token in marked(TEXT, words)]


def test_every_number_is_claimed_or_listed_as_no_measurement() -> None:
    known = set(covered())
    unknown = [token for token in numbers(TEXT) if token not in known]
    lines = [
        f"line {TEXT[: t.start].count(chr(10)) + 1}: {TEXT[t.start - 30 : t.end + 20]!r}" for t in unknown
    ]
    assert not lines, "README.md has numbers that tests/claims/table.py does not know:\n" + "\n".join(lines)


def test_every_claims_words_stand_in_the_readme_and_no_number_is_claimed_twice() -> None:
    twice = [token for token, count in Counter(covered()).items() if count > 1]
    assert not twice


def test_what_is_marked_is_a_number() -> None:
    known = set(numbers(TEXT))
    assert [token for token in covered() if token not in known] == []


def test_every_source_that_a_claim_names_is_there_and_every_source_is_used() -> None:
    named = {name for claim in claims(TEXT) for name in claim.sources}
    assert named == set(SOURCES)


def test_claims_that_need_no_run_hold() -> None:
    results = {name: SOURCES[name].run(Path()) for name in NOTHING}
    chosen = [c for c in claims(TEXT) if c.sources and set(c.sources) <= set(NOTHING)]
    lines = [judge(claim, TEXT, results, {}) for claim in chosen]
    assert len(lines) > 20
    assert [line for line in lines if line.verdict != "holds"] == []


def test_published_numbers_in_the_readmes_rows_are_those_of_the_paper_toml() -> None:
    printed = SOURCES["printed"].run(Path())
    for dataset, scale, _, model, short, theirs, *_ in table.ROWS:
        values = printed[dataset, scale, model, short]
        assert " / ".join(values[m].removesuffix(" (sic)") for m in ("psnr", "ssim")) == theirs


def test_a_number_that_is_part_of_a_name_a_command_or_code_is_none() -> None:
    text = (
        "set5 x4 relu2_2 VGG-19 9-5-5 512x512 torch 2.15.0 `--scales 2 3` [a](b/7.md) (Johnson 2016)\n"
        "python -m bench.sr_quality --scales 8\n"
        "| 28.43 / 0.81 | 1,234 scores, 5 % of 2.19e5, 51.2* and 1e-9; │26.26│ (7.5 ms)"
    )
    assert [t.text for t in numbers(text)] == [
        "28.43",
        "0.81",
        "1,234",
        "5",
        "2.19e5",
        "51.2",
        "1e-9",
        "26.26",
        "7.5",
    ]


def test_a_claims_words_are_found_across_lines_and_once_only() -> None:
    assert [t.text for t in marked("it has 1.5 to\n2.5 dB", "has «1.5» to «2.5» dB")] == ["1.5", "2.5"]
    with pytest.raises(LookupError, match="have 0 times, must be once: 'has 3 dB'"):
        marked("it has 1.5 dB", "has «3» dB")
    with pytest.raises(LookupError, match="have 2 times"):
        marked("1 s, 1 s", "«1» s")
    assert plain("a «1» b") == "a 1 b"


@pytest.mark.parametrize(
    ("printed", "fresh", "factor", "holds"),
    [
        ("28.43", 28.4305, None, True),
        ("28.43", 28.4351, None, False),
        ("0.8114", "0.8114", None, True),
        ("10,000", "10,000", None, True),
        ("2,380", 2380, None, True),
        ("2.19e5", 219_400.0, None, True),
        ("2.19e5", 220_100.0, None, False),
        ("22", 21.6, None, True),
        ("100", 100, None, True),
        ("28", 40.0, 1.5, True),
        ("28", 43.0, 1.5, False),
        ("28", 18.0, 1.5, False),
        ("28", None, 1.5, False),
        ("30.5", None, None, False),
    ],
)
def test_a_number_holds_to_the_printed_digit_or_within_its_factor(
    printed: str, fresh: object, factor: float | None, holds: bool
) -> None:
    assert agrees(Token(0, 1, printed), fresh, factor) is holds


def test_a_fresh_value_is_shown_with_the_printed_digits() -> None:
    assert as_printed(Token(0, 1, "2.19e5"), 216_000.0) == "2.16e5"
    assert as_printed(Token(0, 1, "0.06"), 0.0712) == "0.07"


def claim(source: str = "set5", factor: float | None = None) -> Claim:
    return Claim(text="has «1.5» dB", sources=(source,), values=lambda r: [r[source]], factor=factor)


def test_a_contradiction_and_a_failed_command_fail_and_what_was_left_out_does_not() -> None:
    text = "it has 1.5 dB"
    held = judge(claim(), text, {"set5": 1.52}, {})
    contradicted = judge(claim(), text, {"set5": 1.62}, {})
    failed = judge(claim(), text, {}, {"set5": "failed: boom"})
    left_out = judge(claim(), text, {}, {"set5": "other machine"})
    assert [line.verdict for line in (held, contradicted, failed, left_out)] == [
        *("holds", "contradicted", "failed", "not checked")
    ]
    assert [line.fails for line in (held, contradicted, failed, left_out)] == [False, True, True, False]
    assert (contradicted.says, contradicted.fresh) == (("1.5",), ("1.6",))
    assert verdicts.rows([contradicted])[0] == ("has 1.5 dB", "1.5", "1.6", "contradicted: another digit")
    assert verdicts.summary([held, left_out]) == "holds: 1 (1 numbers), not checked: 1 (1 numbers)"


def test_what_is_left_out_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(name="x", about="", run=lambda folder: 0, cost="long", timed=True)
    monkeypatch.setenv("PERCEPTUAL_BENCH_DATA", "somewhere")
    monkeypatch.setattr(program, "is_the_machine", lambda: False)
    assert program.left_out(source, True, None) == "takes long: without --quick"
    assert program.left_out(source, False, None) == "other machine"
    assert program.left_out(source, False, ["y"]) == "not asked for"
    monkeypatch.setattr(program, "is_the_machine", lambda: True)
    assert program.left_out(source, False, None) == ""
    monkeypatch.delenv("PERCEPTUAL_BENCH_DATA")
    assert program.left_out(source, False, None) == "needs PERCEPTUAL_BENCH_DATA"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A README.md with one number, and a source that gives it, another, or fails."""

    def fails(folder: Path) -> float:
        raise CommandFailed("bench.sr_quality ended with 1")

    given = {"right": lambda folder: 1.5, "wrong": lambda folder: 2.5, "broken": fails}
    known = {name: Source(name=name, about=name, run=run, data=False) for name, run in given.items()}
    monkeypatch.setattr(program, "SOURCES", known)
    monkeypatch.setattr(readme, "read", lambda: "it has 1.5 dB")
    monkeypatch.setattr(program, "claims", lambda text: [claim(name) for name in given])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("only", "status"), [("right", 0), ("wrong", 1), ("broken", 1)])
def test_the_program_ends_with_1_on_a_contradiction(
    only: str, status: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert program.main(["--only", only, "--json", str(tmp_path / "out.json")]) == status
    out = capsys.readouterr().out
    assert "README.md says" in out
    assert "not checked: not asked for" in out
    assert ("bench.sr_quality ended with 1" in out) == (only == "broken")
    assert (tmp_path / "out.json").stat().st_size > 100


def test_a_command_runs_in_its_own_folder_and_its_error_is_told(tmp_path: Path) -> None:
    runs.python(tmp_path / "new", "-c", "open('here', 'w')")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["here"]
    with pytest.raises(CommandFailed, match="ended with 3: boom"):
        runs.python(tmp_path, "-c", "import sys; print('boom', file=sys.stderr); sys.exit(3)")


def test_cells_of_a_printed_table_are_found_by_row_and_column() -> None:
    row = score_row(
        "set5", 10, "│bicubic (Johnson 2016)   │ 28.43│0.8114 (sic)│         │      │         │ │"
    )
    assert isinstance(row, Cells)
    assert [token.text for token in row.places] == ["28.43", "0.8114"]
    printed = {"printed": {("set5", 4, "bicubic", "Johnson 2016"): {"psnr": "28.43", "ssim": "0.8114 (sic)"}}}
    assert list(row.values(printed)) == ["28.43", "0.8114"]


@pytest.mark.usefixtures("small")
def test_what_was_measured_before_an_interruption_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(folder: Path) -> float:
        raise KeyboardInterrupt

    monkeypatch.setitem(program.SOURCES, "wrong", Source(name="wrong", about="", run=stopped, data=False))
    with tempfile.TemporaryDirectory() as folder:
        results, failed = program.run(["right", "wrong", "broken"], Path(folder))
    assert results == {"right": 1.5}
    assert failed == {"wrong": "interrupted", "broken": "interrupted"}
