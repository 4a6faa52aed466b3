"""The machinery of `bench.sr_quality`: from names on the command line to scores in the store."""
