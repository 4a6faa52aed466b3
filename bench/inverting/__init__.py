"""The machinery of `bench.inversion`: images made from features by optimisation (Figures 3 and 4).

`layers.py` says which layers are looked at, `weights.py` how much total variation weighs at each, `search.py` keeps
the best image of a run, `methods.py` is what the style engine calls.
What `weights.py` gives is in the hashed protocol: another rule there makes every stored image a different one.
"""
