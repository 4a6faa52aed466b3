"""From the store to tables, figures, HTML and PDF."""

import bench  # noqa: F401  (Ctrl-C is answered from its first line on)
