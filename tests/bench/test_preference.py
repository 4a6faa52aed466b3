"""A study tells no worker whose picture is whose, counts no answer that is not sound, and finds what was voted for."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench import preference as program
from bench.errors import UserError
from bench.protocols import protocol
from bench.statistics import share_interval
from bench.storage.reader import read
from bench.study.answers import FORMAT, LARGEST_ANSWERS_BYTES, read_answers
from bench.study.images import study_images
from bench.study.key import Study, Trial, read_key
from bench.study.plan import plan
from bench.study.result import PreferenceResult, read_result
from bench.study.score import bootstrap_bradley_terry, bradley_terry, krippendorff_alpha
from bench.study.table import plain
from bench.study.votes import votes
from tests.schemas import assert_valid
from tests.stores import fill

NASTY = "<img src=x onerror=alert(1)>"
MODELS = ("plain", NASTY, "best")
LEVELS = {model: float(i) for i, model in enumerate(MODELS)}
IMAGES = (NASTY, *"bcdef")
Prefers = Callable[[Trial], str]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results file with pictures of three models on six images."""
    folder = tmp_path_factory.mktemp("results")
    fill(folder / "r.db", levels=LEVELS, images=IMAGES, dataset="bsd100", pictures=folder / "pictures")
    return folder / "r.db"


def build(results: Path, out: Path, *arguments: str, models: Sequence[str] = MODELS) -> int:
    return program.main(
        ["build", *models, "--dataset", "bsd100", "--db", str(results), "--out", str(out), *arguments]
    )


@pytest.fixture(scope="module")
def folder(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three models with four attention checks."""
    out = tmp_path_factory.mktemp("study") / "study"
    assert build(results, out, "--attention-checks", "4") == 0
    return out


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return read_key(folder / "key.json")


def better(trial: Trial) -> str:
    """The picture of the later model of :data:`MODELS`, or the right one."""
    return trial.right or max(trial.pictures, key=lambda name: MODELS.index(trial.pictures[name]))


def other(trial: Trial, name: str) -> str:
    return next(picture for picture in trial.pictures if picture != name)


def answers(
    study: Study, worker: str, prefers: Prefers = better, *, trials: int | None = None
) -> dict[str, Any]:
    """What the page saves for a worker who answers the first trials."""
    entries = [
        {"trial": t.id, "choice": prefers(t), "first": next(iter(t.pictures)), "seconds": 1.5}
        for t in study.trials[:trials]
    ]
    return {"format": FORMAT, "version": 1, "study": study.hash, "worker": worker, "answers": entries}


def saved(folder: Path, name: str, content: object) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def scored(files: Sequence[Path], folder: Path, out: Path, *arguments: str) -> tuple[int, PreferenceResult]:
    status = program.main(
        ["score", *map(str, files), "--key", str(folder / "key.json"), "--json", str(out), *arguments]
    )
    assert_valid("preference", out)
    return status, read_result(out)


# ---- the study ----


def test_every_pair_is_shown_on_every_image_and_each_block_has_one_catch_trial(study: Study) -> None:
    asked = [trial for trial in study.trials if trial.right is None]
    shown = {(trial.image, frozenset(trial.pictures.values())) for trial in asked}
    assert len(shown) == len(asked) == len(IMAGES) * 3
    catches = [trial for trial in study.trials if trial.right is not None]
    assert sorted(trial.block for trial in catches) == [0, 1, 2, 3]
    assert len({trial.image for trial in catches}) == 4


def test_what_workers_get_names_no_model_no_image_and_no_data_set(folder: Path) -> None:
    page = (folder / "page" / "index.html").read_text(encoding="utf-8")
    assert {path.name for path in (folder / "page").iterdir()} == {"index.html", "images"}
    for name in ("onerror", "plain&", '"best"', "bsd100", "johnson2016", '"hr"', '"lr"'):
        assert name not in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    for trial in (trial for block in data["blocks"] for trial in block):
        assert set(trial) == {"trial", "reference", "pictures", "size"}
        assert trial["pictures"] == sorted(trial["pictures"])
    for file in (folder / "page" / "images").iterdir():
        assert len(file.stem) == 16
        assert set(file.stem) <= set("0123456789abcdef")


def test_pictures_are_copied_by_pixel_and_without_remarks(results: Path, study: Study, folder: Path) -> None:
    contents = read([results]).pictures.set_index(["image", "model"])["file"]
    for trial in study.trials:
        for name, model in {**trial.pictures, trial.reference: "lr"}.items():
            original = np.asarray(Image.open(contents[trial.image, model]))
            with Image.open(folder / "page" / "images" / f"{name}.png") as picture:
                assert picture.info == {}
                times = 4 if model == "lr" and name != trial.reference else 1
                np.testing.assert_array_equal(picture, original.repeat(times, 0).repeat(times, 1))


def test_remarks_in_a_picture_do_not_reach_the_page(results: Path, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    shutil.copytree(results.parent, tmp_path / "r")
    remark = PngInfo()
    remark.add_text("Software", "made by plain")
    for file in (tmp_path / "r").rglob("plain/*.png"):
        Image.open(file).save(file, pnginfo=remark)
    fill(tmp_path / "r" / "r2.db", levels={"plain": 0.0}, images="b", dataset="bsd100")
    moved = study_images(
        read([results]), dataset="bsd100", protocol=protocol("johnson2016", 4), models=["plain", "best"]
    )
    files = {
        image: {m: tmp_path / "r" / f.relative_to(results.parent) for m, f in of.items()}
        for image, of in moved.files.items()
    }
    from bench.cli import progress
    from bench.study.page import write_study

    with progress("p", 1) as reporter:
        write_study(plan(replace(moved, files=files)), tmp_path / "study", reporter)
    for file in (tmp_path / "study" / "page").rglob("*"):
        assert file.is_dir() or b"made by" not in file.read_bytes()


def test_the_same_command_makes_the_same_study_and_another_seed_another(
    results: Path, study: Study, folder: Path, tmp_path: Path
) -> None:
    build(results, tmp_path / "same", "--attention-checks", "4")
    build(results, tmp_path / "other", "--attention-checks", "4", "--seed", "1")
    assert read_key(tmp_path / "same" / "key.json") == study
    for file in (folder / "page").rglob("*.*"):
        assert (tmp_path / "same" / file.relative_to(folder)).read_bytes() == file.read_bytes()
    others = read_key(tmp_path / "other" / "key.json").trials
    assert not {trial.id for trial in others} & {trial.id for trial in study.trials}


def test_a_limit_takes_that_many_images(results: Path, tmp_path: Path) -> None:
    build(results, tmp_path / "s", "--limit", "2", "--attention-checks", "0")
    trials = read_key(tmp_path / "s" / "key.json").trials
    assert len({trial.image for trial in trials}) == 2
    assert len(trials) == 6


def test_images_that_a_model_lacks_are_named(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "more.db", levels={"fourth": 1.0}, images="bc", dataset="bsd100", pictures=tmp_path / "p")
    args = ["build", "plain", "fourth", "--dataset", "bsd100", "--out", str(tmp_path / "s")]
    assert program.main([*args, "--db", str(results), str(tmp_path / "more.db")]) == 0
    said = capsys.readouterr().out
    assert "2 images of bsd100 x4" in said
    assert f"skipped, because not every model has an image of it: {NASTY}, d, e, f\n" in said


def test_of_a_model_that_was_changed_the_last_version_alone_is_shown(results: Path) -> None:
    contents = read([results])
    old = contents.pictures.copy()
    new = old[(old["model"] == "best") & old["image"].isin(["b", "c"])].assign(model_hash="new", run=9)
    changed = replace(contents, pictures=type(old)(np.vstack([old, new]), columns=old.columns))
    found = study_images(
        changed, dataset="bsd100", protocol=protocol("johnson2016", 4), models=["plain", "best"]
    )
    assert list(found.files) == ["b", "c"]
    assert found.models == {"plain": "hash of plain", "best": "new"}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ({"models": ["plain"]}, 2, "models are plain; needs two or more different ones"),
        ({"models": ["plain", "plain"]}, 2, "needs two or more different ones"),
        (
            {"models": ["plain", "none"]},
            2,
            f"no images of a model 'none'; there are some of: {NASTY}, best, plain",
        ),
        ({"models": ["plain", "hr"]}, 2, "no images of a model 'hr'"),
        ({"more": ["--dataset", "set5"]}, 1, "no images of 'set5'; there are some of: bsd100"),
        ({"more": ["--scale", "2"]}, 1, "no images of 'johnson2016 x2'; there are some of: johnson2016 x4"),
        ({"more": ["--protocol", "none"]}, 2, "no protocol is called 'none'"),
        (
            {"more": ["--attention-checks", "7"]},
            2,
            "--attention-checks must be 0 to 6, the number of images (got 7)",
        ),
        ({"more": ["--limit", "0"]}, 2, "--limit must be at least 1 (got 0)"),
        ({"more": ["--db", "none.db"]}, 1, "there is no results file 'none.db'"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is_written(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: dict[str, list[str]],
    status: int,
    message: str,
) -> None:
    more, models = arguments.get("more", []), arguments.get("models", MODELS)
    assert build(results, tmp_path / "s", *more, models=models) == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_results_without_pictures_say_how_to_get_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "r.db", levels=LEVELS, dataset="bsd100")
    assert build(tmp_path / "r.db", tmp_path / "s") == 1
    assert (
        "there are none at all; run bench.sr_quality for it, without --no-images" in capsys.readouterr().err
    )


@pytest.mark.parametrize("damage", ["missing", "damaged", "small", "alpha"])
def test_pictures_that_cannot_be_shown_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    fill(tmp_path / "r.db", levels=LEVELS, images="abc", dataset="bsd100", pictures=tmp_path / "p")
    file = tmp_path / "p" / "bsd100" / "x4" / "best" / "b.png"
    if damage == "missing":
        file.unlink()
    elif damage == "damaged":
        file.write_bytes(file.read_bytes()[:60])
    else:
        Image.new("RGB" if damage == "small" else "RGBA", (20, 20)).save(file)
    assert build(tmp_path / "r.db", tmp_path / "s") == 2
    assert repr(str(file)) in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_folder_in_use_is_left_alone_and_only_a_study_is_replaced(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = tmp_path / "s" / "page" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.touch()
    assert build(results, tmp_path / "s") == 2
    assert "is not empty; must be an empty or new folder, or --force" in capsys.readouterr().err
    assert build(results, tmp_path / "s", "--force") == 2
    assert precious.exists()
    assert build(results, tmp_path / "t") == 0
    assert build(results, tmp_path / "t", "--force", "--limit", "1", "--attention-checks", "0") == 0
    assert len(list((tmp_path / "t" / "page" / "images").iterdir())) == 4
    assert build(results, precious) == 2


# ---- the key ----


def test_a_key_that_was_changed_is_refused(folder: Path, tmp_path: Path) -> None:
    key = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    with pytest.raises(UserError, match="changed or damaged"):
        read_key(saved(tmp_path, "changed", {**key, "dataset": "set5"}))
    with pytest.raises(UserError, match="version is 2, must be 1"):
        read_key(saved(tmp_path, "newer", {**key, "version": 2}))
    with pytest.raises(UserError, match="not the key of a study"):
        read_key(saved(tmp_path, "list", [key]))
    with pytest.raises(UserError, match="no such file"):
        read_key(tmp_path / "none.json")


# ---- untrusted answers ----


def changed(study: Study, /, **fields: object) -> dict[str, Any]:
    return {**answers(study, "ann"), **fields}


def entry(study: Study, /, **fields: object) -> dict[str, Any]:
    whole = answers(study, "ann")
    return {**whole, "answers": [{**whole["answers"][0], **fields}]}


def refusals(study: Study) -> dict[str, tuple[object, str]]:
    whole, first = answers(study, "ann"), study.trials[0].id
    return {
        "list": ([], "the file is a list of 0; must be an object"),
        "more fields": ({**whole, "x": 1}, "must be exactly"),
        "fewer fields": ({"worker": "ann"}, "must be exactly"),
        "format": (changed(study, format="x"), "its format is 'x' 1"),
        "version": (changed(study, version=True), "True, must be"),
        "study": (changed(study, study="0" * 64), "answers another study"),
        "worker": (changed(study, worker="\x1b[31m"), r"its worker must be .*got '\\x1b\[31m'"),
        "long worker": (changed(study, worker="a" * 65), "1 to 64 letters"),
        "number for a worker": (changed(study, worker=5), "its worker must be .*got 5"),
        "answers": (changed(study, answers={}), "must be a list"),
        "entry": (changed(study, answers=[None]), "an answer is None; must be an object"),
        "twice": (changed(study, answers=whole["answers"][:1] * 2), "answers a trial twice"),
        "unknown trial": (entry(study, trial="nope"), "a trial 'nope', which the study has not"),
        "unhashable trial": (entry(study, trial=[]), "a trial a list of 0"),
        "choice": (entry(study, choice=study.trials[1].reference), f"trial {first}: choice is"),
        "reference chosen": (entry(study, choice=study.trials[0].reference), "not an image of it"),
        "first": (entry(study, first=None), f"trial {first}: first is None"),
        "negative": (entry(study, seconds=-1), r"seconds must be a number from 0 to 86400 \(got -1\)"),
        "too slow": (entry(study, seconds=1e6), "seconds must be .*got 1000000.0"),
        "enormous": (entry(study, seconds=10**400), "seconds must be .*got 1000"),
        "truth": (entry(study, seconds=True), "seconds must be .*got True"),
        "text": (entry(study, seconds="1"), "seconds must be .*got '1'"),
        "infinite": (entry(study, seconds=math.inf), "Infinity, which is not JSON"),
        "nan": (entry(study, seconds=math.nan), "NaN, which is not JSON"),
    }


def test_answers_that_are_not_sound_are_refused_with_the_reason(study: Study, tmp_path: Path) -> None:
    trials = {trial.id: trial for trial in study.trials}
    for name, (content, reason) in refusals(study).items():
        with pytest.raises(UserError, match=reason):
            read_answers(saved(tmp_path, name, content), study.hash, trials)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON in UTF-8"),
        (b"\xff\xfe{}", "not JSON in UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"worker": 1, "worker": 2}', "a name twice"),
        (b"9" * 5000, "not JSON"),
        (b" " * (LARGEST_ANSWERS_BYTES + 1), "more than 4194304 bytes"),
    ],
    ids=["empty", "utf-16", "deep list", "deep object", "name twice", "long number", "large"],
)
def test_bytes_that_are_no_answers_are_refused_with_the_reason(
    study: Study, tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        read_answers(tmp_path / "a.json", study.hash, {trial.id: trial for trial in study.trials})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(content=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(study: Study, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    found = votes([tmp_path / "a.json"], study, least_right=0.8)
    assert len(found.refused) == 1


@FUZZ
@given(
    field=st.sampled_from(
        ["format", "version", "study", "worker", "answers", "trial", "choice", "first", "seconds"]
    ),
    value=JSON,
)
def test_any_value_in_any_field_is_read_or_refused(
    study: Study, tmp_path: Path, field: str, value: object
) -> None:
    make = entry if field in {"trial", "choice", "first", "seconds"} else changed
    found = votes([saved(tmp_path, "a", make(study, **{field: value}))], study, least_right=0.8)
    assert len(found.refused) + len(found.workers) == 1


def test_a_refused_file_costs_itself_alone(
    study: Study, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = saved(tmp_path, "good", answers(study, "ann"))
    bad = saved(tmp_path, "bad\x1b[31m", {})
    status, result = scored([good, bad, tmp_path, tmp_path / "none"], folder, tmp_path / "out")
    assert status == 1
    assert (result.n_files, result.n_refused, result.n_workers, result.n_votes) == (4, 3, 1, 18)
    said = capsys.readouterr()
    assert "\x1b" not in said.err + said.out
    assert "must be exactly" in said.err
    assert "it is a folder or a device" in said.err
    assert "there is no such file" in said.err


# ---- which votes count ----


def test_files_of_one_worker_are_merged_in_any_order(study: Study, tmp_path: Path) -> None:
    part = saved(tmp_path, "part", answers(study, "ann", trials=9))
    whole = saved(tmp_path, "whole", answers(study, "ann"))
    one = votes([part, whole, part], study, least_right=0.8)
    assert len(one.votes) == 18
    assert set(votes([whole, part], study, least_right=0.8).votes) == set(one.votes)


def test_of_a_trial_that_a_worker_answers_in_two_ways_nothing_counts(study: Study, tmp_path: Path) -> None:
    whole = answers(study, "ann")
    at = next(i for i, trial in enumerate(study.trials) if trial.right is None)
    trial = study.trials[at]
    differing = {**whole["answers"][at], "choice": other(trial, whole["answers"][at]["choice"])}
    files = [saved(tmp_path, "1", whole), saved(tmp_path, "2", {**whole, "answers": [differing]})]
    found = votes(files, study, least_right=0.8)
    assert found.workers[0].contradictions == (trial.id,)
    assert trial.id not in {vote.trial for vote in found.votes}
    assert len(found.votes) == 17


@pytest.mark.parametrize(("least_right", "kept"), [(0.8, False), (0.75, True)])
def test_workers_who_fail_catch_trials_are_dropped(
    study: Study, tmp_path: Path, least_right: float, kept: bool
) -> None:
    caught = next(trial for trial in study.trials if trial.right)
    three_of_four = answers(study, "ann", lambda t: other(t, better(t)) if t == caught else better(t))
    found = votes([saved(tmp_path, "a", three_of_four)], study, least_right=least_right)
    assert (found.workers[0].right, found.workers[0].caught, found.workers[0].kept) == (3, 4, kept)
    assert bool(found.votes) is kept


def test_a_worker_who_met_no_catch_trial_does_not_count(study: Study, tmp_path: Path) -> None:
    whole = answers(study, "ann")
    asked = {trial.id for trial in study.trials if trial.right is None}
    unproven = {**whole, "answers": [a for a in whole["answers"] if a["trial"] in asked]}
    assert not votes([saved(tmp_path, "a", unproven)], study, least_right=0.0).votes
    plain_study = replace(study, trials=tuple(t for t in study.trials if t.right is None))
    file = saved(tmp_path, "b", {**unproven, "study": plain_study.hash})
    assert len(votes([file], plain_study, least_right=1.0).votes) == 18


# ---- what the votes say ----


def test_the_result_is_what_was_voted_for(
    study: Study, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong_on_b(trial: Trial) -> str:
        return other(trial, better(trial)) if trial.image == "b" and not trial.right else better(trial)

    def blind(trial: Trial) -> str:
        return min(trial.pictures)

    wrong = next(t.id for t in study.trials if t.right and min(t.pictures) != t.right)
    prefers = {"ann": better, "bob": wrong_on_b, "cid": blind}
    files = [saved(tmp_path, name, answers(study, name, prefer)) for name, prefer in prefers.items()]
    status, result = scored(files, folder, tmp_path / "out.json", "--min-attention-accuracy", "1.0")
    assert wrong
    assert status == 0
    assert (result.n_workers, result.n_dropped, result.dropped[0].worker) == (2, 1, "cid")
    assert (result.dataset, result.study, list(result.models)) == ("bsd100", study.hash, list(MODELS))
    pair = next(p for p in result.pairs if (p.a, p.b) == ("plain", "best"))
    assert (pair.images, pair.prefer_a, pair.prefer_b, pair.ties) == (6, 0, 5, 1)
    assert (pair.share_b, pair.votes, pair.votes_a) == (5 / 6, 12, 1)
    assert pair.vote_share_a_interval == share_interval(1, 12)
    assert pair.agreement == 5 / 6
    assert [ranked.model for ranked in result.ranking] == ["best", NASTY, "plain"]
    for ranked in result.ranking:
        assert ranked.interval is not None
        assert ranked.interval[0] <= ranked.strength <= ranked.interval[1]
    said = capsys.readouterr().out
    assert "36 votes of 2 workers on 6 images" in said
    assert "dropped: cid" in said


def test_a_result_is_read_back_and_nothing_else_is(study: Study, folder: Path, tmp_path: Path) -> None:
    file = saved(tmp_path, "a", answers(study, "ann"))
    _, result = scored([file], folder, tmp_path / "out.json")
    result.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "out.json").read_bytes()
    with pytest.raises(UserError, match="it is not what `bench"):
        read_result(file)
    stored = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    with pytest.raises(UserError, match="missing, unknown or of another type"):
        read_result(saved(tmp_path, "extra", {**stored, "x": 1}))


def test_without_a_vote_nothing_is_scored(
    study: Study, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(tmp_path, "a", answers(study, "ann", lambda t: other(t, better(t))))
    arguments = ["score", str(file), "--key", str(folder / "key.json")]
    assert program.main(arguments) == 1
    said = capsys.readouterr().err
    assert "no valid votes: 0 of 1 files refused, 1 worker dropped" in said
    catch = sum(trial.right is not None for trial in study.trials)
    assert (
        f"worker ann: 0 of {catch} attention checks right (0%); must be at least 80% (--min-attention-accuracy)"
        in said
    )
    assert program.main([*arguments, "--min-attention-accuracy", "nan"]) == 2


def test_names_do_nothing_to_a_terminal() -> None:
    assert (
        plain("a\x1b[31m\nb\u202e")
        == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    )


def test_alpha_is_that_of_krippendorffs_worked_examples() -> None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability": sections A (0.095) and C (0.743)."""
    a, b = "0100000010", "1110010000"
    two = [[(x == value) + (y == value) for value in "01"] for x, y in zip(a, b, strict=True)]
    assert krippendorff_alpha(two) == pytest.approx(0.095, abs=5e-4)
    observers = ("123321412   ", "1233224125 3", " 3332342251 ", "12332441251 ")
    units = zip(*observers, strict=True)
    four = [[unit.count(value) for value in "12345"] for unit in units]
    assert krippendorff_alpha(four) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_not_defined_where_nothing_could_differ() -> None:
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha([(1, 0), (0, 1)]) is None
    assert krippendorff_alpha([(3, 0), (2, 0)]) is None
    assert krippendorff_alpha([(3, 0), (0, 3)]) == 1.0


def test_wilsons_interval_is_that_of_newcombes_table() -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", Table I, method 3."""
    table = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (successes, n), ends in table.items():
        assert share_interval(successes, n) == pytest.approx(ends, abs=5e-5)
    assert share_interval(20, 20)[1] == 1.0
    assert share_interval(0, 0) == (0.0, 1.0)


def test_two_strengths_are_the_log_odds_with_half_a_vote_each_way() -> None:
    for votes_a, votes_b in [(7, 3), (40, 0), (0, 5), (0, 0)]:
        strengths = bradley_terry(np.array([[0, votes_a], [votes_b, 0]]))
        assert strengths[0] - strengths[1] == pytest.approx(math.log((votes_a + 0.5) / (votes_b + 0.5)))
        assert strengths.sum() == pytest.approx(0)


def test_strengths_that_made_the_votes_are_found() -> None:
    true = np.array([1.0, 0.2, -0.3, -0.9])
    odds = np.exp(true[:, None] - true[None, :])
    wins = 1e6 * odds / (1 + odds) * (1 - np.eye(4))
    np.testing.assert_allclose(bradley_terry(wins), true, atol=1e-5)


def test_strengths_are_the_maximum_of_the_likelihood() -> None:
    wins = np.array([[0, 9, 4], [2, 0, 7], [3, 1, 0]]) + 0.0
    found = bradley_terry(wins)

    def likelihood(s: np.ndarray) -> float:
        return -float(((wins + 0.5 * (1 - np.eye(3))) * np.log1p(np.exp(s[None, :] - s[:, None]))).sum())

    for step in np.eye(3) * 1e-3:
        assert likelihood(found) > max(likelihood(found + step), likelihood(found - step))


def test_the_bootstrap_is_over_images_and_repeatable() -> None:
    one_image = np.array([[[0, 30], [10, 0]]] * 5)
    draws = bootstrap_bradley_terry(one_image)
    np.testing.assert_allclose(draws, draws[0] * np.ones_like(draws), atol=1e-9)
    mixed = np.stack([one_image[0], one_image[0].T] * 3)
    np.testing.assert_array_equal(
        bootstrap_bradley_terry(mixed, seed=3), bootstrap_bradley_terry(mixed, seed=3)
    )
    assert np.ptp(bootstrap_bradley_terry(mixed)) > 1
