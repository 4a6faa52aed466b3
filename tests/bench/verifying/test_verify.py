"""`python -m bench.verify`: mistakes in the file, verdicts on values made by hand, and a small run on `samples`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.commands.verify import table
from bench.data import cache, images
from bench.errors import MissingFile, UserError
from bench.metrics import EXTRAS
from bench.protocols import protocol
from bench.storage.reader import read as read_store
from bench.verify import main
from bench.verifying import score
from bench.verifying.config import Config, read
from bench.verifying.eval_results import files
from bench.verifying.verdict import Candidate, judge
from tests.stores import fill

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
        ('paper = "P"', 'paper = "P"', "gives psnr again: a claim of the same paper, model, data set"),
        (
            '"bicubic"',
            '"bicubic"\ncheckout = "NET"',
            "line 11, claim two, checkout: must be the name of a table",
        ),
    ],
)
def test_a_mistake_is_named_with_line_and_key_and_the_rest_is_read(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    wrong = CLAIM.replace('"one"', '"two"').replace(old, new)
    third = CLAIM.replace('"one"', '"three"').replace('"M"', '"N"')
    first = CLAIM if "id of two" in said or "again" in said else ""
    found = read(claims(tmp_path, first + wrong + third))
    assert "three" in [claim.id for claim in found.claims]
    assert said in "\n".join(found.problems)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'dataset = "samples"',
            'dataset = "sampls"',
            "line 7, claim two, dataset: no data set or folder is called",
        ),
        ('run = "bicubic"', 'run = "bicubik"', "line 10, claim two, run: no model is called 'bicubik'"),
        (
            'run = "bicubic"',
            'run = "none.pth"',
            "line 10, claim two, run: there is no file or folder 'none.pth'",
        ),
        ('run = "bicubic"', 'run = "none.py:net"', "line 10, claim two, run: there is no file 'none.py'"),
        ('run = "bicubic"', 'images = "none"', "line 10, claim two, images: there is no folder 'none'"),
        (
            'run = "bicubic"',
            'run = "srcnn-955"\n# x8',
            "line 10, claim two, run: srcnn-955 has no weights for x8",
        ),
    ],
)
def test_what_cannot_be_measured_is_named_with_line_and_key_and_stays_a_claim(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    two = CLAIM.replace('"one"', '"two"').replace('"M"', '"N"').replace(old, new)
    two = two.replace("scale = 4", "scale = 8") if "x8" in new else two
    found = read(claims(tmp_path, two + CLAIM))
    (problem,) = found.problems
    assert said in problem
    missing, whole = found.claims
    assert (missing.run, whole.run, whole.cannot) == ("", "bicubic", "")
    assert missing.cannot in problem
    assert missing.expected == {"psnr": "verified"}


def test_a_claim_that_cannot_be_compared_needs_no_data_set(tmp_path: Path) -> None:
    text = CLAIM.replace('run = "bicubic"', 'cannot = "why"').replace("samples", "manga109")
    found = read(claims(tmp_path, text))
    assert not found.problems
    assert (found.claims[0].cannot, found.claims[0].expected) == ("why", {"psnr": "cannot"})


def test_a_metric_that_cannot_run_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "metrics", "a_package_that_is_not_installed")
    text = CLAIM.replace('psnr = "28.42"', 'psnr = "28.42", haarpsi = "0.7"')
    found = read(claims(tmp_path, text))
    (problem,) = found.problems
    assert problem.startswith("claims.toml, line 9, claim one, values: metric haarpsi cannot run: it needs")
    assert list(found.claims[0].missing) == ["haarpsi"]
    assert found.claims[0].run == "bicubic"


def test_weights_that_are_not_to_be_had_are_named_before_anything_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> Path:
        raise MissingFile(f"{name} is missing")

    monkeypatch.setattr(cache, "find", nowhere)
    text = CLAIM.replace('psnr = "28.42"', 'psnr = "28.42", lpips-alex = "0.3"')
    found = read(claims(tmp_path, text)).with_weights()
    (problem,) = found.problems
    assert "line 9, claim one, values: metric lpips-alex cannot run: weights/trunks/alexnet" in problem
    assert list(found.claims[0].missing) == ["lpips-alex"]


CHECKOUT = """
[checkouts.A_NET]
repository = "https://example.org/somebody/net"
commit = "8f158e6a5ac9db6e5857d9159fd4a6c4214da574"
"""


def test_an_absent_checkout_is_no_mistake_and_has_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CHECKOUT + CLAIM.replace('run = "bicubic"', 'run = "net.py:net"\ncheckout = "A_NET"')
    file = claims(tmp_path, text)
    monkeypatch.delenv("A_NET", raising=False)
    found = read(file)
    assert not found.problems
    assert found.claims[0].expected == {"psnr": "cannot"}
    assert found.claims[0].cannot == (
        "$A_NET is not set; must be a checkout of https://example.org/somebody/net: git clone "
        "https://example.org/somebody/net && git -C net checkout 8f158e6a5ac9db6e5857d9159fd4a6c4214da574 && "
        "export A_NET=$PWD/net"
    )
    monkeypatch.setenv("A_NET", str(tmp_path / "none"))
    assert "which is no folder" in read(file).claims[0].cannot
    monkeypatch.setenv("A_NET", str(tmp_path))
    (tmp_path / "net.py").write_text("")
    assert read(file).claims[0].run.endswith("net.py:net")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("A_NET", "A-NET", "line 2, checkouts.A-NET: must be called like an environment variable"),
        ("commit", "comit", "line 4, checkouts.A_NET, comit: unknown key"),
        ('"8f158e6a', '"8g158e6a', "line 4, checkouts.A_NET, commit: must be the 40 hexadecimal digits"),
        ("https", "ssh", "line 3, checkouts.A_NET, repository: must be an address"),
    ],
)
def test_a_mistake_in_a_checkout_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = read(claims(tmp_path, CHECKOUT.replace(old, new) + CLAIM))
    assert said in "\n".join(found.problems)
    assert len(found.claims) == 1


def test_an_unknown_key_of_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    found = read(claims(tmp_path, f"titel = 'x'\n[notes]\na = 1\n{CLAIM}"))
    assert [line.partition(":")[0] for line in found.problems] == [
        "claims.toml, line 1, titel",
        "claims.toml, line 2, notes",
    ]


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
    broken = CLAIM.replace('"one"', '"two"').replace('"M"', '"N"').replace('"bicubic"', '"none.pth"')
    file = claims(tmp_path, CLAIM.replace("28.42", "5.00") + broken)
    assert main([str(file), "--json", "out.json"]) == 1
    one, two = json.loads(Path("out.json").read_text(encoding="utf-8"))["claims"]
    assert one["values"][0]["outcome"] == "off"
    assert two["values"][0]["outcome"] == "cannot"


def test_verified_values_alone_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra docs brings")
    monkeypatch.chdir(tmp_path)
    assert main([str(claims(tmp_path, CLAIM.replace("28.42", "5.00"))), "--json", "out.json"]) == 1
    (own,) = json.loads(Path("out.json").read_text(encoding="utf-8"))["claims"]
    scores = read_store([Path("results.db")]).scores
    exact = float(np.mean(scores[scores["protocol"] == "johnson2016"]["value"]))
    assert own["values"][0]["outcome"] == "off"
    good = CLAIM.replace("28.42", f"{exact:.2f}")
    again = good.replace('"one"', '"two"').replace('"P"', '"Q"')
    off = CLAIM.replace('"one"', '"three"').replace('"P"', '"R"').replace("28.42", "5.00")
    file = claims(tmp_path, good + again + off + 'expected = "off"\n')
    hub = ["--eval-results", "hub", "--hub-dataset", "samples=owner/Samples"]
    assert main([str(file), *hub, "--source-url", "https://example.org/run"]) == 0
    rule = protocol("johnson2016", 4)
    (made,) = [each for each in Path("hub").rglob("*") if each.is_file()]
    assert made == Path(f"hub/bicubic/.eval_results/samples-x4-johnson2016-{rule.hash[:8]}.yaml")
    (entry,) = yaml.safe_load(made.read_text(encoding="utf-8"))
    assert entry["value"] == pytest.approx(exact, abs=1e-12)
    assert entry["dataset"] == {"id": "owner/Samples", "task_id": "psnr-x4"}
    assert entry["source"] == {"url": "https://example.org/run"}
    assert f"protocol johnson2016 (sha256 {rule.hash})" in entry["notes"]
    assert f"published: P: {exact:.2f}, Q: {exact:.2f}" in entry["notes"]


def test_a_value_that_holds_under_a_convention_says_so(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra docs brings")
    fill(tmp_path / "results.db", levels={"bicubic": 0.0}, dataset="samples")
    config = Config(
        file=tmp_path / "claims.toml",
        db=tmp_path / "results.db",
        save_images=tmp_path,
        hub_dataset=[("samples", "owner/Samples")],
    )
    own = Candidate(
        under="R, G and B together, images of johnson2016",
        value=24.25,
        protocol="johnson2016",
        convention="R, G and B together",
        model="bicubic",
        model_hash="hash of bicubic",
    )
    (claim,) = read(claims(tmp_path, CLAIM)).claims
    verdict = judge("one", "psnr", "24.25", "verified", [own])
    texts = files([claim], [verdict], read_store([config.db]), config.hub)
    ((name, text),) = texts.items()
    assert name.parent == Path("bicubic/.eval_results")
    assert name.name.startswith("samples-x4-johnson2016-")
    (entry,) = yaml.safe_load(text)
    assert entry["value"] == 24.25
    assert entry["notes"].startswith("R, G and B together, on the images of protocol johnson2016 (sha256 ")
    off = judge("one", "psnr", "99.00", "verified", [own])
    assert not files([claim], [off], read_store([config.db]), config.hub)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--eval-results", "hub"], "needs --hub-dataset samples=OWNER/NAME"),
        (["--hub-dataset", "samples=a/b"], "go with --eval-results DIR"),
        (["--eval-results", "hub", "--source-name", "x"], "--source-name goes with --source-url"),
    ],
)
def test_options_of_the_hub_are_checked_before_anything_is_scored(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(claims(tmp_path, CLAIM)), *options]) == 2
    assert said in capsys.readouterr().err
    assert not Path("results.db").exists()


def test_a_value_of_a_convention_alone_is_a_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scored under a protocol whose mean of this metric is not of all images."""
    own = Candidate(under="johnson2016", value=0.8, protocol="johnson2016", model="bicubic", model_hash="h")
    monkeypatch.setattr(score, "_under", lambda *_: ({"ssim": own}, ""))
    by_convention = [("psnr", Candidate(under="a library", value=28.42))]
    monkeypatch.setattr(score, "_conventions", lambda *_: iter(by_convention))
    found = read(claims(tmp_path, CLAIM))
    nothing: Any = SimpleNamespace()
    (verdict,) = score.judge_all(found.claims, nothing, nothing, nothing, (), nothing)
    assert (verdict.outcome, verdict.reason) == ("verified", "")


def test_a_value_of_grey_images_that_were_read_as_rgb_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of Set14 one image is grey: papers read it as RGB, so that its mean error is (219 / 255)^2 of the suite's own."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, channels in (("colour", 3), ("grey", 1)):
        coarse = rng.integers(0, 256, (8, 10, channels), dtype=np.uint8)
        images.write(tmp_path / "set" / f"{name}.png", coarse.repeat(8, axis=0).repeat(8, axis=1))
    text = CLAIM.replace('"samples"', '"./set"')
    main([str(claims(tmp_path, text.replace("28.42", "1.00")))])
    made = Path("results/images/set/x4-johnson2016")
    found = []
    for name in ("colour", "grey"):
        hr, sr = (images.read(made / model / f"{name}.png").astype(float) for model in ("hr", "bicubic"))
        sr, hr = (np.broadcast_to(image, (*image.shape[:2], 3)) for image in (sr, hr))
        luma = [(image @ (65.481, 128.553, 24.966) / 255 + 16)[4:-4, 4:-4] for image in (sr, hr)]
        found.append(10 * np.log10(255**2 / np.mean((luma[0] - luma[1]) ** 2)))
    capsys.readouterr()
    assert main([str(claims(tmp_path, text.replace("28.42", f"{np.mean(found):.2f}")))]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "verified under y, of grey images too, which are read as RGB first; border crop 4" in out
    assert "basicsr: test_y_channel" in out


def test_the_shipped_claims_parse() -> None:
    found = read(SHIPPED)
    assert not found.problems
    assert all(claim.source for claim in found.claims)


class Counted:
    """A reporter that counts."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun: list[str] = []

    def begin(self, label: str) -> None:
        self.begun.append(label)

    def advance(self, label: str) -> None:
        self.done.append(label)

    def note(self, text: str) -> None: ...


def test_progress_counts_claims_and_comes_to_its_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    counted, totals = Counted(), []

    @contextmanager
    def progress(what: str, total: int) -> Iterator[Counted]:
        totals.append(total)
        yield counted

    monkeypatch.setattr("bench.commands.verify.progress", progress)
    second = CLAIM.replace('"one"', '"two"').replace('"P"', '"Q"').replace("28.42", "27.00")
    nobody = (
        CLAIM.replace('"one"', '"three"')
        .replace('"P"', '"R"')
        .replace('run = "bicubic"', 'cannot = "no weights"')
    )
    main([str(claims(tmp_path, CLAIM + second + nobody))])
    assert totals == [3]
    assert counted.done == ["M samples x4"] * 3
    assert counted.begun[0] == "M samples x4"


def test_at_a_narrow_terminal_an_unexpected_outcome_says_so_itself() -> None:
    found = [Candidate(under="p", value=28.5)]
    verdicts = [judge("c", "psnr", "28.42", expected, found) for expected in ("verified", "off")]
    rows = table(verdicts, narrow=True).rows
    assert [len(row) for row in rows] == [4, 4]
    assert rows[0][-1].endswith(" (expected: verified)")
    assert "expected" not in rows[1][-1]
