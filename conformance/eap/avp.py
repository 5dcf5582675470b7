"""Attribute-value pairs in the tunnel of EAP-TTLS: the format of Diameter (RFC 5281 section 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conformance.eap.layout import U8, U32, Body, Items, Length, Padding, Rest
from conformance.wire.errors import WireError

VENDOR, MANDATORY = 0x80, 0x40
_ALIGNED = 4

MICROSOFT = 311
USER_NAME, USER_PASSWORD, CHAP_PASSWORD, CHAP_CHALLENGE, EAP_MESSAGE = 1, 2, 3, 60, 79
MS_CHAP_ERROR, MS_CHAP_CHALLENGE, MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS = 2, 11, 25, 26

KNOWN = frozenset(
    {
        *((code, 0) for code in (USER_NAME, USER_PASSWORD, CHAP_PASSWORD, CHAP_CHALLENGE, EAP_MESSAGE)),
        *((code, MICROSOFT) for code in (MS_CHAP_ERROR, MS_CHAP_CHALLENGE, MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS)),
    }
)
"""Code and vendor of what is understood here."""


class AnyAvp(Body):
    """Base of both forms."""

    __slots__ = ()

    code: int
    flags: int
    vendor: int
    data: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Avp(AnyAvp):
    """A pair of the IETF; its length is that of header and data."""

    code: U32 = 0
    flags: U8 = MANDATORY
    length: Annotated[int | None, Length(3, of="data", plus=8)] = None
    data: Rest = b""
    padding: Annotated[bytes | None, Padding(_ALIGNED)] = None

    vendor = 0


@dataclass(frozen=True, slots=True, repr=False)
class VendorAvp(AnyAvp):
    """A pair of a vendor."""

    code: U32 = 0
    flags: U8 = VENDOR | MANDATORY
    length: Annotated[int | None, Length(3, of="data", plus=12)] = None
    vendor: U32 = MICROSOFT
    data: Rest = b""
    padding: Annotated[bytes | None, Padding(_ALIGNED)] = None


def read_avp(data: bytes, offset: int) -> tuple[Body, int]:
    """The pair that starts at an offset of ``data``, and where its padding ends."""
    left = len(data) - offset
    if left < 8:
        raise WireError(offset, "", f"{left} bytes left, expected 8")
    form: type[Avp] | type[VendorAvp] = VendorAvp if data[offset + 4] & VENDOR else Avp
    length = int.from_bytes(data[offset + 5 : offset + 8], "big")
    least = 12 if form is VendorAvp else 8
    if not least <= length <= left:
        raise WireError(offset + 5, "length", f"{length}, expected {least} to {left}")
    end = min(len(data), offset - (-length // _ALIGNED) * _ALIGNED)
    try:
        return form.decode(data[offset:end]), end
    except WireError as error:
        raise error.within("", offset) from None


@dataclass(frozen=True, slots=True, repr=False)
class Avps(Body):
    """All that goes through the tunnel at once."""

    items: Annotated[tuple[Body, ...], Items(read_avp)] = ()

    @property
    def demanding(self) -> list[AnyAvp]:
        """The pairs that must be understood and are not."""
        found = [one for one in self.items if isinstance(one, AnyAvp) and one.flags & MANDATORY]
        return [one for one in found if (one.code, one.vendor) not in KNOWN]

    def all(self, code: int, vendor: int = 0) -> bytes | None:
        """The data of all pairs with a code, one after the other; None where there is none."""
        found = [one.data for one in self.items if isinstance(one, AnyAvp) and (one.code, one.vendor) == (code, vendor)]
        return b"".join(found) if found else None


def pair(code: int, data: bytes, vendor: int = 0) -> AnyAvp:
    """A pair."""
    return VendorAvp(code, vendor=vendor, data=data) if vendor else Avp(code, data=data)
