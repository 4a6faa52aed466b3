"""Networks of the NTIRE challenges on efficient super-resolution, as `adapter.py:NAME` for `bench.sr_quality --models`.

NAME is `eYEAR_ENTRY_NAME`, with the name that the repository gives the entry, in lower case: `e24_23_safmnpp`;
`m1` is entry -1. A checkout of each repository is named by an environment variable, see challenges.py and README.md.

The bytes of this file are part of every network's hash: with any change to it all scores and times that are published
belong to other networks. What may be rewritten stands in challenges.py.
"""

import re

import challenges

VERSION = "1"
LABEL = re.compile(r"e(?P<year>22|24|25)_(?P<entry>m?\d+)_(?P<name>\w+)")


def __getattr__(label):
    found = LABEL.fullmatch(label)
    if found is None:
        raise AttributeError(f"{label}: must be eYEAR_ENTRY_NAME, as e24_23_safmnpp")

    def make():
        return challenges.Entry(found["year"], int(found["entry"].replace("m", "-")), found["name"])

    return make
