"""What each program does once its options are parsed; `bench/NAME.py` holds the parser and loads nothing heavy."""
