"""The machinery of `bench.inversion`: images made from features by optimisation (Figures 3 and 4).

`layers.py` says which layer has which weights, `search.py` keeps the best image of a run, `methods.py` is what
the style engine calls.
"""
