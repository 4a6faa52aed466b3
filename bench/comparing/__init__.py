"""The machinery of `bench.compare`."""
