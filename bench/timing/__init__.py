"""The machinery of `bench.speed`: the stopwatch, what it times, and the provenance record of a time.

`workloads.py` says what is timed, `stopwatch.py` how, `provenance.py` under which conditions; `card.py` counts operations.
The stopwatch may not allocate, log or read a file between two of its readings.
"""

GATYS = "gatys"  # the optimisation, in every table of times
