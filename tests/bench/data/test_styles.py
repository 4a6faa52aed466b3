"""Style images, and the objective that programs and training share."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.bicubic import imresize
from bench.data import images, styles
from bench.errors import ImageError, UserError
from bench.styling.objective import objective, read_style, square
from models.losses import StyleObjective
from models.vgg import random_loss_network


def write(file: Path, h: int = 40, w: int = 60, channels: int = 3) -> styles.StyleImage:
    images.write(file, np.random.default_rng(0).integers(0, 256, (h, w, channels), dtype=np.uint8))
    return styles.style_image(str(file))


def test_a_style_is_a_file_or_a_name(tmp_path: Path) -> None:
    found = write(tmp_path / "mine.png")
    assert (found.name, found.file) == ("mine", tmp_path / "mine.png")
    assert found.sha256 == hashlib.sha256((tmp_path / "mine.png").read_bytes()).hexdigest()
    assert {"la_muse", "starry_night", "wave"} <= set(styles.names())


def test_the_papers_name_of_the_wave_is_known(real_data: Path) -> None:
    assert styles.style_image("the_wave") == styles.style_image("wave")


def test_a_style_that_is_neither_is_refused_with_the_names() -> None:
    with pytest.raises(
        UserError, match=r"no style is called 'no/such'; must be the file .*, or one of: .*la_muse"
    ):
        styles.style_image("no/such")


def test_a_style_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"s\.png"):
        read_style(styles.style_image(str(tmp_path / "s.png")), 32)


def test_the_longer_side_of_a_style_is_resized_and_grey_becomes_colour(tmp_path: Path) -> None:
    found = read_style(write(tmp_path / "s.png", channels=1), 30)
    assert found.shape == (1, 3, 20, 30)
    assert torch.equal(found[:, 0], found[:, 2])


def test_a_content_is_its_centred_square_as_imresize_makes_it() -> None:
    image = torch.rand(1, 3, 40, 61, generator=torch.Generator().manual_seed(0))
    assert torch.equal(square(image, 40), image[..., 10:50])
    expected = imresize(image[..., 10:50], Fraction(1, 2)).clamp(0, 1)
    torch.testing.assert_close(square(image, 20), expected)
    assert square(image[:, :1], 20).shape == (1, 3, 20, 20)


@pytest.mark.parametrize("network", list(styles.DEFAULTS))
def test_a_protocol_has_the_loss_networks_own_layers_and_weights_unless_others_are_given(
    network: str, tmp_path: Path
) -> None:
    style, own = write(tmp_path / "s.png"), styles.DEFAULTS[network]
    plain = styles.protocol(style, 256, loss_network=network)
    assert (plain.content_layers, plain.style_layers) == (own.content_layers, own.style_layers)
    assert (plain.content_weight, plain.style_weight, plain.tv_weight) == (1, own.style_weight, own.tv_weight)
    assert (plain.style, plain.style_sha256, plain.style_size) == ("s", style.sha256, styles.STYLE_SIZE)
    other = styles.protocol(style, 256, loss_network=network, style_layers=["relu1_1"], tv_weight=0.0)
    assert (other.style_layers, other.tv_weight) == (("relu1_1",), 0.0)


def test_the_objective_is_that_of_the_losses_with_the_protocols_numbers(tmp_path: Path) -> None:
    style = write(tmp_path / "s.png")
    chosen = styles.protocol(style, 32, loss_network="vgg19-conv3_1", style_weight=7.0, style_size=30)
    network = random_loss_network("vgg19-conv3_1", [*chosen.content_layers, *chosen.style_layers])
    content, picture = torch.rand(1, 3, 32, 32), read_style(style, 30)
    ours = objective(chosen, network, content=content, style=picture)
    other = StyleObjective(
        network,
        content=content,
        style=picture,
        content_layers=chosen.content_layers,
        style_layers=chosen.style_layers,
        style_weight=7.0,
        tv_weight=chosen.tv_weight,
    )
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(ours(image).total, other(image).total)


def test_an_image_too_small_for_the_loss_network_is_refused(tmp_path: Path) -> None:
    chosen = styles.protocol(write(tmp_path / "s.png"), 2, loss_network="vgg19-conv3_1")
    network = random_loss_network("vgg19-conv3_1", chosen.style_layers)
    with pytest.raises(UserError, match=r"the content must be at least 4 pixels per side \(got 2x2\)"):
        objective(chosen, network, content=torch.rand(1, 3, 2, 2), style=torch.rand(1, 3, 8, 8))
