"""Weights in the package: found without a cache, of the scale that they are named for, each with a card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.data import shipped
from bench.registry import catalog, upscalers
from models.weight_files import read_weights

SHIPPED = [
    (entry.name, scale)
    for entry in upscalers.UPSCALERS.values()
    for scale, name in entry.weights.items()
    if shipped.is_shipped(name)
]


def refuse(name: str) -> Path:
    raise AssertionError(name)


@pytest.mark.parametrize(("model", "scale"), SHIPPED)
def test_a_network_in_the_package_needs_no_file_from_elsewhere(model: str, scale: int) -> None:
    network = catalog.load_upscaler(model, scale, refuse, torch.device("cpu"))
    lr = torch.rand(1, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    assert network(lr).shape == (1, 3, 7 * scale, 9 * scale)


@pytest.mark.parametrize(("model", "scale"), SHIPPED)
def test_its_card_says_what_the_file_says(model: str, scale: int) -> None:
    file = shipped.path(catalog.upscaler_entry(model).weights[scale])
    record, card = read_weights(file)[0], file.with_suffix(".md").read_text(encoding="utf-8")
    assert record["scale"] == str(scale)
    assert card.startswith(f"# {file.stem}\n")
    assert f"| steps | {record['iterations']} |" in card


@pytest.mark.parametrize(("model", "scale"), SHIPPED)
def test_its_bytes_are_part_of_its_hash(model: str, scale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.upscaler_entry(model)
    before = entry.hash(scale)
    monkeypatch.setattr(shipped, "sha256", lambda name: "other")
    assert entry.hash(scale) != before


def test_an_incomplete_installation_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="the file is missing in this installation"):
        shipped.path("shipped/none.safetensors")
