"""`--tile`: an upscaler's images a tile at a time, without a seam.

`receptive_field.py` measures how far a network looks, `grid.py` cuts, `tiles.py` runs and joins, `memory.py` says what
fits, `seams.py` whether the joins can be seen.
"""
