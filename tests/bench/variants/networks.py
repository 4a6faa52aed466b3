"""Small networks, and what a variant makes of them."""

from __future__ import annotations

import torch
from torch import nn

from baselines.bicubic import imresize
from bench.variants.build import build
from bench.variants.variant import parse_variant


class Small(nn.Module):
    """Two convolutions with weights of a usual size, quick to compile."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 3, 5, padding=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.last(torch.relu(self.first(image))))


class Enlarging(nn.Module):
    """Bicubic enlargement by 4: its output has another size than its input."""

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return imresize(lr, 4)


def photograph(h: int = 48, w: int = 60) -> torch.Tensor:
    return torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(0))


def output(network: nn.Module, name: str, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return build(network, parse_variant(name), image).call(image)
