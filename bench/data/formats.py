"""What a file is by its first bytes: the image formats that are read, and what else people have under an image's name.

Whatever is in :data:`READ` is an image, whatever its ending. Nothing else is ever handed to Pillow: formats that start
another program or are documents (EPS, WMF, PDF) stand in :data:`OTHERS`, to be refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.data.whole_file import opened_file

HEAD_BYTES = 512


@dataclass(frozen=True, kw_only=True)
class Format:
    """An image format.

    Attributes:
        magic: matches the first bytes of its files.
        reader: `module:class` below `PIL`.
        endings: that its files usually have.
    """

    name: str
    magic: re.Pattern[bytes]
    reader: str
    endings: tuple[str, ...]


# Tried in this order: the first whose mark fits is taken.
READ: tuple[Format, ...] = tuple(
    Format(name=name, magic=re.compile(magic, re.DOTALL), reader=reader, endings=tuple(endings.split()))
    for name, magic, reader, endings in (
        ("PNG", rb"\x89PNG\r\n\x1a\n", "PngImagePlugin:PngImageFile", ".png .apng"),
        ("JPEG", rb"\xff\xd8\xff", "JpegImagePlugin:JpegImageFile", ".jpg .jpeg .jfif .jpe .jif .mpo"),
        ("BMP", rb"BM", "BmpImagePlugin:BmpImageFile", ".bmp"),
        ("GIF", rb"GIF8[79]a", "GifImagePlugin:GifImageFile", ".gif"),
        ("TIFF", rb"II[*+]\x00|MM\x00[*+]", "TiffImagePlugin:TiffImageFile", ".tif .tiff"),
        ("WebP", rb"RIFF....WEBP", "WebPImagePlugin:WebPImageFile", ".webp"),
        ("PPM", rb"P[1-6f]\s", "PpmImagePlugin:PpmImageFile", ".ppm .pgm .pbm .pnm .pfm"),
        ("AVIF", rb"....ftypavi[fs]", "AvifImagePlugin:AvifImageFile", ".avif .avifs"),
        (
            "JPEG 2000",
            rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  \r\n\x87\n",
            "Jpeg2KImagePlugin:Jpeg2KImageFile",
            ".jp2 .j2k .jpf .jpx .j2c .jpc",
        ),
        ("QOI", rb"qoif", "QoiImagePlugin:QoiImageFile", ".qoi"),
        ("PSD", rb"8BPS", "PsdImagePlugin:PsdImageFile", ".psd"),
        ("DDS", rb"DDS ", "DdsImagePlugin:DdsImageFile", ".dds"),
        ("SGI", rb"\x01\xda[\x00\x01][\x01\x02]", "SgiImagePlugin:SgiImageFile", ".sgi .rgb .bw"),
        ("Sun raster", rb"\x59\xa6\x6a\x95", "SunImagePlugin:SunImageFile", ".ras"),
        ("PCX", rb"\n[\x00\x02-\x05]\x01[\x01\x02\x04\x08]", "PcxImagePlugin:PcxImageFile", ".pcx"),
        ("ICO", rb"\x00\x00\x01\x00[^\x00]\x00", "IcoImagePlugin:IcoImageFile", ".ico"),
        ("ICNS", rb"icns", "IcnsImagePlugin:IcnsImageFile", ".icns"),
        ("XPM", rb"/\* XPM \*/", "XpmImagePlugin:XpmImageFile", ".xpm"),
        ("XBM", rb"\s*#define\s+\S+_width\s+\d+", "XbmImagePlugin:XbmImageFile", ".xbm"),
        ("FITS", rb"SIMPLE  =", "FitsImagePlugin:FitsImageFile", ".fits .fit"),
        ("DIB", rb"[\x0c\x28\x40\x6c\x7c]\x00\x00\x00", "BmpImagePlugin:DibImageFile", ".dib"),
        (  # the one without a mark of its own: colour map, type and depth that it can have
            "TGA",
            rb".(?:\x00[\x02\x03\x0a\x0b]|\x01[\x01\x09]).{13}[\x08\x10\x18\x20]",
            "TgaImagePlugin:TgaImageFile",
            ".tga .icb .vda .vst",
        ),
    )
)
WEAK = frozenset({"DIB", "TGA", "PCX", "ICO", "BMP", "PPM"})
"""Known by a few bytes that other files may begin with: under an ending that is not theirs they are no images."""

SUFFIXES = tuple(ending for each in READ for ending in each.endings)
USUAL = ".png .jpg .jpeg .bmp .gif .tif .webp .avif .jp2, or another that Pillow reads"
FORMATS = "PNG, JPEG, BMP, GIF, TIFF, WebP or PPM"

LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/.*?\nsize (\d{1,18})", re.DOTALL)
# The first that fits is taken: HEIC before films, SVG and HTML before XML.
# In words that go behind "is".
OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(magic, re.DOTALL | re.IGNORECASE), words)
    for magic, words in (
        (rb"%!PS|\xc5\xd0\xd3\xc6", "EPS, a document that another program draws"),
        (rb"%PDF", "a PDF document"),
        (rb"\xd7\xcd\xc6\x9a|\x01\x00\t\x00\x00\x03|\x01\x00\x00\x00.{36} EMF", "WMF, which another program draws"),
        (rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", "HEIC, which Pillow does not read"),
        (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "JPEG XL, which Pillow does not read"),
        (rb"P[7F]\s", "a PAM or a PFM in colour, which Pillow does not read"),
        (rb"v/1\x01", "OpenEXR, which has more than 8 bits"),
        (rb"#\?(?:RADIANCE|RGBE)", "Radiance HDR, which has more than 8 bits"),
        (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", "a film"),
        (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg", "an SVG drawing"),
        (rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!DOCTYPE html|html|head|body)", "an HTML page"),
        (rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|[A-Za-z]+[ >])", "an XML page"),
        (rb"\x7fELF|MZ", "a program"),
        (rb"SQLite format 3\x00", "an SQLite file"),
        (rb"\x89HDF\r\n\x1a\n", "HDF5"),
        (rb"\x93NUMPY", "a NumPy array"),
        (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd", "a compressed archive"),
        (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive"),
        (rb"\x80[\x02-\x05]", "a pickle"),
    )
)  # fmt: skip
ARCHIVES = ("a ZIP archive", "a pickle")  # what torch writes


def image_format(head: bytes) -> Format | None:
    """The format whose mark the first bytes bear; None for no image that is read."""
    return next((each for each in READ if each.magic.match(head)), None)


def other_kind(head: bytes) -> str:
    """What the first bytes are of, where that is no image that is read; empty where it is not known."""
    if not head:
        return "empty"
    if pointer := LFS.match(head):
        return (
            f"a Git LFS pointer, which stands for a file of {int(pointer[1])} bytes that was not fetched "
            "(git lfs pull fetches it)"
        )
    return next((words for magic, words in OTHERS if magic.match(head)), "")


def no_weights(head: bytes) -> str:
    """What the first bytes of a file are of that was given as weights, where they cannot be weights; else empty."""
    if head[8:9] == b"{":  # safetensors, which begin with a number
        return ""
    known = other_kind(head)
    if known and known not in ARCHIVES:
        return known
    image = image_format(head)
    return f"a {image.name} image" if image and image.name not in WEAK else ""


def read_head(path: Path) -> bytes:
    """The first bytes of a regular file.

    Raises:
        OSError: it cannot be read, or is a pipe, a device or a folder.
    """
    with opened_file(path) as stream:
        return stream.read(HEAD_BYTES)


def is_image(path: Path) -> tuple[bool, str]:
    """Whether a file whose ending says nothing is an image by its first bytes; if not, what it is, in words."""
    try:
        head = read_head(path)
    except (OSError, ValueError):
        return False, "cannot be read"
    # a weak mark is not enough where the ending says nothing
    found = image_format(head)
    if found and found.name not in WEAK:
        return True, ""
    return False, other_kind(head)
