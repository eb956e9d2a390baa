"""What can go wrong while fetching: one source fails, or the whole fetch does."""

from stages._entry import UserError


class FetchError(UserError):
    """The dataset cannot be had; the text names every source, its failure and what to do."""


class SourceError(Exception):
    """One source failed; the text is the reason, and the next source is tried."""
