"""`python -m bench.verify`: mistakes in the file, verdicts on values made by hand, and a small run on `samples`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.errors import UserError
from bench.verify import main
from bench.verifying import score
from bench.verifying.config import read
from bench.verifying.verdict import Candidate, judge

SHIPPED = Path(__file__).parents[3] / "bench" / "claims.toml"
CLAIM = """
[[claims]]
id = "one"
paper = "P"
source = "S"
model = "M"
dataset = "samples"
scale = 4
values = { psnr = "28.42" }
run = "bicubic"
"""


def claims(folder: Path, text: str) -> Path:
    file = folder / "claims.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('run = "bicubic"', 'runs = "bicubic"', "line 10, claim two, runs: unknown key"),
        ("scale = 4", 'scale = "4"', "line 8, claim two, scale: must be a whole number"),
        ('psnr = "28.42"', "psnr = 28.42", "line 9, claim two, values: psnr must have the digits as printed"),
        ('psnr = "28.42"', 'psnrr = "28.42"', "psnrr"),
        ('paper = "P"\n', "", "claim two: has no paper"),
        ('"bicubic"', '"bicubic"\ncannot = "why"', "must have exactly one of: run, images, cannot"),
        ('"bicubic"', '"bicubic"\nexpected = "right"', "expected: must be one of"),
        ('id = "two"', 'id = "one"', "is the id of two claims"),
    ],
)
def test_a_mistake_is_named_with_line_and_key_and_the_rest_is_read(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    wrong = CLAIM.replace('"one"', '"two"').replace(old, new)
    third = CLAIM.replace('"one"', '"three"')
    first = CLAIM if "id of two" in said else ""
    found = read(claims(tmp_path, first + wrong + third))
    assert "three" in [claim.id for claim in found.claims]
    assert said in "\n".join(found.problems)


def test_a_file_without_claims_or_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read as TOML"):
        read(claims(tmp_path, "claims = ["))
    with pytest.raises(UserError, match="nested too deeply"):
        read(claims(tmp_path, f"claims = {'[' * 5000}"))
    with pytest.raises(UserError, match="--only"):
        read(claims(tmp_path, CLAIM), ("other",))


@pytest.mark.parametrize(
    ("values", "outcome", "text"),
    [
        ([28.43, 27.0], "verified", "verified under p0 (28.4300)"),
        (
            [30.0, 28.50],
            "off",
            "off by +0.08 under every protocol and every convention that a library prints (nearest: p1, 28.50)",
        ),
        ([float("inf")], "cannot", "cannot be compared, because no finite value was measured"),
    ],
)
def test_verdicts(values: list[float], outcome: str, text: str) -> None:
    found = [Candidate(under=f"p{i}", value=value) for i, value in enumerate(values)]
    verdict = judge("c", "psnr", "28.42", "verified", found)
    assert (verdict.outcome, verdict.text) == (outcome, text)
    assert verdict.as_expected == (outcome == "verified")


def test_samples_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    broken = CLAIM.replace('"one"', '"two"').replace('"bicubic"', '"none.pth"')
    file = claims(tmp_path, CLAIM.replace("28.42", "5.00") + broken)
    assert main([str(file), "--json", "out.json"]) == 1
    one, two = json.loads(Path("out.json").read_text(encoding="utf-8"))["claims"]
    assert one["values"][0]["outcome"] == "off"
    assert two["values"][0]["outcome"] == "cannot"


def test_a_value_of_a_convention_alone_is_a_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scored under a protocol whose mean of this metric is not of all images."""
    monkeypatch.setattr(score, "_under", lambda *_: ({}, ""))
    by_convention = [("psnr", Candidate(under="a library", value=28.42))]
    monkeypatch.setattr(score, "_conventions", lambda *_: iter(by_convention))
    found = read(claims(tmp_path, CLAIM))
    nothing: Any = SimpleNamespace()
    (verdict,) = score.judge_all(found.claims, nothing, nothing, nothing, (), nothing)
    assert (verdict.outcome, verdict.reason) == ("verified", "")


def test_the_shipped_claims_parse() -> None:
    found = read(SHIPPED)
    assert not found.problems
    assert all(claim.source for claim in found.claims)
