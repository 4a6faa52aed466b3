"""The machinery of `bench.compare`: two sides, the results that both have, paired tests, and a verdict.

`scores.py` and `timings.py` pair results, `facts.py` says which machines and protocols differ, `table.py` prints.
"""
