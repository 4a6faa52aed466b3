"""A protocol's hash names exactly what changes a number."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from bench.errors import UserError
from bench.protocols import PROTOCOLS, protocol
from bench.records import SRProtocol, content_hash

OTHER: dict[str, Any] = {
    "scale": 2,
    "colour": "y",
    "arithmetic": "float",
    "border": "replicate",
    "blur_sigma": 1.0,
    "quantize": False,
    "channel": "rgb",
    "shave": 0,
    "lr_sha256": "0" * 64,
}


def test_published_hashes_stay_what_they_are() -> None:
    """A change here makes every stored and printed number incomparable: it needs a line in CHANGELOG.md."""
    assert {name: protocol(name, 4).hash[:8] for name in PROTOCOLS} == {
        "johnson2016": "08821999",
        "srcnn2014": "9397cb08",
        "rgb": "937c786f",
        "johnson2016-blur": "d9e36c33",
        "spsr2020": "b5e91ef9",
    }


@pytest.mark.parametrize("field", OTHER)
def test_every_convention_changes_the_hash(field: str) -> None:
    base = protocol("johnson2016", 4)
    assert replace(base, **{field: OTHER[field]}).hash != base.hash


def test_the_cases_above_leave_out_only_the_name_and_what_has_one_value() -> None:
    assert {f.name for f in fields(SRProtocol)} - OTHER.keys() == {"name", "ssim_window", "mean"}


def test_the_name_does_not_change_the_hash() -> None:
    base = protocol("johnson2016", 4)
    assert replace(base, name="mine").hash == base.hash


def test_the_hash_does_not_depend_on_the_order_of_fields() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


def test_every_protocol_shaves_the_scale_but_the_one_whose_numbers_are_of_whole_images() -> None:
    for scale in (2, 3, 4, 8):
        assert {name: protocol(name, scale).shave for name in PROTOCOLS} == {
            "johnson2016": scale,
            "srcnn2014": scale,
            "rgb": scale,
            "johnson2016-blur": scale,
            "spsr2020": 0,
        }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 1}, "scale is 1, must be"),
        ({"shave": -1}, "shave must be at least 0"),
        ({"colour": "y", "channel": "rgb"}, "must be channel 'y'"),
    ],
)
def test_a_protocol_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(protocol("johnson2016", 4), **changes)


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match="johnson2016, srcnn2014, rgb"):
        protocol("psnr", 4)
