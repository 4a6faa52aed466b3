"""Results as other tools read them: long tables, the Hub's evaluation results, a block for a model card.

`config.py` checks the options, `long.py` and `hub.py` make what is written. Names of columns and fields
are public and stay.
"""
