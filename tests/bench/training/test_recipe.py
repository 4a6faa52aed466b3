"""Recipes, presets and the options made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import UserError
from bench.train import parser
from bench.training.recipe import PRESETS, Recipe, SRSettings, build


def test_every_field_of_a_recipe_is_an_option_and_presets_hold_only_fields() -> None:
    known = {*vars(parser().parse_args(["sr", "--data", "x", "--out", "y"]))}
    fields = set(Recipe.__dataclass_fields__) | set(SRSettings.__dataclass_fields__)
    assert fields <= known
    assert set(PRESETS["sr"]["strong"]) <= fields


def test_what_is_given_goes_before_the_preset_and_the_preset_before_the_default() -> None:
    strong = PRESETS["sr"]["strong"]
    recipe = build(Recipe, strong, {"batch": 2, "patch": None, "flips": False, "precision": "bf16"})
    assert (recipe.batch, recipe.patch, recipe.flips) == (2, strong["patch"], False)
    assert build(Recipe, PRESETS["sr"]["paper"], {}) == Recipe()


def test_a_recipe_never_says_auto() -> None:
    assert {preset["strong"]["precision"] for preset in PRESETS.values()} == {"auto"}
    with pytest.raises(UserError, match=r"precision must be one of: float32, bf16 \(got 'auto'\)"):
        build(Recipe, PRESETS["sr"]["strong"], {})
    asked = ["sr", "--data", "x", "--out", "y", "--precision"]
    assert [parser().parse_args([*asked, word]).precision for word in ("auto", "bf16")] == ["auto", "bf16"]


def test_patches_are_turned_as_flips_and_mirror_say_and_the_two_exclude_each_other() -> None:
    assert [Recipe(flips=f, mirror=m).turns for f, m in ((False, False), (False, True), (True, False))] == [
        (0,),
        (0, 2),
        (0, 1, 2, 3, 4, 5, 6, 7),
    ]
    with pytest.raises(UserError, match=r"mirror must be off with flips, which mirror too \(got True\)"):
        build(Recipe, PRESETS["style"]["strong"], {"mirror": True, "precision": "float32"})


def test_the_paper_preset_is_the_papers() -> None:
    recipe, settings = Recipe(), SRSettings()
    assert (recipe.patch, recipe.batch, recipe.iterations, recipe.learning_rate) == (288, 4, 200_000, 1e-3)
    assert (settings.blur_sigma, settings.loss_network, settings.loss_layer) == (1.0, "vgg16", "relu2_2")


def test_the_learning_rate_rises_and_falls_as_a_cosine() -> None:
    recipe = Recipe(iterations=100, schedule="cosine", warmup=9, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-3
    assert set(map(replace(recipe, schedule="constant", warmup=0).learning_rate_at, range(5))) == {1.0}
