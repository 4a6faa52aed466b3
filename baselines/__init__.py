"""What the networks are compared with: bicubic, SRCNN, the Gatys optimisation, histogram matching.

What changes a value of an upscaler needs a new `version` in `bench.registry.upscalers`: stored scores are found by it;
what changes one of the optimisation, a new `BASELINE_VERSION` in `bench.styling.config`.
"""
