"""The machinery of `bench.leaderboard`: its file, its run, and what is written of it."""

STEPS = ("quality", "speed", "report")
"""What a run does, in this order."""
