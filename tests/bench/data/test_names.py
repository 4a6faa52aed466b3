"""What names say of roles and scales is respected; what only looks like it is a name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from bench.data import images
from bench.data.datasets import dataset, left_out
from bench.data.names import hr_among, role_of, scale_of
from bench.data.pairing import pair
from bench.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def files(*names: str) -> list[Path]:
    return [Path("out") / name for name in names]


def chosen(*stems: str, scale: int | None = None) -> list[str]:
    return list(hr_among(stems, scale).stems)


@pytest.mark.parametrize(
    ("hr", "other"),
    [
        ("img_001_SRF_4_HR", "img_001_SRF_4_LR"), ("a_HR", "a_LR"), ("a_gt", "a_lr"), ("a-GT", "a-SR"), ("a.hr", "a.lr"),
        ("a_HR", "a_x4"), ("a_HR", "a_bicubic"), ("img_001_SRF_4_HR", "img_001_SRF_4_A+"), ("a", "a_LR"), ("a", "ax4"),
        ("0801", "0801x4"), ("0801", "0801x4m"), ("a", "a_x4_SR"), ("a", "a_bicubic"), ("a", "a_out"), ("a_HR", "a"),
        ("a_HR", "a_SRF_3"), ("a", "a-2x"), ("a", "a_X8"),
    ],
)  # fmt: skip
def test_what_was_made_of_an_hr_image_beside_it_is_none(hr: str, other: str) -> None:
    assert chosen(hr, other) == chosen(other, hr) == [hr]


@pytest.mark.parametrize(
    "stems",
    [
        ("a_SR", "b_SR"), ("a_LR", "b_LR"), ("a_x4_SR", "b_x4_SR"), ("truck_4x4", "car"), ("truck", "truck_4x4"),
        ("truck_4", "truck_4x4"), ("box1", "box2", "box3"), ("frame_x1", "frame_x2", "frame_x3"), ("knocked_out", "ring"),
        ("a_HR", "b"), ("a_x4", "b_x4"), ("woman", "woman_hat"), ("x2", "x4"),
    ],
)  # fmt: skip
def test_a_folder_of_one_role_and_names_that_look_like_scales_stay_whole(stems: tuple[str, ...]) -> None:
    assert chosen(*stems) == list(stems)


def test_hr_images_at_several_scales_are_those_of_the_scale_asked_for() -> None:
    stems = ("a_HR_x2", "a_HR_x4", "b_SRF_2_HR", "b_SRF_4_HR")
    assert chosen(*stems, scale=4) == ["a_HR_x4", "b_SRF_4_HR"]
    assert chosen(*stems, scale=2) == ["a_HR_x2", "b_SRF_2_HR"]
    with pytest.raises(UserError, match=r"'a' is there at x2, x4"):
        chosen(*stems)
    with pytest.raises(UserError, match=r"with x3 among them"):
        chosen(*stems, scale=3)


def test_what_is_left_out_of_a_data_set_is_named_and_counted(tmp_path: Path) -> None:
    for name in ("a_HR.png", "a_LR.png", "b_HR.png", "b_bicubic.png"):
        images.write(tmp_path / name, PIXELS)
    (tmp_path / "readme.txt").write_text("hello")
    data = dataset(str(tmp_path))
    assert [image.stem for image in data.images] == ["a_HR", "b_HR"]
    said = "\n".join(left_out(data))
    assert "skipped, no image (1 of 5 files): 'readme.txt'" in said
    assert "skipped, called lr (1 of 4 images): 'a_LR.png'" in said
    assert "'b_bicubic.png'" in said
    assert len(dataset(str(tmp_path), every=True).images) == 4
    assert next(left_out(data)) == next(
        left_out(type(data)(name=data.name, images=data.images[:1], source=""))
    )


@pytest.mark.parametrize(
    ("ending", "scale"),
    [
        ("_x4", 4), ("x4", 4), ("X8", 8), ("-2x", 2), ("_SRF_3", 3), ("_x4_SR", 4), ("_SR_x2", 2), ("_SRF_4_LR", 4),
        ("_x4m", 4), ("x4d", 4), ("x4w3", 4), ("_RCAN_BIX4", 4), ("_EDSR_Lx4", 4), ("_EDSR_x3_official", 3),
        ("_EDSR_Lx4_official", 4), ("", None), ("_SR", None), ("_x400", None), ("_v2", None), ("_x1", None),
    ],
)  # fmt: skip
def test_the_scale_that_an_ending_says(ending: str, scale: int | None) -> None:
    assert scale_of(ending) == scale


def test_the_role_that_an_ending_says() -> None:
    assert [role_of(e) for e in ("_HR", "_gt_x4", "-LR", "_LRBI_x4", "_SR", "_out", "_face")] == [
        ("hr", True), ("hr", True), ("lr", True), ("lr", True), ("sr", True), ("sr", False), (None, False),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ["_x4_SR", "-4x", "X4", "_SRF_4", "_x4", "x4m", "_SR_x4"])
def test_a_file_of_another_scale_is_set_aside_by_name(ending: str) -> None:
    found = pair(["a", "b"], files(f"a{ending}.png", f"b{ending}.png"), scale=4)
    assert len(found.pairs) == 2
    other = pair(["a", "b"], files(f"a{ending}.png", f"b{ending}.png"), scale=2)
    assert not other.pairs
    assert len(other.other_scale) == 2
    assert f"names say another scale: 'a{ending}.png'" in "\n".join(other.lines())


def test_all_scales_in_one_folder_give_those_of_the_scale() -> None:
    names = [f"{stem}_x{scale}_SR.png" for stem in "ab" for scale in (2, 3, 4)]
    for scale in (2, 3, 4):
        found = pair(["a", "b"], files(*names), scale=scale)
        assert {s: f.name for s, f in found.pairs.items()} == {s: f"{s}_x{scale}_SR.png" for s in "ab"}
    edsr = [f"{stem}_EDSR_x{scale}.png" for stem in "ab" for scale in (2, 3, 4)]
    assert {f.name for f in pair(["a", "b"], files(*edsr), scale=3).pairs.values()} == {
        "a_EDSR_x3.png",
        "b_EDSR_x3.png",
    }


def test_a_name_that_both_sides_have_says_nothing_of_the_scale() -> None:
    assert pair(["truck_4x4", "a_x4"], files("truck_4x4.png", "a_x4.png"), scale=2).missing == ()
    assert pair(["truck_4x4"], files("truck_4x4_x2.png"), scale=2).missing == ()
    assert pair(["truck_4x4"], files("truck_4x4_x2.png"), scale=4).missing == ("truck_4x4",)
    assert not pair(["box3"], files("box2.png")).pairs


def test_of_two_files_the_one_of_the_role_is_taken_and_the_other_named() -> None:
    found = pair(["a"], files("a_SR.png", "a_LR.png"), role="sr")
    assert found.pairs["a"].name == "a_SR.png"
    assert "another role: 'a_LR.png'" in "\n".join(found.lines())
    assert pair(["a"], files("a_SR.png", "a_LR.png"), role="lr").pairs["a"].name == "a_LR.png"


@pytest.mark.parametrize("name", ["café", "naïve", "Ünal", "사진", "Å", "ế_hình"])
def test_names_that_look_equal_are_equal(name: str, tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert composed != decomposed
    for hr, sr in ((composed, decomposed), (decomposed, composed)):
        for ending in ("", "_x4_SR"):
            found = pair([hr], files(f"{sr}{ending}.png"), scale=4)
            assert list(found.pairs) == [hr]
    for stem in (composed, decomposed):
        images.write(tmp_path / f"{stem}.png", PIXELS)
    with pytest.raises(UserError, match="has two images called"):
        dataset(str(tmp_path))


def test_rcans_names_pair_by_themselves_and_by_a_pattern() -> None:
    stems = ["baby_HR_x4", "bird_HR_x4"]
    names = ("baby_RCAN_BIX4.png", "bird_RCAN_BIX4.png")
    for pattern in (None, "{stem}_RCAN_BIX4", "{stem}_RCAN_BIX{scale}", "{stem}_RCAN_BIX4.png"):
        found = pair(stems, files(*names), scale=4, pattern=pattern)
        assert [file.name for file in found.pairs.values()] == list(names)
    assert not pair(stems, files(*names), scale=2).pairs
    one = pair(stems, files("baby_RCAN_BIX4.png", "baby_EDSR_x4.png"), pattern="{stem}_RCAN_BIX4", scale=4)
    assert one.pairs["baby_HR_x4"].name == "baby_RCAN_BIX4.png"
    assert [file.name for file in one.extra] == ["baby_EDSR_x4.png"]


@pytest.mark.parametrize("pattern", ["x4", "{stem}{stem}", ""])
def test_a_pattern_without_one_stem_is_refused(pattern: str) -> None:
    with pytest.raises(UserError, match="must be once"):
        pair(["a"], files("a.png"), pattern=pattern)
