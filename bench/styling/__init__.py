"""Style transfer: one engine for networks and optimisations, the objective, and the metrics of stylized images.

`engine.py` runs the methods of `methods.py`; `objective.py` is the record that is hashed: a changed weight raises its
version. A metric of style is a file in `metrics/` and a line in its table.
"""
