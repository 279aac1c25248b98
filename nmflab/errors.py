"""The one error type that nmflab raises for whatever its user can put right."""

__all__ = ["NmflabError"]


class NmflabError(ValueError):
    """Something the user gave can't be used; the message names it and says what to do.

    The command line prints the message as it stands, without a traceback.
    """
