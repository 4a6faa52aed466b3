"""Answers, keys and results of preference studies, as a third party may make them."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

from bench.protocols import protocol
from bench.records import content_hash
from bench.storage import reader as contents
from bench.study.answers import FORMAT
from bench.study.images import StudyImages
from bench.study.key import Study, Trial, read_key
from bench.study.plan import plan
from bench.study.result import read_result
from bench.study.score import score
from bench.study.votes import votes
from tests.hostile.mutate import changed, damaged, json_text
from tests.hostile.reading import folder, refusing, written
from tests.stores import fill

ANSWERS, KEY, RESULT = b"answers:", b"key:", b"result:"


@functools.cache
def study() -> Study:
    """Two models on three images, with an attention check."""
    place = folder() / "study"
    fill(place / "r.db", levels={"x": 0.0, "y": 1.0}, images="abc", pictures=place)
    rows = contents.read([place / "r.db"]).pictures
    files: dict[str, dict[str, Path]] = {}
    for image, model, file in zip(rows["image"], rows["model"], rows["file"], strict=True):
        files.setdefault(image, {})[model] = Path(file)
    rule = protocol("johnson2016", 4)
    hashes = {"x": "1", "y": "2"}
    return plan(
        StudyImages(dataset="set5", protocol=rule, models=hashes, files=files, missing=()), attention_checks=1
    ).study


def answers() -> dict[str, Any]:
    """What the page saves for an attentive worker."""

    def entry(trial: Trial) -> dict[str, Any]:
        names = list(trial.pictures)
        return {"trial": trial.id, "choice": trial.right or names[0], "first": names[0], "seconds": 1.5}

    given = [entry(trial) for trial in study().trials]
    return {"format": FORMAT, "version": 1, "study": study().hash, "worker": "ann", "answers": given}


@functools.cache
def studies() -> tuple[bytes, ...]:
    """A file of answers, a key and a result, each behind a word that says which it is."""
    study().write_key(folder() / "key.json")
    given = json_text(answers())
    found = votes([written(given, "answers.json")], study(), least_right=0.8)
    score(study(), found, least_right=0.8, n_files=1, seed=0).write(folder() / "result.json")
    return (
        ANSWERS + given,
        KEY + (folder() / "key.json").read_bytes(),
        RESULT + (folder() / "result.json").read_bytes(),
    )


def preference_case(draw: random.Random) -> bytes:
    """Bytes damaged, or parts replaced; of half of the keys the hash is that of what they hold."""
    sort, _, content = draw.choice((studies()[0], *studies())).partition(b":")
    if draw.random() < 0.25:
        return sort + b":" + damaged(content, draw)
    value = changed(json.loads(content), draw)
    if sort + b":" == KEY and isinstance(value, dict) and draw.random() < 0.6:
        fields = {name: part for name, part in value.items() if name not in {"format", "version", "study"}}
        try:
            value["study"] = content_hash(fields)
        except ValueError:
            value["study"] = ""
    return sort + b":" + json_text(value)


def check_preference(content: bytes) -> None:
    sort, _, rest = content.partition(b":")
    file = written(rest, "third-party.json")
    if sort + b":" == KEY:
        with refusing():
            found = read_key(file)
            assert all(trial.right is None or trial.right in trial.pictures for trial in found.trials)
            assert found.hash
            votes([], found, least_right=0.8)
        return
    if sort + b":" == RESULT:
        with refusing():
            again = folder() / "again.json"
            read_result(file).write(again)
        return
    counted = votes([file], study(), least_right=0.8)
    assert len(counted.refused) + len(counted.workers) == 1
    for refused in counted.refused:
        assert refused.reason.isprintable(), ascii(refused.reason)
    if len(content) % 16 == 0:  # which takes long
        score(study(), counted, least_right=0.8, n_files=1, seed=0).write(folder() / "again.json")
