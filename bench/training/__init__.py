"""The trainer: what `bench.train` runs. Tasks, data and loop know nothing of the command line."""
