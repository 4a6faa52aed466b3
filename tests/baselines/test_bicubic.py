"""imresize equals MATLAB's files, a float64 reference and whole-number arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from baselines import bicubic
from baselines.bicubic import Bicubic, imresize
from bench.interfaces import Upscaler
from bench.prepare import modcrop, quantize

NAMES = ("baby", "bird", "butterfly", "head", "woman")
GOLDEN = {
    "x2": (2, "uint8", "symmetric"),
    "x3": (3, "uint8", "symmetric"),
    "x4": (4, "uint8", "symmetric"),
    "x8-replicate": (8, "uint8", "replicate"),
    "x8-float": (8, "float", "symmetric"),
}


def keys(x: float) -> float:
    """The cubic kernel, a = -0.5, in Horner's form."""
    x = abs(x)
    if x <= 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x <= 2 else 0.0


REFERENCE_KERNELS = {
    "bicubic": (4, keys),
    "box": (1, lambda x: float(-0.5 <= x < 0.5)),
    "triangle": (2, lambda x: max(0.0, 1 - abs(x))),
    "lanczos3": (6, lambda x: float(np.sinc(x) * np.sinc(x / 3)) if abs(x) < 3 else 0.0),
}


def reference_matrix(n_in: int, n_out: int, scale: Fraction, kernel: str, border: str) -> np.ndarray:
    """MATLAB's weights as a matrix, an entry at a time."""
    width, function = REFERENCE_KERNELS[kernel]
    shrink = min(scale, Fraction(1))
    matrix = np.zeros((n_out, n_in))
    for x in range(1, n_out + 1):
        u = x / scale + (1 - 1 / scale) / 2
        reach = width / shrink / 2 + 2
        for i in range(math.floor(u - reach), math.ceil(u + reach) + 1):
            j = min(max(i, 1), n_in)
            if border == "symmetric":
                j = i
                while not 1 <= j <= n_in:
                    j = 1 - j if j < 1 else 2 * n_in + 1 - j
            matrix[x - 1, j - 1] += function(float(shrink * (u - i)))
    return matrix / matrix.sum(1, keepdims=True)


def reference(
    image: Tensor, rows: tuple[int, Fraction], columns: tuple[int, Fraction], kernel: str, border: str
) -> np.ndarray:
    """Float arithmetic in NumPy, as two dense products; (length, scale) for either dimension."""
    h, w = image.shape[-2:]
    down = reference_matrix(h, *rows, kernel, border)
    across = reference_matrix(w, *columns, kernel, border)
    return down @ image.numpy() @ across.T


def random_image(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """Values on the 8-bit grid."""
    levels = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed))
    return levels.to(dtype) / 255


def pixels(file: Path) -> Tensor:
    """A golden file or its hr as float32 in [0, 1]."""
    return torch.tensor(np.array(Image.open(file))).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pack", GOLDEN)
def test_no_pixel_differs_from_matlabs_files(real_data: Path, pack: str, name: str) -> None:
    scale, arithmetic, border = GOLDEN[pack]
    hr = modcrop(pixels(real_data / "data" / "set5" / f"{name}.png"), scale)
    lr = imresize(hr, Fraction(1, scale), arithmetic=arithmetic, border=border)
    golden = pixels(real_data / "golden" / "set5" / pack / f"{name}x{scale}.png")
    assert int((quantize(lr) != golden).sum()) == 0


@pytest.mark.parametrize("kernel", REFERENCE_KERNELS)
@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 3), Fraction(3, 7), Fraction(1), Fraction(4)])
def test_float_arithmetic_agrees_with_a_reference_to_1e_12(scale: Fraction, border: str, kernel: str) -> None:
    image = random_image(2, 3, 41, 90)
    rows, columns = ((math.ceil(n * scale), scale) for n in (41, 90))
    expected = reference(image, rows, columns, kernel, border)
    found = imresize(image, scale, border=border, kernel=kernel)
    assert found.shape == (2, 3, rows[0], columns[0])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12, rtol=0)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    border=st.sampled_from(["symmetric", "replicate"]),
)
def test_any_size_to_any_size_agrees_with_the_reference(
    lengths: tuple[int, int], size: tuple[int, int], border: str
) -> None:
    image = random_image(1, 1, *lengths)
    rows, columns = ((o, Fraction(o, i)) for o, i in zip(size, lengths, strict=True))
    expected = reference(image, rows, columns, "bicubic", border)
    np.testing.assert_allclose(imresize(image, size, border=border).numpy(), expected, atol=1e-12, rtol=0)


def whole_number_pass(levels: np.ndarray, s: int) -> tuple[np.ndarray, int]:
    """Rows shrunk to 1/s in whole numbers, mirrored, half up, clipped; and how many of the sums were ties."""
    out, ties, t = [], 0, 2 * s
    for x in range(1, len(levels) // s + 1):
        weighted, total = np.zeros(levels.shape[1:], np.int64), 0
        for i in range(s * (x - 3), s * (x + 2) + 1):
            a = abs(2 * s * x + 1 - s - 2 * i)
            inner = 3 * a**3 - 5 * a**2 * t + 2 * t**3
            outer = -(a**3) + 5 * a**2 * t - 8 * a * t**2 + 4 * t**3
            weight = inner if a <= t else outer if a <= 2 * t else 0
            j = (i - 1) % (2 * len(levels))
            weighted += weight * levels[min(j, 2 * len(levels) - 1 - j)]
            total += weight
        ties += np.count_nonzero((2 * weighted + total) % (2 * total) == 0)
        out.append(np.clip((2 * weighted + total) // (2 * total), 0, 255))
    return np.stack(out), ties


@pytest.mark.parametrize(("s", "has_ties"), [(2, True), (3, False), (4, True), (5, False), (6, True)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uint8_arithmetic_equals_whole_numbers_ties_up(s: int, has_ties: bool, dtype: torch.dtype) -> None:
    image = random_image(1, 1, 300, 1500, dtype=dtype, seed=4)  # at x6, two of its ties fall below in float64
    levels = (image[0, 0] * 255).round().long().numpy()
    down, ties = whole_number_pass(levels, s)
    across, more_ties = whole_number_pass(down.T, s)
    assert (ties + more_ties > 0) == has_ties
    found = imresize(image, Fraction(1, s), arithmetic="uint8")[0, 0]
    assert torch.equal(found, torch.tensor(across.T).to(dtype) / 255)


def test_uint8_arithmetic_clips_between_the_passes() -> None:
    stripes = torch.zeros(1, 1, 8, 8)
    stripes[..., 4:, :] = 1
    found = imresize(stripes, 4, arithmetic="uint8")
    assert (found.min(), found.max()) == (0, 1)
    assert imresize(stripes, 4).max() > 1.01


def test_uint8_arithmetic_first_brings_the_image_to_8_bits() -> None:
    image = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.2
    expected = imresize(quantize(image), 0.25, arithmetic="uint8")
    assert torch.equal(imresize(image, 0.25, arithmetic="uint8"), expected)


@pytest.mark.parametrize(
    ("size", "between"), [((20, 6), (40, 6)), ((10, 12), (10, 24)), ((20, 12), (20, 24))]
)
def test_the_dimension_that_shrinks_more_goes_first(size: tuple[int, int], between: tuple[int, int]) -> None:
    image = random_image(1, 3, 40, 24)
    expected = imresize(imresize(image, between, arithmetic="uint8"), size, arithmetic="uint8")
    assert torch.equal(imresize(image, size, arithmetic="uint8"), expected)


def test_a_scale_gives_the_length_rounded_up_and_keeps_its_own_spacing() -> None:
    image = random_image(1, 1, 31, 31)
    found = imresize(image, 1 / 3)
    assert found.shape == (1, 1, 11, 11)
    shorter = imresize(image[..., :30, :30], Fraction(1, 3))
    torch.testing.assert_close(found[..., :8, :8], shorter[..., :8, :8], atol=1e-14, rtol=0)
    assert not torch.allclose(found, imresize(image, (11, 11)), atol=1e-2)


def test_away_from_borders_pillow_gives_the_same_to_1e_6() -> None:
    image = random_image(1, 1, 128, 96)
    resized = Image.fromarray(image[0, 0].float().numpy()).resize((24, 32), Image.Resampling.BICUBIC)
    found = imresize(image, Fraction(1, 4))[0, 0].numpy()
    np.testing.assert_allclose(np.asarray(resized)[2:-2, 2:-2], found[2:-2, 2:-2], atol=1e-6)
    # Pillow drops the taps outside the image; this is what that costs at the border of noise
    np.testing.assert_allclose(np.asarray(resized), found, atol=0.2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("arithmetic", ["float", "uint8"])
def test_dtype_is_kept_and_the_image_is_left_alone(dtype: torch.dtype, arithmetic: str) -> None:
    image = random_image(2, 4, 12, 20, dtype=dtype)
    before = image.clone()
    found = imresize(image, (3, 40), arithmetic=arithmetic)
    assert (found.dtype, found.shape) == (dtype, (2, 4, 3, 40))
    assert torch.equal(image, before)
    assert torch.equal(found, imresize(image, (3, 40), arithmetic=arithmetic))


@pytest.mark.parametrize("arithmetic", ["float", "uint8"])
def test_a_batch_of_two_equals_two_of_one(arithmetic: str) -> None:
    image = random_image(2, 3, 60, 44, dtype=torch.float32)
    each = torch.cat([imresize(one, 0.25, arithmetic=arithmetic) for one in image.split(1)])
    torch.testing.assert_close(imresize(image, 0.25, arithmetic=arithmetic), each, atol=2e-7, rtol=0)


@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", [Fraction(1, 8), Fraction(2, 5), Fraction(3)])
def test_a_constant_image_stays_constant(scale: Fraction, border: str) -> None:
    image = torch.full((1, 1, 40, 30), 77 / 255)
    torch.testing.assert_close(
        imresize(image, scale, border=border),
        torch.full((1, 1, math.ceil(40 * scale), math.ceil(30 * scale)), 77 / 255),
        atol=2e-7,
        rtol=0,
    )
    assert imresize(image, scale, border=border, arithmetic="uint8").unique().tolist() == [image[0, 0, 0, 0]]


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(3)])
@pytest.mark.parametrize("dim", [-2, -1])
@pytest.mark.parametrize("arithmetic", ["float", "uint8"])
def test_resizing_commutes_with_flips(scale: Fraction, dim: int, arithmetic: str) -> None:
    image = random_image(1, 3, 40, 32)
    flipped = imresize(image.flip(dim), scale, arithmetic=arithmetic).flip(dim)
    torch.testing.assert_close(imresize(image, scale, arithmetic=arithmetic), flipped, atol=1e-14, rtol=0)


def test_float_arithmetic_commutes_with_transposition() -> None:
    image = random_image(1, 3, 40, 32)
    torch.testing.assert_close(imresize(image.mT, 0.25).mT, imresize(image, 0.25), atol=1e-14, rtol=0)


@pytest.mark.parametrize("size", [(2, 3), (9, 14)])
def test_float_arithmetic_is_differentiable(size: tuple[int, int]) -> None:
    image = random_image(1, 2, 6, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: imresize(x, size), image)


def test_weights_first_made_in_inference_serve_in_training() -> None:
    bicubic._blocks.cache_clear()
    with torch.inference_mode():
        imresize(random_image(1, 1, 13, 13), 2)
    image = random_image(1, 1, 13, 13).requires_grad_()
    imresize(image, 2).sum().backward()
    assert image.grad is not None
    assert image.grad.sum() == pytest.approx(26 * 26)


def test_the_cache_is_bounded() -> None:
    for n in range(1, 40):
        imresize(torch.zeros(1, 1, n, n + 1), 2)
    assert bicubic._blocks.cache_info().currsize <= bicubic.CACHED_PAIRS


def test_bicubic_is_an_upscaler_that_never_clips() -> None:
    lr = random_image(1, 3, 9, 7, dtype=torch.float32)
    upscaler = Bicubic(scale=4)
    assert isinstance(upscaler, Upscaler)
    assert torch.equal(upscaler(lr), imresize(lr, (36, 28)))
    assert upscaler(lr).min() < 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0.25, "arithmetic": "int"}, "arithmetic is 'int', must be float or uint8"),
        ({"size": 0.25, "border": "wrap"}, "border is 'wrap', must be symmetric or replicate"),
        ({"size": 0.25, "kernel": "sinc"}, "kernel is 'sinc', must be bicubic, box, triangle or lanczos3"),
        ({"size": 0.0}, "scale is 0.0, must be a positive fraction of whole numbers up to 65536"),
        ({"size": -2}, "scale is -2, must be a positive fraction"),
        ({"size": math.nan}, "scale is nan, must be a positive fraction"),
        ({"size": math.pi / 4}, "scale is 0.785398163"),
        ({"size": 100_000}, "scale is 100000, must be a positive fraction"),
        ({"size": (0, 4)}, r"size is \(0, 4\), must be a height and a width of at least 1"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imresize(torch.zeros(1, 1, 8, 8), **arguments)  # type: ignore[arg-type]


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image has shape \(1, 3, 0, 8\), needs at least one pixel"):
        imresize(torch.zeros(1, 3, 0, 8), 2)


def test_a_scale_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="scale is 0, must be an integer of at least 1"):
        Bicubic(scale=0)


@pytest.mark.cuda
@pytest.mark.parametrize("s", [3, 4, 6])
def test_a_gpu_gives_the_same_8_bit_pixels(s: int) -> None:
    image = random_image(1, 3, 480, 360, dtype=torch.float32)
    found = imresize(image.cuda(), Fraction(1, s), arithmetic="uint8")
    assert found.device.type == "cuda"
    assert torch.equal(found.cpu(), imresize(image, Fraction(1, s), arithmetic="uint8"))
