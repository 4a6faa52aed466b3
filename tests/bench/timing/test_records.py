"""What is timed has one hash each."""

from __future__ import annotations

from dataclasses import replace

from bench.timing.records import SpeedProtocol, Stopping
from bench.variants.variant import Variant, parse_variant


def test_what_changes_what_is_timed_changes_the_hash_and_older_hashes_stay() -> None:
    plain = SpeedProtocol(size=256, threads=2)
    assert len({plain.hash, replace(plain, spread=True).hash, replace(plain, fast=True).hash}) == 3
    assert not {"spread", "fast"} & plain.definition.keys()
    for name in ("channels_last", "folded", "spread", "bfloat16", "compiled", "graph", "onnxruntime"):
        made = SpeedProtocol.of(parse_variant(name), size=256, threads=2, stopping=Stopping())
        assert made.hash != SpeedProtocol.of(Variant(), size=256, threads=2, stopping=Stopping()).hash, name
