"""Every rule of the verdicts, on values typed by hand."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench import preference, speed, sr_quality, style_quality, train
from bench.protocols import protocol
from bench.records import SpeedResult
from bench.statistics import mean_interval, ratio_interval
from reports.load.paper import ScoreTarget, cells, entries
from reports.load.results import Results
from reports.load.speeds import PublishedRun, machines, published_runs
from reports.parts import Verdict
from reports.verdicts.judging import judge, scoring
from tests.reports.results import group, results, timing
from tests.stores import MACHINE

GPU = {**MACHINE, "gpu": {"name": "Invented GPU"}, "device": "cuda:0"}
CELLS = {cell.id: cell for cell in cells()}


def verdict(
    name: str,
    found: Results,
    *,
    published: Sequence[PublishedRun] = (),
) -> Verdict:
    made = judge(found, published)
    return next(v for v in made if v.cell.id == name)


def around(mean: float) -> list[float]:
    """Five values whose mean is exactly that."""
    return [mean - 2, mean - 1, mean, mean + 1, mean + 2]


def psnr(model: str, mean: float) -> Results:
    return results(group({(model, "psnr"): around(mean)}))


def test_there_is_one_verdict_for_each_cell_in_the_papers_order() -> None:
    assert tuple(v.cell for v in judge(results(), ())) == cells()


def test_without_results_nothing_is_called_reproduced() -> None:
    made = judge(results(), ())
    assert {v.judgement for v in made} == {"not run", "not comparable", "cannot be reproduced"}
    assert all(v.ours is None and v.difference is None and not v.certificate for v in made)


@pytest.mark.parametrize(
    ("ours", "judgement"),
    [
        (28.43, "reproduced"),
        (28.44, "reproduced"),
        (28.42, "reproduced"),
        (28.4401, "off by"),
        (28.4199, "off by"),
        (30.0, "off by"),
    ],
)
def test_bicubic_is_reproduced_within_one_unit_of_the_last_digit_and_never_better(
    ours: float, judgement: str
) -> None:
    found = verdict("figure8.set5.bicubic.psnr", psnr("bicubic", ours))
    assert found.judgement == judgement
    assert found.ours == pytest.approx(ours)
    assert found.difference == pytest.approx(ours - 28.43)
    assert found.certificate == "c-bicubic-psnr"


@pytest.mark.parametrize(
    ("ours", "judgement"), [(28.41, "reproduced"), (29.0, "better"), (28.0, "off by"), (math.inf, "off by")]
)
def test_a_trained_network_may_be_better(ours: float, judgement: str) -> None:
    assert verdict("figure8.set5.sr-pixel.psnr", psnr("sr-pixel", ours)).judgement == judgement


@pytest.mark.parametrize(("ours", "judgement"), [(0.05, "better"), (0.09, "off by"), (0.0644, "reproduced")])
def test_less_is_better_where_the_metric_says_so(ours: float, judgement: str) -> None:
    found = results(group({("spsr", "lpips-alex"): [ours] * 5}))
    assert verdict("spsr2020.x4.set5.spsr.lpips-alex", found).judgement == judgement


@pytest.mark.parametrize(("ours", "judgement"), [(0.34073, "reproduced"), (0.3443, "off by")])
def test_lpips_of_bicubic_as_spsr_prints_it_is_judged_under_the_protocol_that_gives_it(
    ours: float, judgement: str
) -> None:
    cell = "spsr2020.x4.set5.bicubic.lpips-alex"
    found = results(group({("bicubic", "lpips-alex"): [ours] * 5}, rule=protocol("spsr2020", 4)))
    assert verdict(cell, found).judgement == judgement
    other = results(group({("bicubic", "lpips-alex"): [0.3407] * 5}))
    assert verdict(cell, other).judgement == "not run"


def test_srcnn_with_its_authors_weights_is_never_better() -> None:
    found = results(group({("srcnn-955", "psnr"): around(31.0)}, rule=protocol("srcnn2014", 4)))
    assert verdict("figure8.set5.srcnn-955.psnr", found).judgement == "off by"


def test_a_misprint_is_judged_by_what_it_means() -> None:
    images = tuple(f"image {i}" for i in range(14))
    found = results(group({("bicubic", "ssim"): [0.7030] * 14}, dataset="set14", images=images))
    made = verdict("figure8.set14.bicubic.ssim", found)
    assert made.judgement == "reproduced"
    assert made.difference == pytest.approx(-0.0001)


def test_what_cannot_be_had_still_stands_beside_ours() -> None:
    found = results(group({("bicubic", "psnr"): around(24.4)}, scale=8))
    made = verdict("figure9.set5.bicubic.psnr", found)
    assert made.judgement == "cannot be reproduced"
    assert made.difference == pytest.approx(0.6)
    assert "x8" in made.why


def test_what_cannot_be_had_names_the_command_that_gives_ours() -> None:
    made = verdict("figure9.set5.bicubic.psnr", results())
    assert made.judgement == "cannot be reproduced"
    assert made.command.startswith("python -m bench.sr_quality set5")


def test_a_mean_of_some_of_the_images_is_not_judged() -> None:
    found = results(group({("bicubic", "psnr"): [28.43, 28.43, 28.43, 28.43, None]}))
    made = verdict("figure8.set5.bicubic.psnr", found)
    assert (made.judgement, made.ours) == ("not run", None)
    assert "n = 4, must be all 5 images of set5" in made.why
    assert made.command


def test_only_the_same_definition_counts() -> None:
    rule = replace(protocol("johnson2016", 4), shave=2)
    found = results(group({("bicubic", "psnr"): around(28.43)}, rule=rule))
    assert verdict("figure8.set5.bicubic.psnr", found).judgement == "not run"


def test_the_name_of_a_protocol_does_not_matter() -> None:
    rule = replace(protocol("johnson2016", 4), name="mine")
    found = results(group({("bicubic", "psnr"): around(28.43)}, rule=rule))
    assert verdict("figure8.set5.bicubic.psnr", found).judgement == "reproduced"


def test_a_single_image_is_held_against_its_own_value_without_an_interval() -> None:
    found = results(group({("bicubic", "psnr"): [31.79, 1.0, 1.0, 1.0, 1.0]}))
    made = verdict("figure8.set5.baby.bicubic.psnr", found)
    assert (made.judgement, made.ours, made.interval) == ("reproduced", 31.79, None)


def test_the_network_is_judged_after_the_papers_post_processing_where_that_is_stored() -> None:
    plain, matched = around(30.0), around(28.4)
    both = results(group({("sr-pixel", "psnr"): plain, ("sr-pixel+match", "psnr"): matched}))
    made = verdict("figure8.set5.sr-pixel.psnr", both)
    assert (made.judgement, made.certificate) == ("reproduced", "c-sr-pixel+match-psnr")
    alone = verdict("figure8.set5.sr-pixel.psnr", results(group({("sr-pixel", "psnr"): plain})))
    assert alone.ours == pytest.approx(30.0)
    assert "without the paper's post-processing" in alone.why


def test_the_interval_is_that_of_the_mean() -> None:
    values = [22.1, 26.47, 30.19, 31.62, 31.79]
    made = verdict("figure8.set5.bicubic.psnr", results(group({("bicubic", "psnr"): values})))
    assert made.interval == mean_interval(values)


def test_commands_are_ones_that_the_programs_take() -> None:
    programs = {
        "bench.sr_quality": sr_quality,
        "bench.speed": speed,
        "bench.preference": preference,
        "bench.train": train,
        "bench.style_quality": style_quality,
    }
    lines = dict.fromkeys(v.command for v in judge(results(), ()) if v.command)
    assert "python -m bench.speed --sizes 256 512 1024" in lines
    assert "python -m bench.sr_quality set5 --models bicubic --scales 8 --protocol johnson2016" in lines
    for line in lines:
        _, _, program, *arguments = shlex.split(line)
        assert programs[program].parser().parse_args(arguments)


def test_a_network_without_weights_names_the_training_that_makes_them() -> None:
    made = verdict("figure9.bsd100.sr-feature.psnr", results())
    line = made.why.partition(": ")[2]
    args = train.parser().parse_args(shlex.split(line)[3:])
    assert (args.command, args.scale, args.loss) == ("sr", 8, "feature")


def test_the_command_asks_for_a_metric_that_is_not_a_default() -> None:
    target = next(e.target for e in entries() if e.cell.id == "spsr2020.x4.set5.bicubic.lpips-alex")
    assert isinstance(target, ScoreTarget)
    assert scoring(target).command.endswith("--protocol spsr2020 --metrics lpips-alex")


def test_a_model_that_nobody_registered_has_to_be_brought() -> None:
    made = verdict("rcan2018.x4.set5.rcan.psnr", results())
    assert (made.judgement, made.command) == ("not run", "")
    assert "add it with --models FILE,name=rcan" in made.why


def test_figure_5_is_not_comparable_but_where_its_curves_cross_can_be_run() -> None:
    assert verdict("figure5.256.ours", results()).judgement == "not comparable"
    made = verdict("figure5.256.crossing", results())
    assert made.judgement == "not run"
    assert made.command.startswith("python -m bench.style_quality --style la_muse")
    assert made.why == ""


@pytest.mark.parametrize(
    ("name", "ours", "near"),
    [
        ("table1.256.ours", 0.016, True),
        ("table1.256.ours", 0.0161, False),
        ("table1.256.speed-up-500", 1061.0, True),
        ("table1.256.speed-up-500", 1061.1, False),
        ("figure8.bsd100.bicubic.ssim", 0.6683, True),
        ("figure8.bsd100.bicubic.ssim", 0.682, False),
        ("figure8.set5.bicubic.psnr", math.inf, False),
    ],
)
def test_a_unit_is_one_of_the_last_digit_that_counts(name: str, ours: float, near: bool) -> None:
    assert CELLS[name].is_within_a_unit(ours) is near


def speeds(
    *, network: float = 0.01, iteration: float = 0.02, machine: Mapping[str, Any] = MACHINE
) -> list[SpeedResult]:
    return [
        timing("gatys", 256, [iteration] * 8, machine=machine),
        timing("style-paper", 256, [network] * 8, machine=machine),
    ]


def test_seconds_of_other_hardware_are_shown_and_not_judged() -> None:
    made = verdict("table1.256.gatys-100", results(timings=speeds()))
    assert made.judgement == "not comparable"
    assert made.ours == pytest.approx(2.0)
    assert made.difference is None
    assert made.why.startswith("not comparable: other hardware; invented, 2 cores")


def titan() -> dict[str, Any]:
    return {**GPU, "gpu": {**GPU["gpu"], "name": "NVIDIA GeForce GTX TITAN X"}}


def test_seconds_on_the_papers_hardware_are_a_factor_and_both_machines_are_named() -> None:
    found = results(timings=speeds(machine=titan()))
    made = verdict("table1.256.gatys-100", found)
    assert made.judgement == "better"
    assert made.ours == pytest.approx(2.0)
    assert made.difference == pytest.approx(2.0 / 3.17)
    assert "GTX TITAN X" in made.why
    assert "against GTX Titan X" in made.why
    assert made.certificate == "c-gatys-256"


def test_slower_is_off_by_its_factor() -> None:
    made = verdict("table1.256.ours", results(timings=speeds(network=0.15, machine=titan())))
    assert made.judgement == "off by"
    assert made.difference == pytest.approx(10.0)


def test_a_speed_up_is_the_ratio_on_one_machine() -> None:
    rows = speeds(network=0.01, iteration=0.02)
    made = verdict("table1.256.speed-up-500", results(timings=rows))
    assert made.ours == pytest.approx(500 * 0.02 / 0.01)
    assert made.judgement == "off by"
    ends = ratio_interval([0.01] * 8, [0.02] * 8)
    assert ends is not None
    assert made.interval == pytest.approx((500 * ends[0], 500 * ends[1]))


def test_no_ratio_is_one_of_two_machines() -> None:
    slow = timing("gatys", 256, [0.02] * 8)
    fast = timing("style-paper", 256, [0.01] * 8, machine=GPU)
    made = verdict("table1.256.speed-up-100", results(timings=[slow, fast]))
    assert (made.judgement, made.ours) == ("not run", None)


def test_threads_are_part_of_the_machine() -> None:
    slow = timing("gatys", 256, [0.02] * 8, threads=1)
    fast = timing("style-paper", 256, [0.01] * 8, threads=2)
    assert len(machines(results(timings=[slow, fast]), ())) == 2


def test_a_gpu_goes_before_a_cpu_and_stored_times_before_published_ones() -> None:
    rows = [*speeds(), *speeds(machine=GPU)]
    found = machines(results(timings=rows), published_runs())
    assert [bool(m.origin) for m in found] == sorted(bool(m.origin) for m in found)
    assert found[0].name == "Invented GPU, torch 2.15.0"
    assert found[1].name == "invented, 2 cores, torch 2.15.0"


def test_where_nothing_is_stored_the_published_run_is_judged_and_named() -> None:
    made = verdict("table1.512.ours", results(), published=published_runs())
    assert made.ours is not None
    assert made.ours > 0
    assert made.judgement == "not comparable"
    assert "reference run shipped with the suite, speed-" in made.why


def test_the_published_cpu_run_is_read_as_it_was_written() -> None:
    run = next(run for run in published_runs() if run.name == "speed-cpu-xeon-2.5ghz.json")
    machine = machines(results(), [run])[0]
    assert machine.name == "Intel Xeon 2.50GHz (AVX512), 2 cores, torch 2.15.0"
    found = machine.gatys(256, 500)
    assert found is not None
    assert found.row.seconds == pytest.approx(255.97, abs=0.01)
    assert found.row.extrapolated_from == 36
    assert machine.network_name == "style-paper"


def test_whole_runs_are_summed_not_multiplied() -> None:
    rows = [timing("gatys", 256, [0.01 * (1 + i % 2) for i in range(500)], whole_run=True), *speeds()[1:]]
    made = verdict("table1.256.gatys-100", results(timings=rows))
    assert made.ours == pytest.approx(100 * 0.015)
    assert "multiplied" not in made.why
