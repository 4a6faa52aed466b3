"""One file per kind of external model; :mod:`bench.registry.external` loads the one that is needed.

A new kind is a file with a function `opened` (a spec to an `ExternalModel`) and a line in `external.ADAPTERS`. Whatever
changes a value of models that exist raises `external.VERSION`.
"""
