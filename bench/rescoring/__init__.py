"""The machinery of `bench.rescore`."""
