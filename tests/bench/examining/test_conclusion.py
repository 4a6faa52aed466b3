"""The doctor's last lines: what can run here, and which command gets what cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import doctor
from bench.data.cache import State
from bench.diagnostics.conclusion import EXTRAS, Extra, capabilities, conclusion
from bench.diagnostics.inventory import GroupReport, inventory


def all_in(state: State, *but: str) -> list[GroupReport]:
    """Every group with its files in a state; those in `but` are there."""
    return [
        replace(
            group,
            files=tuple(
                replace(file, state="present" if group.name in {"samples", *but} else state)
                for file in group.files
            ),
        )
        for group in inventory(verify=False)
    ]


def test_with_everything_there_one_line_says_so() -> None:
    (line,) = conclusion(all_in("present"), extras=())
    assert line.startswith("ready: ")
    assert "all 14 metrics" in line
    assert "loss networks vgg16, vgg19-conv3_1" in line


def test_with_nothing_there_what_needs_no_file_is_ready_and_one_command_gets_the_rest() -> None:
    ready, missing = conclusion(all_in("missing"), extras=())
    assert ready.startswith("ready: data sets samples; metrics psnr, ssim, ms-ssim, ")
    assert missing.startswith("missing files: data sets ")
    assert missing.endswith(". Run: python -m bench.doctor --fetch")


def test_a_group_that_is_missing_is_named_with_what_it_is_for() -> None:
    names = [group.name for group in inventory(verify=False) if group.name not in {"alexnet", "set14"}]
    _, missing = conclusion(all_in("missing", *names), extras=())
    assert missing == (
        "missing files: data sets set14; metrics lpips-alex. Run: python -m bench.doctor --fetch set14 alexnet"
    )


def test_damage_is_told_apart() -> None:
    names = [group.name for group in inventory(verify=False) if group.name != "niqe"]
    _, damaged = conclusion(all_in("damaged", *names), extras=())
    assert damaged == "damaged files: metrics niqe. Run: python -m bench.doctor --fetch niqe"


def test_packages_that_are_not_installed_are_one_command() -> None:
    absent = (
        Extra(name="a", module="no_such_a", use="this"),
        Extra(name="b", module="no_such_b", use="that"),
    )
    *_, line = conclusion(all_in("present"), extras=absent)
    assert line == "not installed: this (a), that (b). Run: pip install 'perceptual-bench[a,b]'"


def test_the_extras_are_those_of_the_package() -> None:
    from importlib import metadata

    known = set(metadata.metadata("perceptual-bench").get_all("Provides-Extra") or ())
    assert {extra.name for extra in EXTRAS} <= known


def test_what_can_be_named_on_a_command_line_is_covered() -> None:
    kinds = {each.kind for each in capabilities(inventory(verify=False))}
    assert kinds == {"data sets", "metrics", "models", "loss networks"}


def test_the_doctor_ends_with_it_in_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.main([])
    lines = capsys.readouterr().out.splitlines()
    at = len(lines) - 1 - lines[::-1].index("conclusion")
    assert lines[at + 1].startswith("  ready: ")
    assert len(lines) - at <= 5
