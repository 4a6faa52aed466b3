"""Image files to arrays and back: the one place where bytes become pixels.

What becomes of a file is stated here and nowhere guessed:

- 8-bit RGB and grey are taken as they are; grey stays one channel. Colour profiles and gamma are ignored.
- 1-bit becomes grey, 0 and 255. A palette becomes RGB, unless it is the plain ramp of greys.
- Alpha is dropped where every pixel is opaque; an image with a transparent pixel is refused.
- EXIF orientation is applied. EXIF that cannot be read counts as upright.
- CMYK and other colour spaces, other numbers of channels, more than 8 bits per channel, floats, and files of several
  frames are refused, each as what it is.
- More than 178,956,970 pixels (Pillow's limit) are refused by the header, before anything is decoded; likewise a JPEG
  of more than 64 scans, each of which goes over all pixels.

What is an image is said by its first bytes (:mod:`bench.data.formats`); the suffix does not matter. Pillow is given the
one reader of that format and never looks for another: none that starts a program or draws a document is ever called.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, TiffImagePlugin
from PIL.ImageFile import ImageFile as OpenedImage
from torch import Tensor

from bench.atomic import atomic_write
from bench.data import cache, manifest
from bench.data.datasets import LoadedImage
from bench.data.formats import FORMATS, HEAD_BYTES, image_format, other_kind
from bench.data.whole_file import read_whole
from bench.errors import ImageError, MissingFile
from bench.records import ImageFile

LARGEST_PIXELS = 178_956_970  # twice Image.MAX_IMAGE_PIXELS: above it Pillow itself refuses

MOST_SCANS = 64
"""Of a JPEG: each goes over all pixels, so that a few kilobytes can ask for hours of decoding."""
SCAN, END = 0xDA, 0xD9
BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
# Among a scan's coded bytes 0xff is followed by 0, or by the number of a restart.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")

# Mode of the file to the mode that is measured.
MODES = {"1": "L", "L": "L", "LA": "L", "RGB": "RGB", "RGBA": "RGB", "P": "RGB", "PA": "RGB"}
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises on bytes that are not what they should be.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    RuntimeError,
    AttributeError,
    AssertionError,
)
# What it says of a sound file of a kind that it does not read.
UNREAD = re.compile(
    r"unknown (?:\w+ )?mode|unsupported|unimplemented|not (?:supported|available|implemented)|unrecognized|cannot handle",
    re.IGNORECASE,
)
TIFF_TAGS = (TiffImagePlugin.BITSPERSAMPLE, TiffImagePlugin.SAMPLESPERPIXEL, TiffImagePlugin.SAMPLEFORMAT)
TIFF_FLOAT = 3

_warnings = threading.Lock()


def load(image: ImageFile) -> LoadedImage:
    """Read an image once: its pixels and its hash. A file of the cache is downloaded where it is missing.

    Raises:
        ImageError: unreadable, not an image that is measured, or not the file that was pinned.
        MissingFile: a file of the cache that is not to be had, or is damaged.
    """
    pinned = None if Path(image.file).is_absolute() else manifest.file(image.file)
    path = Path(image.file) if pinned is None else cache.find(pinned.name, verify=False)
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    # compared here: the bytes are read anyway, and need not be read once more to be hashed
    if pinned is not None and cache.hash_differs(pinned, sha256):
        raise MissingFile(cache.damage(pinned, sha256))
    if image.sha256 is not None and sha256 != image.sha256:
        raise ImageError(f"{str(path)!r} is not the pinned file: sha256 is {sha256}; must be {image.sha256}")
    return LoadedImage(pixels=decode(data, str(path)), sha256=sha256)


def decode(data: bytes, name: str) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an image file's bytes, one channel (grey) or three (RGB), by the rules of this module.

    Args:
        name: of the file, for messages.

    Raises:
        ImageError: empty, truncated, damaged, not an image, or one of the kinds that are refused.
    """
    _quieten_pillow()
    image = _open(data, name)
    try:
        _check_kind(image, data, name)
        image.load()
    except DECODER_ERRORS as error:
        # an ImageError is a ValueError, and so among the decoder's
        raise error if isinstance(error, ImageError) else _damaged(name, error) from error
    turn = None
    with contextlib.suppress(*DECODER_ERRORS):  # EXIF that cannot be read counts as upright
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    upright = image if turn is None else image.transpose(turn)
    # for a palette too, whose transparent colour may not be used
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        least = int(np.asarray(upright)[..., 3].min())
        if least < 255:
            raise ImageError(
                f"{name!r} has transparent pixels (alpha down to {least}); must be an opaque image"
            )
    # a copy that can be written to, which np.asarray of a Pillow image is not
    pixels = np.array(upright.convert(MODES[image.mode]))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def read(path: Path) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an image file, as :func:`decode` gives them; an unreadable file is an ImageError too."""
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of an image file.

    Raises:
        ImageError: the file cannot be read.
    """
    try:
        return read_whole(path)
    except (OSError, ValueError) as error:  # ValueError: the name holds a NUL
        raise ImageError(
            f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def write(path: Path, pixels: UInt8[np.ndarray, "h w c"], *, text: Mapping[str, str] | None = None) -> None:
    """Write a PNG, lightly compressed; missing folders are made, and the file appears whole or not at all.

    Args:
        pixels: uint8, one channel (grey) or three (RGB).
        text: ASCII, kept in the file by its keyword.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in {1, 3}:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}; must be uint8 (h, w, 1 or 3)")
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    about = PngImagePlugin.PngInfo()
    for keyword, value in (text or {}).items():
        about.add_text(keyword, value)
    with atomic_write(path) as part:
        # Lossless either way. Runs alone, which is what remains of a photograph once it is filtered, take a fifth less time
        # than the search for repeated strings, and no more bytes.
        picture.save(part, format="PNG", compress_level=1, compress_type=zlib.Z_RLE, pnginfo=about)


def pixels_sha256(pixels: UInt8[np.ndarray, "h w c"]) -> str:
    """SHA-256 (hex) of the shape and the pixels: the same however strongly a PNG is compressed."""
    # the shape first: a 2x3 and a 3x2 image may have the same bytes
    found = hashlib.sha256("x".join(map(str, pixels.shape)).encode())
    found.update(np.ascontiguousarray(pixels).data)
    return found.hexdigest()


def to_tensor(pixels: UInt8[np.ndarray, "h w c"]) -> Float32[Tensor, "1 c h w"]:
    """uint8 pixels to float32 in [0, 1]: k becomes k/255."""
    return (
        # contiguous: permuted strides would be channels_last, in which sums have another order
        torch.tensor(pixels).permute(2, 0, 1)[None].to(torch.float32, memory_format=torch.contiguous_format)
        / 255
    )


def to_array(image: Float[Tensor, "1 c h w"]) -> UInt8[np.ndarray, "h w c"]:
    """Float in [0, 1], overshoot clipped, to uint8 pixels, rounding half up as MATLAB's uint8() does.

    In float64, as :func:`bench.prepare.prepare_one` rounds what is measured: a picture has the pixels that were scored.

    Raises:
        ValueError: the image holds NaN.
    """
    if torch.isnan(image).any():
        raise ValueError("image holds NaN; must be numbers")
    exact = image.detach().double() if image.device.type != "mps" else image.detach().cpu().double()
    # the cast cuts off, which after + 0.5 rounds half up
    rounded = (exact.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
    return rounded[0].permute(1, 2, 0).cpu().contiguous().numpy()


def _quieten_pillow() -> None:
    """Silence Pillow's remarks on odd metadata; the rules of this module say what matters.

    `warnings.catch_warnings` would change the filters of other threads. A filter that is added once and stays
    does not; it is added again where something else (a test) has put the filters back since.
    """
    with _warnings:
        for kind in (UserWarning, Image.DecompressionBombWarning):
            if ("ignore", None, kind, re.compile(r"PIL\."), 0) not in warnings.filters:
                warnings.filterwarnings("ignore", category=kind, module=r"PIL\.")


def _open(data: bytes, name: str) -> OpenedImage:
    if not data:
        raise ImageError(f"{name!r} is empty; must be an image")
    found = image_format(data[:HEAD_BYTES])
    if found is None:
        what = other_kind(data[:HEAD_BYTES])
        reason = (
            f"it is {what}" if what else f"its bytes are not those of {FORMATS}, nor of another that is read"
        )
        raise ImageError(f"{name!r} is not an image: {reason}")
    if found.name == "TIFF":
        _check_tiff(data, name)
    module, _, attribute = found.reader.partition(":")
    try:
        # the one reader of the format: Image.open would try those that start programs, too
        reader: Callable[..., OpenedImage] = getattr(importlib.import_module(f"PIL.{module}"), attribute)
        return reader(io.BytesIO(data))
    except DECODER_ERRORS as error:
        raise _damaged(name, error) from error


def _check_tiff(data: bytes, name: str) -> None:
    """Refuse what the header of a TIFF says that Pillow would call damaged; a header that cannot be read is left to it."""
    try:
        header = TiffImagePlugin.ImageFileDirectory_v2(
            # BigTIFF (43, a `+`) has a longer header, in either byte order
            data[: 16 if data[2:3] == b"+" or data[3:4] == b"+" else 8]
        )
        stream = io.BytesIO(data)
        stream.seek(header.next)
        header.load(stream)
        bits, samples, kind = (header.get(tag) for tag in TIFF_TAGS)
    except DECODER_ERRORS:
        return
    most = max(bits) if isinstance(bits, tuple) and bits else 1
    if isinstance(kind, tuple) and TIFF_FLOAT in kind:
        raise ImageError(f"{name!r} has {most}-bit channels; must be 8-bit ones, RGB or grey, not floats")
    if most > 8:
        raise ImageError(f"{name!r} has {most}-bit channels; must be 8-bit ones, RGB or grey")
    if isinstance(samples, int) and samples > 4:
        raise ImageError(f"{name!r} has {samples} channels; must be RGB or grey")


def _damaged(name: str, error: Exception) -> ImageError:
    if isinstance(error, Image.DecompressionBombError):
        return ImageError(f"{name!r} must have at most {LARGEST_PIXELS} pixels (got more)")
    words = " ".join(str(error).split()) or type(error).__name__
    if UNREAD.search(words):
        return ImageError(
            f"{name!r} is of a kind that Pillow does not read ({words}); must be 8 bits, RGB or grey"
        )
    what = "truncated" if re.search("truncated|unpack|EOF", words, re.IGNORECASE) else "damaged"
    return ImageError(f"{name!r} is {what} ({words}); must be a whole image")


def _check_kind(image: OpenedImage, data: bytes, name: str) -> None:
    """Refuse what the header alone says will not be measured."""
    width, height = image.size
    if width * height > LARGEST_PIXELS:
        raise ImageError(f"{name!r} must have at most {LARGEST_PIXELS} pixels (got {width}x{height})")
    bits = _bits(image, data)
    if image.mode.startswith("F"):
        raise ImageError(
            f"{name!r} has {max(bits, 32)}-bit channels; must be 8-bit ones, RGB or grey, not floats"
        )
    if bits > 8 or image.mode.startswith("I"):
        raise ImageError(f"{name!r} has {max(bits, 16)}-bit channels; must be 8-bit ones, RGB or grey")
    if image.mode not in MODES:
        raise ImageError(f"{name!r} has {image.mode} pixels; must be RGB or grey")
    if getattr(image, "is_animated", False):  # counting them, n_frames, may take minutes
        raise ImageError(f"{name!r} has several frames; must be a single image")
    if isinstance(image, JpegImagePlugin.JpegImageFile) and (found := jpeg_scans(data)) > MOST_SCANS:
        raise ImageError(f"{name!r} must have at most {MOST_SCANS} scans (got {found})")


def jpeg_scans(data: bytes) -> int:
    """How many times a decoder goes over the first picture in a JPEG file's bytes; what lies behind it does not count."""
    count, at = 0, 2
    while (found := MARKER.search(data, at)) and found[1][0] != END:
        count += found[1][0] == SCAN
        at = found.end()
        if found[1][0] not in BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    return count


def _bits(image: OpenedImage, data: bytes) -> int:
    """Bits per channel as the file has them: Pillow reduces 10-bit AVIF and 16-bit RGB to 8 bits without a word."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return data[24]  # IHDR's bit depth, behind signature, length, type, width and height
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    if isinstance(image, PpmImagePlugin.PpmImageFile) and isinstance(image.tile[0].args, tuple):
        # the decoder is told the file's largest value
        return max(value.bit_length() for value in image.tile[0].args if isinstance(value, int))
    reader = BITS.get(image.format or "")
    return max(reader(data), default=8) if reader else 8


def _bits_avif(data: bytes) -> list[int]:
    """Of each `av1C` box: two flags say 10 or 12 bits."""
    flags = [data[at.end() + 2] for at in re.finditer(b"av1C", data) if at.end() + 2 < len(data)]
    return [(12 if flag & 0x20 else 10) if flag & 0x40 else 8 for flag in flags]


def _bits_jpeg2000(data: bytes) -> list[int]:
    """Of each component in the codestream's SIZ segment."""
    at = data.find(b"\xff\x4f\xff\x51")
    # SIZ: the number of components stands 40 bytes behind the codestream's first marker, 3 bytes of each behind that
    if at < 0 or len(data) < at + 42:
        return []
    count = int.from_bytes(data[at + 40 : at + 42])
    return [(data[i] & 0x7F) + 1 for i in range(at + 42, min(at + 42 + 3 * count, len(data)), 3)]


def _bits_sgi(data: bytes) -> list[int]:
    return [8 * data[3]]


def _bits_psd(data: bytes) -> list[int]:
    return [int.from_bytes(data[22:24])]


def _bits_dds(data: bytes) -> list[int]:
    """16 where it holds floats (BC6H, and the other formats of floats in DirectX 10's header)."""
    floats = data[84:88] == b"DX10" and int.from_bytes(data[128:132], "little") in DXGI_FLOATS
    return [16 if floats else 8]


# Numbers of DXGI_FORMAT whose channels are floats; 94 to 96 are BC6H.
DXGI_FLOATS = frozenset({2, 6, 10, 16, 26, 34, 41, 54, 94, 95, 96})
BITS: dict[str, Callable[[bytes], list[int]]] = {
    "AVIF": _bits_avif,
    "JPEG2000": _bits_jpeg2000,
    "SGI": _bits_sgi,
    "PSD": _bits_psd,
    "DDS": _bits_dds,
}
