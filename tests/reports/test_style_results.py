"""Stored objectives and pictures of style transfer, from the results file to groups, tables and verdicts."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import Environment, Run
from bench.registry.stylizers import STYLIZERS
from bench.storage.reader import read
from bench.storage.store import Store
from reports.content import build
from reports.load.gather import gather
from reports.load.objectives import all_series
from reports.load.results import Results
from reports.parts import Table, Verdict
from reports.tables.style import style_tables
from reports.verdicts.judging import judge
from reports.writers.text_tables import FORMATS
from tests.stores import MACHINE, fill, fill_styles, layer_protocol, style_protocol

NETWORKS = {"style-la_muse": 0.125, "style-johnson-la_muse": 0.25}
FIFTY = tuple(f"{k:03d}" for k in range(50))


def results_of(*files: Path) -> Results:
    return gather(read(list(files)))


def rows(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def crossing(found: Results, size: int = 256) -> Verdict:
    return next(v for v in judge(found, ()) if v.cell.id == f"figure5.{size}.crossing")


def test_a_group_holds_the_curves_of_every_subject_by_image(tmp_path: Path) -> None:
    rule = style_protocol()
    fill_styles(tmp_path / "r.db", rule, networks=NETWORKS, images=("b", "a"), pictures=tmp_path / "images")
    (group,) = results_of(tmp_path / "r.db").styles
    assert (group.dataset, group.protocol, group.purpose) == ("coco50", rule, "transfer")
    assert group.subjects == ("content", "gatys", "style-la_muse", "style-johnson-la_muse")
    assert [list(curves) for curves in group.curves.values()] == [["a", "b"]] * 4
    assert group.curves["style-la_muse"]["b"].total == (0.125e6,)
    assert {image for image, _ in group.pictures} == {"a", "b"}
    assert group.style_picture is not None
    assert group.lost_images == 0


def test_every_subject_has_a_provenance_record_that_the_report_lists(tmp_path: Path) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks=NETWORKS)
    found = results_of(tmp_path / "r.db")
    (group,) = found.styles
    certificate = group.provenance["gatys"]
    assert certificate.extra["iterations"] == 120
    assert certificate.runs[0].program == "style_quality"
    assert certificate.environment_hash in found.environments
    assert set(found.provenance) == {c.id for c in group.provenance.values()}
    assert len(found.provenance) == 4


def test_of_several_versions_of_a_subject_the_newest_runs_count(tmp_path: Path) -> None:
    rule = style_protocol()
    for version, share in (("2", 0.5), ("1", 0.25)):
        started = f"2026-01-0{version}T00:00:00+00:00"
        networks = {"style-la_muse": share}
        fill_styles(tmp_path / f"{version}.db", rule, networks=networks, version=version, started=started)
    (group,) = results_of(tmp_path / "2.db", tmp_path / "1.db").styles
    assert {c.subject_hash for c in group.curves["style-la_muse"].values()} == {"hash of style-la_muse2"}
    assert group.curves["style-la_muse"]["a"].total == (0.5e6,)
    assert len(group.curves["content"]) == 3


def test_a_store_from_before_there_were_curves_has_no_groups(tmp_path: Path) -> None:
    fill(tmp_path / "r.db", levels={"bicubic": 0.0})
    with sqlite3.connect(tmp_path / "r.db") as db:
        db.execute("drop table curves")
    db.close()
    found = results_of(tmp_path / "r.db")
    assert found.styles == ()
    assert list(style_tables(found)) == []
    assert crossing(found).judgement == "not run"


def test_a_curve_that_is_not_finite_or_empty_is_left_out_and_counted(tmp_path: Path) -> None:
    rule = style_protocol()
    fill_styles(tmp_path / "r.db", rule, networks={"style-la_muse": 0.1})
    with Store(tmp_path / "r.db") as store:
        run = store.start(
            Run(program="x", command=(), started="2026", environment=Environment(facts=MACHINE))
        )
        known = store.curves(dataset="coco50", protocol_hash=rule.hash)
        first, second = (c for c in known if c.subject == "gatys" and c.image in {"a", "b"})
        bad = [
            replace(first, terms={"total": (math.nan,)}),
            replace(second, terms={"total": ()}),
        ]
        store.add(run, curves=bad)
    found = results_of(tmp_path / "r.db")
    assert list(found.styles[0].curves["gatys"]) == ["c"]
    assert any("2 curves skipped, empty or not finite" in note for note in found.notes)


def test_pictures_that_are_gone_are_counted_and_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    fill_styles(tmp_path / "r.db", style_protocol(), networks={}, images=("a",), pictures=folder)
    for file in folder.rglob("*.png"):
        file.unlink()
    found = results_of(tmp_path / "r.db")
    assert found.styles[0].pictures == {}
    assert found.styles[0].style_picture is None
    assert found.styles[0].lost_images == 3
    assert any("3 images named in the results are missing" in note for note in found.notes)


def test_purposes_are_told_by_the_layers(tmp_path: Path) -> None:
    file = tmp_path / "r.db"
    for rule in (style_protocol(), layer_protocol("relu2_2"), layer_protocol("relu1_2", style="wave")):
        fill_styles(file, rule, networks={}, dataset="mine")
    assert [g.purpose for g in results_of(file).styles] == ["transfer", "inversion", "reconstruction"]
    assert len(all_series(results_of(file))) == 1


def test_the_papers_style_comes_first_and_names_differ(tmp_path: Path) -> None:
    file = tmp_path / "r.db"
    fill_styles(file, style_protocol("candy"), networks={}, images=tuple("abcdef"))
    fill_styles(file, style_protocol("la_muse", 512), networks={})
    fill_styles(file, style_protocol("la_muse", 256), networks={})
    fill_styles(file, style_protocol("la_muse", 256, loss_network="vgg19-conv3_1"), networks={})
    found = all_series(results_of(file))
    assert [s.protocol.style for s in found] == ["la_muse", "la_muse", "candy"]
    assert [p.size for s in found if s.protocol.loss_network == "vgg16" for p in s.panels] == [256, 512, 256]
    assert len({s.name for s in found}) == 3
    assert found[0].name == "la-muse"


def test_the_table_compares_networks_content_and_optimisation(tmp_path: Path) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks=NETWORKS)
    (table,) = style_tables(results_of(tmp_path / "r.db"))
    assert table.id == "objective-la-muse"
    content, ours, released, gatys = rows(table)
    # The optimisation is at 10 / (1 + i) of the content: an eighth after 79 iterations, a quarter after 39; 0.1 s each.
    assert content == ["256", "content", "1100000", "100000", "1", "", "", "", "", "3"]
    assert ours == ["256", "style-la_muse", "137500", "12500", "8", "79.0", "7.90", "0.0100", "790", "3"]
    assert released[5:9] == ["39.0", "3.90", "0.0100", "390"]
    assert gatys[1] == "gatys, 120 iterations"
    assert gatys[7] == "12.0"
    assert all(row[2].certificate for row in table.rows)


def test_a_level_that_is_never_reached_is_said_to_be_beyond(tmp_path: Path) -> None:
    networks = {"style-la_muse": 0.01}
    fill_styles(tmp_path / "r.db", style_protocol(), networks=networks, iterations=20)
    (table,) = style_tables(results_of(tmp_path / "r.db"))
    assert rows(table)[1][5:9] == ["> 20", "", "0.0100", ""]


@pytest.mark.parametrize("iterations", [None, 0])
def test_without_iterations_there_is_no_crossing(tmp_path: Path, iterations: int | None) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks=NETWORKS, images=("a",), iterations=iterations)
    found = results_of(tmp_path / "r.db")
    (table,) = style_tables(found)
    assert rows(table)[1] == ["256", "style-la_muse", "125000", "", "8", "", "", "0.0100", "", "1"]
    assert crossing(found).judgement == "not run"


def test_times_of_different_machines_make_no_factor(tmp_path: Path) -> None:
    rule = style_protocol()
    other = {**MACHINE, "cpu": {"model": "another", "cores_allowed": 64}}
    fill_styles(tmp_path / "1.db", rule, networks={})
    fill_styles(tmp_path / "2.db", rule, networks=NETWORKS, iterations=None, machine=other)
    (table,) = style_tables(results_of(tmp_path / "1.db", tmp_path / "2.db"))
    assert rows(table)[1][5:9] == ["79.0", "7.90", "0.0100", ""]
    assert any("different machines" in note for note in table.notes)


def test_another_commit_of_the_suite_is_the_same_machine(tmp_path: Path) -> None:
    rule = style_protocol()
    later = {**MACHINE, "suite": {"version": "0.2.0", "commit": "1" * 40}}
    fill_styles(tmp_path / "1.db", rule, networks={})
    fill_styles(tmp_path / "2.db", rule, networks=NETWORKS, iterations=None, machine=later)
    (table,) = style_tables(results_of(tmp_path / "1.db", tmp_path / "2.db"))
    assert rows(table)[1][8] == "790"


def test_names_from_anywhere_stay_in_their_cells(tmp_path: Path) -> None:
    name = "<b>|&%$_{}\\ 名"
    fill_styles(tmp_path / "r.db", style_protocol(name), networks={name: 0.1}, images=(name,), dataset=name)
    (table,) = style_tables(results_of(tmp_path / "r.db"))
    assert rows(table)[1][1] == name
    for write in FORMATS.values():
        assert "nan" not in write(table).lower()


@pytest.mark.parametrize(
    ("share", "judgement"), [(0.125, "reproduced"), (0.05, "better"), (0.25, "off by"), (0.101, "reproduced")]
)
def test_between_50_and_100_iterations_are_the_papers_claim(
    tmp_path: Path, share: float, judgement: str
) -> None:
    networks = {"style-la_muse": share}
    fill_styles(tmp_path / "r.db", style_protocol(), networks=networks, images=FIFTY, iterations=250)
    found = results_of(tmp_path / "r.db")
    made = crossing(found)
    assert made.judgement == judgement
    assert made.ours == pytest.approx(10 / share - 1, abs=0.1)
    assert made.difference == pytest.approx((made.ours or 0) - 75)
    assert made.certificate in found.provenance
    assert "style-la_muse, median of 50 contents, loss network vgg16" in made.why


@pytest.mark.parametrize(
    ("share", "judgement"), [(0.125, "undertrained"), (0.25, "undertrained"), (0.05, "better")]
)
def test_a_shipped_network_that_saw_less_than_the_papers_is_undertrained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, judgement: str
) -> None:
    fill_styles(
        tmp_path / "r.db", style_protocol(), networks={"style-la_muse": share}, images=FIFTY, iterations=250
    )
    stored = results_of(tmp_path / "r.db")
    (group,) = stored.styles
    digest = group.provenance["style-la_muse"].subject_hash
    monkeypatch.setattr(type(STYLIZERS["style-la_muse"]), "hash", lambda *_: digest)
    made = crossing(stored)
    assert made.judgement == judgement
    assert ("of the pixels of the paper's training" in made.why) == (judgement == "undertrained")


def test_more_iterations_than_were_run_are_better_where_enough_were(tmp_path: Path) -> None:
    networks = {"style-la_muse": 0.01}
    for iterations, judgement in ((101, "better"), (90, "not run")):
        file = tmp_path / f"{iterations}.db"
        fill_styles(file, style_protocol(), networks=networks, images=FIFTY, iterations=iterations)
        made = crossing(results_of(file))
        assert (made.judgement, made.ours) == (judgement, None)
        assert f"not reached within {iterations} iterations" in made.why


def test_some_of_the_contents_or_another_style_are_not_judged(tmp_path: Path) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks=NETWORKS, images=FIFTY[:49])
    made = crossing(results_of(tmp_path / "r.db"))
    assert made.judgement == "not run"
    assert made.why == "n = 49, must be all 50 contents of coco50"
    fill_styles(tmp_path / "s.db", style_protocol("candy"), networks={"style-candy": 0.1}, images=FIFTY)
    assert crossing(results_of(tmp_path / "s.db")).why == ""


def test_the_summary_says_where_the_optimisation_overtakes_the_network(tmp_path: Path) -> None:
    for size in (256, 1024):
        fill_styles(tmp_path / "r.db", style_protocol(size=size), networks=NETWORKS, images=FIFTY)
    sentences = build(results_of(tmp_path / "r.db"), []).summary
    wanted = "L-BFGS matches the network after 79 iterations at 256 and 79 iterations at 1024; the paper says"
    assert any(wanted in sentence for sentence in sentences)


def test_our_network_is_judged_before_the_authors(tmp_path: Path) -> None:
    networks = {"style-la_muse": 0.2, "style-johnson-la_muse": 0.125}
    fill_styles(tmp_path / "r.db", style_protocol(), networks=networks, images=FIFTY)
    made = crossing(results_of(tmp_path / "r.db"))
    assert made.why.startswith("style-la_muse,")
    assert crossing(results_of(tmp_path / "r.db"), 512).judgement == "not run"


def test_the_papers_absolute_objectives_are_not_comparable_with_ours_there(tmp_path: Path) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks=NETWORKS, images=FIFTY)
    made = {v.cell.id: v for v in judge(results_of(tmp_path / "r.db"), ())}
    for column in ("content", "ours", "lbfgs-100"):
        verdict = made[f"figure5.256.{column}"]
        assert verdict.judgement == "not comparable"
        assert "unpublished" in verdict.why
