"""No training image is a test image, by the file's bytes; the tests compare ids and what images look like as well."""

from __future__ import annotations

from collections.abc import Mapping

from bench.data import manifest
from bench.data.datasets import SAMPLES
from bench.errors import UserError

TEST_GROUPS = ("set5", "set14", "bsd100", "coco50", "contents")


def hashes_of_test_images() -> dict[str, str]:
    """SHA-256 to name, for every test image: those of the manifest and scikit-image's."""
    pinned = {file.sha256: file.name for group in TEST_GROUPS for file in manifest.group(group).files}
    return pinned | {sha256: f"samples/{name}" for name, sha256 in SAMPLES.items()}


def check_no_test_images(files: Mapping[str, str]) -> None:
    """Refuse training files (SHA-256 to path) that are test images.

    Raises:
        UserError: names the first, and which test image it is.
    """
    known = hashes_of_test_images()
    for sha256, file in files.items():
        if sha256 in known:
            raise UserError(f"{file!r} is the test image {known[sha256]}; must be images that are not")
