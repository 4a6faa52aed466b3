from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.data import cache, manifest, shipped, styles
from bench.errors import MissingFile, UserError
from bench.registry import catalog, stylizers
from models.weight_files import read_weights

CPU = torch.device("cpu")
LAYERS = ("content_layers", "style_layers")
RELEASED = [name for name in stylizers.STYLIZERS if name.startswith("style-johnson-")]
TRAINED = [f"style-{style}" for style in stylizers.TRAINED]


def photograph(h: int, w: int) -> torch.Tensor:
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(0))


def test_listing_the_table_loads_no_torch() -> None:
    program = "import bench.registry.stylizers, bench.registry.catalog, sys; sys.exit('torch' in sys.modules)"
    root = Path(stylizers.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_every_weights_file_is_in_the_manifest_or_the_package_and_every_hash_differs() -> None:
    entries = stylizers.STYLIZERS.values()
    weights = [entry.weights for entry in entries if entry.weights]
    assert all(name in manifest.files() or shipped.path(name).is_file() for name in weights)
    assert len({entry.hash() for entry in entries}) == len(stylizers.STYLIZERS)
    assert all(name == entry.name for name, entry in stylizers.STYLIZERS.items())


def test_an_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(
        UserError,
        match=r"'style-nope' .did you mean 'style-paper'\?.; there are: style-paper, .*style-johnson-candy",
    ):
        catalog.load_stylizer("style-nope", cache.find, CPU)
    with pytest.raises(UserError, match=r"'nope'; there are: style-paper, .*srcnn-955"):
        catalog.kind("nope")


def test_missing_weights_are_named() -> None:
    with pytest.raises(MissingFile, match=r"candy\.onnx"):
        catalog.load_stylizer("style-johnson-candy", missing, CPU)


def missing(name: str) -> Path:
    raise MissingFile(f"{name} is not here")


def test_random_weights_say_so_and_are_the_same_each_time() -> None:
    assert catalog.stylizer_entry("style-paper").weights_text == "random weights, seed 0"
    image = photograph(48, 56)
    state = torch.random.get_rng_state()
    one, two = (catalog.load_stylizer("style-paper", cache.find, CPU) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(one(image), two(image))


def test_the_random_network_is_the_papers_with_statistics_to_fold() -> None:
    network = catalog.load_stylizer("style-paper", cache.find, CPU)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 15
    assert not network.training
    assert all(
        norm.running_var is not None and not torch.allclose(norm.running_var, torch.ones(1)) for norm in norms
    )
    assert network(photograph(64, 64)).std() > 0.05


@pytest.mark.parametrize("name", TRAINED)
def test_our_networks_need_no_file_from_elsewhere_and_say_what_they_were_trained_for(name: str) -> None:
    network = catalog.load_stylizer(name, missing, CPU)
    stylized = network(photograph(45, 62))
    assert stylized.shape == (1, 3, 45, 62)
    assert 0 <= stylized.min() < stylized.max() <= 1
    entry = catalog.stylizer_entry(name)
    file = shipped.path(str(entry.weights))
    record, card = read_weights(file)[0], file.with_suffix(".md").read_text(encoding="utf-8")
    assert (record["style"], record["loss_network"]) == (entry.style, entry.loss_network)
    assert card.startswith(f"# {file.stem}\n")
    assert f"| steps | {record['iterations']} |" in card


@pytest.mark.parametrize("name", TRAINED)
def test_what_our_networks_were_trained_for_is_what_is_measured_by_default(
    name: str, real_data: Path
) -> None:
    entry = catalog.stylizer_entry(name)
    trained = json.loads(read_weights(shipped.path(str(entry.weights)))[0]["objective"])
    measured = styles.protocol(
        styles.style_image(entry.style), 256, loss_network=entry.loss_network
    ).definition
    assert {**measured, "size": trained["size"]} == {**trained, **{k: tuple(trained[k]) for k in LAYERS}}


@pytest.mark.parametrize("name", RELEASED)
def test_the_authors_networks_are_stylizers_of_any_size(name: str, real_data: Path) -> None:
    model = catalog.load(name, scale=4, device=CPU)
    image = photograph(45, 62)
    before = image.clone()
    stylized = model.network(image)
    assert stylized.shape == image.shape
    assert stylized.dtype == image.dtype
    assert torch.equal(image, before)
    assert (model.kind, model.scale, model.requirements.minimum) == ("stylizer", 1, 41)
    two = torch.cat([image, image.flip(-1)])
    assert torch.allclose(model.network(two)[:1], stylized, atol=1e-4)
