"""The images that static quantisation is calibrated on: photographs of no benchmark set, which scikit-image installs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float

from baselines.bicubic import imresize
from bench.data import images
from bench.data.datasets import dataset

Images = Float[torch.Tensor, "n c h w"]

DATASET = "samples"
# All of it but the photograph that variants are compared and timed on (bench.timing.workloads.PHOTOGRAPH).
CALIBRATION = ("camera", "chelsea", "coffee", "coins", "motorcycle_left", "rocket")


def calibration_images(example: Images) -> Iterator[Images]:
    """The images of :data:`CALIBRATION` in the shape of `example`, values in [0, 1].

    Each is cut in its middle to the aspect ratio of `example`, then resized, as the photograph of a timing is.
    """
    n, channels, h, w = example.shape
    by_stem = {image.stem: image for image in dataset(DATASET).images}
    for stem in CALIBRATION:
        image = cut(images.to_tensor(images.load(by_stem[stem]).pixels), h, w)
        if image.shape[1] != channels:
            image = image.mean(dim=1, keepdim=True)
        yield imresize(image, (h, w)).clamp(0, 1).expand(n, channels, h, w).contiguous()


def cut(image: Images, h: int, w: int) -> Images:
    """The largest rectangle of the ratio h:w in the middle of an image."""
    height, width = image.shape[-2:]
    across = min(width, max(1, round(height * w / h)))
    down = min(height, max(1, round(width * h / w)))
    top, left = (height - down) // 2, (width - across) // 2
    return image[..., top : top + down, left : left + across]
