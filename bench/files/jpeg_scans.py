"""How many times a decoder goes over a JPEG: a few kilobytes can ask for hours of it."""

from __future__ import annotations

import re

SCAN, END = 0xDA, 0xD9
BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
# Among a scan's coded bytes 0xff is followed by 0, or by the number of a restart.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")


def scans(data: bytes) -> int:
    """Of the first picture in a JPEG file's bytes; what lies behind that picture does not count."""
    count, at = 0, 2
    while (found := MARKER.search(data, at)) and found[1][0] != END:
        count += found[1][0] == SCAN
        at = found.end()
        if found[1][0] not in BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    return count
