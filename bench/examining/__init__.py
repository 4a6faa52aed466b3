"""The machinery of `bench.doctor`."""
