"""Protocols in words: of super-resolution, and the objective of style transfer."""

from __future__ import annotations

from bench.records import SRProtocol, StyleProtocol
from reports.load.results import SHORT

COLOURS = {"rgb": "RGB", "y": "BT.601 studio-range luma"}
ROUNDING = {"uint8": "rounded to 8 bits after each pass", "float": "never rounded"}
BORDERS = {"symmetric": "mirrored", "replicate": "repeated"}


def protocol_caption(protocol: SRProtocol) -> str:
    """A paragraph that says all that its definition says."""
    blur = f"a Gaussian blur of sigma {protocol.blur_sigma:g} and " if protocol.blur_sigma else ""
    sr = "clipped and rounded to 8 bits" if protocol.quantize else "clipped and not rounded"
    return (
        f"{protocol.name} at x{protocol.scale} ({protocol.hash[:SHORT]}): hr is {COLOURS[protocol.colour]}, cropped to a "
        f"multiple of {protocol.scale}; lr is made from it by {blur}MATLAB's antialiased bicubic imresize, "
        f"{ROUNDING[protocol.arithmetic]}, its border {BORDERS[protocol.border]}; sr is {sr}. PSNR and SSIM are measured "
        f"on {COLOURS[protocol.channel]}, {protocol.shave} pixels cut from each side; SSIM with a Gaussian window, "
        "11x11, sigma 1.5, averaged where the window fits. A data set's value is the mean of its images' values."
    )


def style_caption(protocol: StyleProtocol) -> str:
    """Style and its size, in a sentence."""
    return f"Style: {protocol.style}, its longer side {protocol.style_size} pixels."


def objective_caption(protocol: StyleProtocol) -> str:
    """What is measured whatever the style, and whatever the size of the contents."""
    terms = []
    if protocol.content_layers:
        terms.append(f"{protocol.content_weight:g} x content at {', '.join(protocol.content_layers)}")
    if protocol.style_layers:
        gram = (
            "entries of the Gram matrices averaged" if protocol.style_distance == "mean" else "entries added"
        )
        layers = ", ".join(protocol.style_layers)
        terms.append(f"{protocol.style_weight:g} x style at {layers} ({gram})")
    terms.append(f"{protocol.tv_weight:g} x total variation")
    return (
        f"Objective: {' + '.join(terms)}; loss network {protocol.loss_network} ({protocol.loss_weights}); each "
        "content is its largest centred square."
    )
