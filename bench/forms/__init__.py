"""The forms that one network can run in, and the ladder that compares them.

A new one is a field of `Form` and a word (`form.py`), what brings a network into it (`build.py`) and a step (`ladder.py`).
Names of forms are stored with every timing and stay as they are.
"""
