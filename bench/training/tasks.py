"""What can be trained: a network, what it is shown, and what it minimises. The trainer knows no more of a task."""

from __future__ import annotations

import functools
import json
import math
import typing as tp
from dataclasses import asdict
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.bicubic import imresize
from bench.loss_networks import load
from bench.lr import blur, degrade
from bench.metrics.psnr import psnr
from bench.prepare import modcrop, prepare
from bench.protocols import protocol
from bench.training.recipe import SRSettings
from models.losses import feature_loss, grid_pattern, pixel_loss, total_variation
from models.sr_net import ARCHITECTURE, SRNet, at_scale
from models.vgg import LossNetwork

# What came later stands in the identity of a run only where it is used: runs of before can be resumed.
LATER = ("second_loss_network", "second_weight", "grid_weight", "grid_flat")


class Task(tp.Protocol):
    """One kind of training. Another one needs no more than this and a line in :data:`bench.training.config.TASKS`.

    Attributes:
        name: of the command.
        multiple: sides of patches must be multiples of it.
        least: side that a patch must have.
    """

    name: str
    multiple: int
    least: int

    def settings(self) -> dict[str, tp.Any]:
        """All that decides the result, as plain values; a run is resumed only with equal ones."""
        ...

    def network(self) -> nn.Module:
        """A new network; the caller has seeded torch."""
        ...

    def initial(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights to begin with, from those of another run; what cannot fit is left for torch to refuse."""
        ...

    def to(self, device: torch.device) -> None:
        """Move what the objective needs."""
        ...

    def examples(self, patches: Float[Tensor, "n 3 p p"]) -> tuple[Tensor, Tensor]:
        """What the network is shown, and what its output is compared with; in float32, on the device."""
        ...

    def objective(self, output: Tensor, target: Tensor) -> Float[Tensor, ""]:
        """The loss; may run under autocast."""
        ...

    def score(
        self, network: nn.Module, image: Float[Tensor, "1 3 h w"]
    ) -> tuple[dict[str, float], Float[Tensor, "1 3 h2 w2"]]:
        """Numbers for one held-out image, and the network's picture of it."""
        ...

    def metadata(self) -> dict[str, str]:
        """What a file of weights says of the network: `architecture`, `config` as JSON, the loss network."""
        ...


class SRTask:
    """Super-resolution with the paper's network.

    Args:
        features: the loss network that reaches `settings.loss_layer`; None with the pixel loss.
        second: another one that does, where the settings name one: a network trained on one alone learns what that one
            does not see.
    """

    name, least = "sr", 1

    def __init__(
        self, settings: SRSettings, features: LossNetwork | None = None, second: LossNetwork | None = None
    ) -> None:
        if (settings.loss == "feature") != (features is not None):
            raise ValueError(f"loss is {settings.loss!r}, must be a loss network for 'feature' alone")
        self.chosen, self.features, self.second, self.multiple = settings, features, second, settings.scale

    def settings(self) -> dict[str, tp.Any]:
        weights = self.features.weights if self.features else None
        chosen = asdict(self.chosen)
        later = {name: chosen.pop(name) for name in LATER}
        used = {name: value for name, value in later.items() if value not in ("none", 0.0)}
        return {"task": self.name, **chosen, **used, "loss_weights": weights}

    def network(self) -> nn.Module:
        s = self.chosen
        return SRNet(scale=s.scale, width=s.width, blocks=s.blocks, unit=s.unit)

    def initial(self, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
        return at_scale(arrays, self.chosen.scale)

    def to(self, device: torch.device) -> None:
        for network in filter(None, (self.features, self.second)):
            network.to(device)

    @torch.no_grad()
    def examples(self, patches: Float[Tensor, "n 3 p p"]) -> tuple[Tensor, Tensor]:
        s = self.chosen
        # Each pass is rounded there, which is no product of matrices.
        if s.arithmetic == "uint8":
            return reduced(patches, s.scale, s.blur_sigma, s.arithmetic), patches
        rows = reduction(patches.shape[-1], s.scale, s.blur_sigma, patches.device)
        return rows @ patches @ rows.mT, patches

    def objective(self, output: Tensor, target: Tensor) -> Float[Tensor, ""]:
        loss = self.distance(output, target).mean()
        if self.chosen.grid_weight:
            flat = self.chosen.grid_flat or math.inf
            grid = grid_pattern(255 * output, 255 * target, self.chosen.scale, flat=flat)
            loss = loss + self.chosen.grid_weight * grid.mean()
        if self.chosen.tv_weight:
            loss = loss + self.chosen.tv_weight * total_variation(255 * output).mean()
        return loss

    def distance(self, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
        """The paper's l_pixel or l_feat."""
        if self.features is None:
            return pixel_loss(sr, hr)
        total = self.feature_distance(self.features, sr, hr)
        if self.second is not None:
            total = total + self.chosen.second_weight * self.feature_distance(self.second, sr, hr)
        return total

    def feature_distance(
        self, network: LossNetwork, sr: Float[Tensor, "n 3 h w"], hr: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, " n"]:
        """The paper's l_feat at the layer of the settings."""
        layer = self.chosen.loss_layer
        with torch.no_grad():
            target = network(hr)[layer]
        return feature_loss(network(sr)[layer], target)

    @torch.no_grad()
    def score(
        self, network: nn.Module, image: Float[Tensor, "1 3 h w"]
    ) -> tuple[dict[str, float], Float[Tensor, "1 3 h2 w2"]]:
        """PSNR under the protocol johnson2016 (no blur), and the training loss of the same pair."""
        convention = protocol("johnson2016", self.chosen.scale)
        hr = modcrop(image, self.chosen.scale)
        sr = network(degrade(hr, convention))
        loss = float(self.objective(sr, hr))
        ours, theirs = prepare(sr, hr, convention)
        return {"psnr_y": float(psnr(ours.channel, theirs.channel)), "loss": loss}, sr

    def metadata(self) -> dict[str, str]:
        network = self.chosen.loss_network if self.features else "none"
        weights = self.features.weights if self.features else "none"
        config = {name: getattr(self.chosen, name) for name in ("scale", "width", "blocks", "unit")}
        return {
            "architecture": ARCHITECTURE,
            "config": json.dumps(config),
            "scale": str(self.chosen.scale),
            "loss": self.chosen.loss,
            "loss_network": network,
            "loss_weights": weights,
        }


def reduced(
    hr: Float[Tensor, "n c h w"], scale: int, blur_sigma: float, arithmetic: str
) -> Float[Tensor, "n c h2 w2"]:
    """lr as the paper makes it: Gaussian blur, if any, then bicubic."""
    soft = blur(hr, blur_sigma, "symmetric") if blur_sigma else hr
    return imresize(soft, Fraction(1, scale), arithmetic=arithmetic)


@functools.lru_cache(maxsize=4)
def reduction(side: int, scale: int, blur_sigma: float, device: torch.device) -> Float[Tensor, "q p"]:
    """:func:`reduced` for the rows of square patches as one matrix, its columns too if it is turned.

    Two products take a tenth of the launches. Column i is what becomes of an image whose row i alone is 1.
    """
    # As wide as the factor: the horizontal pass makes one column of so many equal ones.
    rows = torch.eye(side, dtype=torch.float64)[:, None, :, None].expand(-1, -1, -1, scale)
    columns = reduced(rows, scale, blur_sigma, "float")[:, 0, :, 0]
    return columns.mT.to(device, torch.float32)


def sr_task(settings: SRSettings) -> SRTask:
    """The task with its loss network, where the loss has one.

    Raises:
        MissingFile: the loss network's weights are not to be had.
        UserError: a layer that the loss network does not reach.
    """
    if settings.loss == "pixel":
        return SRTask(settings)
    names = (settings.loss_network, settings.second_loss_network)
    return SRTask(settings, *(load(name, [settings.loss_layer]) for name in names if name != "none"))
