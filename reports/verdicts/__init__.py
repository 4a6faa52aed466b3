"""Every printed number beside ours.

`judging.py` has the rules in the order in which they are tried; a file for each kind of number says how ours is found.
What the paper prints stands in `bench/data/paper.toml`.
"""
