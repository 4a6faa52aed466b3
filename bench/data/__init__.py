"""Data: sets of images and their layouts, files by name, hash and address, weights in the package, published numbers.

Whatever comes from a third-party file is validated here before anything else sees it
(`untrusted.py`, `whole_file.py`; weights in `models.weights_only`), and everything that is fetched is checked against the
manifest.
"""
