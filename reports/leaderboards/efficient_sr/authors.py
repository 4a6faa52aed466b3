"""Networks of their authors' own repositories, as `authors.py:NAME` for `bench.sr_quality --models` and for claims.

NAME is `imdn`, `pan` or `carn_m`, each for x2, x3 and x4. An environment variable names a checkout of each repository: see
author_repositories.py and README.md.

The bytes of this file are part of every network's hash: with any change to it all scores and times that are published
belong to other networks. What may be rewritten stands in author_repositories.py.
"""

from author_repositories import Network

VERSION = "1"


def imdn(scale: int = 4) -> Network:
    """IMDN (Hui et al. 2019)."""
    return Network("imdn", scale)


def pan(scale: int = 4) -> Network:
    """PAN (Zhao et al. 2020)."""
    return Network("pan", scale)


def carn_m(scale: int = 4) -> Network:
    """CARN-M (Ahn et al. 2018)."""
    return Network("carn_m", scale)
