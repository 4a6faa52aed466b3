"""Super-resolution quality: `pipeline.py` is the way of an image, `config.py` its beginning, `engine.py` its drive."""

DEFAULT_METRICS = ("psnr", "ssim", "ms-ssim", "lpips-alex", "feature-relu2_2")
"""Here, so that a parser can name them without loading what checks them."""
