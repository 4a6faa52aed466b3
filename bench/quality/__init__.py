"""Super-resolution quality: from the options of a run to a stored score for each image, model and metric.

`config.py` checks the options, `loading.py` loads what they name into plans (`plan.py`), `engine.py` reads images, skips
what is stored and stores the rest, `pipeline.py` is the one loop that every image goes through. A change here that changes
a value must change a hash or a version with it, or stored scores are taken for new ones (`tests/golden`).
"""

DEFAULT_METRICS = ("psnr", "ssim", "ms-ssim", "lpips-alex", "feature-relu2_2")
"""Here, so that a parser can name them without loading what checks them."""
