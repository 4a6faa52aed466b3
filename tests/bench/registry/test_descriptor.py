"""What a model needs is stated by the model and read in one place; the tables say no other minimum than the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from baselines.bicubic import Bicubic
from baselines.histogram import Matched
from baselines.interpolate import Interpolation
from bench import registry
from bench.data import cache
from bench.interfaces import Requirements, requirements
from bench.registry import catalog
from bench.tiling.tiles import Tiled, tiled
from bench.variants.build import transformed
from bench.variants.variant import parse_variant
from models.style_net import StyleNet

ROOT = Path(registry.__file__).parents[2]
TABLE = [
    name for name in catalog.names() if not name.startswith(("srcnn", "style-johnson"))
]  # need no download


class Eights:
    """Says that it takes sides that are multiples of 8, and 16 pixels at least; any number of channels."""

    scale, channels, multiple, minimum = 2, None, 8, 16

    def __call__(self, lr: torch.Tensor) -> torch.Tensor:
        assert lr.shape[-1] % 8 == 0
        return lr.repeat_interleave(2, -1).repeat_interleave(2, -2)


def test_what_a_model_does_not_state_is_the_default() -> None:
    assert requirements(object()) == Requirements()
    assert requirements(nn.Conv2d(3, 3, 3)) == Requirements()


def test_what_a_model_states_is_read() -> None:
    assert requirements(Eights()) == Requirements(channels=None, multiple=8, minimum=16)
    assert requirements(Interpolation(scale=2, kernel="box")).tiles_exactly
    assert not requirements(Interpolation(scale=2, kernel="triangle")).tiles_exactly
    tiles = Tiled(upscaler=Eights())
    assert (tiles.multiple, tiles.minimum) == (8, 16)


def test_of_an_upscaler_with_an_unbounded_field_the_one_inside_is_tiled() -> None:
    matched = Matched(upscaler=Bicubic(scale=2))
    assert requirements(matched).receptive_field == "unbounded"
    inside = tiled(matched, 16)
    assert isinstance(inside, Matched)
    assert isinstance(inside.upscaler, Tiled)


def test_the_layers_of_a_network_that_casts_itself_are_cast_and_no_others() -> None:
    assert {p.dtype for p in transformed(StyleNet().eval(), parse_variant("bfloat16")).parameters()} == {
        torch.bfloat16
    }
    assert {p.dtype for p in transformed(nn.Conv2d(3, 3, 3), parse_variant("bfloat16")).parameters()} == {
        torch.float32
    }


@pytest.mark.parametrize("name", TABLE)
def test_the_table_has_the_minimum_that_the_network_states(name: str) -> None:
    model = catalog.load(name, scale=4, device=torch.device("cpu"), find=cache.find)
    assert model.requirements == requirements(model.network)


@pytest.mark.parametrize(
    "module",
    ["bench.interfaces", *(f"bench.registry.{part}" for part in ("spec", "external", "catalog"))],
)
def test_finding_a_model_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
