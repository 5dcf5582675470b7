"""The bodies of RFC 3748 sections 5.1 to 5.3: Identity, Notification and both forms of Nak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conformance.eap.kind import Kind
from conformance.eap.layout import U8, U24, U32, Body, Items, Rest
from conformance.wire import EapType
from conformance.wire.errors import WireError


@dataclass(frozen=True, slots=True, repr=False)
class Identity(Body):
    """Identity: in a request a text to show (and after NUL, options), in a response who the peer is."""

    identity: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Notification(Body):
    """Notification: a text to show in a request, nothing in a response."""

    message: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Nak(Body):
    """Legacy Nak: an octet for each type that the peer would take, or a single zero."""

    types: Rest = b"\0"

    @property
    def wanted(self) -> tuple[Kind, ...]:
        """The methods that are named; EXPANDED is among them where the peer speaks expanded types."""
        return tuple(Kind(0, one) for one in self.types if one)


@dataclass(frozen=True, slots=True, repr=False)
class Wanted(Body):
    """An expanded type in an expanded Nak."""

    type: U8 = EapType.EXPANDED
    vendor: U24 = 0
    vendor_type: U32 = 0

    @classmethod
    def read(cls, data: bytes, offset: int) -> tuple[Wanted, int]:
        """The one that starts at an offset."""
        if len(data) - offset < 8:
            raise WireError(offset, "", f"{len(data) - offset} bytes left, expected 8")
        return cls.decode(data[offset : offset + 8]), offset + 8


@dataclass(frozen=True, slots=True, repr=False)
class ExpandedNak(Body):
    """Expanded Nak: eight octets for each type that the peer would take, or a single one of vendor 0 and type 0."""

    types: Annotated[tuple[Wanted, ...], Items(Wanted.read)] = (Wanted(),)

    @property
    def wanted(self) -> tuple[Kind, ...]:
        """The methods that are named."""
        return tuple(Kind(one.vendor, one.vendor_type) for one in self.types if one.vendor or one.vendor_type)
