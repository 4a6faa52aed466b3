"""What each program does once its options are parsed; `bench/NAME.py` holds the parser and loads nothing heavy.

So here torch and pandas are imported at the top. A function called like the program is what its `main` calls.
"""
