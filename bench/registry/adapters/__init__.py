"""One file per kind of external model; :mod:`bench.registry.external` loads the one that is needed."""
