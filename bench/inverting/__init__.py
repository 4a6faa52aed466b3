"""The machinery of `bench.inversion`."""
