"""The three folder layouts, the lr files in them, and whether those are the lr that a protocol makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import images
from bench.data.datasets import dataset
from bench.data.layouts import digest, hr_folder, lr_files, lr_folder, lr_of
from bench.errors import ImageError, UserError
from bench.lr import degrade
from bench.protocols import protocol
from bench.quality.provided_lr import LrComparison, closest_lr, read_lr, same_lr
from bench.records import Dataset

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 60, 3), dtype=np.uint8)
X4 = protocol("johnson2016", 4)


def put(folder: Path, *names: str) -> None:
    for name in names:
        images.write(folder / name, PIXELS)


def shrunk(pixels: np.ndarray, scale: int = 4) -> np.ndarray:
    return images.to_array(degrade(images.to_tensor(pixels), protocol("johnson2016", scale)))


@pytest.fixture(params=["GTmod12/LRbicx4", "HR/LR_bicubic/X4", "hr/lr_bicubic/x4"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two images in one of the layouts, with the lr that johnson2016 makes."""
    hr, _, lr = request.param.partition("/")
    ending = "" if lr == "LRbicx4" else "x4"
    for i, name in enumerate(("baby", "bird")):
        pixels = np.roll(PIXELS, i, axis=0)
        images.write(tmp_path / hr / f"{name}.png", pixels)
        images.write(tmp_path / lr / f"{name}{ending}.png", shrunk(pixels))
    return tmp_path


def test_the_hr_folder_of_each_layout_is_found_in_any_case(root: Path) -> None:
    assert hr_folder(root).name in {"GTmod12", "HR", "hr"}
    assert hr_folder(hr_folder(root)) == hr_folder(root)


def test_lr_files_are_paired_by_name_from_the_root_or_its_hr_folder(root: Path) -> None:
    files = lr_files(root, 4)
    assert list(files) == ["baby", "bird"]
    assert files["bird"] in {lr_folder(root, 4) / "bird.png", lr_folder(root, 4) / "birdx4.png"}
    assert lr_files(hr_folder(root), 4) == files
    assert lr_of(dataset(str(root)), 4) == files


def test_lr_files_are_those_of_the_images_that_a_limit_left(root: Path) -> None:
    data = dataset(str(root))
    assert list(lr_of(replace(data, images=data.images[:1]), 4)) == ["baby"]


def test_lr_files_that_the_protocol_makes_are_proved_equal(root: Path) -> None:
    data = dataset(str(root))
    proof = same_lr(data, lr_of(data, 4), X4)
    assert proof.equal == ("baby", "bird")
    assert str(proof) == "2 of 2 lr files equal what johnson2016 makes at x4 (borders: symmetric)"


def test_lr_files_that_differ_are_counted_with_the_largest_difference(root: Path) -> None:
    data = dataset(str(root))
    files = lr_of(data, 4)
    changed = images.read(files["bird"]).astype(int)
    changed[3, 4, 1] += 7 if changed[3, 4, 1] < 128 else -7
    images.write(files["bird"], changed.astype(np.uint8))
    proof = same_lr(data, files, X4)
    assert proof.levels == {"baby": 0, "bird": 7}
    assert str(proof).startswith("1 of 2 lr files equal")
    assert str(proof).endswith(", the others differ by at most 7 levels")


def test_an_lr_file_of_another_size_is_named_with_both_sizes(root: Path) -> None:
    data = dataset(str(root))
    files = lr_of(data, 4)
    images.write(files["baby"], PIXELS[:11, :15])
    proof = same_lr(data, files, X4)
    assert (proof.levels, proof.other_size) == ({"bird": 0}, {"baby": "15x11, must be 15x12"})
    assert str(proof).endswith("1 has another size (baby: 15x11, must be 15x12)")


def test_a_file_that_cannot_be_read_is_told_from_one_of_another_size_whatever_it_is_called(
    root: Path,
) -> None:
    data = dataset(str(root))
    files = lr_of(data, 4)
    images.write(files["baby"], PIXELS[:11, :15])
    files["bird"].write_bytes(b"")
    proof = same_lr(data, files, X4)
    assert (list(proof.other_size), list(proof.unreadable), proof.images) == (["baby"], ["bird"], 2)
    assert "1 has another size (baby: 15x11, must be 15x12), 1 cannot be compared (bird: " in str(proof)


def test_three_folders_of_lr_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path / "DIV2K_valid_HR", "0801.png")
    for kind in ("mild", "difficult", "wild"):
        put(tmp_path / f"DIV2K_valid_LR_{kind}", "0801x4.png")
    with pytest.raises(UserError, match=r"3 folders of lr files for x4: .* and .* and .*; must be one"):
        lr_files(tmp_path, 4)


def test_a_grey_hr_with_an_lr_of_three_equal_channels_is_compared(tmp_path: Path) -> None:
    grey = PIXELS[..., :1]
    images.write(tmp_path / "HR" / "a.png", grey)
    images.write(tmp_path / "LR_bicubic" / "X4" / "ax4.png", np.repeat(shrunk(grey), 3, axis=2))
    data = dataset(str(tmp_path))
    assert same_lr(data, lr_of(data, 4), X4).levels == {"a": 0}


def test_matlabs_own_lr_files_of_set5_are_all_equal_and_the_clamped_ones_are_not(
    real_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(real_data / "data" / "set5", tmp_path / "HR")
    for scale, folder in ((2, "x2"), (4, "x4"), (8, "x8-replicate")):
        shutil.copytree(real_data / "golden" / "set5" / folder, tmp_path / "LR_bicubic" / f"X{scale}")
    data = dataset(str(tmp_path))
    found = {scale: _proof(data, scale) for scale in (2, 4, 8)}
    assert len(found[2].equal) == len(found[4].equal) == 5
    assert found[8].equal == ()
    assert max(found[8].levels.values()) > 3
    clamped = closest_lr(data, lr_of(data, 8), protocol("johnson2016", 8))
    assert len(clamped.equal) == 5
    assert str(clamped) == "5 of 5 lr files equal what johnson2016 makes at x8 (borders: replicate)"
    assert closest_lr(data, lr_of(data, 4), X4) == found[4]


def _proof(data: Dataset, scale: int) -> LrComparison:
    return same_lr(data, lr_of(data, scale), protocol("johnson2016", scale))


def test_an_lr_file_is_read_as_the_lr_of_its_hr(root: Path) -> None:
    hr = images.to_tensor(PIXELS)
    assert torch.equal(read_lr(lr_files(root, 4)["baby"], hr, 4), degrade(hr, X4))


def test_an_lr_file_of_three_equal_channels_is_the_lr_of_a_grey_hr(tmp_path: Path) -> None:
    hr = images.to_tensor(PIXELS[..., :1])
    lr = degrade(hr, X4)
    images.write(tmp_path / "a.png", np.repeat(images.to_array(lr), 3, axis=2))
    assert torch.equal(read_lr(tmp_path / "a.png", hr, 4), lr)


def test_an_lr_file_of_another_size_or_with_other_channels_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    hr = images.to_tensor(PIXELS)
    with pytest.raises(ImageError, match=r"a\.png' is 60x48, must be 15x12: hr is 60x48"):
        read_lr(tmp_path / "a.png", hr, 4)
    images.write(tmp_path / "a.png", shrunk(PIXELS))
    with pytest.raises(ImageError, match=r"a\.png' has 3 channels, must be 1 as hr has"):
        read_lr(tmp_path / "a.png", hr[:, :1], 4)


def test_the_digest_depends_on_names_and_contents_alone(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = digest(lr_files(root, 4))
    elsewhere = tmp_path_factory.mktemp("copy") / "there"
    shutil.copytree(root, elsewhere)
    assert digest(lr_files(elsewhere, 4)) == first
    put(lr_folder(elsewhere, 4), lr_files(elsewhere, 4)["baby"].name)
    assert digest(lr_files(elsewhere, 4)) != first


def test_an_lr_file_that_cannot_be_read_counts_as_none_and_costs_no_run(root: Path) -> None:
    files = dict(lr_files(root, 4))
    whole = digest(files)
    files["bird"].unlink()
    assert digest(files) != whole
    assert digest(files) == digest(files)


@pytest.mark.parametrize("prefix", ["DIV2K_valid_", "Flickr2K-", "div2k_train_"])
def test_the_layout_of_div2ks_authors_is_found_from_the_root_and_its_hr_folder(
    tmp_path: Path, prefix: str
) -> None:
    put(tmp_path / f"{prefix}HR", "0801.png", "0802.png")
    for scale in (2, 4):
        for name in ("0801", "0802"):
            images.write(
                tmp_path / f"{prefix}LR_bicubic" / f"X{scale}" / f"{name}x{scale}.png", shrunk(PIXELS, scale)
            )
    images.write(tmp_path / f"{prefix}LR_mild" / "0801x4m.png", shrunk(PIXELS))
    for root in (tmp_path, tmp_path / f"{prefix}HR"):
        for scale in (2, 4):
            found = lr_files(root, scale)
            assert [file.name for file in found.values()] == [f"0801x{scale}.png", f"0802x{scale}.png"]
    data = dataset(str(tmp_path))
    assert [image.stem for image in data.images] == ["0801", "0802"]
    assert same_lr(data, lr_of(data, 4), X4).equal == ("0801", "0802")


def test_div2ks_mild_lr_files_are_taken_where_they_are_the_only_ones(tmp_path: Path) -> None:
    put(tmp_path / "DIV2K_valid_HR", "0801.png")
    images.write(tmp_path / "DIV2K_valid_LR_mild" / "0801x4m.png", shrunk(PIXELS))
    assert lr_files(tmp_path, 4)["0801"].name == "0801x4m.png"
    images.write(tmp_path / "DIV2K_valid_LR_wild" / "0801x4w1.png", shrunk(PIXELS))
    with pytest.raises(UserError, match="2 folders of lr files"):
        lr_files(tmp_path, 4)


def test_train_and_valid_side_by_side_are_two_data_sets(tmp_path: Path) -> None:
    put(tmp_path / "DIV2K_valid_HR", "0801.png")
    put(tmp_path / "DIV2K_train_HR", "0001.png")
    with pytest.raises(UserError, match="must be one: type"):
        dataset(str(tmp_path))


def test_lr_files_beside_their_hr_images_are_those_that_say_so(tmp_path: Path) -> None:
    for name in ("a", "b"):
        images.write(tmp_path / f"{name}_SRF_4_HR.png", PIXELS)
        images.write(tmp_path / f"{name}_SRF_4_LR.png", shrunk(PIXELS))
    assert [file.name for file in lr_files(tmp_path, 4).values()] == ["a_SRF_4_LR.png", "b_SRF_4_LR.png"]


def test_lr_files_are_paired_by_a_pattern(tmp_path: Path) -> None:
    put(tmp_path / "HR", "a_HR_x4.png")
    images.write(tmp_path / "LR_bicubic" / "X4" / "a_theirs.png", shrunk(PIXELS))
    assert list(lr_files(tmp_path, 4, "{stem}_theirs")) == ["a_HR_x4"]


def test_lr_files_that_say_another_scale_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path / "HR", "a.png")
    images.write(tmp_path / "LR_bicubic" / "X4" / "ax2.png", shrunk(PIXELS))
    with pytest.raises(UserError, match=r"names say another scale: 'ax2.png'"):
        lr_files(tmp_path, 4)


def test_a_scale_without_lr_files_is_refused_with_what_there_is(root: Path) -> None:
    with pytest.raises(
        UserError, match=r"has no lr files for x3: it has .*; must be LRbicx3 or LR_bicubic/X3"
    ):
        lr_files(root, 3)


def test_missing_and_further_lr_files_are_named(root: Path) -> None:
    files = lr_files(root, 4)
    files["bird"].rename(files["bird"].with_name("fish.png"))
    with pytest.raises(
        UserError, match=r"no file for 'bird'; no hr image for 'fish\.png'; must be one lr file"
    ):
        lr_files(root, 4)


def test_two_folders_of_lr_files_are_refused(root: Path) -> None:
    put(root / "LRbicx4", "baby.png")
    put(root / "LR_bicubic" / "X4", "baby.png")
    with pytest.raises(UserError, match=r"[23] folders of lr files for x4: .*must be one"):
        lr_files(root, 4)


def test_a_named_data_set_has_no_lr_files() -> None:
    with pytest.raises(UserError, match="set5 comes without lr files; must be a folder that has them"):
        lr_of(dataset("set5"), 4)


def test_two_hr_folders_are_refused_and_both_named(tmp_path: Path) -> None:
    put(tmp_path / "GTmod12", "a.png")
    put(tmp_path / "HR", "a.png")
    with pytest.raises(
        UserError,
        match=r"has the folder GTmod12 and the folder HR; must be one: type '.*GTmod12' or '.*HR'$",
    ):
        dataset(str(tmp_path))


def test_images_beside_an_hr_folder_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    put(tmp_path / "HR", "a.png")
    with pytest.raises(
        UserError,
        match=r"has the folder HR and 2 images beside it; must be one: type '.*HR', or move the images",
    ):
        dataset(str(tmp_path))


def test_a_folder_of_data_sets_is_refused_with_what_to_type(tmp_path: Path) -> None:
    put(tmp_path / "Set5" / "HR", "a.png")
    put(tmp_path / "mine", "a.png")
    (tmp_path / "notes").mkdir()
    with pytest.raises(
        UserError, match=r"holds no image and no folder GTmod12 or HR; .*type '.*/Set5' or '.*/mine'$"
    ):
        dataset(str(tmp_path))


def test_a_flat_folder_with_other_folders_in_it_stays_flat(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    put(tmp_path / "old", "b.png")
    (tmp_path / "HR").mkdir()
    assert hr_folder(tmp_path) == tmp_path


def test_a_protocol_whose_lr_no_file_can_hold_is_refused(root: Path) -> None:
    data = dataset(str(root))
    with pytest.raises(
        UserError, match="srcnn2014 makes lr that is no 8-bit RGB image; must be one that does"
    ):
        same_lr(data, lr_of(data, 4), protocol("srcnn2014", 4))


def test_the_layouts_are_found_without_torch() -> None:
    code = "import sys, bench.data.layouts; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
