"""The trainer: what `bench.train` runs. Tasks, data and loop know nothing of the command line.

`recipe.py` is the identity of a run: a field that changes the weights belongs there, one that does not must not.
"""
