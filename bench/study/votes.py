"""Files of answers to the votes that count: refused files, merged workers, attention checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError
from bench.study.answers import Answer, read_answers
from bench.study.key import Study, Trial
from bench.study.result import RefusedFile


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Someone who answered.

    Attributes:
        answers: by trial, attention checks among them.
        contradictions: trials that several files of this worker answer differently; none of those counts.
        right: attention checks answered rightly, of the `caught` that were answered.
        kept: answered enough of the attention checks rightly.
    """

    name: str
    answers: Mapping[str, Answer]
    contradictions: tuple[str, ...]
    right: int
    caught: int
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer of a kept worker to a trial that is none to catch: which model was chosen, was it shown first."""

    trial: str
    model: str
    first: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Votes:
    """What the files came to."""

    votes: tuple[Vote, ...]
    workers: tuple[Worker, ...]
    refused: tuple[RefusedFile, ...]


def votes(files: Sequence[Path], study: Study, *, least_right: float) -> Votes:
    """Read all files; one that is not sound costs itself alone.

    The files of one worker are merged, in whatever order they come: the same answer twice is one, and of a trial
    that they answer differently none counts. A worker is dropped who answered less than `least_right` (0 to 1) of
    the attention checks rightly, or none of them although the study has some.
    """
    trials = {trial.id: trial for trial in study.trials}
    given: dict[str, list[Answer]] = {}
    refused = []
    study_hash = study.hash
    for file in dict.fromkeys(files):
        try:
            found = read_answers(file, study_hash, trials)
        except UserError as error:
            refused.append(RefusedFile(file=str(file), reason=str(error)))
            continue
        given.setdefault(found.worker, []).extend(found.answers)
    workers = tuple(_worker(name, given[name], trials, least_right) for name in sorted(given))
    return Votes(
        votes=tuple(vote for worker in workers if worker.kept for vote in _counted(worker, trials)),
        workers=workers,
        refused=tuple(refused),
    )


def _worker(name: str, answers: Sequence[Answer], trials: Mapping[str, Trial], least_right: float) -> Worker:
    choices: dict[str, set[str]] = {}
    for answer in answers:
        choices.setdefault(answer.trial, set()).add(answer.choice)
    # Of equal choices the quickest, so that the order of the files does not matter.
    ordered = sorted(answers, key=lambda answer: (answer.seconds, answer.first), reverse=True)
    clear = {answer.trial: answer for answer in ordered if len(choices[answer.trial]) == 1}
    catches = [answer for answer in clear.values() if trials[answer.trial].right is not None]
    right = sum(answer.choice == trials[answer.trial].right for answer in catches)
    # Of those that were answered: whoever stops early is judged by the checks that were met.
    proven = right >= least_right * len(catches) and bool(catches)
    return Worker(
        name=name,
        answers=clear,
        contradictions=tuple(sorted(trial for trial, found in choices.items() if len(found) > 1)),
        right=right,
        caught=len(catches),
        kept=proven or all(trial.right is None for trial in trials.values()),
    )


def _counted(worker: Worker, trials: Mapping[str, Trial]) -> list[Vote]:
    return [
        Vote(
            trial=answer.trial,
            model=trials[answer.trial].pictures[answer.choice],
            first=answer.choice == answer.first,
            seconds=answer.seconds,
        )
        for answer in worker.answers.values()
        if trials[answer.trial].right is None
    ]
