from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from bench import cache, manifest, participants, stylizers
from bench.errors import MissingFile, UserError

CPU = torch.device("cpu")
RELEASED = [name for name, entry in stylizers.STYLIZERS.items() if entry.weights]


def photograph(h: int, w: int) -> torch.Tensor:
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(0))


def test_listing_the_table_loads_no_torch() -> None:
    program = "import bench.stylizers, bench.participants, sys; sys.exit('torch' in sys.modules)"
    root = Path(stylizers.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_every_weights_file_is_in_the_manifest_and_every_hash_differs() -> None:
    entries = stylizers.STYLIZERS.values()
    assert all(entry.weights in manifest.files() for entry in entries if entry.weights)
    assert len({entry.hash for entry in entries}) == len(stylizers.STYLIZERS)
    assert all(name == entry.name for name, entry in stylizers.STYLIZERS.items())


def test_an_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(UserError, match=r"'style-nope'; there are: style-paper, style-johnson-candy"):
        stylizers.load("style-nope", cache.find, CPU)
    with pytest.raises(UserError, match=r"'nope'; there are: style-paper, .*srcnn-955"):
        participants.kind("nope")


def test_missing_weights_are_named() -> None:
    with pytest.raises(MissingFile, match=r"candy\.onnx"):
        stylizers.load("style-johnson-candy", missing, CPU)


def missing(name: str) -> Path:
    raise MissingFile(f"{name} is not here")


def test_random_weights_say_so_and_are_the_same_each_time() -> None:
    assert stylizers.entry("style-paper").weights_text == "random weights, seed 0"
    image = photograph(48, 56)
    state = torch.random.get_rng_state()
    one, two = (stylizers.load("style-paper", cache.find, CPU) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(one(image), two(image))


def test_the_random_network_is_the_papers_with_statistics_to_fold() -> None:
    network = stylizers.load("style-paper", cache.find, CPU)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 15
    assert not network.training
    assert all(
        norm.running_var is not None and not torch.allclose(norm.running_var, torch.ones(1)) for norm in norms
    )
    assert network(photograph(64, 64)).std() > 0.05


@pytest.mark.parametrize("name", RELEASED)
def test_the_authors_networks_are_stylizers_of_any_size(name: str, real_data: Path) -> None:
    participant = participants.load(name, scale=4, device=CPU)
    image = photograph(45, 62)
    before = image.clone()
    stylized = participant.network(image)
    assert stylized.shape == image.shape
    assert stylized.dtype == image.dtype
    assert torch.equal(image, before)
    assert (participant.kind, participant.scale, participant.minimum) == ("stylizer", 1, 41)
    two = torch.cat([image, image.flip(-1)])
    assert torch.allclose(participant.network(two)[:1], stylized, atol=1e-4)
