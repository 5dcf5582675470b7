"""What all payloads have in common: the generic payload header (RFC 7296 section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from conformance.wire.registry import PayloadType
from conformance.wire.values import Value


@dataclass(frozen=True, slots=True, repr=False)
class Payload(Value):
    """One payload of a message: a value, decoded or made by hand.

    Attributes:
        critical: the C bit, "reject the message if you do not know this payload type" (RFC 7296 section 2.5).
        reserved: the 7 reserved bits beside it.
        length: a lie: the Payload Length to write instead of the true one; None is the truth, here as in all lies.
        next_payload: a lie: the Next Payload to write instead of the type that follows.
    """

    payload_type: ClassVar[PayloadType]
    """The type in the Next Payload field before this payload."""

    critical: bool = field(default=False, kw_only=True)
    reserved: int = field(default=0, kw_only=True)
    length: int | None = field(default=None, kw_only=True)
    next_payload: int | None = field(default=None, kw_only=True)

    def encode_body(self) -> bytes:
        """The bytes after the generic payload header.

        Raises:
            struct.error: a number does not fit its field.
        """
        raise NotImplementedError

    @classmethod
    def parse_body(cls, body: bytes) -> Self:
        """The payload whose bytes after the generic payload header are `body`.

        Raises:
            WireError: with an offset counted from the start of `body`.
        """
        raise NotImplementedError
