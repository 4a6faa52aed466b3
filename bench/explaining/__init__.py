"""The machinery of `bench.explain`."""
