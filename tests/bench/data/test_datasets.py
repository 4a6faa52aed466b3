from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data import datasets, images
from bench.data.datasets import dataset
from bench.data.images import load
from bench.data.manifest import ManifestFile
from bench.errors import ImageError, MissingFile, UserError
from bench.records import ImageFile

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def put(folder: Path, *names: str) -> None:
    for name in names:
        images.write(folder / name, PIXELS)


def test_every_name_gives_its_images_in_a_fixed_order() -> None:
    counts = {name: len(dataset(name).images) for name in datasets.NAMED}
    assert counts == {
        **{"samples": 7, "set5": 5, "set14": 14, "bsd100": 100, "coco50": 50},
        **{"urban100": 100, "t91": 91, "contents": 2},
    }
    assert [image.stem for image in dataset("set5").images] == ["baby", "bird", "butterfly", "head", "woman"]
    for name in datasets.NAMED:
        stems = [image.stem for image in dataset(name).images]
        assert len(set(stems)) == len(stems)
        assert dataset(name).name == name


def test_b100_is_bsd100() -> None:
    assert dataset("b100") == dataset("bsd100")


def test_files_says_what_a_data_set_needs_from_the_cache() -> None:
    assert datasets.files("set5")[0] == "data/set5/baby.png"
    assert datasets.files("samples") == ()


def test_samples_are_the_photographs_that_scikit_image_gives() -> None:
    from skimage import data

    for image in dataset("samples").images:
        if image.stem == "motorcycle_left":
            expected = data.stereo_motorcycle()[0]
        else:
            expected = getattr(data, image.stem)()
        pixels = load(image).pixels
        assert np.array_equal(pixels.squeeze(), expected), image.stem
    assert [i.stem for i in dataset("samples").images if load(i).pixels.shape[2] == 1] == ["camera", "coins"]


def test_named_images_are_read_through_the_cache_with_their_pinned_hash(real_data: Path) -> None:
    image = dataset("set14").images[2]
    loaded = load(image)
    assert (image.stem, image.file) == ("bridge", "data/set14/bridge.png")
    assert loaded.sha256 == image.sha256
    assert loaded.pixels.shape == (512, 512, 1)


def test_a_folder_is_its_images_by_name_without_sub_folders_and_hidden_files(tmp_path: Path) -> None:
    put(tmp_path / "mine", "b.png", "A.PNG", "c.JPG", ".hidden.png", "sub/d.png")
    (tmp_path / "mine" / "notes.txt").write_text("no image")
    (tmp_path / "mine" / "folder.png").mkdir()
    found = dataset(str(tmp_path / "mine"))
    assert found.name == "mine"
    assert found.source == str(tmp_path / "mine")
    assert [image.stem for image in found.images] == ["A", "b", "c"]
    assert [Path(image.file) for image in found.images] == [
        tmp_path / "mine" / n for n in ("A.PNG", "b.png", "c.JPG")
    ]
    assert np.array_equal(load(found.images[1]).pixels, PIXELS)
    content = (tmp_path / "mine" / "b.png").read_bytes()
    assert load(found.images[1]).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("given", ["mine", "mine/", "./mine", "other/../mine"])
def test_a_folder_may_be_given_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    put(tmp_path, "mine/a.png", "other/a.png")
    monkeypatch.chdir(tmp_path)
    found = dataset(given)
    assert found.name == "mine"
    assert found.images[0].file == str(tmp_path / "mine" / "a.png")


def test_the_present_folder_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "mine/a.png")
    monkeypatch.chdir(tmp_path / "mine")
    assert dataset(".").name == "mine"


def test_a_name_goes_before_a_folder_and_the_folder_is_never_called_like_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "set5/a.png")
    monkeypatch.chdir(tmp_path)
    assert len(dataset("set5").images) == 5
    assert dataset("./set5").name == "folder-set5"


def test_a_link_that_leads_nowhere_is_listed_and_then_reported(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    found = dataset(str(tmp_path)).images
    assert [image.stem for image in found] == ["a", "gone", "link"]
    assert np.array_equal(load(found[2]).pixels, PIXELS)
    with pytest.raises(ImageError, match=r"gone\.png' cannot be read: No such file"):
        load(found[1])


def test_two_files_of_one_stem_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.jpg", "b.png")
    with pytest.raises(UserError, match=r"has two images called 'b': 'b\.jpg' and 'b\.png'; must be one"):
        dataset(str(tmp_path))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no image; needs files with one of: \.png \.jpg"):
        dataset(str(tmp_path))


@pytest.mark.parametrize("given", ["manga109", "Manga109", "div2k-val", "general100"])
def test_a_set_that_cannot_be_had_by_name_says_why_and_that_a_folder_will_do(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=rf"{given} is no data set by name: .*; must be the folder that holds"
    ):
        dataset(given)
    put(tmp_path / given, "a.png")
    assert dataset(given).name == given


@pytest.mark.parametrize("given", ["set6", "no/such/folder", "x" * 5000, "nul\0", "", "new\nline"])
def test_what_is_neither_a_name_nor_a_folder_is_refused_with_the_names(given: str) -> None:
    with pytest.raises(
        UserError, match=r"is called .*; must be a folder of images, or one of: samples, set5"
    ) as caught:
        dataset(given)
    assert str(caught.value).isprintable()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    with pytest.raises(UserError, match=r"no folder is called .*a\.png'"):
        dataset(str(tmp_path / "a.png"))


def test_names_that_are_not_utf8_can_be_stored_and_their_files_be_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        put(tmp_path, path.name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    image = dataset(str(tmp_path)).images[0]
    assert image.stem == r"caf\xe9"
    assert np.array_equal(load(image).pixels, PIXELS)


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    image = ImageFile(stem="a", file=str(tmp_path / "a.png"), sha256="0" * 64)
    with pytest.raises(
        ImageError, match=r"a\.png' is not the pinned file: sha256 is [0-9a-f]{64}; must be 0{64}"
    ):
        load(image)


def test_a_damaged_file_of_the_cache_is_named_even_if_its_size_is_right(
    entry: ManifestFile, folder: Path
) -> None:
    path = folder / entry.name
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(entry.bytes or 0))
    with pytest.raises(
        MissingFile, match=r"data/tiny/a\.png in the cache is damaged: its sha256 is .*--fetch tiny"
    ):
        load(ImageFile(stem="a", file=entry.name, sha256=entry.sha256))


@pytest.mark.parametrize("hr", ["GTmod12", "HR"])
def test_a_folder_that_holds_a_layout_is_its_hr_images_and_keeps_its_own_name(
    tmp_path: Path, hr: str
) -> None:
    put(tmp_path / "Set5" / hr, "baby.png", "bird.png")
    put(tmp_path / "Set5" / "LRbicx4", "baby.png", "bird.png")
    found = dataset(str(tmp_path / "Set5"))
    assert found.name == "Set5"
    assert found.source == str(tmp_path / "Set5" / hr)
    assert [image.stem for image in found.images] == ["baby", "bird"]
    assert Path(found.images[0].file) == tmp_path / "Set5" / hr / "baby.png"


def test_listing_reads_no_file(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:03d}.png").touch()
    found = dataset(str(tmp_path)).images
    assert len(found) == 100
    assert found[0] == replace(found[0], stem="000", sha256=None)
    with pytest.raises(ImageError, match=r"000\.png' is empty"):
        load(found[0])


def test_files_of_any_ending_are_images_and_what_is_none_is_named(tmp_path: Path) -> None:
    from PIL import Image

    from bench.data.datasets import left_out

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    for name, kind in (
        ("a.png", "PNG"), ("b.jfif", "JPEG"), ("c.jpe", "JPEG"), ("d.avif", "AVIF"), ("e.jp2", "JPEG2000"),
        ("f.scan", "PNG"), ("g", "PNG"), ("a.png~", "PNG"),
    ):  # fmt: skip
        picture.save(tmp_path / name, format=kind)
    (tmp_path / "h.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99)
    (tmp_path / "notes.txt").write_text("hello")
    data = dataset(str(tmp_path))
    assert [image.stem for image in data.images] == ["a", "b", "c", "d", "e", "f", "g"]
    (line,) = left_out(data)
    assert (
        "skipped, no images (3 of 10 files): 'a.png~' (an image called like another), 'h.heic' (HEIC" in line
    )
    assert "'notes.txt'" in line
