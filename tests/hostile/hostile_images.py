"""Sound image files of every kind that Pillow writes, small, and the bombs that no writer makes: in code, no files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from bench.data.images import decode
from bench.errors import ImageError

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB", "HSV")
KINDS: Mapping[str, Mapping[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 75},
    "GIF": {},
    "TIFF": {},
    "BMP": {},
    "WEBP": {"lossless": True},
    "PPM": {},
}
MORE: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "progressive": ("JPEG", "RGB", {"progressive": True, "quality": 60}),
    "lossy webp": ("WEBP", "RGB", {"quality": 50}),
    "lzw tiff": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "deflate tiff": ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    "jpeg tiff": ("TIFF", "RGB", {"compression": "jpeg"}),
    "packbits tiff": ("TIFF", "L", {"compression": "packbits"}),
    "fax tiff": ("TIFF", "1", {"compression": "group4"}),
    "interlaced gif": ("GIF", "P", {"interlace": True}),
}


def pixels(mode: str = "RGB", size: tuple[int, int] = (17, 13)) -> Image.Image:
    """Noise over a ramp, as `mode`."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    if mode == "I;16":
        return Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    return picture.convert("L").convert(mode) if mode in {"LA", "I", "F"} else picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a file."""
    stream = io.BytesIO()
    picture.save(stream, format=kind, **options)
    return stream.getvalue()


def sound() -> dict[str, bytes]:
    """By name: every kind in every mode that it takes, and what phones and editors add."""
    made = {}
    for kind, options in KINDS.items():
        for mode in MODES:
            try:
                made[f"{kind} {mode}"] = saved(pixels(mode), kind, **options)
            except (OSError, KeyError, ValueError):
                continue  # Pillow does not write this mode into this kind
    for name, (kind, mode, more) in MORE.items():
        made[name] = saved(pixels(mode), kind, **more)
    frames = [pixels("P", (9, 7)), pixels("P", (9, 7)).rotate(180)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        made[f"animated {kind}"] = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    for orientation in (1, 3, 6, 8, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            made[f"{kind} turned {orientation}"] = saved(pixels(), kind, exif=exif)
    remarks = PngImagePlugin.PngInfo()
    remarks.add_text("remark", "x" * 50, zip=True)
    remarks.add_itxt("long", "y" * 50, "en", "z", zip=True)
    made["PNG with remarks"] = saved(pixels(), "PNG", pnginfo=remarks, icc_profile=b"p" * 200, dpi=(72, 72))
    made["PNG of 16 bits"] = sixteen_bit_png()
    made["PPM of 16 bits"] = b"P6 2 2 65535\n" + bytes(24)
    made["PPM in words"] = b"P3\n# a remark\n2 2 255\n" + b" 1 2 3" * 4
    return made


def chunk(name: bytes, content: bytes) -> bytes:
    """One of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, more: bytes = b"", data: bytes) -> bytes:
    """A PNG file of any claims. `data`: what follows the header's chunks, compressed already."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def sixteen_bit_png() -> bytes:
    """RGB with 16 bits, which Pillow reads but does not write."""
    return png(3, 2, depth=16, data=zlib.compress((b"\0" + bytes(18)) * 2))


def zeros(count: int) -> bytes:
    """At least `count` zero bytes, deflated."""
    press = zlib.compressobj(9)
    piece = bytes(2**20)
    first = press.compress(piece) + press.flush(zlib.Z_FULL_FLUSH)
    again = press.compress(piece) + press.flush(zlib.Z_FULL_FLUSH)  # what each further piece deflates to
    whole = -(-count // len(piece))
    check = ((whole * len(piece)) % 65521 << 16) + 1  # Adler-32 of zeros
    return first + again * (whole - 1) + b"\3\0" + struct.pack(">I", check)


def png_bomb(side: int = 50_000) -> bytes:
    """Grey zeros, `side` x `side`, in a file of a thousandth of that."""
    return png(side, side, colour=0, data=zeros(side * (side + 1)))


def remark_bomb(name: bytes, size: int = 2**28) -> bytes:
    """A PNG of one pixel with a `zTXt`, `iTXt` or `iCCP` chunk that inflates to `size` bytes."""
    lead = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[name]
    return png(1, 1, more=chunk(name, lead + zeros(size)), data=zlib.compress(bytes(4)))


def gif_of_frames(count: int) -> bytes:
    """A GIF of very many frames of one pixel."""
    frame = b"!\xf9\x04\x08\x01\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00"
    return b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00" + frame * count + b";"


def gif_canvas() -> bytes:
    """A GIF that claims 65535 x 65535 pixels and has one."""
    one = gif_of_frames(1)
    return one[:6] + b"\xff\xff\xff\xff" + one[10:]


def tiff(width: int, height: int, entries: Mapping[int, tuple[int, int, int]], after: bytes = b"") -> bytes:
    """A little-endian grey TIFF; `entries`: tag -> type, count, value or offset. `after` begins behind the directory."""
    tags = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 262: (3, 1, 1), **entries}
    body = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + body + b"\0\0\0\0" + after


def tiff_of_strips(count: int = 200_000) -> bytes:
    """A TIFF that says that it has very many strips, all of them the same one."""
    start = 8 + 2 + 8 * 12 + 4
    entries = {
        259: (3, 1, 1),
        273: (4, count, start),
        278: (3, 1, 1),
        279: (4, count, start + 4 * count),
    }
    places = struct.pack("<I", 8) * count
    return tiff(8, count, entries, places + struct.pack("<I", 8) * count)


def tiff_of_directories(count: int) -> bytes:
    """A TIFF with a chain of very many directories, each of the same four pixels."""
    one = tiff(2, 2, {259: (3, 1, 1), 273: (4, 1, 8), 278: (3, 1, 2), 279: (4, 1, 4)})
    entries = one[8:-4]
    size = len(entries) + 4
    links = (8 + (i + 1) * size if i + 1 < count else 0 for i in range(count))
    return one[:8] + b"".join(entries + struct.pack("<I", link) for link in links)


def jpeg_of_scans(side: int, count: int) -> bytes:
    """A progressive JPEG of `side` x `side` whose last scan is there `count` times."""
    whole = saved(Image.new("L", (side, side), 90), "JPEG", progressive=True, quality=20)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def refused_or_decoded(data: bytes) -> str:
    """`decoded`, or the message of the refusal."""
    try:
        found = decode(data, "x.png")
    except ImageError as error:
        return str(error)
    assert found.dtype == np.uint8
    assert found.ndim == 3
    assert found.shape[2] in {1, 3}
    return "decoded"


def bombs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """By name, each made when it is asked for."""
    yield "png", png_bomb
    for name in (b"zTXt", b"iTXt", b"iCCP"):
        yield name.decode(), lambda name=name: remark_bomb(name)
    yield "gif canvas", gif_canvas
    yield "gif frames", lambda: gif_of_frames(400_000)
    yield "tiff strips", tiff_of_strips
    yield "tiff directories", lambda: tiff_of_directories(60_000)
    yield "jpeg scans", lambda: jpeg_of_scans(3000, 4000)
