"""What :mod:`bench.store` is made of: the tables, and what is done to whole files."""
