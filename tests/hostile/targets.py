"""What untrusted bytes are given to: each target draws cases, and checks one by running the code that reads it.

A case passes where it is read, or refused by a :class:`bench.errors.UserError` whose message is one line without a
control character. Everything else that comes out is a failure: shared by `test_fuzz.py` and :mod:`tests.hostile.fuzz`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.hostile import target_files, target_options, target_stores, target_studies


@dataclass(frozen=True, kw_only=True)
class Target:
    """A reader of untrusted bytes.

    Attributes:
        cases: an unsound file's bytes from a generator.
        check: reads them; raises where what comes out is not what is documented.
        sound: files that are read, to begin with.
    """

    cases: Callable[[random.Random], bytes]
    check: Callable[[bytes], None]
    sound: Callable[[], tuple[bytes, ...]]


TARGETS: Mapping[str, Target] = {
    "images": Target(
        cases=target_files.image_case, check=target_files.check_image, sound=target_files.images
    ),
    "manifest": Target(
        cases=target_files.manifest_case,
        check=target_files.check_manifest,
        sound=lambda: (target_files.manifest_text(),),
    ),
    "paper": Target(
        cases=target_files.paper_case,
        check=target_files.check_paper,
        sound=lambda: (target_files.paper_text(),),
    ),
    "options": Target(
        cases=target_options.option_case,
        check=target_options.check_option,
        sound=lambda: (b"net.onnx,range=255",),
    ),
    "weights": Target(
        cases=target_files.weights_case, check=target_files.check_weights, sound=target_files.weights
    ),
    "store": Target(
        cases=target_stores.store_case,
        check=target_stores.check_store,
        sound=lambda: (target_stores.database(),),
    ),
    "preference": Target(
        cases=target_studies.preference_case,
        check=target_studies.check_preference,
        sound=target_studies.studies,
    ),
}
