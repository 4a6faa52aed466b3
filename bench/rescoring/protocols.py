"""The protocols of a results file, read back from their definitions, and which of them pictures are enough for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.files.typed import typed
from bench.records import SRProtocol
from bench.storage.sound_rows import checked, definition, sound

if TYPE_CHECKING:
    from bench.store import Store


def protocols(store: Store) -> dict[str, SRProtocol]:
    """Those of super-resolution, by hash.

    Raises:
        StoreError: one is not what its hash says.
    """
    columns, rows = store.table("protocols")
    found = {}
    with sound(store.file, "protocols"):
        for row in checked(store.file, "protocols", columns, rows):
            fields = dict(zip(columns, row, strict=True))
            defined = definition(fields["definition"])
            if "style_layers" in defined:
                continue
            rule = typed(SRProtocol, {**defined, "name": fields["name"]}, "a protocol")
            if rule.hash != fields["hash"]:
                raise ValueError(
                    f"hash is {fields['hash'][:8]}, required {rule.hash[:8]}, that of its definition"
                )
            found[rule.hash] = rule
    return found


def refusal(protocol: SRProtocol) -> str:
    """Why its pictures are not what was measured; empty where they are, to the last bit.

    A picture holds 8-bit pixels. hr has no others: it is a file's, or under a luma-first protocol the rounded luma of
    :func:`bench.prepare.to_luma`. sr has no others where the protocol rounds it before it is measured.
    """
    if protocol.quantize:
        return ""
    return (
        f"protocol {protocol.name} measures sr as it is, and a picture holds it rounded to 8 bits: its values would be "
        "others than those of bench.sr_quality"
    )
