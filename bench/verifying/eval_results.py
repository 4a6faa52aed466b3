"""Verified values as evaluation results for models' pages on the Hugging Face Hub, by the exporter of `bench.export`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.data.datasets import dataset
from bench.exporting.config import Config as HubConfig
from bench.exporting.hub import Result, eval_results, results
from bench.records import untiled_hash
from bench.storage.reader import ResultsData
from bench.verifying.config import Claim
from bench.verifying.verdict import Candidate, Verdict

FOLDER = ".eval_results"
"""Where the Hub looks for them in a model's repository."""


def files(
    claims: Sequence[Claim], verdicts: Sequence[Verdict], contents: ResultsData, hub: HubConfig
) -> Mapping[Path, str]:
    """YAML by file: MODEL/.eval_results/NAME.yaml, so that MODEL can be copied into the repository of that model.

    Args:
        contents: the results file, with the scores that the verdicts are of.

    Returns:
        Of verified values alone, each with the protocol, or the convention on its images, that it holds under. What several
        claims print is there once, with all of them in its notes.
    """
    found: dict[str, dict[tuple[object, ...], Result]] = {}
    by_id = {claim.id: claim for claim in claims}
    for verdict in verdicts:
        if verdict.outcome != "verified" or verdict.found is None:
            continue
        claim, own = by_id[verdict.claim], verdict.found
        for result in _measured(claim, own, verdict.metric, contents, hub):
            key = (result.stem, result.metric.name)
            of_model = found.setdefault(own.model, {})
            printed = f"{claim.paper}: {verdict.printed}"
            if key in of_model:
                printed = f"{of_model[key].printed}, {printed}"
            of_model[key] = replace(result, value=own.value, printed=printed)
    return {
        Path(model) / FOLDER / name: text
        for model, of_model in found.items()
        for name, text in eval_results([*of_model.values()], hub).items()
    }


def _measured(
    claim: Claim, own: Candidate, metric: str, contents: ResultsData, hub: HubConfig
) -> Iterator[Result]:
    """The stored mean that a verdict is of; with a convention, what is known of the run that made its images."""
    scores = contents.scores
    of_version = scores[scores["model_hash"] == untiled_hash(own.model_hash)]
    export_config = replace(hub, model=own.model, datasets=[dataset(claim.dataset).name], metrics=[metric])
    for result in results(replace(contents, scores=of_version), export_config):
        if (result.scale, result.protocol) == (claim.scale, own.protocol):
            yield replace(result, convention=own.convention)
