"""The machinery of `bench.apply`."""
