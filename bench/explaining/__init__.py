"""The machinery of `bench.explain`: one pair of images under every convention in use, and which one gives a printed value.

To add a library's convention, add a preset in `library_presets.py`, with the release that it was read from.
"""
