"""Which layers Figures 3 and 4 look at, and what stands in for those that a loss network lacks."""

from __future__ import annotations

from collections.abc import Sequence

from bench.data.styles import LOSS_WEIGHTS
from bench.errors import UserError
from models.vgg_weights import find_architecture

PAPER = {
    "Figure 3": ("relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"),
    "Figure 4": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
}
"""Layers whose features are met (Figure 3) and whose Gram matrices are met (Figure 4)."""


def choose(
    named: Sequence[str] | None, figure: str, loss_network: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers to look at: those named, or the figure's; where it lacks some, all that end in a ReLU.

    Returns:
        The layers, and a line that names the figure's that are missing; no line where none is.

    Raises:
        UserError: a layer was named that the network does not have; the message lists those it has.
    """
    there = reached(loss_network)
    if named is not None:
        refuse_unknown(named, loss_network)
        return tuple(dict.fromkeys(named)), ()
    missing = [layer for layer in PAPER[figure] if layer not in there]
    if not missing:
        return PAPER[figure], ()
    # Layers before a ReLU are left to whoever names them: the paper shows none.
    instead = tuple(layer for layer in there if layer.startswith("relu"))
    having = [name for name in LOSS_WEIGHTS if set(PAPER[figure]) <= set(reached(name))]
    return instead, (
        f"{figure}: {', '.join(missing)} missing in {loss_network}, present in {' and '.join(having)}; "
        f"used instead: {', '.join(instead)}",
    )


def reached(loss_network: str) -> tuple[str, ...]:
    """The layers of a loss network, first to last."""
    return find_architecture(loss_network).layers


def refuse_unknown(named: Sequence[str], loss_network: str) -> None:
    """
    Raises:
        UserError: a layer that the network does not reach; the message lists those that it does.
    """
    there = reached(loss_network)
    for layer in named:
        if layer not in there:
            raise UserError(
                f"layer is {layer!r}; must be one that {loss_network} reaches: {', '.join(there)}"
            )


def refuse_small(size: int, layers: Sequence[str], loss_network: str) -> None:
    """
    Raises:
        UserError: images of this size have no pixel left at one of the layers.
    """
    there = reached(loss_network)
    for layer in layers:
        least = 2 ** sum(name.startswith("pool") for name in there[: there.index(layer) + 1])
        if size < least:
            raise UserError(f"--size must be at least {least} for {layer} (got {size})")
