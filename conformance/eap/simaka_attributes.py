"""The attributes of EAP-SIM, EAP-AKA and EAP-AKA' (RFC 4186 and 4187 section 10, RFC 9048 section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from conformance.eap.layout import U8, U16, Body, Items, Length, Octets, Padding, Rest
from conformance.wire import OpenEnum
from conformance.wire.errors import WireError

FIRST_SKIPPABLE = 128


class At(OpenEnum):
    """EAP-AKA and EAP-SIM attribute types."""

    RAND = 1
    AUTN = 2
    RES = 3
    AUTS = 4
    PADDING = 6
    NONCE_MT = 7
    PERMANENT_ID_REQ = 10
    MAC = 11
    NOTIFICATION = 12
    ANY_ID_REQ = 13
    IDENTITY = 14
    VERSION_LIST = 15
    SELECTED_VERSION = 16
    FULLAUTH_ID_REQ = 17
    COUNTER = 19
    COUNTER_TOO_SMALL = 20
    NONCE_S = 21
    CLIENT_ERROR_CODE = 22
    KDF_INPUT = 23
    KDF = 24
    IV = 129
    ENCR_DATA = 130
    NEXT_PSEUDONYM = 132
    NEXT_REAUTH_ID = 133
    CHECKCODE = 134
    RESULT_IND = 135
    BIDDING = 136


Words = Annotated[int | None, Length(1, unit=4)]
Fill = Annotated[bytes | None, Padding(4)]
Block = Annotated[bytes, Octets(16)]


@dataclass(frozen=True, slots=True, repr=False)
class Attribute(Body):
    """An attribute that has no form here; and what all have in common."""

    type: U8 = 0
    length: Words = None
    value: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class AtRand(Body):
    """AT_RAND: one challenge of AKA, two or three of GSM, 16 octets each."""

    type: U8 = At.RAND
    length: Words = None
    reserved: U16 = 0
    rands: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class AtAutn(Body):
    """AT_AUTN: the network's proof."""

    type: U8 = At.AUTN
    length: Words = None
    reserved: U16 = 0
    autn: Block = bytes(16)


@dataclass(frozen=True, slots=True, repr=False)
class AtRes(Body):
    """AT_RES: the answer and its size in bits, then padding."""

    type: U8 = At.RES
    length: Words = None
    bits: U16 = 64
    res: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class AtAuts(Body):
    """AT_AUTS: the USIM's sequence number."""

    type: U8 = At.AUTS
    length: Words = None
    auts: Annotated[bytes, Octets(14)] = bytes(14)


@dataclass(frozen=True, slots=True, repr=False)
class AtPadding(Body):
    """AT_PADDING: zeros within AT_ENCR_DATA, for 4, 8 or 12 octets in all."""

    type: U8 = At.PADDING
    length: Words = None
    zeros: Rest = bytes(2)


@dataclass(frozen=True, slots=True, repr=False)
class AtNonceMt(Body):
    """AT_NONCE_MT: the peer's nonce in EAP-SIM."""

    type: U8 = At.NONCE_MT
    length: Words = None
    reserved: U16 = 0
    nonce: Block = bytes(16)


@dataclass(frozen=True, slots=True, repr=False)
class AtNonceS(Body):
    """AT_NONCE_S: the server's nonce in a fast re-authentication."""

    type: U8 = At.NONCE_S
    length: Words = None
    reserved: U16 = 0
    nonce: Block = bytes(16)


@dataclass(frozen=True, slots=True, repr=False)
class AtMac(Body):
    """AT_MAC: over the packet, computed when that is sealed."""

    type: U8 = At.MAC
    length: Words = None
    reserved: U16 = 0
    mac: Block = bytes(16)


@dataclass(frozen=True, slots=True, repr=False)
class AtIv(Body):
    """AT_IV: of AT_ENCR_DATA."""

    type: U8 = At.IV
    length: Words = None
    reserved: U16 = 0
    iv: Block = bytes(16)


@dataclass(frozen=True, slots=True, repr=False)
class AtEncrData(Body):
    """AT_ENCR_DATA: encrypted attributes."""

    type: U8 = At.ENCR_DATA
    length: Words = None
    reserved: U16 = 0
    data: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Mark(Body):
    """The attributes that say all by being there: AT_ANY_ID_REQ, AT_RESULT_IND, AT_COUNTER_TOO_SMALL ..."""

    type: U8 = At.ANY_ID_REQ
    length: Words = None
    reserved: U16 = 0


@dataclass(frozen=True, slots=True, repr=False)
class Small(Body):
    """The attributes that hold a number: AT_NOTIFICATION, AT_COUNTER, AT_SELECTED_VERSION, AT_KDF, AT_BIDDING ..."""

    type: U8 = At.COUNTER
    length: Words = None
    number: U16 = 0


@dataclass(frozen=True, slots=True, repr=False)
class Counted(Body):
    """The attributes that hold a text or list with its size: AT_IDENTITY, AT_VERSION_LIST, AT_KDF_INPUT ..."""

    type: U8 = At.IDENTITY
    length: Words = None
    actual_length: Annotated[int | None, Length(2, of="value")] = None
    value: Annotated[bytes, Octets()] = b""
    padding: Fill = None


@dataclass(frozen=True, slots=True, repr=False)
class AtCheckcode(Body):
    """AT_CHECKCODE: a hash of the AKA-Identity messages, nothing where there were none."""

    type: U8 = At.CHECKCODE
    length: Words = None
    reserved: U16 = 0
    checkcode: Rest = b""


FORMS: dict[int, type[Body]] = {
    At.RAND: AtRand,
    At.AUTN: AtAutn,
    At.RES: AtRes,
    At.AUTS: AtAuts,
    At.PADDING: AtPadding,
    At.NONCE_MT: AtNonceMt,
    At.MAC: AtMac,
    At.NONCE_S: AtNonceS,
    At.IV: AtIv,
    At.ENCR_DATA: AtEncrData,
    At.CHECKCODE: AtCheckcode,
    **dict.fromkeys(
        (At.PERMANENT_ID_REQ, At.ANY_ID_REQ, At.FULLAUTH_ID_REQ, At.COUNTER_TOO_SMALL, At.RESULT_IND), Mark
    ),
    **dict.fromkeys(
        (At.NOTIFICATION, At.SELECTED_VERSION, At.COUNTER, At.CLIENT_ERROR_CODE, At.KDF, At.BIDDING), Small
    ),
    **dict.fromkeys((At.IDENTITY, At.VERSION_LIST, At.KDF_INPUT, At.NEXT_PSEUDONYM, At.NEXT_REAUTH_ID), Counted),
}
"""The form of each attribute."""


def read_attribute(data: bytes, offset: int) -> tuple[Body, int]:
    """The attribute at an offset, and where it ends.

    Raises:
        WireError: cut short, of no length, or not of its form.
    """
    left = len(data) - offset
    if left < 4:
        raise WireError(offset, "", f"{left} bytes left, expected at least 4")
    size = 4 * data[offset + 1]
    if not 4 <= size <= left:
        raise WireError(offset + 1, "length", f"{data[offset + 1]}, expected 1 to {left // 4}")
    try:
        return FORMS.get(data[offset], Attribute).decode(data[offset : offset + size]), offset + size
    except WireError as error:
        raise error.within(str(At(data[offset])), offset) from None


Attributes = Annotated[tuple[Body, ...], Items(read_attribute)]


@dataclass(frozen=True, slots=True, repr=False)
class Clear(Body):
    """AT_ENCR_DATA before encryption: its attributes. Sealing a packet puts `AtEncrData` in its place."""

    type: U8 = At.ENCR_DATA
    length: Words = None
    reserved: U16 = 0
    attributes: Attributes = ()
