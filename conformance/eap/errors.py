"""What a conversation or a method says when it cannot go on. None of it leaves `receive`: it ends in an outcome."""

from __future__ import annotations


class EapError(Exception):
    """Base. The text says what came and what was expected."""


class Discard(EapError):  # noqa: N818 - what is to be done, not what is wrong
    """The packet counts as not received (RFC 3748 section 2.1): it is noted, not answered, and nothing changes."""


class Failed(EapError):  # noqa: N818 - as the method has
    """The conversation is over without success."""


class LimitExceeded(Failed):
    """The other side sends more, or goes on for longer, than `Limits` allow."""
