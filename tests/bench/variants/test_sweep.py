"""Every step gives the picture that plain float32 gives, and the sweep keeps what it says it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from baselines.bicubic import imresize
from bench.errors import UserError
from bench.records import SpeedResult
from bench.timing.records import SpeedProtocol, Stopping
from bench.variants import onnx_session, sweep
from bench.variants.build import build, transformed
from bench.variants.sweep import FLOAT32, MEASURED, PICTURE, Closeness, Work, closeness, run_sweep
from bench.variants.variant import Variant, VariantUnavailable, parse_variant
from models.few_filters import BlockedConv2d, factor_for, with_blocked_convolutions
from models.style_net import StyleNet
from tests.bench.variants.networks import Enlarging, Small, output, photograph

VARIANTS = (
    "channels_last",
    "folded",
    "spread",
    "channels_last+folded+spread",
    "onnxruntime",
    "folded+spread+onnxruntime",
)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_float32_variant_equals_plain_eager_within_its_tolerance(name: str, style: StyleNet) -> None:
    pytest.importorskip("onnxruntime") if "onnx" in name else None
    image = photograph()
    before, weights = image.clone(), {key: value.clone() for key, value in style.state_dict().items()}
    found = output(style, name, image)
    assert (found.shape, found.dtype, found.device) == (image.shape, image.dtype, image.device)
    assert FLOAT32.admits(closeness(found, style(image)))
    assert torch.equal(image, before)
    assert all(torch.equal(value, weights[key]) for key, value in style.state_dict().items())


@pytest.mark.parametrize("name", ["bfloat16", "channels_last+folded+spread+bfloat16", "folded+float16"])
def test_half_precision_stays_within_the_tolerance_of_pictures(name: str, style: StyleNet) -> None:
    found = output(style, name, photograph())
    assert found.dtype == torch.float32
    apart = closeness(found, style(photograph()))
    assert PICTURE.admits(apart)
    assert not FLOAT32.admits(apart)


def test_what_does_not_cast_itself_runs_under_autocast(small: Small) -> None:
    found = output(small, "bfloat16", photograph())
    assert found.dtype == torch.float32
    assert 1e-5 < closeness(found, small(photograph())).max_abs < 0.02


def test_half_precision_leaves_the_networks_constants_exact(style: StyleNet) -> None:
    reduced = transformed(style, parse_variant("bfloat16"))
    assert reduced.last.weight.dtype == torch.bfloat16
    assert torch.equal(reduced.mean, style.mean)


def test_compiled_equals_eager_for_one_size_after_the_other(small: Small) -> None:
    for image in (photograph(), photograph(31, 40)):
        found = output(small, "channels_last+spread+compiled", image)
        assert FLOAT32.admits(closeness(found, small(image)))


def test_more_sizes_than_the_compiler_remembers_are_compiled_all_the_same(small: Small) -> None:
    with torch._dynamo.config.patch(recompile_limit=1):
        for width in (16, 17, 18):
            torch._dynamo.utils.counters.clear()
            output(small, "compiled", photograph(16, width))
            assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_a_compiler_that_fails_is_a_reason_not_an_end(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: nn.Module, **_: object) -> Callable[[torch.Tensor], torch.Tensor]:
        def call(image: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("No working C++ compiler found\nand much more")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(
        VariantUnavailable, match=r"torch.compile fails: RuntimeError: No working C\+\+ compiler found$"
    ):
        build(small, parse_variant("compiled"), photograph())


def test_memory_that_runs_out_while_compiling_is_not_taken_for_a_missing_compiler(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(module: nn.Module, **_: object) -> Callable[[torch.Tensor], torch.Tensor]:
        def call(image: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(torch.OutOfMemoryError):
        build(small, parse_variant("compiled"), photograph())


def test_a_network_that_enlarges_by_imresize_goes_to_onnxruntime() -> None:
    lr = photograph(8, 10)
    torch.testing.assert_close(
        output(Enlarging(), "onnxruntime", lr), imresize(lr, 4), rtol=0, atol=FLOAT32.max_abs
    )


def test_a_graph_needs_a_cuda_device(small: Small) -> None:
    with pytest.raises(VariantUnavailable, match="needs a CUDA device; the image is on cpu"):
        build(small, parse_variant("compiled+graph"), photograph())


@pytest.mark.cuda
def test_a_graph_replays_for_every_image(style: StyleNet) -> None:
    cuda = style.to("cuda")
    image = photograph().cuda()
    with torch.inference_mode():
        built = build(cuda, parse_variant("channels_last+folded+graph"), image)
        first, second = built.call(image), built.call(image.flip(-1))
        assert PICTURE.admits(closeness(first, cuda(image)))
        assert PICTURE.admits(closeness(second, cuda(image.flip(-1))))


def test_folding_without_batch_norm_is_refused(small: Small) -> None:
    with pytest.raises(VariantUnavailable, match="Small has no batch normalisation"):
        build(small, parse_variant("folded"), photograph())


def test_a_missing_onnxruntime_is_a_reason(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_session.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        VariantUnavailable, match=r"needs onnxruntime, which is not installed\. Run: pip install"
    ):
        build(small, parse_variant("onnxruntime"), photograph())


def test_onnxruntime_holds_for_the_size_that_it_was_exported_for() -> None:
    assert parse_variant("onnxruntime").per_size
    assert not parse_variant("channels_last+folded").per_size


@pytest.mark.parametrize(
    "name", ["eager", "channels_last+folded+spread+bfloat16+compiled+graph", "folded+onnxruntime"]
)
def test_a_variant_is_found_by_its_name(name: str) -> None:
    assert parse_variant(name).name == name


def test_an_unknown_variant_is_refused_with_the_list() -> None:
    with pytest.raises(UserError, match="'fast'; there are: eager, channels_last"):
        parse_variant("channels_last+fast")


def test_variants_that_differ_have_protocols_that_differ() -> None:
    names = ("eager", "channels_last", "folded", "bfloat16", "float16", "compiled", "graph", "onnxruntime")
    hashes = {
        SpeedProtocol.of(parse_variant(name), size=64, threads=1, stopping=Stopping()).hash for name in names
    }
    assert len(hashes) == len(names)


@pytest.mark.parametrize("filters", [1, 2, 3, 4])
@pytest.mark.parametrize(("kernel", "padding"), [(9, 4), (5, 0), ((3, 5), (0, 2))])
@pytest.mark.parametrize(("h", "w"), [(12, 12), (13, 15), (14, 11)])
def test_a_spread_convolution_is_the_convolution(
    filters: int, kernel: int | tuple[int, int], padding: int | tuple[int, int], h: int, w: int
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(6, filters, kernel, padding=padding).double()
    factor = factor_for(conv)
    assert factor == {1: 4, 2: 2, 3: 2, 4: 2}[filters]
    image = torch.rand(2, 6, h, w, dtype=torch.float64)
    assert torch.allclose(BlockedConv2d(conv, factor)(image), conv(image), atol=1e-12)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 5, 3),
        nn.Conv2d(3, 3, 1),
        nn.Conv2d(3, 3, 3, stride=2),
        nn.Conv2d(3, 3, 3, groups=3),
        nn.Conv2d(3, 3, 3, dilation=2),
        nn.Conv2d(3, 3, 3, padding="same"),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
    ],
    ids=str,
)
def test_other_convolutions_are_not_spread(conv: nn.Conv2d) -> None:
    assert factor_for(conv) is None
    with pytest.raises(ValueError, match="Sequential has no convolution of at most 4 filters"):
        with_blocked_convolutions(nn.Sequential(conv))


def test_closeness_by_hand() -> None:
    reference = torch.zeros(1, 1, 1, 4)
    found = closeness(torch.tensor([[[[0.2, 0.0, 0.0, -3.0]]]]), reference)
    assert found.max_abs == pytest.approx(0.2)
    assert found.psnr == pytest.approx(-10 * math.log10(0.01))
    assert closeness(reference, reference) == Closeness(max_abs=0.0, psnr=math.inf)


def test_nan_is_never_admissible() -> None:
    apart = closeness(torch.full((1, 1, 2, 2), math.nan), torch.zeros(1, 1, 2, 2))
    assert not PICTURE.admits(apart)


def test_upscalers_that_are_measured_get_less_latitude_than_pictures() -> None:
    half = parse_variant("bfloat16")
    assert sweep.tolerance("stylizer", half) == PICTURE
    assert (
        sweep.tolerance("upscaler", half)
        == sweep.tolerance("upscaler", parse_variant("openvino+int8"))
        == MEASURED
    )
    assert sweep.tolerance("stylizer", Variant()) == sweep.tolerance("upscaler", Variant()) == FLOAT32


def result(
    name: str, seconds: float, *, admissible: bool = True, build: float = 0.0, size: int = 100
) -> SpeedResult:
    return SpeedResult(
        subject="s",
        subject_hash="h",
        variant=name,
        size=size,
        protocol_hash="p",
        environment_hash="e",
        seconds=(seconds,),
        certificate={"form": {"admissible": admissible, "build_seconds": build}},
    )


def swept(times: dict[str, float | str], inadmissible: str = "") -> dict[str, sweep.Step]:
    """A sweep over given times by the last word of the variant; the others take a second."""

    def measure(tried: Variant) -> SpeedResult | str:
        word = tried.name.rpartition("+")[2]
        seconds = times.get(word, 1.0)
        return (
            seconds
            if isinstance(seconds, str)
            else result(tried.name, seconds, admissible=word != inadmissible)
        )

    return {step.word: step for step in run_sweep(measure)}


def test_a_step_is_kept_when_it_pays_and_the_next_one_stands_on_it() -> None:
    steps = swept({"channels_last": 0.6, "folded": 0.5, "spread": 0.7, "bfloat16": 0.9, "compiled": 0.4})
    kept = [word for word, step in steps.items() if step.kept]
    assert kept == ["eager", "channels_last", "folded", "compiled"]
    assert steps["compiled"].variant.name == "channels_last+folded+compiled"
    assert steps["onnxruntime"].variant.name == "folded+onnxruntime"
    assert tuple(steps) == sweep.STEPS


def test_openvino_is_tried_last_in_each_precision_on_what_was_folded() -> None:
    steps = swept({"channels_last": 0.6, "folded": 0.5, "onnxruntime": 0.4, "openvino": 0.3, "int8": 0.35})
    assert list(steps)[-4:] == ["onnxruntime", "openvino", "openvino+bfloat16", "openvino+int8"]
    assert [step.variant.name for step in steps.values()][-3:] == [
        "folded+openvino",
        "folded+openvino+bfloat16",
        "folded+openvino+int8",
    ]
    assert [steps[word].kept for word in list(steps)[-4:]] == [True, True, False, False]


def test_a_step_outside_its_tolerance_is_not_kept_however_fast() -> None:
    steps = swept({"bfloat16": 0.1, "float16": 0.5}, inadmissible="bfloat16")
    assert not steps["bfloat16"].kept
    assert steps["float16"].kept
    assert steps["compiled"].variant.dtype == "float16"


def test_a_step_that_cannot_run_says_why_and_the_sweep_goes_on() -> None:
    steps = swept({"graph": "no CUDA device", "onnxruntime": 0.2})
    assert (steps["graph"].result, steps["graph"].reason, steps["graph"].kept) == (
        None,
        "no CUDA device",
        False,
    )
    assert steps["onnxruntime"].kept


def test_an_export_leaves_the_network_where_it_is() -> None:
    pytest.importorskip("onnx")

    class Moved(nn.Conv2d):
        def cpu(self) -> Moved:
            self.moved = True
            return super().cpu()

    network = Moved(3, 3, 3).requires_grad_(False).eval()
    assert onnx_session.export(network, photograph())
    assert not hasattr(network, "moved")


def test_what_is_no_module_has_one_step() -> None:
    steps = list(run_sweep(lambda tried: result(tried.name, 1.0), only_eager=True))
    assert [step.word for step in steps] == ["eager"]


def test_compiling_pays_for_many_images_of_one_size_only() -> None:
    results = [result("eager", 1.0), result("compiled", 0.5, build=10.0)]
    few, many = [Work(images=5, pixels=100**2)], [Work(images=50, pixels=100**2)]
    sizes = [Work(images=1, pixels=100**2) for _ in range(50)]
    chosen = [sweep.cheapest(results, work) for work in (few, many, sizes)]
    assert [c.variant if c else None for c in chosen] == ["eager", "compiled", "eager"]
    assert sweep.total_seconds(results[1], many) == pytest.approx(10 + 50 * 0.5)
    assert sweep.total_seconds(results[0], [Work(images=2, pixels=4 * 100**2)]) == pytest.approx(8.0)
