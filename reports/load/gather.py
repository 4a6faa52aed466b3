"""From the raw values of results files to the records of :mod:`reports.load.results`: grouped, ordered, with provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records import HR, MetricInfo, SpeedResult, SRProtocol, map_file
from bench.storage.reader import ResultsData, StoredRun
from bench.timing.validation import validate_timing
from reports.load.gather_styles import style_groups
from reports.load.image_files import is_image_file, is_map
from reports.load.provenance import provenance_of
from reports.load.results import SHORT, SOURCES, Group, Provenance, Results, anchor

if TYPE_CHECKING:
    import pandas as pd

METRIC_ORDER = (
    "psnr",
    "ssim",
    "ms-ssim",
    "lpips-alex",
    "lpips-vgg",
    "lpips-squeeze",
    "feature-relu2_2",
    "feature-vgg19-relu2_2",
    "dists",
    "dists-256",
    "gmsd",
    "haarpsi",
    "vif-p",
    "niqe",
)
MAPPED = ("ssim", "lpips-alex", "lpips-vgg", "lpips-squeeze")
OF_THE_FORM = "of the form"
"""How exact it is and how long it took to build: a provenance record calls it `form`, as the report the form itself."""
UNKNOWN_METRIC = {"about": "", "unit": "", "decimals": 4, "higher_is_better": True}


def gather(contents: ResultsData) -> Results:
    """Group, order and time_work what was read.

    Of a model whose weights or code changed, the values of the newest run count, and a note says so.
    """
    notes: list[str] = []
    groups = tuple(_groups(contents, notes))
    styles = style_groups(contents, notes)
    timings = tuple(
        (
            stored.result,
            _provenance_of_timing(
                stored.result,
                validate_timing(stored.result, stored.store).protocol,
                contents.runs[stored.store, stored.run],
            ),
        )
        for stored in contents.timings
    )
    facts = {digest: dict(environment.facts) for digest, environment in contents.environments.items()}
    if len(facts) > 1:
        notes.append(
            f"The results were made on {len(facts)} machines or sets of versions; times of different ones are never "
            "compared."
        )
    return Results(
        stores=contents.stores,
        groups=groups,
        timings=timings,
        environments=facts,
        notes=tuple(notes),
        styles=styles,
    )


def _groups(contents: ResultsData, notes: list[str]) -> Iterator[Group]:
    scores = contents.scores
    keys = sorted(
        {(row.dataset, row.scale, row.protocol_hash) for row in _distinct(scores)},
        key=lambda key: (
            key[1],
            contents.protocols[key[2]].name != "johnson2016",  # False sorts first
            _dataset_order(key[0]),
            key[2],
        ),
    )
    for dataset, _, digest in keys:
        own, of_hr = (
            part[(part["dataset"] == dataset) & (part["protocol_hash"] == digest)]
            for part in (scores, contents.of_hr)
        )
        newest = _newest(of_hr, contents, notes) if len(of_hr) else of_hr
        yield _group(contents, dataset, contents.protocols[digest], _newest(own, contents, notes), newest)


def _distinct(scores: pd.DataFrame) -> Iterator[Any]:
    columns = ["dataset", "scale", "protocol_hash"]
    return scores[columns].drop_duplicates().itertuples(index=False)


def _dataset_order(name: str) -> tuple[int, str]:
    known = ("set5", "set14", "bsd100")
    return (known.index(name) if name in known else len(known), name)


def _model_order(scores: pd.DataFrame) -> list[str]:
    """Worse mean PSNR first, over the given scores; models without PSNR last, by name."""
    # Without infinite values, one of which would put its model last whatever the others are.
    psnr = scores[(scores["metric"] == "psnr") & (scores["value"] != float("inf"))]
    means = psnr.groupby("model", observed=True)["value"].mean().sort_values(kind="stable")
    rest = sorted(set(scores["model"].unique()) - set(means.index))
    return [*means.index, *rest]


def _newest(own: pd.DataFrame, contents: ResultsData, notes: list[str]) -> pd.DataFrame:
    """Of each model and metric the values of one content alone, and of each image one: those of the newest run."""
    # Ages are tuples; pandas sorts and compares their ranks.
    oldest_first = sorted(_run_keys(own), key=lambda key: contents.runs[key].age)
    ages = {key: age for age, key in enumerate(oldest_first)}
    keys = zip(own["store"].astype(str), own["run"].astype(int), strict=True)
    aged = own.assign(age=[ages[key] for key in keys]).sort_values("age", kind="stable")
    column = aged.groupby(["model", "metric"], observed=True)
    newest = aged[
        (aged["model_hash"].astype(str) == column["model_hash"].transform("last").astype(str))
        & (aged["metric_version"].astype(str) == column["metric_version"].transform("last").astype(str))
    ]
    # An image whose file changed is there twice, by two hashes.
    kept = newest.drop_duplicates(["model", "metric", "image"], keep="last")
    if len(kept) < len(aged):
        where = f"{aged['dataset'].iloc[0]} x{aged['scale'].iloc[0]}"
        notes.append(
            f"{where}: {len(aged) - len(kept)} values of older weights, metrics or images skipped; the newest run's count"
        )
    return kept


def _run_keys(part: pd.DataFrame) -> set[tuple[str, int]]:
    return set(zip(part["store"].astype(str), part["run"].astype(int), strict=True))


def _group(
    contents: ResultsData,
    dataset: str,
    protocol: SRProtocol,
    own: pd.DataFrame,
    of_hr: pd.DataFrame,
) -> Group:
    # observed: names are categories of the whole file, most of which a group has not.
    values = own.pivot_table(
        index="image", columns=["model", "metric"], values="value", observed=True, sort=True
    )
    pictures, lost = _pictures(contents, dataset, protocol, own)
    return Group(
        id=f"{anchor(dataset)}-x{protocol.scale}-{protocol.hash[:SHORT]}",
        dataset=dataset,
        protocol=protocol,
        models=tuple(_model_order(own)),
        images=tuple(values.index),
        metrics=tuple(_metrics(contents, own)),
        values=values,
        provenance=dict(_provenance(contents, protocol, own)),
        pictures=pictures,
        lost_images=lost,
        maps=_maps(contents, dataset, protocol, pictures),
        of_hr={
            str(metric): dict(zip(part["image"].astype(str), map(float, part["value"]), strict=True))
            for metric, part in of_hr[of_hr["image"].isin(values.index)].groupby("metric", observed=True)
        },
    )


def _metrics(contents: ResultsData, own: pd.DataFrame) -> list[MetricInfo]:
    pairs = {
        (row.metric, row.metric_version)
        for row in own[["metric", "metric_version"]].drop_duplicates().itertuples()
    }
    found = [
        # Files of older versions describe no metrics.
        contents.metrics.get(pair) or MetricInfo(name=pair[0], version=pair[1], **UNKNOWN_METRIC)  # type: ignore[arg-type]
        for pair in pairs
    ]
    return sorted(found, key=lambda m: (METRIC_ORDER.index(m.name) if m.name in METRIC_ORDER else 99, m.name))


def _pictures(
    contents: ResultsData, dataset: str, protocol: SRProtocol, own: pd.DataFrame
) -> tuple[dict[tuple[str, str], Path], int]:
    """Those of the contents that were scored; a picture that was overwritten by other weights is not shown."""
    pictures = contents.pictures
    mine = pictures[(pictures["dataset"] == dataset) & (pictures["protocol_hash"] == protocol.hash)]
    hashes = set(own[["model", "model_hash"]].drop_duplicates().itertuples(index=False, name=None))
    columns = (mine[name].astype(str) for name in ("image", "model", "model_hash", "file"))
    found = {
        (image, model): Path(file)
        for image, model, model_hash, file in zip(*columns, strict=True)
        if model in SOURCES or (model, model_hash) in hashes  # hr and lr have no scores
    }
    there = {key: file for key, file in found.items() if is_image_file(file)}
    return there, len(found) - len(there)


def _maps(
    contents: ResultsData, dataset: str, protocol: SRProtocol, pictures: Mapping[tuple[str, str], Path]
) -> dict[tuple[str, str, str], Path]:
    """Of pictures whose pixels, and those of HR, are the ones that a map beside them names."""
    own = contents.pictures
    mine = own[(own["dataset"] == dataset) & (own["protocol_hash"] == protocol.hash)]
    columns = (mine[name].astype(str) for name in ("image", "file", "pixels_sha256"))
    pixels = {(image, file): digest for image, file, digest in zip(*columns, strict=True)}
    found = {}
    for (image, model), picture in pictures.items():
        hr = pictures.get((image, HR))
        if model in SOURCES or hr is None:
            continue
        digests = {"sr": pixels.get((image, str(picture)), ""), "hr": pixels.get((image, str(hr)), "")}
        for metric in MAPPED:
            file = map_file(picture, metric)
            if all(digests.values()) and is_map(file, {"metric": metric, **digests}):
                found[image, model, metric] = file
    return found


def _provenance(
    contents: ResultsData, protocol: SRProtocol, own: pd.DataFrame
) -> Iterator[tuple[tuple[str, str], Provenance]]:
    for (model, metric), part in own.groupby(["model", "metric"], observed=True):
        yield (
            (str(model), str(metric)),
            provenance_of(
                subject=str(model),
                subject_hash=str(part["model_hash"].iloc[0]),
                protocol=protocol.name,
                protocol_hash=protocol.hash,
                definition=protocol.definition,
                runs=(contents.runs[key] for key in _run_keys(part)),
                extra={"metric": metric, "version of the metric": str(part["metric_version"].iloc[0])},
            ),
        )


def _provenance_of_timing(result: SpeedResult, definition: Mapping[str, Any], run: StoredRun) -> Provenance:
    # What has a field of its own in a report's provenance record, or in the row: `timing` holds the repetitions.
    known = {"protocol", "protocol_hash", "environment", "environment_hash", "timing"}
    return provenance_of(
        subject=result.subject,
        subject_hash=result.subject_hash,
        protocol="speed",
        protocol_hash=result.protocol_hash,
        definition=definition,
        runs=(run,),
        extra={
            "form": result.variant,
            "size": result.size,
            **{
                OF_THE_FORM if key == "form" else key: value
                for key, value in result.certificate.items()
                if key not in known
            },
        },
    )
