"""The report's figures, as drawings and as files.

To add one, add a module with `drawings(results)` and a line to `MAKERS` in `draw.py`. Names of models and images come
from third-party files: they go through `text.py` before they are drawn.
"""
