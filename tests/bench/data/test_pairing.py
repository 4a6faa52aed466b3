"""Folders are paired by name, never by order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.data.pairing import pair, stem_of
from bench.errors import UserError


def files(*names: str) -> list[Path]:
    return [Path("out") / name for name in names]


def paired(stems: Sequence[str], *names: str) -> dict[str, str]:
    return {stem: file.name for stem, file in pair(stems, files(*names)).pairs.items()}


@pytest.mark.parametrize(
    "name",
    [
        "baby.png", "baby.PNG", "baby_x4.png", "babyx4.png", "baby-x4.png", "baby_4x.png", "baby_SR.png", "baby_sr.jpg",
        "baby_out.png", "baby_LR.png", "baby_x4_SR.png", "baby_SRF_4_HR.png", "baby.x8.png", "baby_X4.png", "baby_GT.png",
    ],
)  # fmt: skip
def test_the_usual_endings_are_stripped(name: str) -> None:
    assert paired(["baby", "bird"], name) == {"baby": name}


@pytest.mark.parametrize(
    "name", ["babyface.png", "baby_x4_EDSR.png", "xbaby.png", "baby_.png", "Baby.png", "baby_x400.png"]
)
def test_nothing_else_is_stripped(name: str) -> None:
    found = pair(["baby"], files(name))
    assert not found.pairs
    assert found.missing == ("baby",)
    assert found.extra == tuple(files(name))


def test_the_exact_stem_goes_before_a_stripped_one() -> None:
    found = pair(["baby"], files("baby_x4.png", "baby.png"))
    assert found.pairs == {"baby": Path("out/baby.png")}
    assert found.extra == (Path("out/baby_x4.png"),)


def test_stems_that_end_in_a_tag_themselves_are_kept_apart() -> None:
    assert paired(["a", "a_x2"], "a_x2.png", "a.png") == {"a": "a.png", "a_x2": "a_x2.png"}
    assert paired(["a", "a_x2"], "a_x2_SR.png", "a_SR.png") == {"a": "a_SR.png", "a_x2": "a_x2_SR.png"}


def test_endings_of_the_hr_images_are_stripped_where_nothing_else_fits() -> None:
    assert paired(["img_001_SRF_4_HR"], "img_001_SRF_4_LR.png") == {
        "img_001_SRF_4_HR": "img_001_SRF_4_LR.png"
    }


def test_an_ending_that_all_files_share_is_stripped() -> None:
    names = ("baby_EDSR_Lx4_official.png", "bird_EDSR_Lx4_official.png")
    assert paired(["baby", "bird"], *names) == {"baby": names[0], "bird": names[1]}
    assert not paired(["baby", "bird"], "baby_EDSR.png", "bird_RCAN.png")
    assert not paired(["baby", "bird"], "baby_EDSR.png")


def test_the_longest_stem_owns_a_file_with_a_shared_ending() -> None:
    names = ("a_b_net.png", "a_net.png")
    assert paired(["a", "a_b"], *names) == {"a": "a_net.png", "a_b": "a_b_net.png"}


def test_order_does_not_matter() -> None:
    stems, names = ["c", "a", "b"], ["b_x2.png", "c_x2.png", "a_x2.png"]
    assert paired(stems, *names) == paired(stems, *reversed(names)) == {s: f"{s}_x2.png" for s in stems}
    assert list(pair(stems, files(*names)).pairs) == stems


@pytest.mark.parametrize(
    "twins", [("baby.png", "baby.jpg"), ("baby_x4.png", "baby_SR.png"), ("babyx4.png", "baby_x4.png")]
)
def test_two_files_for_one_image_are_refused_by_name(twins: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="two files fit the hr image 'baby'") as refusal:
        pair(["baby"], files(*twins))
    assert all(repr(name) in str(refusal.value) for name in twins)


def test_two_images_for_one_file_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"'baby.png' fits two hr images, 'baby_GT', 'baby_HR'; must be one"):
        pair(["baby_GT", "baby_HR"], files("baby.png"))


def test_missing_and_extra_are_named() -> None:
    found = pair(["baby", "bird"], files("baby.png", "cat.png"))
    assert list(found.lines()) == ["no file for 'bird'", "no hr image for 'cat.png'"]
    assert not list(pair(["baby"], files("baby.png")).lines())


def test_a_long_list_is_cut_with_its_length() -> None:
    (line,) = pair([f"{i:02}" for i in range(15)], []).lines()
    assert line.endswith("'09' and 5 more")


def test_pairs_under_other_names_are_told() -> None:
    assert dict(pair(["a", "b"], files("a.png", "b_x4.png")).stripped) == {"b": Path("out/b_x4.png")}


def test_odd_names_are_paired_and_cannot_command_a_terminal() -> None:
    odd = ["a b", "a\nb", "..", "é", "\x1b[2J"]
    stems = [stem_of(Path(f"{name}.png")) for name in odd]
    found = pair(stems, [Path("out") / f"{name}_x4.png" for name in odd])
    assert list(found.pairs) == stems == ["a b", "a\\nb", "..", "é", "\\x1b[2J"]
    assert "\x1b" not in next(pair(odd, []).lines())


def test_stems_are_those_of_data_sets(tmp_path: Path) -> None:
    from bench.data.datasets import dataset

    for name in ("a.b.png", "é.png", "x y.JPG"):
        (tmp_path / name).touch()
    assert sorted(image.stem for image in dataset(str(tmp_path)).images) == sorted(
        map(stem_of, tmp_path.iterdir())
    )
