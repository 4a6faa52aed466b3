"""The numbers on a card are those that a results file holds for just these weights."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.data import shipped
from bench.errors import UserError
from bench.registry import catalog, stylizers
from bench.training import card_scores
from tests.stores import fill, fill_styles, style_protocol

STYLE = next(iter(stylizers.TRAINED))
NETWORK = shipped.path(f"shipped/style-{STYLE}.safetensors")
PIXEL = shipped.path("shipped/sr-pixel-x4.safetensors")


def test_a_style_networks_card_has_a_row_for_each_size_with_what_it_equals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"style-{STYLE}"
    monkeypatch.setattr(card_scores, "subjects", lambda weights: {(name, f"hash of {name}")})
    for size in (512, 256):
        fill_styles(tmp_path / "r.db", style_protocol(size=size), networks={name: 1 / 6, "style-other": 0.5})
    head, *rows = card_scores.table(NETWORK, tmp_path / "r.db")
    assert head[:4] == ("model", "data set", "size", "n")
    assert [row[:4] for row in rows] == [(name, "coco50", "256", "3"), (name, "coco50", "512", "3")]
    assert [row[6:] for row in rows] == [("6.0", "59")] * 2  # 10 / (1 + 59) of the content's


@pytest.mark.parametrize("file", [NETWORK, PIXEL])
def test_numbers_of_other_weights_are_not_taken(file: Path, tmp_path: Path) -> None:
    fill_styles(tmp_path / "r.db", style_protocol(), networks={f"style-{STYLE}": 0.5})
    fill(tmp_path / "r.db", levels={"sr-pixel": 1.0})
    with pytest.raises(
        UserError, match=r"holds nothing of .* with these weights; needs a run of bench.sr_quality"
    ):
        card_scores.table(file, tmp_path / "r.db")


def test_a_file_is_that_of_every_model_made_of_it(tmp_path: Path) -> None:
    assert card_scores.subjects(NETWORK) == {
        (f"style-{STYLE}", catalog.stylizer_entry(f"style-{STYLE}").hash())
    }
    found = {name: catalog.upscaler_entry(name).hash(4) for name in ("sr-pixel", "sr-pixel+match")}
    assert card_scores.subjects(PIXEL) == set(found.items())
    (tmp_path / "other.safetensors").write_bytes(b"other")
    with pytest.raises(UserError, match="is of no registered model; must be a file that the package ships"):
        card_scores.subjects(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=re.escape(repr(str(tmp_path / "none")))):
        card_scores.subjects(tmp_path / "none")
