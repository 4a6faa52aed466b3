"""The machinery of `bench.verify`: published claims, read and validated, scored, and judged.

A claim counts as verified only under a protocol or a convention that some library prints (`verdict.py`).
"""
