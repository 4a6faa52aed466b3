"""Images, the manifest, the paper's numbers and files of weights, as a third party may make them."""

from __future__ import annotations

import functools
import io
import os
import random
import re
from pathlib import Path

from bench.data import manifest, published
from bench.data.images import read
from bench.errors import ImageError
from reports.load import paper
from tests.hostile import hostile_images
from tests.hostile.mutate import damaged, toml_text
from tests.hostile.reading import refusing, written


@functools.cache
def images() -> tuple[bytes, ...]:
    return tuple(hostile_images.sound().values())


def image_case(draw: random.Random) -> bytes:
    if draw.random() < 0.05:
        return draw.randbytes(draw.randrange(200))
    return damaged(draw.choice(images()), draw, images())


def check_image(content: bytes) -> None:
    with refusing(ImageError):
        assert read(written(content, "x.png")).size > 0


@functools.cache
def manifest_text() -> bytes:
    """Its first two groups."""
    return b"\n".join(re.split(rb"\n(?=\[\w+\]\n)", manifest.TOML.read_bytes())[:3])


@functools.cache
def paper_text() -> bytes:
    """A part of each kind of it: the whole takes long to parse."""
    head, *tables = Path(published.__file__).with_name("paper.toml").read_bytes().split(b"\n[[")
    kept = [
        [table for table in tables if table.startswith(kind)][:2]
        for kind in (b"scores", b"grid", b"value", b"remark")
    ]
    return b"\n[[".join([head, *(table for some in kept for table in some)])


def manifest_case(draw: random.Random) -> bytes:
    return _toml_case(manifest_text(), draw)


def paper_case(draw: random.Random) -> bytes:
    return _toml_case(paper_text(), draw)


def _toml_case(text: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.2:
        return damaged(text, draw)
    return toml_text(text.decode(), draw).encode("utf-8", "surrogatepass")


def check_manifest(content: bytes) -> None:
    with refusing():
        root = Path("/cache")
        for group in manifest.parse(content.decode("utf-8", "replace")).values():
            for file in group.files:
                assert Path(os.path.normpath(root / file.name)).is_relative_to(root), file.name
                assert file.address.startswith(manifest.ADDRESSES)


def check_paper(content: bytes) -> None:
    with refusing():
        for entry in paper.parse(content.decode("utf-8", "replace")):
            assert entry.cell.decimals >= 0
            assert entry.source == entry.cell.id.partition(".")[0]


@functools.cache
def weights() -> tuple[bytes, ...]:
    """A small file of each kind, behind its suffix."""
    import torch
    from safetensors.torch import save

    arrays = {
        "body.weight": torch.arange(12.0).reshape(3, 4),
        "body.bias": torch.zeros(3, dtype=torch.float16),
    }
    made = []
    for new in (True, False):
        stream = io.BytesIO()
        torch.save({"params": arrays}, stream, _use_new_zipfile_serialization=new)
        made.append(b".pth:" + stream.getvalue())
    run = {
        "format": 1,
        "step": 3,
        "seconds": 1.0,
        "network": arrays,
        "average": None,
        "optimizer": {"state": {}, "param_groups": []},
        "random": {"cpu": torch.get_rng_state()[:8]},
        **{name: {} for name in ("identity", "record", "scores")},
    }
    stream = io.BytesIO()
    torch.save(run, stream)
    metadata = {"architecture": "johnson2016-sr", "config": '{"scale": 4}'}
    return (*made, b".pt:" + stream.getvalue(), b".safetensors:" + save(arrays, metadata))


def weights_case(draw: random.Random) -> bytes:
    sort, _, content = draw.choice(weights()).partition(b":")
    return sort + b":" + damaged(content, draw)


def check_weights(content: bytes) -> None:
    from bench.registry.adapters.checkpoint import _metadata
    from bench.registry.adapters.checkpoint import read as read_checkpoint
    from bench.training import checkpoint

    sort, _, rest = content.partition(b":")
    if sort == b".pt":
        with refusing():
            checkpoint.read(written(rest, checkpoint.NAME).parent)
    else:
        file = written(rest, "net.safetensors" if sort == b".safetensors" else "net.pth")
        with refusing():
            _metadata(file)
            assert read_checkpoint(file)
