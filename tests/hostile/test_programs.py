"""Whole programs on untrusted input: the status that is documented, one message, nothing written elsewhere."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from bench import (
    apply,
    compare,
    degrade,
    inversion,
    merge,
    preference,
    rescore,
    sr_quality,
    style_quality,
    train,
)
from bench.data import images
from bench.text import stem_name
from reports.__main__ import main as report
from tests.hostile import hostile_images, target_stores, target_studies
from tests.hostile.mutate import changed, damaged, json_text
from tests.hostile.third_party import MARKUP

ROOT = Path(__file__).parents[2]
FAST = ["--models", "bicubic", "--metrics", "psnr"]
Main = Callable[[Sequence[str]], int]


def sound_picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 28, 3), dtype=np.uint8)


def named(folder: Path, name: bytes) -> Path:
    """A sound image under a name of any bytes but zero and slash."""
    made = folder / "sound.png"
    images.write(made, sound_picture())
    target = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 (bytes)
    os.rename(made, target)  # noqa: PTH104
    return Path(os.fsdecode(target))


NAMES = (
    b"a\nb.png",
    b"\x1b[2J\x1b]0;x\x07.png",
    b"=cmd|' '!A0.png",
    MARKUP.replace("/", "").encode()[:200] + b".png",
    b"$x$\\input{x}%&_#.png",
    b"[bold]x[link=y].png",
    b"'\" `id` $(id);&|.png",
    b"-rf.png",
    b"con. .png",
    b"\xff\xfe.png",
    "\u202egnp.x\u200b.png".encode(),
    b"x" * 251 + b".png",
    b"\xfe" * 240 + b".png",
    b"%s%n{0}.png",
    b"C:\\x\\..\\y.png",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a data set of a third party in it, and a secret beside it."""
    (tmp_path / "secret").mkdir()
    images.write(tmp_path / "secret" / "mine.png", sound_picture())
    work = tmp_path / "work"
    folder = work / "d\x1b[2J\n=1"
    folder.mkdir(parents=True)
    for name in NAMES:
        named(folder, name)
    for name, content in (
        ("bomb.png", hostile_images.png_bomb()),
        ("cut.png", hostile_images.saved(hostile_images.pixels(), "PNG")[:90]),
        ("text.jpg", b"<script>alert(1)</script>"),
        ("empty.gif", b""),
        ("scans.jpg", hostile_images.jpeg_of_scans(64, 200)),
    ):
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.png")
    for name, goal in (
        ("outside.png", "../../secret/mine.png"),
        ("dangling.png", "/nowhere/x.png"),
        ("zeros.png", "/dev/zero"),
        ("piped.png", "pipe.png"),
        ("loop.png", "loop.png"),
        ("password.png", "/etc/passwd"),
    ):
        (folder / name).symlink_to(goal)
    (folder / "folder.png").mkdir()
    monkeypatch.chdir(work)
    return work


def fine(text: str) -> None:
    """Nothing that a terminal obeys, no traceback, no defect of ours."""
    assert "Traceback" not in text
    assert "This is a defect" not in text
    assert all(line.replace("\t", " ").isprintable() for line in text.split("\n")), ascii(text[-600:])


def test_a_third_partys_folder_is_scored_as_far_as_it_can_be(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.lstat().st_mtime_ns for path in here.parent.rglob("*")}
    folder = "d\x1b[2J\n=1"
    exports = ["--csv", "out/r.csv", "--latex", "out/r.tex", "--markdown", "out/r.md", "--json", "out/r.json"]
    assert sr_quality.main([folder, *FAST, *exports]) == 0
    said = capsys.readouterr()
    fine(said.out + said.err)
    lost = ("bomb", "cut", "text", "empty", "scans", "dangling", "zeros", "piped", "loop", "password")
    for name in lost:
        assert f"'{name}'" in said.err, name
    (row,) = json.loads((here / "out/r.json").read_text())
    assert row["n"] == len(NAMES) + 1
    assert set(row["values"]) == {"outside", *(stem_name(os.fsdecode(name)[:-4]) for name in NAMES)}
    after = {path: path.lstat().st_mtime_ns for path in here.parent.rglob("*")}
    new = {path.relative_to(here).parts[0] for path in after.keys() - before.keys()}
    assert new <= {"out", "results", "results.db", "results.db-wal", "results.db-shm"}
    assert not [
        path for path in before.keys() & after.keys() if path.is_file() and before[path] != after[path]
    ]
    made = [path for path in (here / "results").rglob("*") if path.is_file()]
    assert len(made) == 3 * row["n"]
    assert not [path for path in made if path.is_symlink() or not str(path).isprintable()]


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (apply.main, ["bicubic", "--scale", "2", "d\x1b[2J\n=1", "--out", "out"]),
        (apply.main, ["style-la_muse", "d\x1b[2J\n=1", "--out", "out"]),
        (degrade.main, ["d\x1b[2J\n=1", "out", "--scale", "2"]),
        (train.main, ["sr", "--scale", "2", "--data", "d\x1b[2J\n=1", "--iterations", "1", "--out", "out"]),
        (
            inversion.main,
            [
                "d\x1b[2J\n=1",
                "--size",
                "64",
                "--iterations",
                "1",
                "--loss-network",
                "vgg19-conv3_1",
                "--layers",
                "relu2_2",
            ],
        ),
        (style_quality.main, ["--style", "d\x1b[2J\n=1/cut.png", "--images", "d\x1b[2J\n=1"]),
    ],
)
def test_every_program_reads_a_third_partys_folder_or_refuses_it_in_words(
    program: Main, arguments: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(here.parent.rglob("*"))
    assert program(arguments) in {0, 1, 2}
    said = capsys.readouterr()
    fine(said.out + said.err)
    new = {path.relative_to(here).parts[0] for path in set(here.parent.rglob("*")) - before}
    assert new <= {"out", "results", "results.db", "results.db-wal", "results.db-shm"}


def test_a_third_partys_folder_ends_strictly_with_status_1(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sr_quality.main(["d\x1b[2J\n=1", *FAST, "--strict", "--no-images"]) == 1
    said = capsys.readouterr()
    fine(said.out + said.err)
    assert said.err.splitlines()[-1].startswith("error: ")


def test_links_that_wait_in_the_folder_of_results_are_replaced_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images.write(tmp_path / "set" / "a.png", sound_picture())
    (tmp_path / "precious").write_text("precious")
    for name in ("hr", "lr", "bicubic"):
        place = tmp_path / "results/images/set/x4-johnson2016" / name
        place.mkdir(parents=True)
        (place / "a.png").symlink_to(tmp_path / "precious")
    assert sr_quality.main(["./set", *FAST]) == 0
    assert (tmp_path / "precious").read_text() == "precious"
    assert not [
        path for path in (tmp_path / "results").rglob("*.png") if path.is_symlink() and path.name != "a.png"
    ]


def programs(file: Path, out: Path) -> list[tuple[Main, list[str]]]:
    """Everything that reads a results file."""
    return [
        (sr_quality.main, ["./set", *FAST, "--no-images", "--db", str(file)]),
        (compare.main, [str(file), str(file)]),
        (rescore.main, ["--metrics", "psnr", "--db", str(file)]),
        (merge.main, [str(out.with_name("joined.db")), str(file)]),
        (report, [str(file), "--out", str(out), "--no-pdf", "--force"]),
        (preference.main, ["build", "x", "y", "--dataset", "set5", "--db", str(file), "--out", str(out)]),
    ]


CELLS: tuple[tuple[str, str, object], ...] = (
    ("scores", "value", "x\x1b[2J"),
    ("scores", "scale", "four"),
    ("scores", "run", 99),
    ("scores", "image", b"\xff\xfe"),
    ("runs", "command", '{"a": 1}'),
    ("runs", "environment", "gone"),
    ("protocols", "definition", '{"scale": "x"}'),
    ("protocols", "definition", "[" * 5000),
    ("protocols", "definition", '{"scale": 1e999, "shave": 4}'),
    ("environments", "facts", "null"),
    ("timings", "certificate", "{}"),
    ("timings", "seconds", "[0.0]"),
    ("timings", "seconds", '["x"]'),
    ("curves", "terms", '{"total": "x"}'),
    ("metrics", "decimals", 10**9),
)
# Results files that no version of the suite wrote, by what is odd about them: made of the bytes of a sound one.
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"<html>" * 100,
    "cut": lambda whole: whole[: len(whole) // 2],
    "header alone": lambda whole: whole[:100],
    "zeros": lambda whole: whole[:100] + bytes(len(whole) - 100),
    "damaged": lambda whole: damaged(whole, random.Random(3)),
    **{text[:60]: lambda whole, text=text: replaced(whole, text) for text in target_stores.PROGRAMS},
    **{
        f"{table}.{column} is {value!r:.20}": lambda whole, table=table, column=column, value=value: replaced(
            whole, f"update or replace {table} set {column} = ?", value
        )
        for table, column, value in CELLS
    },
}
# What is lacking here, an older version lacked too; what is more, or numbered below 0, changes no value.
HARMLESS = (
    "drop table scores",
    "drop table metrics; create table metrics (x)",
    "create table more (x)",
    "pragma user_version = -1",
)


def replaced(content: bytes, statements: str, *values: object) -> bytes:
    """A results file's bytes after SQL was run on it."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.deserialize(content)
    db.execute("pragma foreign_keys = off")
    for statement in [statements] if "trigger" in statements else statements.split("; "):
        db.execute(statement, values)
    made = db.serialize()
    db.close()
    return made


@pytest.mark.parametrize("name", BROKEN)
def test_a_third_partys_results_file_is_read_or_refused_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    images.write(tmp_path / "set" / "a.png", sound_picture())
    statuses = []
    for main, arguments in programs(tmp_path / "r.db", tmp_path / "out"):
        (tmp_path / "r.db").write_bytes(BROKEN[name](target_stores.database()))
        for beside in ("r.db-wal", "r.db-shm"):
            (tmp_path / beside).unlink(missing_ok=True)
        statuses.append(main(arguments))
        said = capsys.readouterr()
        fine(said.out + said.err)
        assert statuses[-1] == 0 or said.err.splitlines()[-1].startswith("error: ")
    assert set(statuses) <= {0, 1, 2}
    assert name in HARMLESS or 1 in statuses[1:]


def answer_files(folder: Path) -> list[str]:
    """A sound file of answers among twenty that are not."""
    sound = target_studies.studies()[0].partition(b":")[2]
    (folder / "sound.json").write_bytes(sound)
    files = [str(folder / "sound.json")]
    for seed in range(20):
        file = folder / f"{seed}\x1b[2J\n.json"
        draw = random.Random(seed)
        file.write_bytes(damaged(sound, draw) if seed % 2 else json_text(changed(json.loads(sound), draw)))
        files.append(str(file))
    (folder / "deep.json").write_bytes(b"[" * 100_000)
    (folder / "large.json").write_bytes(b" " * 5_000_000)
    os.mkfifo(folder / "pipe.json")
    (folder / "zeros.json").symlink_to("/dev/zero")
    return [*files, *(str(folder / f"{name}.json") for name in ("deep", "large", "pipe", "zeros", "none"))]


def test_untrusted_answers_cost_themselves_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target_studies.study().write_key(tmp_path / "key.json")
    arguments = ["score", *answer_files(tmp_path), "--key", str(tmp_path / "key.json")]
    assert preference.main([*arguments, "--json", str(tmp_path / "r.json")]) == 1
    said = capsys.readouterr()
    fine(said.out + said.err)
    assert said.err.count("refused: ") >= 15
    assert "votes of 1 workers" in said.out
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["n_workers"] == 1
    assert len({worker["worker"] for worker in result["dropped"]}) == len(result["dropped"])


@pytest.mark.parametrize(
    "changes",
    [
        {"models": {"x\x1b[2J": "1", "y": "2"}},
        {"trials": "x"},
        {"trials": [1]},
        {"scale": 1e400},
        {"models": []},
        {"study": "0" * 64},
        {"trials": []},
    ],
    ids=str,
)
def test_a_key_that_is_none_is_refused_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object]
) -> None:
    from bench.records import content_hash

    key = json.loads(target_studies.studies()[1].partition(b":")[2]) | changes
    fields = {name: value for name, value in key.items() if name not in {"format", "version", "study"}}
    if "study" not in changes and "scale" not in changes:
        key["study"] = content_hash(fields)
    (tmp_path / "key.json").write_text(json.dumps(key).replace("Infinity", "1e999"))
    (tmp_path / "a.json").write_bytes(target_studies.studies()[0].partition(b":")[2])
    status = preference.main(["score", str(tmp_path / "a.json"), "--key", str(tmp_path / "key.json")])
    said = capsys.readouterr()
    fine(said.out + said.err)
    assert status == (1 if changes == {"trials": []} else 2)


def test_a_third_partys_preference_result_is_refused_by_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.db").write_bytes(target_stores.database())
    sound = json.loads(target_studies.studies()[2].partition(b":")[2])
    for position, changes in enumerate(
        ({"pairs": [{}]}, {"n_votes": "\x1b"}, {"ranking": 5}, {"seed": 1e999}, {"x\x1b[2J": 1})
    ):
        file = tmp_path / f"{position}.json"
        file.write_text(json.dumps(sound | changes).replace("Infinity", "1e999"))
        arguments = [str(tmp_path / "r.db"), "--preference", str(file), "--out", str(tmp_path / "out")]
        assert report(arguments) == 2
        said = capsys.readouterr()
        fine(said.out + said.err)
        assert "preference result" in said.err


def test_names_of_files_that_no_terminal_can_print_are_no_defect(tmp_path: Path) -> None:
    """In a process of its own: what a terminal gets are bytes."""
    odd = os.fsencode(tmp_path) + b"/\xff\x1b[2J.db"
    command = [sys.executable, "-m", "bench.compare", odd, b"\xfe\n.db"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=300)
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.startswith(b"error: ")
    assert ran.stderr.count(b"\n") == 1
    assert b"\x1b" not in ran.stderr
