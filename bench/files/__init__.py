"""Files of strangers read with care, files written whole or not at all."""
