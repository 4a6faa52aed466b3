"""What a variant loses against plain float32, by hand; and where it is stored and shown."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.data import cache
from bench.timing import losses as module
from bench.timing.losses import losses, lpips_lost
from bench.timing.records import SpeedProtocol, Stopping
from bench.timing.rows import Row, record
from bench.timing.table import notes, sweeps
from bench.variants.sweep import FLOAT32, LATER_FACTS, Closeness, VariantFacts, facts, same_engine
from bench.variants.variant import Variant, parse_variant

GREY = torch.full((1, 3, 64, 64), 0.5)


@pytest.fixture
def no_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "state", lambda name, verify: "missing")


@pytest.mark.usefixtures("no_trunk")
def test_an_upscalers_loss_by_hand() -> None:
    found = losses(GREY + 0.2, GREY + 0.1, GREY)
    assert found["psnr_lost"] == pytest.approx(20 * math.log10(2), abs=1e-4)


@pytest.mark.usefixtures("no_trunk")
def test_a_stylizer_has_no_psnr_to_lose_and_a_missing_trunk_is_a_reason() -> None:
    assert losses(GREY + 0.1, GREY, None) == {
        "lpips_reason": "no LPIPS: weights/trunks/alexnet-features.safetensors is missing. "
        "Run: python -m bench.doctor --fetch alexnet"
    }


@pytest.mark.usefixtures("no_trunk")
def test_nan_loses_everything() -> None:
    assert losses(GREY * math.nan, GREY + 0.1, GREY)["psnr_lost"] == "inf"


@pytest.mark.usefixtures("no_trunk")
def test_a_truth_of_another_shape_gives_no_psnr() -> None:
    assert "psnr_lost" not in losses(GREY[:, :1], GREY[:, :1], GREY)


def test_lpips_is_lost_by_noise_and_not_by_nothing(real_data: Path) -> None:
    noise = 0.1 * torch.rand(GREY.shape, generator=torch.Generator().manual_seed(0))
    assert lpips_lost(GREY, GREY, GREY) == 0
    lost = lpips_lost(GREY + noise, GREY, GREY)
    assert isinstance(lost, float)
    assert lost > 0.01
    assert lpips_lost(GREY, GREY + noise, GREY) == pytest.approx(-lost)


def test_an_image_that_lpips_cannot_take_is_a_reason(real_data: Path) -> None:
    small, grey = GREY[..., :8, :8], GREY[:, :1]
    assert str(lpips_lost(small, small, small)).startswith("no LPIPS: ")
    assert str(lpips_lost(grey, grey, grey)).startswith("no LPIPS: ")
    assert lpips_lost(GREY * math.nan, GREY, GREY) == "no LPIPS: the image has NaN or infinity"


def test_memory_that_runs_out_for_lpips_costs_lpips_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory() -> Any:
        raise MemoryError

    monkeypatch.setattr(cache, "state", lambda name, verify: "present")
    monkeypatch.setattr(module, "lpips", no_memory)
    assert lpips_lost(GREY, GREY, GREY) == "no LPIPS: out of memory"


def facts_of(**later: Any) -> dict[str, Any]:
    plain = vars(facts(Closeness(max_abs=0.0, psnr=math.inf), FLOAT32, 0.5))
    return {name: value for name, value in (plain | later).items() if value is not None}


def row(word: str, variant: str, **later: Any) -> Row:
    return Row(
        method="m",
        size=64,
        variant=variant,
        device="cpu",
        weights="",
        rung=word,
        seconds=0.5,
        n=9,
        certificate={"form": facts_of(**later)},
    )


def test_a_sweep_has_columns_of_losses_where_a_step_has_them() -> None:
    plain = row("eager", "eager")
    (before,) = sweeps([plain])
    assert [column.head for column in before.columns][-1] == "build"
    upscaler = row("openvino+int8", "openvino+int8", psnr_lost=0.0123, lpips_lost=-0.00012)
    (table,) = sweeps([plain, upscaler, replace(plain, rung="graph", seconds=None, certificate=None)])
    assert [column.head for column in table.columns][-2:] == ["dB lost", "LPIPS lost"]
    assert [line[-2:] for line in table.rows] == [("", ""), ("0.012", "-0.0001"), ("", "")]
    (nothing,) = sweeps([plain, row("openvino", "openvino", psnr_lost=-0.0001, lpips_lost=-0.00001)])
    assert nothing.rows[1][-2:] == ("0.000", "0.0000")
    (stylizer,) = sweeps([plain, row("bfloat16", "bfloat16", lpips_lost="inf")])
    assert [column.head for column in stylizer.columns][-2:] == ["build", "LPIPS lost"]
    assert stylizer.rows[1][-1] == "inf"


def test_what_int8_was_calibrated_on_and_why_there_is_no_lpips_is_said_once() -> None:
    both = [
        row("openvino", "openvino", lpips_reason="no LPIPS: missing"),
        row(
            "openvino+int8",
            "openvino+int8",
            lpips_reason="no LPIPS: missing",
            calibration=["samples/camera", "samples/coins"],
        ),
    ]
    lines = list(notes(both))
    assert lines.count("m at 64: no LPIPS: missing") == 1
    assert "m at 64, openvino+int8: calibrated on samples/camera, samples/coins" in lines


def test_an_export_has_losses_only_where_there_are_some() -> None:
    assert not {"psnr_lost", "lpips_lost"} & record(row("eager", "eager")).keys()
    found = record(row("int8", "openvino+int8", psnr_lost=1.5, lpips_reason="no LPIPS: missing"))
    assert found["psnr_lost"] == 1.5
    assert "lpips_lost" not in found


def test_a_record_of_before_has_none_of_the_later_facts() -> None:
    assert not set(LATER_FACTS) & facts_of().keys()
    assert VariantFacts(**facts_of()).calibration is None


def test_a_timing_counts_for_the_versions_that_made_it() -> None:
    from tests.bench.variants.test_sweep import result

    old, new = result("eager", 1.0), result("openvino", 1.0)
    new.certificate["form"]["engine"] = {"openvino": "2"}
    assert same_engine(old, {})
    assert same_engine(new, {"openvino": "2"})
    assert not same_engine(new, {"openvino": "3"})
    assert not same_engine(old, {"openvino": "2"})
    assert same_engine(replace(old, certificate={}), {})


def test_variants_of_openvino_have_protocols_of_their_own_and_older_ones_keep_theirs() -> None:
    names = ("eager", "onnxruntime", "openvino", "openvino+bfloat16", "openvino+int8")
    hashes = {
        SpeedProtocol.of(parse_variant(name), size=64, threads=1, stopping=Stopping()).hash for name in names
    }
    assert len(hashes) == len(names)
    plain = SpeedProtocol.of(Variant(), size=64, threads=1, stopping=Stopping())
    assert plain.hash == SpeedProtocol(size=64, threads=1).hash
