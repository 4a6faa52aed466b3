from __future__ import annotations

import csv
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.data import manifest
from bench.data.trunks.pins import SDIST, TRUNKS
from bench.errors import UserError

LISTED = ("data/", "weights/", "golden/", "train/bsds500/", "train/coco/")
# Pictures of tests alone, files made of others, a file that the table gives two addresses.
APART = ("golden/iqa/", "weights/trunks/", "weights/dists/")
NOT_COLLECTED = {"urban100", "t91", "dists"}


def test_manifest_equals_the_table_of_the_collected_files_field_by_field(real_data: Path) -> None:
    with (real_data / "MANIFEST.tsv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    table = {
        row["path"]: (int(row["bytes"]), row["sha256"], row["address"], row["licence"])
        for row in rows
        if row["path"].startswith(LISTED) and not row["path"].startswith(APART)
    }
    pinned = {
        file.name: (file.bytes, file.sha256, file.address, file.licence)
        for file in manifest.files().values()
        if not file.address.startswith((manifest.TORCHVISION, manifest.TRUNK))
        and file.group not in NOT_COLLECTED
    }
    assert pinned == table


def test_the_trunks_are_pinned_as_the_table_of_the_collected_files_has_them(real_data: Path) -> None:
    with (real_data / "MANIFEST.tsv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = {row["path"]: row for row in rows if row["path"].startswith("weights/trunks/")}
    files = {f.name: f for f in manifest.files().values() if f.address.startswith(manifest.TRUNK)}
    assert set(files) == set(found)
    for name, file in files.items():
        assert (file.bytes, file.sha256) == (int(found[name]["bytes"]), found[name]["sha256"])
        trunk = TRUNKS[file.group]
        assert f"member {trunk.member} (sha256 {trunk.member_sha256})" in found[name]["address"]
    assert f"{SDIST.project}=={SDIST.version} (sha256 {SDIST.sha256})" in str(found.values())


def test_no_file_belongs_to_two_groups() -> None:
    names = [file.name for group in manifest.groups().values() for file in group.files]
    assert len(names) == len(set(names)) == len(manifest.files())


def test_every_file_has_a_hash_an_address_a_licence_and_a_use() -> None:
    for name, file in manifest.files().items():
        assert file.name == name
        assert re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{8}", file.sha256), name
        assert file.address.startswith(
            ("https://", "http://images.cocodataset.org/", manifest.TORCHVISION, manifest.TRUNK)
        ), name
        assert file.licence, name
        assert file.enables == manifest.group(file.group).enables != ""


def test_addresses_of_torchvision_weights_are_its_own_and_end_with_the_pinned_hash() -> None:
    trunks = [f for f in manifest.files().values() if f.address.startswith(manifest.TORCHVISION)]
    assert [f.group for f in trunks] == ["vgg19", "squeezenet"]
    for file in trunks:
        address = manifest.address(file)
        assert address.startswith("https://")
        assert address.endswith(f"/{Path(file.name).name}")
        assert file.name.endswith(f"-{file.sha256}.pth")
        assert file.bytes is None


def test_other_weights_from_torchvision_than_the_pinned_ones_are_refused() -> None:
    file = replace(
        manifest.file("weights/torchvision/vgg19-dcbb9e9d.pth"), name="weights/torchvision/vgg19-0.pth"
    )
    with pytest.raises(
        UserError, match=r"gives https://.*vgg19-dcbb9e9d\.pth .*; must be a file called vgg19-0\.pth"
    ):
        manifest.address(file)


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"'set6' \(did you mean 'set5'\?\); there are: set5, set14, bsd100"):
        manifest.group("set6")
    with pytest.raises(
        UserError, match=r"'data/set5/x\.png' is not in the manifest; must be one of its \d+ files"
    ):
        manifest.file("data/set5/x.png")


def test_reading_the_manifest_imports_nothing_heavy() -> None:
    program = (
        "import bench.data.manifest, bench.data.cache, bench.data.datasets, bench.doctor, sys;"
        "bench.data.manifest.files(); bench.data.datasets.NAMED;"
        "sys.exit(bool({'torch', 'numpy', 'rich', 'pooch', 'PIL', 'skimage'} & set(sys.modules)))"
    )
    root = Path(manifest.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
