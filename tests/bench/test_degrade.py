"""hr to lr, as a function and as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2ycbcr
from torch import Tensor

from baselines.bicubic import imresize
from bench.commands import degrade as degrading
from bench.data import images
from bench.degrade import main
from bench.lr import blur, degrade
from bench.prepare import modcrop, to_luma
from bench.protocols import johnson2016, srcnn2014
from bench.records import SRProtocol

GOLDEN = {
    "x2": ["--scale", "2"],
    "x3": ["--scale", "3"],
    "x4": [],
    "x8-replicate": ["--scale", "8", "--border", "replicate"],
    "x8-float": ["--scale", "8", "--arithmetic", "float"],
}


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def random_image(*shape: int) -> Tensor:
    """Values on the 8-bit grid."""
    return torch.tensor(random_pixels(*shape)).float() / 255


def blurred(sigma: float, border: str = "symmetric", arithmetic: str = "uint8") -> SRProtocol:
    return SRProtocol(
        name="blurred",
        scale=4,
        shave=4,
        blur_sigma=sigma,
        border=border,  # type: ignore[arg-type]
        arithmetic=arithmetic,  # type: ignore[arg-type]
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with three images in `hr`; the second is grey."""
    monkeypatch.chdir(tmp_path)
    for name, channels in (("a", 3), ("b", 1), ("c", 3)):
        images.write(tmp_path / "hr" / f"{name}.png", random_pixels(26, 33, channels, seed=ord(name)))
    return tmp_path


def test_luma_is_skimages_rounded() -> None:
    hr = random_image(1, 3, 200, 200)
    luma = to_luma(hr)
    expected = rgb2ycbcr(hr[0].permute(1, 2, 0).double().numpy())[..., 0]
    assert luma.shape == (1, 1, 200, 200)
    assert np.array_equal((luma[0, 0] * 255).numpy(), np.floor(expected + 0.5 + 1e-9))


@pytest.mark.parametrize(("rgb", "luma"), [((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81)])
def test_luma_of_known_colours(rgb: tuple[int, int, int], luma: int) -> None:
    hr = torch.tensor(rgb).reshape(1, 3, 1, 1) / 255
    assert float(to_luma(hr)) == pytest.approx(luma / 255, abs=1e-7)


def test_luma_rounds_ties_up() -> None:
    levels = np.stack(np.meshgrid(*[np.arange(256)] * 3), axis=-1).reshape(-1, 3)
    sums = levels @ [65_481, 128_553, 24_966]
    ties = sums % 255_000 == 127_500
    assert ties.sum() > 0
    hr = torch.tensor(levels[ties]).T[None, :, None].float() / 255
    assert torch.equal(to_luma(hr)[0, 0, 0], torch.tensor(17 + sums[ties] // 255_000).float() / 255)


def test_a_grey_image_is_its_own_luma() -> None:
    hr = random_image(1, 1, 8, 8)
    assert to_luma(hr) is hr


def test_johnson2016_is_matlabs_uint8_resize() -> None:
    hr = random_image(2, 3, 24, 32)
    assert torch.equal(degrade(hr, johnson2016(4)), imresize(hr, 0.25, arithmetic="uint8"))


def test_srcnn2014_takes_luma_first_and_never_rounds() -> None:
    hr = modcrop(to_luma(random_image(1, 3, 25, 34)), 4)
    lr = degrade(hr, srcnn2014(4))
    assert torch.equal(lr, imresize(hr, 0.25))
    assert (lr * 255 - (lr * 255).round()).abs().max() > 0.1


@pytest.mark.parametrize(("border", "mode"), [("symmetric", "reflect"), ("replicate", "nearest")])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.3])
def test_blur_is_scipys(sigma: float, border: str, mode: str) -> None:
    image = random_image(1, 1, 20, 9).double()
    radius = int(np.ceil(3 * sigma))
    expected = gaussian_filter(image[0, 0].numpy(), sigma, mode=mode, radius=radius)
    np.testing.assert_allclose(blur(image, sigma, border)[0, 0].numpy(), expected, atol=1e-12, rtol=0)


def test_blur_comes_before_the_resize_and_follows_its_border() -> None:
    hr = random_image(1, 3, 24, 32)
    lr = degrade(hr, blurred(1.0, border="replicate", arithmetic="float"))
    assert torch.equal(lr, imresize(blur(hr, 1.0, "replicate"), 0.25, border="replicate"))


@pytest.mark.parametrize("protocol", [johnson2016(4), blurred(1.6), blurred(1.0, arithmetic="float")])
def test_degrading_keeps_dtype_and_argument_and_treats_a_batch_as_its_images(protocol: SRProtocol) -> None:
    hr = random_image(2, 3, 24, 32)
    before = hr.clone()
    lr = degrade(hr, protocol)
    assert (lr.dtype, lr.shape) == (torch.float32, (2, 3, 6, 8))
    assert torch.equal(hr, before)
    each = torch.cat([degrade(one, protocol) for one in hr.split(1)])
    torch.testing.assert_close(lr, each, atol=2e-7, rtol=0)


@pytest.mark.parametrize("arithmetic", ["uint8", "float"])
def test_a_blurred_constant_stays_constant(arithmetic: str) -> None:
    hr = torch.full((1, 1, 16, 16), 99 / 255)
    lr = degrade(hr, blurred(1.3, arithmetic=arithmetic))
    torch.testing.assert_close(lr, torch.full((1, 1, 4, 4), 99 / 255), atol=1e-6, rtol=0)


def test_colour_is_refused_where_luma_is_degraded() -> None:
    with pytest.raises(ValueError, match="hr has 3 channels, must be 1: protocol srcnn2014 degrades luma"):
        degrade(random_image(1, 3, 8, 8), srcnn2014(4))


def test_an_uncropped_image_is_refused() -> None:
    with pytest.raises(ValueError, match="hr is 10x8, must be multiples of 4"):
        degrade(random_image(1, 3, 8, 10), johnson2016(4))


def test_two_channels_have_no_luma() -> None:
    with pytest.raises(ValueError, match="hr has 2 channels, must be 1 or 3"):
        to_luma(random_image(1, 2, 8, 8))


@pytest.mark.parametrize("pack", GOLDEN)
def test_the_program_writes_the_pixels_of_matlabs_files(real_data: Path, tmp_path: Path, pack: str) -> None:
    assert main([str(real_data / "data" / "set5"), str(tmp_path / "lr"), *GOLDEN[pack]]) == 0
    golden = sorted((real_data / "golden" / "set5" / pack).iterdir())
    written = sorted((tmp_path / "lr").iterdir())
    assert [file.name for file in written] == [
        "baby.png",
        "bird.png",
        "butterfly.png",
        "head.png",
        "woman.png",
    ]
    for ours, theirs in zip(written, golden, strict=True):
        assert np.array_equal(images.read(ours), images.read(theirs)), ours.name


def test_the_program_says_what_it_wrote_and_how(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hr", "new/lr", "--blur", "1.5", "--border", "replicate"]) == 0
    said = "3 of 3 images written to new/lr (x4, uint8 arithmetic, replicate border, blur 1.5)"
    assert capsys.readouterr().out.splitlines() == [said]
    lr = {file.stem: images.read(file).shape for file in (here / "new/lr").iterdir()}
    assert lr == {"a": (6, 8, 3), "b": (6, 8, 1), "c": (6, 8, 3)}


def test_the_program_writes_what_the_function_gives(here: Path) -> None:
    assert main(["hr", "lr", "--scale", "2", "--blur", "1"]) == 0
    protocol = SRProtocol(name="x2", scale=2, shave=0, blur_sigma=1.0)
    hr = images.to_tensor(images.read(here / "hr/a.png"))
    assert np.array_equal(images.read(here / "lr/a.png"), images.to_array(degrade(modcrop(hr, 2), protocol)))


def test_a_bad_image_is_named_and_the_rest_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "hr" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    images.write(here / "hr" / "small.png", random_pixels(3, 40, 3))
    assert main(["hr", "lr"]) == 1
    out, err = capsys.readouterr()
    assert "a: not degraded: " in err
    assert "small: not degraded: image must be at least 4 pixels per side (got 40x3)" in err
    assert out.splitlines()[0].startswith("2 of 4 images written to lr")
    assert sorted(file.name for file in (here / "lr").iterdir()) == ["b.png", "c.png"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_an_image_that_finds_no_memory_is_named_and_the_rest_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real, seen = degrading.degraded, []

    def degraded(*args: object) -> object:
        seen.append(args)
        if len(seen) == 2:
            raise error
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(degrading, "degraded", degraded)
    assert main(["hr", "lr"]) == 1
    assert "b: not degraded: out of memory" in capsys.readouterr().err
    assert sorted(file.name for file in Path("lr").iterdir()) == ["a.png", "c.png"]


def test_what_is_there_is_kept_where_it_is_what_would_be_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hr", "lr"]) == 0
    before = (here / "lr" / "b.png").stat().st_mtime_ns
    assert main(["hr", "lr"]) == 0
    assert "left as they were: 3 that lr already has (--force writes them again)" in capsys.readouterr().out
    assert (here / "lr" / "b.png").stat().st_mtime_ns == before


def test_what_is_there_of_another_scale_or_image_is_refused_unless_forced(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = random_pixels(2, 2, 3)
    images.write(here / "lr" / "b.png", own)
    assert main(["hr", "lr"]) == 1
    captured = capsys.readouterr()
    assert "2 of 3 images written" in captured.out
    assert "b: not degraded: 'lr/b.png' is there and is another image" in captured.err
    assert main(["hr", "lr", "--scale", "2"]) == 1
    assert "0 of 3 images written" in capsys.readouterr().out
    assert np.array_equal(images.read(here / "lr" / "b.png"), own)
    assert main(["hr", "lr", "--force"]) == 0
    assert images.read(here / "lr" / "b.png").shape == (6, 8, 1)


def test_a_folder_called_like_a_data_set_is_the_folder(here: Path) -> None:
    (here / "hr").rename(here / "set5")
    assert main(["set5", "lr"]) == 0
    assert len(list((here / "lr").iterdir())) == 3


def test_a_named_data_set_is_degraded_too(here: Path) -> None:
    assert main(["samples", "lr", "--scale", "8"]) == 0
    assert len(list((here / "lr").iterdir())) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hr", "hr"], "OUT_FOLDER 'hr' is where the hr images are; use another folder"),
        (["hr", "link"], "OUT_FOLDER 'link' is where the hr images are"),
        (["hr", "hr/a.png"], "OUT_FOLDER 'hr/a.png' is a file; must be a folder"),
        (["hr", "lr", "--scale", "1"], "--scale is 1; must be an integer of at least 2"),
        (["hr", "lr", "--blur", "-1"], "--blur is -1.0; must be a sigma in pixels of at least 0"),
        (["hr", "lr", "--blur", "nan"], "--blur is nan; must be a sigma in pixels of at least 0"),
        (["nowhere", "lr"], "nowhere"),
        (["empty", "lr"], "holds no image"),
    ],
)
def test_bad_usage_gets_one_message(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (here / "empty").mkdir()
    (here / "link").symlink_to(here / "hr")
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (here / "lr").exists()


def test_a_folder_that_cannot_be_made_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("in the way")
    assert main(["hr", "file/lr"]) == 1
    assert "error: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["bench.degrade"])
def test_help_loads_no_torch(module: str) -> None:
    code = (
        f"import sys; from {module} import parser; parser().format_help(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
