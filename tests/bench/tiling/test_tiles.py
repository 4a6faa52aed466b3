"""Tiles: what comes out is what comes out untiled, wherever the tiles lie; and when it is not, that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch import Tensor, nn

from baselines.bicubic import Bicubic
from baselines.histogram import Matched
from baselines.interpolate import Interpolation
from baselines.srcnn import SRCNN
from bench import arguments
from bench.arguments import LEAST_TILE
from bench.data.images import to_array
from bench.errors import UserError
from bench.interfaces import Upscaler
from bench.quality.plan import Model
from bench.records import untiled_hash
from bench.tiling import memory as tiling_memory
from bench.tiling import tiles as tiling
from bench.tiling.memory import UNSEEN_BYTES_PER_SR_PIXEL, LiveBytes, budget, bytes_per_pixel
from bench.tiling.tiles import DEFAULT_OVERLAP, Tiled, hash_done, tiled, tiled_hash
from models.sr_net import SRNet

SIDES = (61, 47)


def image(n: int = 1, c: int = 3, h: int = SIDES[0], w: int = SIDES[1], seed: int = 0) -> Tensor:
    return torch.rand((n, c, h, w), generator=torch.Generator().manual_seed(seed))


def sr_net(scale: int, unit: str = "plain") -> SRNet:
    torch.manual_seed(0)
    return SRNet(scale=scale, width=8, blocks=2, unit=unit).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def srcnn(tmp_path_factory: pytest.TempPathFactory) -> SRCNN:
    """With random weights in the authors' layout."""
    rng = np.random.default_rng(0)
    shapes = {"weights_conv1": (81, 6), "weights_conv2": (6, 25, 4), "weights_conv3": (4, 25)}
    biases = {"biases_conv1": (6, 1), "biases_conv2": (4, 1), "biases_conv3": (1, 1)}
    file = tmp_path_factory.mktemp("srcnn") / "x3.mat"
    savemat(file, {name: rng.normal(0, 0.05, shape) for name, shape in (shapes | biases).items()})
    return SRCNN(3, file)


@pytest.fixture(params=["sr-net-x2", "sr-net-x4", "projected-x2", "srcnn", "bicubic", "lanczos"])
def upscaler(request: pytest.FixtureRequest, srcnn: SRCNN) -> Upscaler:
    make = {
        "sr-net-x2": lambda: sr_net(2),
        "sr-net-x4": lambda: sr_net(4),
        "projected-x2": lambda: sr_net(2, "projected"),
        "srcnn": lambda: srcnn,
        "bicubic": lambda: Bicubic(scale=4),
        "lanczos": lambda: Interpolation(kernel="lanczos3", scale=3),
    }
    return make[request.param]()


def require_same(sr: Tensor, expected: Tensor) -> None:
    """Equal to float32's rounding, and in 8 bits, but for values that rounding alone puts on the other side of a tie.

    A library may add up in another order where an array has another size.
    """
    torch.testing.assert_close(sr, expected, rtol=0, atol=1e-6)
    differs = torch.from_numpy(to_array(sr) != to_array(expected)).permute(2, 0, 1)[None]
    levels = expected[differs].clamp(0, 1).double() * 255
    assert ((levels - levels.floor() - 0.5).abs() < 255e-6).all()
    assert differs.double().mean() < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("tile", [16, 40])
def test_tiled_is_untiled_away_from_borders_and_at_them(upscaler: Upscaler, tile: int) -> None:
    lr = image()
    tiles = Tiled(upscaler=upscaler, tile=tile)
    sr, expected = tiles(lr), upscaler(lr)
    assert tiles.last is not None
    assert tiles.last.exact
    require_same(sr, expected)


@torch.no_grad()
def test_shipped_network_is_the_same_tiled() -> None:
    from models.sr_net import load_sr_net

    file = Path(tiling.__file__).parents[2] / "models" / "weights" / "sr-pixel-x2.safetensors"
    network, lr = load_sr_net(scale=2, weights=file), image()
    tiles = Tiled(upscaler=network, tile=24)
    require_same(tiles(lr), network(lr))


@torch.no_grad()
def test_a_margin_one_pixel_too_small_is_seen_and_said() -> None:
    tiles = Tiled(upscaler=Bicubic(scale=2), tile=16, overlap=1)
    assert not torch.allclose(tiles(image()), Bicubic(scale=2)(image()), rtol=0, atol=1e-3)
    assert tiles.last is not None
    assert not tiles.last.exact
    assert "the receptive field reaches 2 pixels" in tiles.last.description


class Standardised(nn.Module):
    """Looks at the whole image."""

    scale, channels = 2, None

    def forward(self, lr: Tensor) -> Tensor:
        return Bicubic(scale=2)(lr - lr.mean((2, 3), keepdim=True) + 0.5)


@torch.no_grad()
def test_a_network_without_bound_gets_a_stated_margin_and_is_not_called_exact() -> None:
    tiles = Tiled(upscaler=Standardised(), tile=20)
    tiles(image(h=200))
    assert tiles.last is not None
    assert tiles.last.overlap == DEFAULT_OVERLAP
    assert not tiles.last.exact
    assert "not exact, it looks further than 511 pixels" in tiles.last.description


@torch.no_grad()
def test_it_is_an_upscaler_of_any_batch_and_dtype() -> None:
    tiles = Tiled(upscaler=Bicubic(scale=3), tile=10)
    assert isinstance(tiles, Upscaler)
    assert (tiles.scale, tiles.channels) == (3, None)
    lr = image(3, 1).double()
    before = lr.clone()
    assert tiles(lr).dtype == torch.float64
    torch.testing.assert_close(tiles(lr), Bicubic(scale=3)(lr), rtol=0, atol=1e-12)
    assert torch.equal(lr, before)


class Cells:
    """Each cell of 4x4 pixels becomes its mean; what is over at the right and below is a cell of its own."""

    scale, channels, multiple, minimum = 2, None, 4, 24

    def __init__(self) -> None:
        self.sizes: set[tuple[int, int]] = set()

    def __call__(self, lr: Tensor) -> Tensor:
        h, w = lr.shape[-2:]
        self.sizes.add((h, w))
        means = nn.functional.avg_pool2d(lr, 4, ceil_mode=True, count_include_pad=False)
        cells = means.repeat_interleave(8, 2).repeat_interleave(8, 3)
        return cells[..., : 2 * h, : 2 * w]


@torch.no_grad()
def test_tiles_lie_on_the_multiples_that_a_network_needs_and_are_no_smaller_than_its_minimum() -> None:
    cells, lr = Cells(), image()
    tiles = Tiled(upscaler=cells, tile=9)
    assert (tiles.multiple, tiles.minimum) == (4, 24)
    assert torch.equal(tiles(lr), Cells()(lr))
    assert tiles.last is not None
    assert all(line % 4 == 0 for line in tiles.last.rows + tiles.last.columns)
    assert min(min(size) for size in cells.sizes) >= 24


class Hungry:
    """Bicubic that runs out of memory above a number of pixels."""

    scale, channels = 2, None

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error, self.calls = most, error, 0

    def __call__(self, lr: Tensor) -> Tensor:
        self.calls += 1
        if lr.shape[-1] * lr.shape[-2] > self.most:
            raise self.error
        return Bicubic(scale=2)(lr)


ERRORS = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory"), MemoryError()]


@torch.no_grad()
@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu", "python"])
@pytest.mark.parametrize("tile", ["auto", 400])
def test_out_of_memory_halves_the_tile_until_it_fits_and_is_remembered(
    tile: int | str, error: Exception
) -> None:
    hungry, lr = Hungry(64 * 64 + 1, error), image(h=150, w=140)
    tiles = Tiled(upscaler=hungry, tile=tile)  # type: ignore[arg-type]
    torch.testing.assert_close(tiles(lr), Bicubic(scale=2)(lr), rtol=0, atol=1e-6)
    assert tiles.last is not None
    assert tiles.last.tile == 37
    assert tiles.last.exact
    calls = hungry.calls
    tiles(lr)
    assert hungry.calls == calls + 20


@torch.no_grad()
def test_memory_that_does_not_suffice_for_the_smallest_tile_is_an_error() -> None:
    tiles = Tiled(upscaler=Hungry(0, MemoryError("all of it")), tile=64, overlap=2)
    with pytest.raises(MemoryError, match="all of it"):
        tiles(image())


@torch.no_grad()
def test_other_errors_are_not_tried_again() -> None:
    hungry = Hungry(0, RuntimeError("a size that does not fit"))
    with pytest.raises(RuntimeError, match="does not fit"):
        Tiled(upscaler=hungry, tile=64, overlap=2)(image())
    assert hungry.calls == 1


@torch.no_grad()
def test_tiles_by_memory_take_no_more_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = sr_net(2)
    each = bytes_per_pixel(network, image())
    monkeypatch.setattr(tiling, "budget", lambda device: each * 60 * 60)
    tiles = Tiled(upscaler=network)
    radius = tiles.field_of(image()).radius
    assert radius is not None
    tiles(image(h=130))
    assert tiles.last is not None
    assert tiles.last.tile == 60 - 2 * radius
    tiles(image(h=50))
    assert tiles.last.tile is None
    assert tiles.last.description == "untiled"


def test_an_image_that_fits_is_not_tiled_and_nothing_is_probed_for_it() -> None:
    tiles = Tiled(upscaler=Bicubic(scale=2), tile=64)
    assert torch.equal(tiles(image()), Bicubic(scale=2)(image()))
    assert not tiles._fields


def test_live_bytes_are_those_of_the_arrays_alive_at_once() -> None:
    x = torch.zeros(1000)
    with LiveBytes() as live:
        for _ in range(5):
            y = (x + 1) * 2
        y.add_(1)
        del y
    assert live.peak in {8000, 12000}  # two at once; three where the old y lives until the new one is bound
    assert live.now == 0


def test_memory_of_a_network_is_measured_and_of_what_torch_does_not_see_assumed() -> None:
    network = sr_net(4)
    sr_pixel = 8 * 4 * 16  # one activation of 8 features, float32, at 4x4
    assert 2 * sr_pixel < bytes_per_pixel(network, image()) < 20 * sr_pixel
    elsewhere = Interpolation(kernel="box", scale=4)
    assert bytes_per_pixel(elsewhere, image()) == UNSEEN_BYTES_PER_SR_PIXEL * 16


def test_the_budget_of_a_cpu_is_part_of_what_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tiling_memory, "free_bytes", lambda: 1 << 20)
    assert budget(torch.device("cpu")) == 1 << 18
    monkeypatch.setattr(tiling_memory, "free_bytes", lambda: 1 << 40)
    assert budget(torch.device("cpu")) == 1 << 30


@pytest.mark.parametrize(("most", "free"), [("3000", 2000), ("900", 0), ("max", None)])
def test_a_containers_limit_counts(
    most: str, free: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "memory.max").write_text(f"{most}\n")
    (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(tiling_memory, "CGROUP", tmp_path)
    found = tiling_memory.free_bytes()
    assert found == free if free is not None else found > 1 << 20


def test_the_option_is_read_and_refused() -> None:
    assert [arguments.tile(text) for text in ("auto", "off", "64")] == ["auto", "off", 64]
    for text in ("0", "-3", str(LEAST_TILE - 1), "big", "1.5", ""):
        with pytest.raises(UserError, match=rf"--tile must be auto, off, or lr pixels .*got '{text}'"):
            arguments.tile(text)


def test_wrapping_leaves_off_alone_and_tiles_the_network_inside_a_histogram_matching() -> None:
    bicubic = Bicubic(scale=2)
    assert tiled(bicubic, "off") is bicubic
    matched = Matched(upscaler=bicubic)
    inside = tiled(matched, 20)
    assert isinstance(inside, Matched)
    torch.testing.assert_close(inside(image()), matched(image()), rtol=0, atol=1e-6)


def test_the_hash_stays_where_tiling_is_exact_and_changes_where_it_is_not() -> None:
    like = image()
    nearest = Interpolation(kernel="box", scale=2)
    for exact in (nearest, Matched(upscaler=nearest)):
        assert tiled_hash("abc", tiled(exact, 20), like) == "abc"
    assert torch.equal(Tiled(upscaler=nearest, tile=20)(like), nearest(like))
    for inexact in (
        Bicubic(scale=2),
        Interpolation(kernel="triangle", scale=2),
        Matched(upscaler=Bicubic(scale=2)),
    ):
        assert tiled_hash("abc", tiled(inexact, 20), like) != "abc"
        for whole in ("auto", "off"):
            assert tiled_hash("abc", tiled(inexact, whole), like) == "abc"
    assert tiled_hash("abc", Bicubic(scale=2), like) == "abc"
    assert tiled_hash("abc", Tiled(upscaler=Bicubic(scale=2), tile=20, overlap=1), like) != "abc"
    hashes = {tiled_hash("abc", tiled(Standardised(), tile), like) for tile in (20, 40)}
    assert len(hashes | {"abc"}) == 3


def test_auto_does_what_is_not_large_whole_and_refuses_tiles_that_would_change_a_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upscaler = tiled(Standardised(), "auto")
    assert tiled_hash("abc", upscaler, image()) == "abc"
    assert torch.equal(upscaler(image()), Standardised()(image()))
    monkeypatch.setattr("bench.tiling.tiles.WHOLE_PIXELS", 100)
    monkeypatch.setattr("bench.tiling.tiles.budget", lambda device: 1.0)
    monkeypatch.setattr("bench.tiling.tiles.DEFAULT_OVERLAP", 1)
    with pytest.raises(ValueError, match=r"the image needs tiles, and .*; needs --tile N"):
        upscaler(image())


def test_tiles_that_memory_chose_are_in_the_hash_of_that_image_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(name="b", hash="abc", upscaler=tiled(Bicubic(scale=2), "auto"), variants=True)
    model.upscaler(image())  # type: ignore[operator]
    assert hash_done(model.hash, model.upscaler) == "abc"
    monkeypatch.setattr("bench.tiling.tiles.WHOLE_PIXELS", 100)
    monkeypatch.setattr("bench.tiling.tiles.budget", lambda device: 1.0)
    model.upscaler(image())  # type: ignore[operator]
    done = hash_done(model.hash, model.upscaler)
    assert done == f"abc+tile{LEAST_TILE}"
    assert untiled_hash(done) == "abc"
    assert model.owns("b", done)
    assert not model.owns("b", f"xyz+tile{LEAST_TILE}")
    assert not Model(name="b", hash="abc", upscaler=Bicubic(scale=2)).owns("b", done)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tile": 0}, "tile must be at least 1 pixel"),
        ({"overlap": -1}, "overlap -1"),
        ({"multiple": -2}, "multiple is -2"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tiled(upscaler=Bicubic(scale=2), **wrong)  # type: ignore[arg-type]


def test_an_upscaler_that_returns_another_size_is_refused() -> None:
    class Short:
        scale, channels = 2, None

        def __call__(self, lr: Tensor) -> Tensor:
            return lr

    with pytest.raises(ValueError, match=r"returned \(61, 47\) pixels, must be \(122, 94\)"):
        Tiled(upscaler=Short(), tile=64)(image())
