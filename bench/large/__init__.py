"""Images too large for the ordinary path: the same values in bounded memory."""
