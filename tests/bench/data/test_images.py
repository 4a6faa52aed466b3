from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench import prepare
from bench.data import images
from bench.errors import ImageError

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = COLOUR[..., :1]


def picture(pixels: np.ndarray, mode: str | None = None) -> Image.Image:
    made = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return made.convert(mode) if mode else made


def encode(made: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    made.save(stream, format=kind, **options)
    return stream.getvalue()


def png(width: int, height: int, bits: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("pixels", [COLOUR, GREY])
def test_lossless_files_come_back_as_they_were(kind: str, pixels: np.ndarray) -> None:
    assert np.array_equal(images.decode(encode(picture(pixels), kind), "x"), pixels)


def test_lossless_webp_comes_back_as_it_was() -> None:
    assert np.array_equal(images.decode(encode(picture(COLOUR), "WEBP", lossless=True), "x"), COLOUR)


def test_jpeg_is_decoded_as_pillow_decodes_it() -> None:
    data = encode(picture(COLOUR), "JPEG")
    assert np.array_equal(images.decode(data, "x"), np.asarray(Image.open(io.BytesIO(data))))


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    path.write_bytes(encode(picture(COLOUR)))
    assert np.array_equal(images.read(path), COLOUR)


def test_one_bit_becomes_grey_0_and_255() -> None:
    pixels = images.decode(encode(picture(GREY, "1")), "x")
    assert pixels.shape == (6, 8, 1)
    assert set(np.unique(pixels)) == {0, 255}


def test_two_bit_grey_is_stretched_to_0_to_255() -> None:
    assert images.decode(png(4, 1, bits=2, colour=0, rows=b"\x00\x1b"), "x").ravel().tolist() == [
        0,
        85,
        170,
        255,
    ]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_a_palette_becomes_rgb(kind: str) -> None:
    made = picture(COLOUR).quantize(16)
    assert np.array_equal(images.decode(encode(made, kind), "x"), np.asarray(made.convert("RGB")))


@pytest.mark.parametrize(("mode", "pixels"), [("RGBA", COLOUR), ("LA", GREY)])
def test_opaque_alpha_is_dropped(mode: str, pixels: np.ndarray) -> None:
    assert np.array_equal(images.decode(encode(picture(pixels, mode)), "x"), pixels)


def test_a_palette_whose_transparent_colour_is_not_used_is_opaque() -> None:
    made = picture(COLOUR).quantize(16)
    data = encode(made, transparency=bytes([255] * 16))
    assert np.array_equal(images.decode(data, "x"), np.asarray(made.convert("RGB")))


@pytest.mark.parametrize(
    "data",
    [
        encode(Image.new("RGBA", (8, 6), (1, 2, 3, 254))),
        encode(Image.new("LA", (8, 6), (1, 7))),
        encode(Image.new("RGB", (8, 6), (1, 2, 3)), transparency=(1, 2, 3)),
        encode(Image.new("L", (8, 6), 9), transparency=9),
        encode(picture(COLOUR).quantize(16), transparency=0),
        encode(Image.new("RGBA", (8, 6), (1, 2, 3, 254)), "WEBP"),
        encode(Image.new("RGBA", (8, 6), (1, 2, 3, 254)), "TIFF"),
    ],
    ids=["rgba", "la", "rgb-key", "l-key", "palette", "webp", "tiff"],
)
def test_transparent_pixels_are_refused(data: bytes) -> None:
    with pytest.raises(
        ImageError, match=r"'x' has transparent pixels \(alpha down to \d+\); must be an opaque image"
    ):
        images.decode(data, "x")


@pytest.mark.parametrize(
    "data",
    [
        encode(Image.fromarray(np.full((6, 8), 300, np.uint16))),
        png(2, 1, bits=16, colour=2, rows=bytes(13)),
        png(2, 1, bits=16, colour=6, rows=bytes(17)),
        png(2, 1, bits=16, colour=4, rows=bytes(9)),
        b"P6 2 1 65535\n" + bytes(12),
        b"P5 2 1 1023\n" + bytes(4),
        encode(Image.fromarray(np.full((6, 8), 300, np.uint16)), "TIFF"),
        encode(Image.fromarray(np.full((6, 8), 0.5, np.float32)), "TIFF"),
    ],
    ids=["png-grey", "png-rgb", "png-rgba", "png-la", "ppm", "pgm", "tiff", "tiff-float"],
)
def test_more_than_eight_bits_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"'x' has (16|10|32)-bit channels; must be 8-bit ones, RGB or grey"):
        images.decode(data, "x")


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("LAB", "TIFF")]
)
def test_other_colour_spaces_are_refused(mode: str, kind: str) -> None:
    with pytest.raises(ImageError, match=f"'x' has {mode} pixels; must be RGB or grey"):
        images.decode(encode(Image.new(mode, (8, 6)), kind), "x")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="'x' has several frames; must be a single image"):
        images.decode(data, "x")


def test_a_phones_jpeg_with_a_second_picture_behind_the_first_is_the_first() -> None:
    data = encode(picture(COLOUR), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 6))])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert np.array_equal(images.decode(data, "x"), images.decode(encode(picture(COLOUR), "JPEG"), "x"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_viewers_do(kind: str, orientation: int) -> None:
    """By hand: where the first row and the first column of the file are seen (TIFF 6.0, tag 274)."""
    smooth = np.kron(np.array([[0, 80], [160, 240], [40, 200]], np.uint8), np.ones((8, 8), np.uint8))[
        ..., None
    ]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    found = images.decode(encode(picture(np.repeat(smooth, 3, 2)), kind, exif=exif, **lossless), "x")
    rows, columns = slice(None), slice(None, None, -1)
    expected = {
        1: smooth,
        2: smooth[rows, columns],
        3: smooth[::-1, ::-1],
        4: smooth[::-1],
        5: smooth.swapaxes(0, 1),
        6: smooth[::-1].swapaxes(0, 1),
        7: smooth[::-1, ::-1].swapaxes(0, 1),
        8: smooth[rows, columns].swapaxes(0, 1),
    }[orientation]
    assert found.shape[:2] == expected.shape[:2]
    assert np.abs(found.astype(int) - expected).max() <= (20 if kind == "JPEG" else 0)


@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + bytes(9)]
)
def test_exif_that_cannot_be_read_counts_as_upright_without_a_warning(exif: bytes) -> None:
    data = encode(picture(COLOUR), "JPEG", exif=exif)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert np.array_equal(images.decode(data, "x"), images.decode(encode(picture(COLOUR), "JPEG"), "x"))
    assert seen == []


def test_a_huge_header_is_refused_before_anything_is_decoded() -> None:
    with pytest.raises(ImageError, match=r"'x' must have at most 178956970 pixels \(got 13378x13377\)"):
        images.decode(png(13378, 13377), "x")


def test_a_large_image_below_the_limit_gives_no_warning() -> None:
    with pytest.raises(ImageError, match="truncated"):
        images.decode(png(13377, 13377, bits=1, colour=0), "x")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused_by_name(kind: str, share: float) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    data = encode(picture(pixels), kind)
    with pytest.raises(ImageError, match=r"'my\.png' is (truncated|damaged|not an image)"):
        images.decode(data[: int(share * len(data))], "my.png")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "'x' is empty; must be an image"),
        (b"hello", "'x' is not an image: its bytes are not those of PNG, JPEG, BMP, GIF, TIFF, WebP or PPM"),
        (b"<!doctype html><html></html>", "'x' is not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"?" * 50, r"'x' is damaged \("),
        (b"\x89PNG\r\n\x1a\n", "'x' is truncated"),
    ],
)
def test_what_is_no_image_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        images.decode(data, "x")


def test_an_absurd_file_name_gives_a_message_of_one_line() -> None:
    with pytest.raises(ImageError) as caught:
        images.decode(b"", "a\nb'\"\udcff.png")
    assert str(caught.value).isprintable()


def test_a_file_that_cannot_be_read_is_an_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no.png' cannot be read: No such file"):
        images.read(tmp_path / "no.png")
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        images.read(tmp_path)


@pytest.mark.parametrize("pixels", [COLOUR, GREY])
def test_what_is_written_is_read_back_equal(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "new" / "folder" / "x.png"
    images.write(path, pixels)
    assert np.array_equal(images.read(path), pixels)
    assert [file.name for file in path.parent.iterdir()] == ["x.png"]


def test_other_than_uint8_pixels_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pixels are uint8 \(6, 8, 2\); must be uint8 \(h, w, 1 or 3\)"):
        images.write(tmp_path / "x.png", COLOUR[..., :2])


@pytest.mark.parametrize("pixels", [COLOUR, GREY])
def test_tensors_hold_k_over_255_and_come_back_equal(pixels: np.ndarray) -> None:
    tensor = images.to_tensor(pixels)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (1, pixels.shape[2], 6, 8)
    assert tensor.is_contiguous()
    assert torch.equal(tensor[0].permute(1, 2, 0), torch.tensor(pixels.astype(np.float32)) / 255)
    assert np.array_equal(images.to_array(tensor), pixels)
    assert np.array_equal(images.to_array(tensor.double()), pixels)


def test_every_grey_level_survives_the_way_there_and_back_in_every_dtype() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    for dtype in (torch.float64, torch.float32, torch.float16):
        assert np.array_equal(images.to_array(images.to_tensor(levels).to(dtype)), levels)


def test_values_are_clipped_and_half_is_rounded_up() -> None:
    values = torch.tensor([-0.2, 0.49 / 255, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.7], dtype=torch.float64)
    assert images.to_array(values.view(1, 1, 1, 6)).ravel().tolist() == [0, 0, 1, 2, 3, 255]


def test_rounding_to_bytes_equals_the_protocols_quantizing() -> None:
    image = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.2
    assert torch.equal(images.to_tensor(images.to_array(image)), prepare.quantize(image))


def test_nan_is_not_made_into_a_pixel() -> None:
    with pytest.raises(ValueError, match="image holds NaN; must be numbers"):
        images.to_array(torch.tensor([0.5, float("nan")]).view(1, 1, 1, 2))


def test_every_image_of_the_real_sets_is_decoded_as_pillow_decodes_it(real_data: Path) -> None:
    for path in sorted((real_data / "data" / "set14").iterdir()):
        expected = np.asarray(Image.open(path))
        assert np.array_equal(images.read(path).squeeze(), expected), path.name


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "QOI", "SGI", "PCX", "TGA", "ICO", "DIB", "DDS"])
def test_what_else_pillow_reads_is_an_image_whatever_its_ending(kind: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    stream = io.BytesIO()
    options = {"lossless": True} if kind == "AVIF" else {"sizes": [(32, 32)]} if kind == "ICO" else {}
    options |= {"irreversible": False} if kind == "JPEG2000" else {}
    Image.fromarray(pixels).save(stream, format=kind, **options)
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    found = images.read(tmp_path / "x.png")
    expected = np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGB"))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "it is EPS, a document that another program draws"),
        (b"%PDF-1.7\n", "it is a PDF document"),
        (b"\xd7\xcd\xc6\x9a" + b"\0" * 40, "it is WMF"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "it is HEIC, which Pillow does not read"),
        (b"\xff\x0a" + b"\0" * 40, "it is JPEG XL"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "it is an SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 670\n", "a file of 670 bytes"),
    ],
)
def test_what_is_never_opened_is_refused_as_what_it_is(data: bytes, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        images.decode(data, "photo.png")


def test_no_program_is_started_and_no_document_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("a document was drawn"))
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, format="EPS")
    with pytest.raises(ImageError, match="is not an image: it is EPS"):
        images.decode(stream.getvalue(), "x.png")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_sound_tiff_of_another_kind_is_not_called_damaged(options: dict[str, str], tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="comes with scikit-image")
    base = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    cases = {
        "float": ((base / 255).astype("float32"), {"photometric": "rgb"}, "32-bit channels; .* not floats"),
        "double": ((base / 255).astype("float64"), {"photometric": "rgb"}, "64-bit channels; .* not floats"),
        "deep": (base.astype("uint16"), {"photometric": "rgb"}, "16-bit channels"),
        "bands": (np.concatenate([base, base[..., :2]], 2), {"photometric": "minisblack"}, "5 channels"),
    }
    for name, (pixels, how, said) in cases.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, **how, planarconfig="contig", **options)
        with pytest.raises(ImageError, match=said) as refused:
            images.read(tmp_path / f"{name}.tif")
        assert "damaged" not in str(refused.value)


def test_more_than_eight_bits_are_read_off_the_headers_of_avif_and_jpeg_2000() -> None:
    from bench.data.images import BITS

    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, format="AVIF")
    data = bytearray(stream.getvalue())
    assert BITS["AVIF"](bytes(data)) == [8]
    data[data.index(b"av1C") + 6] |= 0x40
    assert BITS["AVIF"](bytes(data)) == [10]
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, format="JPEG2000", no_jp2=True)
    data = bytearray(stream.getvalue())
    assert BITS["JPEG2000"](bytes(data)) == [8, 8, 8]
    for component in range(3):
        data[42 + 3 * component] = 11
    assert BITS["JPEG2000"](bytes(data)) == [12, 12, 12]
    with pytest.raises(ImageError):
        images.decode(bytes(data), "x")
