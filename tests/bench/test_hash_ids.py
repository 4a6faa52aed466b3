"""A model's content hash is what stored scores are found by: moving its module must not change it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS

HASH_IDS = {
    "nearest": "baselines.interpolate:Interpolation",
    "bilinear": "baselines.interpolate:Interpolation",
    "bicubic": "baselines.bicubic:Bicubic",
    "lanczos": "baselines.interpolate:Interpolation",
    "srcnn-915": "baselines.srcnn:SRCNN",
    "srcnn-955": "baselines.srcnn:SRCNN",
    "sr-pixel": "models.sr_net:load_sr_net",
    "sr-pixel+match": "baselines.histogram:matched_sr_net",
    "sr-feature": "models.sr_net:load_sr_net",
    "sr-feature+match": "baselines.histogram:matched_sr_net",
    "sr-feature-vgg16": "models.sr_net:load_sr_net",
    "style-paper": "bench.stylizers:random_paper_network",
    "style-la_muse": "models.style_net:load_style_net",
    "style-starry_night": "models.style_net:load_style_net",
    "style-wave": "models.style_net:load_style_net",
    "style-composition_vii": "models.style_net:load_style_net",
    "style-johnson-candy": "models.johnson_onnx:load_johnson",
    "style-johnson-la_muse": "models.johnson_onnx:load_johnson",
    "style-johnson-mosaic": "models.johnson_onnx:load_johnson",
    "style-johnson-udnie": "models.johnson_onnx:load_johnson",
}
"""As results files of version 0.1 have them; a line is added for a new model, never changed."""


def test_hash_ids_are_those_that_results_files_have() -> None:
    assert {name: entry.hash_id for name, entry in {**UPSCALERS, **STYLIZERS}.items()} == HASH_IDS


@pytest.mark.parametrize("name", HASH_IDS)
def test_a_models_hash_does_not_depend_on_where_its_code_lies(name: str) -> None:
    entry = {**UPSCALERS, **STYLIZERS}[name]
    moved = replace(entry, target="somewhere.else:moved")
    assert moved.hash(4) == entry.hash(4)


def test_the_hash_of_nearest_is_what_it_was() -> None:
    assert UPSCALERS["nearest"].hash(4).startswith("51db402c")
