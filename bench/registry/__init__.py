"""The models that can be named on a command line, in one direction.

`upscalers` and `stylizers` are the tables, `spec` and `external` the models that are named by a path, `adapters` what such
a model is made usable by (one file per kind, loaded by name when it is needed), `catalog` finds and loads a model of any
kind. What a model needs of its caller it states itself: :class:`bench.interfaces.Requirements`.
"""
