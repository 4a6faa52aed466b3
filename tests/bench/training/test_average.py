"""The average of the weights."""

from __future__ import annotations

import torch
from torch import nn

from bench.training.average import average_of, update_average


def test_the_average_follows_weights_and_batch_statistics() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    average = average_of(network)
    with torch.no_grad():
        network[0].weight.add_(1)
        network[1].running_mean.add_(1)
        network[1].num_batches_tracked.add_(5)
    before = average[0].weight.clone()
    update_average(average, network, decay=0.75, step=10**6)
    torch.testing.assert_close(average[0].weight, before + 0.25)
    torch.testing.assert_close(average[1].running_mean, torch.tensor([0.25]))
    assert average[1].num_batches_tracked == 5
    update_average(average, network, decay=0.75, step=0)  # the first steps forget the start
    torch.testing.assert_close(average[0].weight, before + 0.25 + 0.9 * 0.75)
