"""The machinery of `bench.preference`: a preference study from its plan to its result."""
