"""The machinery of `bench.doctor`: what this machine has, which files are present, missing or damaged.

`mask.py` takes names of users and hosts out of what is printed for a bug report: whatever is added goes through it.
"""
