"""What well-known libraries print for a pair: each default and its named options, as conventions.

To add one, add a line. `docs/explain.md` says where each rule was read and which are proved against the library itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.errors import UserError
from bench.explaining.conventions import CHANNELS, Psnr, Recipe, Ssim

WANG = Recipe()
CLIPPED = Recipe(contrast="clipped")
POPULAR = "the rule of most super-resolution papers"


@dataclass(frozen=True, kw_only=True)
class LibraryPreset:
    """A library's own way.

    Attributes:
        option: what is asked of it; empty for its default.
        psnr, ssim: None where it prints none.
        call: what is called.
    """

    library: str
    option: str = ""
    psnr: Psnr | None = None
    ssim: Ssim | None = None
    call: str

    @property
    def name(self) -> str:
        """`basicsr`, or `basicsr: test_y_channel`."""
        return f"{self.library}: {self.option}" if self.option else self.library


LIBRARY_PRESETS = (
    LibraryPreset(
        library="basicsr",
        psnr=Psnr(channel="rgb", shave="scale"),
        ssim=Ssim(channel="rgb", shave="scale"),
        call="calculate_psnr, calculate_ssim with crop_border = scale, as its test files for EDSR",
    ),
    LibraryPreset(
        library="basicsr",
        option="test_y_channel",
        psnr=Psnr(channel="y-grey-rgb", shave="scale"),
        ssim=Ssim(channel="y-grey-rgb", shave="scale"),
        call=f"test_y_channel: true, crop_border: scale; {POPULAR}",
    ),
    LibraryPreset(
        library="basicsr",
        option="crop_border=0",
        psnr=Psnr(channel="rgb", shave="0"),
        ssim=Ssim(channel="rgb", shave="0"),
        call="crop_border: 0",
    ),
    LibraryPreset(
        library="basicsr",
        option="test_y_channel, crop_border=0",
        psnr=Psnr(channel="y-grey-rgb", shave="0"),
        ssim=Ssim(channel="y-grey-rgb", shave="0"),
        call="test_y_channel: true, crop_border: 0",
    ),
    LibraryPreset(
        library="pyiqa",
        psnr=Psnr(channel="rgb", shave="0", epsilon=True),
        ssim=Ssim(channel="y-full-8bit", shave="0", recipe=CLIPPED),
        call="create_metric('psnr'), create_metric('ssim')",
    ),
    LibraryPreset(
        library="pyiqa",
        option="psnry, ssimc",
        psnr=Psnr(channel="y-full", shave="0", epsilon=True),
        ssim=Ssim(channel="rgb", shave="0", recipe=CLIPPED),
        call="create_metric('psnry'), create_metric('ssimc')",
    ),
    LibraryPreset(
        library="pyiqa",
        option="color_space='ycbcr'",
        psnr=Psnr(channel="y-grey-rgb", shave="0", epsilon=True),
        ssim=Ssim(channel="y-8bit-grey-rgb", shave="0", recipe=CLIPPED),
        call="create_metric('psnry', color_space='ycbcr'), create_metric('ssim', color_space='ycbcr')",
    ),
    LibraryPreset(
        library="pyiqa",
        option="downsample=True",
        ssim=Ssim(channel="y-full-8bit", shave="0", recipe=Recipe(downsample="blocks", contrast="clipped")),
        call="create_metric('ssim', downsample=True)",
    ),
    LibraryPreset(
        library="torchmetrics",
        psnr=Psnr(channel="rgb", shave="0", mean="pooled"),
        ssim=Ssim(channel="rgb", shave="0", recipe=Recipe(border="reflect")),
        call="PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure with the data's range",
    ),
    LibraryPreset(
        library="torchmetrics",
        option="dim=(1, 2, 3)",
        psnr=Psnr(channel="rgb", shave="0"),
        call="PeakSignalNoiseRatio(dim=(1, 2, 3))",
    ),
    LibraryPreset(
        library="torchmetrics",
        option="data_range=None (1.8 and older)",
        psnr=Psnr(channel="rgb", shave="0", mean="pooled", peak="hr-range"),
        call="PeakSignalNoiseRatio() of the versions in which the range was optional",
    ),
    LibraryPreset(
        library="skimage",
        psnr=Psnr(channel="rgb", shave="0"),
        ssim=Ssim(channel="rgb", shave="0", recipe=Recipe(window="uniform-7", covariance="sample")),
        call="peak_signal_noise_ratio, structural_similarity(channel_axis=2)",
    ),
    LibraryPreset(
        library="skimage",
        option="gaussian_weights",
        ssim=Ssim(channel="rgb", shave="0", recipe=Recipe(covariance="sample")),
        call="structural_similarity(gaussian_weights=True)",
    ),
    LibraryPreset(
        library="skimage",
        option="as Wang et al.",
        ssim=Ssim(channel="rgb", shave="0", recipe=WANG),
        call="structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)",
    ),
    LibraryPreset(
        library="skimage",
        option="rgb2gray",
        psnr=Psnr(channel="y-709", shave="0"),
        ssim=Ssim(channel="y-709", shave="0", recipe=Recipe(window="uniform-7", covariance="sample")),
        call="both on skimage.color.rgb2gray, data_range=1",
    ),
    LibraryPreset(
        library="piq",
        psnr=Psnr(channel="rgb", shave="0", epsilon=True),
        ssim=Ssim(channel="rgb", shave="0", recipe=Recipe(downsample="blocks")),
        call="piq.psnr, piq.ssim",
    ),
    LibraryPreset(
        library="piq",
        option="convert_to_greyscale, downsample=False",
        psnr=Psnr(channel="y-full", shave="0", epsilon=True),
        ssim=Ssim(channel="rgb", shave="0", recipe=WANG),
        call="piq.psnr(convert_to_greyscale=True), piq.ssim(downsample=False)",
    ),
    LibraryPreset(
        library="kair",
        psnr=Psnr(channel="rgb", shave="scale"),
        ssim=Ssim(channel="rgb", shave="scale"),
        call="PSNR and SSIM of main_test_swinir.py",
    ),
    LibraryPreset(
        library="kair",
        option="PSNR_Y, SSIM_Y",
        psnr=Psnr(channel="y-grey-rgb", shave="scale"),
        ssim=Ssim(channel="y-grey-rgb", shave="scale"),
        call="PSNR_Y and SSIM_Y of main_test_swinir.py",
    ),
    LibraryPreset(
        library="imdn",
        psnr=Psnr(channel="y-8bit-grey-rgb", shave="scale"),
        ssim=Ssim(channel="y-8bit-grey-rgb", shave="scale"),
        call="compute_psnr, compute_ssim of test_IMDN.py --is_y: OpenCV reads grey images as RGB",
    ),
    LibraryPreset(
        library="edsr",
        psnr=Psnr(channel="y-edsr", shave="scale"),
        call="calc_psnr on a benchmark set (Set5, Set14, B100, Urban100)",
    ),
    LibraryPreset(
        library="edsr",
        option="DIV2K",
        psnr=Psnr(channel="rgb", shave="scale+6"),
        call="calc_psnr on any other set, as DIV2K's validation images",
    ),
    LibraryPreset(
        library="matlab",
        psnr=Psnr(channel="y-8bit", shave="scale"),
        ssim=Ssim(channel="y-8bit", shave="scale"),
        call="rgb2ycbcr of uint8, border crop scale, psnr, Wang's ssim_index.m: the papers' own scripts (SRCNN)",
    ),
    LibraryPreset(
        library="matlab",
        option="psnr, ssim",
        psnr=Psnr(channel="y-8bit", shave="0"),
        ssim=Ssim(channel="y-8bit", shave="0", recipe=Recipe(border="replicate")),
        call="psnr, ssim of the Image Processing Toolbox on the whole luma",
    ),
    LibraryPreset(
        library="matlab",
        option="RGB, ssim.m",
        psnr=Psnr(channel="rgb", shave="0"),
        ssim=Ssim(channel="y-8bit", shave="0", recipe=Recipe(downsample="wang")),
        call="psnr of the RGB image; Wang's ssim.m, which downsamples, on the luma",
    ),
    LibraryPreset(library="opencv", psnr=Psnr(channel="rgb", shave="0"), call="cv2.PSNR"),
    LibraryPreset(
        library="opencv",
        option="COLOR_RGB2YCrCb",
        psnr=Psnr(channel="y-full-8bit", shave="scale"),
        ssim=Ssim(channel="y-full-8bit", shave="scale"),
        call="the Y of cvtColor, border crop scale",
    ),
    LibraryPreset(
        library="pytorch-msssim",
        ssim=Ssim(channel="rgb", shave="0"),
        call="pytorch_msssim.ssim(data_range=255)",
    ),
    LibraryPreset(
        library="pytorch-ssim",
        ssim=Ssim(channel="rgb", shave="0", recipe=Recipe(border="zero")),
        call="pytorch_ssim.ssim",
    ),
    LibraryPreset(
        library="bench",
        psnr=Psnr(channel="y", shave="scale"),
        ssim=Ssim(channel="y", shave="scale"),
        call="python -m bench.sr_quality, protocols johnson2016 and srcnn2014",
    ),
    LibraryPreset(
        library="bench",
        option="rgb",
        psnr=Psnr(channel="rgb", shave="scale"),
        ssim=Ssim(channel="rgb", shave="scale"),
        call="python -m bench.sr_quality --protocol rgb",
    ),
)
LIBRARIES = tuple(dict.fromkeys(like.library for like in LIBRARY_PRESETS))


def likes(library: str) -> tuple[LibraryPreset, ...]:
    """A library's default, then its options.

    Raises:
        UserError: the library is not in the table; the message lists those that are.
    """
    if library not in LIBRARIES:
        raise UserError(f"no rule is known for {library!r}; there are: {', '.join(LIBRARIES)}")
    return tuple(like for like in LIBRARY_PRESETS if like.library == library)


def printed_by(convention: Psnr | Ssim, images: int, *, grey: bool = False) -> tuple[LibraryPreset, ...]:
    """Whose number this is; epsilons apart, and of one image a mean is as good as another.

    Args:
        grey: of whether any of the images is grey it depends whether channels that read it as RGB are their own.
    """
    return tuple(
        like
        for like in LIBRARY_PRESETS
        if any(_same(convention, own, images, grey) for own in (like.psnr, like.ssim))
    )


def _same(convention: Psnr | Ssim, own: Psnr | Ssim | None, images: int, grey: bool) -> bool:
    if own is None:
        return False
    channels = [
        each.channel if grey else CHANNELS[each.channel].on_colour or each.channel
        for each in (convention, own)
    ]
    if channels[0] != channels[1]:
        return False
    if isinstance(convention, Psnr) and isinstance(own, Psnr):
        means = images == 1 or convention.mean == own.mean
        return means and (convention.shave, convention.peak) == (own.shave, own.peak)
    return replace(convention, channel=own.channel) == own
