"""Training images: found, read once, held as uint8; patches are cut where the network is. No test image is among them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from baselines.bicubic import imresize
from bench.data import cache, datasets, images, manifest
from bench.data.datasets import SAMPLES
from bench.data.images import load
from bench.errors import ImageError, UserError
from bench.records import Dataset, ImageFile, content_hash

GROUP_PREFIX = "train-"
THREADS = 16

TEST_GROUPS = ("set5", "set14", "bsd100", "coco50", "contents")


@dataclass(frozen=True, kw_only=True)
class Images:
    """What a run is trained and validated on.

    Attributes:
        training: uint8, RGB, `3 h w` each, in the order of the files.
        validation: held out by the file's hash.
        sources: name of each folder or group, and how many of its images are used.
        skipped: a message for each file that is not used.
        hash: of the files' hashes, training and validation apart.
    """

    training: tuple[UInt8[Tensor, "3 h w"], ...]
    validation: tuple[UInt8[Tensor, "3 h w"], ...]
    sources: dict[str, int]
    skipped: tuple[str, ...]
    hash: str


@dataclass(frozen=True, kw_only=True)
class ReadImage:
    """One file: its pixels, or why it is not used."""

    source: str
    sha256: str = ""
    pixels: UInt8[Tensor, "3 h w"] | None = None
    reason: str = ""


def load_images(
    sources: Sequence[str], *, patch: int, validation_share: float, whole: bool = False
) -> Images:
    """Read every image of folders and of the manifest's groups `train-...`.

    Grey images become RGB. Files that cannot be read, that are smaller than a patch or that were there before
    are skipped and named.

    Args:
        whole: every image is squeezed into a patch, whatever its size and aspect (the paper's style networks).

    Raises:
        UserError: neither folder nor group, no image that can be used, or a test image among them.
    """
    found = [list_images(source) for source in dict.fromkeys(sources)]
    wanted = [(data.name, image) for data in found for image in data.images]
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        read = list(pool.map(lambda item: read_one(item[0], item[1], patch, whole=whole), wanted))
    check_no_test_images({r.sha256: file.file for r, (_, file) in zip(read, wanted, strict=True)})
    used: dict[str, ReadImage] = {}
    skipped = [line for data in found for line in datasets.left_out(data)]
    skipped += [r.reason for r in read if r.pixels is None]
    for r, (_, file) in zip(read, wanted, strict=True):
        # Of files with the same bytes the first counts, in the order of the sources.
        if r.pixels is not None and used.setdefault(r.sha256, r) is not r:
            skipped.append(f"{file.file!r} is there twice")
    return divided(used, tuple(skipped), validation_share, patch)


def divided(used: dict[str, ReadImage], skipped: tuple[str, ...], share: float, patch: int) -> Images:
    """Training and validation apart: the share of hashes that are lowest."""
    # The hash's first 32 bits, as a share of all there are: other files in the folder change nothing.
    validation = [r for r in used.values() if int(r.sha256[:8], 16) < share * 2**32]
    training = [r for r in used.values() if int(r.sha256[:8], 16) >= share * 2**32]
    if not training:
        raise UserError(
            f"no image can be trained on ({len(skipped)} skipped{first(skipped)}); "
            f"needs at least one of {patch}x{patch} pixels"
        )
    hashes = {"training": [r.sha256 for r in training], "validation": [r.sha256 for r in validation]}
    return Images(
        training=tuple(r.pixels for r in training if r.pixels is not None),
        validation=tuple(r.pixels for r in validation if r.pixels is not None),
        sources={name: sum(r.source == name for r in used.values()) for name in sources_of(used)},
        skipped=skipped,
        hash=content_hash(hashes),
    )


def first(skipped: Sequence[str]) -> str:
    """The first message, for the end of an error; empty without any."""
    return f", the first: {skipped[0]}" if skipped else ""


def sources_of(used: dict[str, ReadImage]) -> list[str]:
    """The sources that have a used image, in the order of their images."""
    return list(dict.fromkeys(r.source for r in used.values()))


def list_images(source: str) -> Dataset:
    """A source's images: a folder's, or those of a group of the manifest called `train-...`."""
    if source.startswith(GROUP_PREFIX) and source in manifest.groups():
        files = manifest.group(source).files
        listed = tuple(ImageFile(stem=f.name, file=str(cache.find(f.name))) for f in files)
        return Dataset(name=source, images=listed, source=source)
    if not Path(source).is_dir():
        groups = ", ".join(name for name in manifest.groups() if name.startswith(GROUP_PREFIX))
        raise UserError(f"no folder is called {source!r}; must be a folder of images, or one of: {groups}")
    return datasets.dataset(os.path.abspath(source))  # noqa: PTH100 (links stay as they were given)


def read_one(source: str, image: ImageFile, patch: int, *, whole: bool) -> ReadImage:
    """One file; `whole`: as one square of the size of a patch. What cannot be used has a reason in place of pixels."""
    try:
        loaded = load(image)
    except ImageError as error:
        return ReadImage(source=source, reason=str(error))
    pixels = downscaled(loaded.pixels, patch) if whole else loaded.pixels
    h, w, _ = pixels.shape
    if min(h, w) < patch:
        reason = f"{image.file!r} must be at least {patch}x{patch} (got {w}x{h})"
        return ReadImage(source=source, sha256=loaded.sha256, reason=reason)
    # expand: grey has one plane, which becomes three. Contiguous, since `cut` counts pixels in memory.
    planes = torch.from_numpy(pixels).permute(2, 0, 1).expand(3, -1, -1).contiguous()
    return ReadImage(source=source, sha256=loaded.sha256, pixels=planes)


def downscaled(pixels: UInt8[np.ndarray, "h w c"], side: int) -> UInt8[np.ndarray, "s s c"]:
    """The whole image as a square."""
    return images.to_array(imresize(images.to_tensor(pixels), (side, side)))


class Patches:
    """Random patches, the same for the same seed and step whatever the device and the number of processes.

    Nothing is remembered between steps, so a run goes on from a step as if it had never stopped. Every image
    is used once before one is used again.

    Args:
        turns: how a patch may be turned, all equally often: 0 not at all; of its bits 1 mirrors top and bottom, 2 left and
            right, 4 transposes.
        device: where the images lie and the patches are cut.
    """

    def __init__(
        self,
        images: Sequence[UInt8[Tensor, "3 h w"]],
        *,
        patch: int,
        batch: int,
        seed: int,
        turns: Sequence[int],
        device: torch.device,
    ) -> None:
        self.patch, self.batch, self.seed, self.turns = patch, batch, seed, np.array(turns)
        self.sizes = np.array([image.shape[1:] for image in images])
        self.starts = np.cumsum([0, *(image.numel() for image in images)])[:-1]
        # All images in one tensor, whatever their sizes: a batch is one indexing, without a loop.
        self.flat = torch.cat([image.flatten() for image in images]).to(device)

    def chosen(self, step: int) -> Int[np.ndarray, "batch 6"]:
        """Start and size of each patch's image, its top and left, and how it is turned (0 for not at all)."""
        # For the whole batch in every process, which then takes its slice: patches do not depend on their number.
        rng = np.random.default_rng((self.seed, step))
        image = self.order(np.arange(step * self.batch, (step + 1) * self.batch))
        size = self.sizes[image]
        corner = rng.integers(0, size - self.patch + 1)
        turn = self.turns[rng.integers(0, len(self.turns), self.batch)]
        return np.column_stack([self.starts[image], size, corner, turn])

    def order(self, samples: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """The image of each sample: a new shuffle for each pass through all of them."""
        # A batch may end one pass and begin the next.
        passes, place = np.divmod(samples, len(self.sizes))
        # The 1 keeps the stream of pass p apart from that of step p in `chosen`.
        shuffles = {
            p: np.random.default_rng((self.seed, p, 1)).permutation(len(self.sizes)) for p in set(passes)
        }
        return np.array([shuffles[p][i] for p, i in zip(passes, place, strict=True)])

    def __call__(self, step: int, rank: int = 0, world: int = 1) -> Float[Tensor, "n 3 p p"]:
        """The patches of process `rank` of `world` in step `step`, float32 in [0, 1]."""
        share = self.batch // world
        mine = torch.from_numpy(self.chosen(step)[rank * share : (rank + 1) * share])
        return self.cut(mine.to(self.flat.device, non_blocking=True)).float() / 255

    def cut(self, chosen: Int[Tensor, "n 6"]) -> UInt8[Tensor, "n 3 p p"]:
        """All at once, by the places of their pixels in memory."""
        start, height, width, top, left, turn = chosen.T[..., None, None]
        along = torch.arange(self.patch, device=chosen.device)
        down = torch.where(turn & 1 > 0, along.flip(0), along).mT
        across = torch.where(turn & 2 > 0, along.flip(0), along)
        # n p p, within a plane.
        index = (top + down) * width + left + across
        index = torch.where(turn & 4 > 0, index.mT, index)
        plane = torch.arange(3, device=chosen.device)[:, None, None] * (height * width)[:, None]
        return self.flat[start[:, None] + plane + index[:, None]]


def pixels_of(image: UInt8[Tensor, "3 h w"], device: torch.device) -> Float[Tensor, "1 3 h w"]:
    """One whole image, float32 in [0, 1]."""
    return image[None].to(device).float() / 255


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
