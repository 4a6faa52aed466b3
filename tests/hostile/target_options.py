"""What a third party may have one type as a model."""

from __future__ import annotations

import functools
import os
import random
from pathlib import Path

from bench.registry import spec
from tests.hostile.mutate import TEXTS, damaged
from tests.hostile.reading import folder, refusing

# ---- options of external models ----

OPTIONS = (
    *(f"{key}={value}" for key in (*spec.OPTIONS, "x", "") for value in ("1", "255", "0", "-1", "", "bgr", "nhwc", "3",
    "9" * 5000, "\u0661", "\x1b[0m", "..", "../x", "a b", "=", ",", "\0", "a\nb", "stylizer", "x" * 300)),
)  # fmt: skip
SOURCES = (
    "net.onnx",
    "net.pth",
    "net.safetensors",
    "code.py:make",
    "code.py",
    "made",
    "made/{dataset}/x{scale}",
    "none.onnx",
    "a,scale=2.onnx",
    "package.module:name",
    ":",
    "/",
    "..",
    ".",
    "",
    "~",
    "\0",
    "x" * 5000,
    "-",
    "{",
    "{dataset}",
    "\udcff.onnx",
    *TEXTS,
)


@functools.cache
def models() -> Path:
    """A folder with something of each kind in it; nothing of it is ever opened."""
    place = folder() / "models"
    (place / "made").mkdir(parents=True)
    for name in ("net.onnx", "net.pth", "net.safetensors", "code.py", "a,scale=2.onnx"):
        (place / name).touch()
    return place


def option_case(draw: random.Random) -> bytes:
    text = ",".join([draw.choice(SOURCES), *(draw.choice(OPTIONS) for _ in range(draw.randrange(5)))])
    whole = text.encode("utf-8", "surrogatepass")
    return damaged(whole, draw) if draw.random() < 0.3 else whole


def check_option(content: bytes) -> None:
    text = content.decode("utf-8", "surrogateescape")
    before = Path.cwd()
    os.chdir(models())
    try:
        with refusing():
            spec.looks_outside(text)
            found = spec.parse(text)
            assert spec.SAFE_NAME.fullmatch(found.name) or found.name == "model", ascii(found.name)
            assert set(found.options) <= set(spec.OPTIONS)
    finally:
        os.chdir(before)
