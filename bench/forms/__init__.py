"""The forms that one network can run in, and the ladder that compares them."""
