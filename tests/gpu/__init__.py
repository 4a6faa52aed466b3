"""Everything that is to be done where a GPU is lent for minutes, as one script: `nox -s gpu`, `python -m tests.gpu`."""
