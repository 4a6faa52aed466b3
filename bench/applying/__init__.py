"""The machinery of `bench.apply`: which images and models, how large a piece at a time, where the results lie.

`choose.py` picks the fastest variant that changes nothing; `origin.py` keeps an output that another model made.
"""
