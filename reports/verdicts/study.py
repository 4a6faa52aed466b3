"""The verdict on the paper's user study, by a preference study of ours; and on numbers that nothing here can give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.protocols import protocol
from reports.load.paper import Entry
from reports.parts import Judgement, Verdict

NETWORKS = ("sr-feature+match", "sr-feature")
RIVAL = "srcnn-955"
DATASET, SCALE, PROTOCOL = "bsd100", 4, "johnson2016"
COMMAND = f"python -m bench.preference build {RIVAL} {NETWORKS[0]} --dataset {DATASET} --out study"


def judge_study(entry: Entry, preferences: Sequence[Mapping[str, Any]]) -> Verdict:
    """The first study of the same models, data set and protocol counts."""
    if entry.cannot:
        return Verdict(cell=entry.cell, judgement="not comparable", why=entry.cannot)
    found = next(_shares(preferences), None)
    if found is None:
        return Verdict(
            cell=entry.cell,
            judgement="not run",
            why="no study of these models was given with --preference",
            command=COMMAND,
        )
    ours, why = found
    return Verdict(
        cell=entry.cell,
        judgement=_judgement(entry, ours),
        ours=ours,
        difference=ours - entry.cell.value,
        why=why,
    )


def _judgement(entry: Entry, ours: float) -> Judgement:
    if entry.cell.is_within_a_unit(ours):
        return "reproduced"
    return "better" if ours > entry.cell.value else "off by"


def _shares(preferences: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, str]]:
    """Per cent of the images on which a majority prefers the network, and by how many workers."""
    wanted = (DATASET, protocol(PROTOCOL, SCALE).hash)
    for study in preferences:
        if (study["dataset"], study["protocol_hash"]) != wanted:
            continue
        for pair in study["pairs"]:
            # A study may name the two models in either order.
            for network, rival, share in (
                (pair["a"], pair["b"], "share_a"),
                (pair["b"], pair["a"], "share_b"),
            ):
                if network in NETWORKS and rival == RIVAL and pair[share] is not None:
                    words = f"{study['n_workers']} workers, {pair['images']} images, {network}"
                    yield 100 * pair[share], words
