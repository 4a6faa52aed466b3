"""Errors that are shown to a user as one message, without a traceback."""


class UserError(ValueError):
    """Something the user can mend; the message states what was given, then what is required."""


class MissingFile(UserError):
    """A file of the manifest is neither in the cache nor to be had by download."""


class ImageError(UserError):
    """A file is not an image that the protocols can measure."""


class StoreError(UserError):
    """The results file cannot be used as it is."""
