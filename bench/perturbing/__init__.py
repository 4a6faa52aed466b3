"""The machinery of `bench.perturb`."""
