"""The machinery of `bench.speed`: the stopwatch, what it times, and the certificate of a time."""

GATYS = "gatys"  # the optimisation, in every table of times
