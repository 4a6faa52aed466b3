"""The PDF's references: the paper, the metrics and methods that are shown, every source of published numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports.load.results import GATYS, Results

PAPER = "Johnson 2016"
# By the beginning of the source's name in tables and verdicts, of a metric's name, or of a model's.
REFERENCES: Mapping[str, str] = {
    PAPER: "J. Johnson, A. Alahi and L. Fei-Fei. Perceptual Losses for Real-Time Style Transfer and Super-Resolution. "
    "ECCV 2016. arXiv:1603.08155.",
    "ssim": "Z. Wang, A. Bovik, H. Sheikh and E. Simoncelli. Image Quality Assessment: From Error Visibility to "
    "Structural Similarity. IEEE Transactions on Image Processing 13(4), 2004.",
    "ms-ssim": "Z. Wang, E. Simoncelli and A. Bovik. Multiscale Structural Similarity for Image Quality Assessment. "
    "Asilomar Conference on Signals, Systems and Computers 2003.",
    "lpips": "R. Zhang, P. Isola, A. Efros, E. Shechtman and O. Wang. The Unreasonable Effectiveness of Deep Features as "
    "a Perceptual Metric. CVPR 2018. arXiv:1801.03924.",
    "dists": "K. Ding, K. Ma, S. Wang and E. Simoncelli. Image Quality Assessment: Unifying Structure and Texture "
    "Similarity. IEEE TPAMI 2020. arXiv:2004.07728.",
    "gmsd": "W. Xue, L. Zhang, X. Mou and A. Bovik. Gradient Magnitude Similarity Deviation: A Highly Efficient "
    "Perceptual Image Quality Index. IEEE Transactions on Image Processing 23(2), 2014. arXiv:1308.3052.",
    "haarpsi": "R. Reisenhofer, S. Bosse, G. Kutyniok and T. Wiegand. A Haar Wavelet-Based Perceptual Similarity Index "
    "for Image Quality Assessment. Signal Processing: Image Communication 61, 2018. arXiv:1607.06140.",
    "vif": "H. Sheikh and A. Bovik. Image Information and Visual Quality. IEEE Transactions on Image Processing 15(2), "
    "2006.",
    "niqe": "A. Mittal, R. Soundararajan and A. Bovik. Making a “Completely Blind” Image Quality Analyzer. "
    "IEEE Signal Processing Letters 20(3), 2013.",
    GATYS: "L. Gatys, A. Ecker and M. Bethge. A Neural Algorithm of Artistic Style. 2015. arXiv:1508.06576.",
    "srcnn": "C. Dong, C. C. Loy, K. He and X. Tang. Learning a Deep Convolutional Network for Image Super-Resolution. "
    "ECCV 2014. arXiv:1501.00092.",
    "RCAN 2018": "Y. Zhang, K. Li, K. Li, L. Wang, B. Zhong and Y. Fu. Image Super-Resolution Using Very Deep Residual "
    "Channel Attention Networks. ECCV 2018. arXiv:1807.02758.",
    "SRGAN 2017": "C. Ledig et al. Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network. "
    "CVPR 2017. arXiv:1609.04802.",
    "SwinIR 2021": "J. Liang, J. Cao, G. Sun, K. Zhang, L. Van Gool and R. Timofte. SwinIR: Image Restoration Using Swin "
    "Transformer. ICCV Workshops 2021. arXiv:2108.10257.",
    "SPSR 2020": "C. Ma, Y. Rao, Y. Cheng, C. Chen, J. Lu and J. Zhou. Structure-Preserving Super Resolution with Gradient "
    "Guidance. CVPR 2020. arXiv:2003.13081.",
    "Super-Resolution.Benckmark": "Z. Huang. Super-Resolution.Benckmark. "
    "https://github.com/huangzehao/Super-Resolution.Benckmark.",
    "BasicSR": "BasicSR, docs/ModelZoo.md, https://github.com/XPixelGroup/BasicSR; and MMagic, "
    "https://github.com/open-mmlab/mmagic.",
    "LPIPS repository": "R. Zhang. PerceptualSimilarity. https://github.com/richzhang/PerceptualSimilarity.",
}
METRICS_OF = {"ssim": "SSIM", "ms-ssim": "MS-SSIM", "lpips": "LPIPS", "dists": "DISTS", "gmsd": "GMSD"}
METRICS_OF |= {"haarpsi": "HaarPSI", "vif": "VIF", "niqe": "NIQE"}


@dataclass(frozen=True, kw_only=True)
class References:
    """The references that a report needs, in the order of their numbers.

    Attributes:
        keys: of :data:`REFERENCES`.
    """

    keys: tuple[str, ...]

    def number(self, name: str) -> int:
        """Of a source, metric or model as the report names it; 0 where it is not listed."""
        key = _key(name)
        return self.keys.index(key) + 1 if key in self.keys else 0

    @property
    def texts(self) -> list[str]:
        return [REFERENCES[key] for key in self.keys]


def references(results: Results, sources: Iterable[str]) -> References:
    """The paper, the metrics, the methods, then the sources of published numbers, each once.

    Args:
        sources: names as `RCAN 2018` or `RCAN 2018, table of x4`.
    """
    metrics = [metric.name for group in results.groups for metric in group.metrics]
    models = [model for group in results.groups for model in group.models]
    subjects = [subject for group in results.styles for subject in group.subjects]
    subjects += [result.subject for result, _ in results.timings]
    named = (
        PAPER,
        *metrics,
        *(name for name in (*models, *subjects) if _key(name) in {GATYS, "srcnn"}),
        *sources,
    )
    return References(keys=tuple(dict.fromkeys(key for name in named if (key := _key(name)))))


def _key(name: str) -> str:
    """The key that a name belongs to: the longest that it begins with; empty for none."""
    return max((key for key in REFERENCES if name.startswith(key)), key=len, default="")
