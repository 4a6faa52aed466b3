"""Errors that are shown to a user as one message, without a traceback."""


class UserError(ValueError):
    """Something the user can mend; the message states what was given, then what is required."""

    exit_status = 2


class MissingFile(UserError):
    """A file of the manifest is neither in the cache nor to be had by download."""


class ImageError(UserError):
    """A file is not an image that the protocols can measure."""


class RunError(UserError):
    """A run that was asked for rightly but could not be finished."""

    exit_status = 1


class StoreError(RunError):
    """The results file cannot be used as it is."""
