"""The machinery of `bench.degrade`."""
