"""Networks and losses; torch only.

Names of parameters are those of the files in `weights/`, and the order of a sum is in the last bits of every stored score:
change neither. A change of values needs a new `version` in the tables of `bench.registry`.
"""
