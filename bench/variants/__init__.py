"""The variants that one network can run in, and the sweep that compares them.

A new one is a field of `Variant` and a word (`variant.py`), what brings a network into it (`build.py`) and a step
(`sweep.py`). Names of variants are stored with every timing and stay as they are.
"""
