"""A results file: the store, its tables, and what is done to whole files.

`store.py` writes and reads, `schema.py` has the tables, `rows.py` validates each row, `reader.py` reads many files for a
report, `merge.py` joins them, `integrity.py` says what is wrong with a damaged one. Names of tables and columns are public:
they stay.
"""
