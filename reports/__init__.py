"""From the store to tables, figures, HTML and PDF; nothing here measures.

`load/` reads results files, `verdicts/` judges printed numbers, `tables/` and `figures/` show, `content.py` puts the
sections together, and `writers/` writes them from the records of `parts.py` alone.
"""

import bench  # noqa: F401  (Ctrl-C is answered from its first line on)
