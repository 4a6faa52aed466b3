"""The machinery of `bench.style_quality`."""
