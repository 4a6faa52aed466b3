"""Models from outside: a checkpoint, an ONNX file, a Python callable or a folder of images, named on a command line.

One file per kind; :mod:`bench.outside.model` is the door, :mod:`bench.outside.spec` says how they are written.
"""
