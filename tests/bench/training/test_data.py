"""What the trainer is shown: which images, and which patches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import images
from bench.data.datasets import samples_folder
from bench.errors import UserError
from bench.training.data import Patches, load_images
from bench.training.recipe import Recipe
from tests.bench.training.photographs import write_photographs

CPU = torch.device("cpu")


def patches(count: int = 5, *, turns: Sequence[int] = range(8), seed: int = 0) -> Patches:
    """Of images whose every pixel says where it is: channel 0 the row, 1 the column, 2 the image."""
    sizes = [(20 + i, 30 - i) for i in range(count)]
    grids = [torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij") for h, w in sizes]
    stacks = [torch.stack([y, x, torch.full_like(x, i)]).to(torch.uint8) for i, (y, x) in enumerate(grids)]
    return Patches(stacks, patch=8, batch=4, seed=seed, turns=turns, device=CPU)


def test_patches_are_cut_where_they_say_and_turned_in_eight_ways() -> None:
    cutter, seen = patches(), set()
    for step in range(40):
        found = (cutter(step) * 255).round().int()
        chosen = cutter.chosen(step)
        for patch, (_, height, _, top, left, turn) in zip(found, chosen, strict=True):
            rows, columns = torch.meshgrid(top + torch.arange(8), left + torch.arange(8), indexing="ij")
            assert sorted(patch[0].flatten().tolist()) == sorted(rows.flatten().tolist())
            assert sorted(patch[1].flatten().tolist()) == sorted(columns.flatten().tolist())
            assert (patch[2] == height - 20).all()
            seen.add((int(turn), *(int(x) for x in (patch[:2, 0, 1] - patch[:2, 0, 0]))))
    assert len({turn for turn, *_ in seen}) == 8
    assert len({(y, x) for _, y, x in seen}) == 4  # to the right: a row or a column, on or back
    assert len(seen) == 8


def test_without_flips_a_patch_is_a_piece_of_the_image() -> None:
    cutter = patches(turns=(0,))
    for patch, (*_, top, left, _turn) in zip(cutter(3) * 255, cutter.chosen(3), strict=True):
        expected = torch.meshgrid(top + torch.arange(8.0), left + torch.arange(8.0), indexing="ij")
        torch.testing.assert_close(patch[:2], torch.stack(expected).to(patch), atol=1e-4, rtol=0)


def test_mirrored_patches_are_pieces_of_the_image_or_of_its_mirror_image() -> None:
    cutter, seen = patches(turns=Recipe(mirror=True).turns), set()
    for step in range(10):
        for patch, (*_, top, left, turn) in zip(
            (cutter(step) * 255).round(), cutter.chosen(step), strict=True
        ):
            rows, columns = torch.meshgrid(top + torch.arange(8.0), left + torch.arange(8.0), indexing="ij")
            expected = torch.stack([rows, columns.flip(1) if turn else columns])
            torch.testing.assert_close(patch[:2], expected.to(patch))
            seen.add(int(turn))
    assert seen == {0, 2}


def test_processes_share_the_patches_that_one_would_have() -> None:
    cutter = patches()
    assert torch.equal(torch.cat([cutter(7, rank, 2) for rank in (0, 1)]), cutter(7))


def test_every_image_is_used_once_before_one_is_used_again() -> None:
    cutter = patches(5)
    order = cutter.order(np.arange(30)).reshape(6, 5)
    assert (np.sort(order, axis=1) == np.arange(5)).all()
    assert len({tuple(row) for row in order}) > 1


def test_a_seed_gives_the_same_patches_and_another_seed_others() -> None:
    assert torch.equal(patches()(11), patches()(11))
    assert not torch.equal(patches()(11), patches(seed=1)(11))


def test_a_share_is_held_out_by_hash_whatever_the_folder(tmp_path: Path) -> None:
    write_photographs(tmp_path / "a", 20)
    write_photographs(tmp_path / "b", 20)
    a, b = (load_images([str(tmp_path / x)], patch=16, validation_share=0.3) for x in "ab")
    assert a.hash == b.hash
    assert 0 < len(a.validation) < 12
    assert len(a.training) + len(a.validation) == 20


def test_what_cannot_be_used_is_skipped_by_name(tmp_path: Path) -> None:
    write_photographs(tmp_path, 3)
    write_photographs(tmp_path / "small", 1, size=(10, 40), seed=5)
    (tmp_path / "small/000.png").rename(tmp_path / "small.png")
    (tmp_path / "small").rmdir()
    (tmp_path / "broken.png").write_bytes((tmp_path / "000.png").read_bytes()[:60])
    (tmp_path / "twice.png").write_bytes((tmp_path / "000.png").read_bytes())
    images.write(tmp_path / "grey.png", np.arange(400, dtype=np.uint8).reshape(20, 20, 1))
    found = load_images([str(tmp_path)], patch=16, validation_share=0.0)
    assert len(found.training) == 4
    assert found.training[-1].shape[0] == 3
    reasons = "\n".join(found.skipped)
    assert "small.png' must be at least 16x16 (got 40x10)" in reasons
    assert "broken.png' is truncated" in reasons
    assert "twice.png' is there twice" in reasons


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no folder is called"),
        (lambda folder: folder.mkdir(), "holds no image"),
        (
            lambda folder: write_photographs(folder, 1, size=(8, 8)),
            r"1 skipped, the first: .* must be at least 16x16",
        ),
    ],
)
def test_a_folder_that_gives_nothing_is_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "data"
    make(folder)
    with pytest.raises(UserError, match=message):
        load_images([str(folder)], patch=16, validation_share=0.0)


def test_a_test_image_among_the_training_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes((samples_folder() / "chelsea.png").read_bytes())
    with pytest.raises(UserError, match=r"cat.png' is the test image samples/chelsea.png"):
        load_images([str(tmp_path)], patch=16, validation_share=0.0)
