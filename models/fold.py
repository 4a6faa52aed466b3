"""Batch normalisation folded into the convolutions before it: the same values, fewer passes over memory."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.style_net import ConvNorm

Network = TypeVar("Network", bound=nn.Module)


def fold_batch_norm(net: Network) -> Network:
    """A copy of `net` without batch normalisation: the convolution of each :class:`ConvNorm` takes it over.

    Fold in float32 and change the dtype afterwards: the weights are divided by the running deviations.

    Raises:
        ValueError: `net` is in training mode, or has no batch normalisation to fold; instance normalisation
            depends on the image and cannot be folded.
    """
    if net.training:
        raise ValueError(
            "the network is in training mode, must be in that of eval(), whose statistics are constants"
        )
    folded = copy.deepcopy(net)
    blocks = [m for m in folded.modules() if isinstance(m, ConvNorm) and isinstance(m.norm, nn.BatchNorm2d)]
    if not blocks:
        raise ValueError(f"{type(net).__name__} has no batch normalisation, needs at least one to fold")
    for block in blocks:
        fold(block)
    return folded


def fold(block: ConvNorm) -> None:
    """Changes the block itself; its batch normalisation must be in eval mode."""
    assert isinstance(block.norm, nn.BatchNorm2d)
    transposed = isinstance(block.conv, nn.ConvTranspose2d)
    block.conv = fuse_conv_bn_eval(block.conv, block.norm, transpose=transposed)
    # Identity, so that ConvNorm.forward stays as it is.
    block.norm = nn.Identity()
