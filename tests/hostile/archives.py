"""Files of weights that are not what they say: code, other folders, more inside than outside."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path


class Call:
    """Unpickling it calls something."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> object:
        return self.function, self.arguments


def codes(trace: Path) -> dict[str, bytes]:
    """Pickles that would leave `trace` behind, by the way in which they would do it."""
    run = f"open({str(trace)!r}, 'w').close()"
    nested: object = Call(os.mkdir, str(trace))
    for _ in range(20):
        nested = {"state_dict": [nested]}
    return {
        "a call": pickle.dumps(Call(os.mkdir, str(trace))),
        "a shell": pickle.dumps(Call(os.system, f"touch {trace}")),
        "eval": pickle.dumps(Call(eval, run)),
        "exec in a list": pickle.dumps([1, {"x": Call(exec, run)}]),
        "deep": pickle.dumps(nested),
        "old protocol": pickle.dumps(Call(os.mkdir, str(trace)), protocol=0),
        "the attribute of a module": b"cbuiltins\ngetattr\n(cos\n__dict__\nVmkdir\ntR(V%b\ntR."
        % str(trace).encode(),
        "torch's own loader": b"ctorch\nload\n(V%b\ntR." % str(trace).encode(),
        "torch.hub": b"ctorch.hub\nload\n(V%b\nVx\ntR." % str(trace).encode(),
        "a build": pickle.dumps({"params": Call(os.mkdir, str(trace))}),
    }


def in_torch_zip(content: bytes, *, names: tuple[str, ...] = (), inner: str = "archive") -> bytes:
    """A pickle in an archive as torch writes it, with other parts beside it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"{inner}/data.pkl", content)
        archive.writestr(f"{inner}/version", "3\n")
        archive.writestr(f"{inner}/byteorder", "little")
        for name in names:
            archive.writestr(name, b"escaped")
    return stream.getvalue()


def slips(outside: Path) -> dict[str, bytes]:
    """Archives whose parts would lie elsewhere if they were ever unpacked."""
    plain = pickle.dumps({"params": {}}, protocol=2)
    names = (
        f"../{outside.name}/a",
        f"archive/../../{outside.name}/b",
        str(outside / "c"),
        "archive/data/../../../d",
    )
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors", *names):
            part = tarfile.TarInfo(name)
            part.size = len(plain)
            archive.addfile(part, io.BytesIO(plain))
    linked = io.BytesIO()
    with zipfile.ZipFile(linked, "w") as other:
        link = zipfile.ZipInfo("archive/data.pkl")
        link.external_attr = 0o120777 << 16
        other.writestr(link, str(outside / "secret"))
    return {
        "zip": in_torch_zip(plain, names=names),
        "zip called by a path": in_torch_zip(plain, inner=f"../{outside.name}"),
        "zip with a link": linked.getvalue(),
        "tar": stream.getvalue(),
    }


def storage(numbers: int) -> bytes:
    """The pickle of a state_dict of one float32 array in `archive/data/0`."""
    import torch

    stream = io.BytesIO()
    torch.save({"params": {"w": torch.zeros(4)}}, stream)
    with zipfile.ZipFile(stream) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        found = archive.read(name)
    assert found.count(b"K\x04") >= 2  # the number of values in the storage, and the array's shape
    return found.replace(b"K\x04", b"J" + struct.pack("<i", numbers))


def weight_bombs(folder: Path) -> Iterator[Path]:
    """Files of a few kilobytes that claim gigabytes."""
    numbers = 2**29
    deflated = folder / "deflated.pth"
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", storage(numbers))
        archive.writestr("archive/version", "3\n")
        with archive.open("archive/data/0", "w", force_zip64=True) as part:
            for _ in range(64):  # 256 MiB are enough to be seen, and soon written
                part.write(bytes(2**22))
    yield deflated
    claimed = folder / "claimed.pth"
    claimed.write_bytes(in_torch_zip(storage(numbers), names=("archive/data/0",)))
    yield claimed
    grown = folder / "bytearray.pth"
    grown.write_bytes(b"\x80\x02c__builtin__\nbytearray\nI%d\n\x85R." % 2**40)
    yield grown
    header = folder / "header.safetensors"
    header.write_bytes(struct.pack("<Q", 2**40) + b"{}")
    yield header
    array = folder / "array.safetensors"
    text = b'{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    array.write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    yield array
