"""What both sides of PEAP version 0 share (draft-kamath-pppext-peapv0, MS-PEAP; with TLS 1.3 RFC 9427).

In the tunnel EAP travels without its header of four octets, except for packets of type 33: TLVs with the result, and
with a proof that both ends of the tunnel took part in the authentication within it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated

from conformance.eap.conversation import Conversation
from conformance.eap.errors import Failed
from conformance.eap.kind import Kind
from conformance.eap.layout import U8, U16, Body, Items, Length, Octets, Raw, Rest
from conformance.eap.tunnel import TunnelMethod
from conformance.wire import EapCode, EapPacket, EapType
from conformance.wire.errors import WireError

KIND = Kind(0, EapType.PEAP)

MANDATORY, RESULT, CRYPTO_BINDING = 0x8000, 3, 12
SUCCESS, FAILURE = 1, 2
BINDING_REQUEST, BINDING_RESPONSE = 0, 1


class Bound(Enum):
    """What a server does about the proof that tunnel and inner method have the same ends (Crypto-Binding)."""

    NO = "does not ask"
    ASK = "asks, and takes it or leaves it"
    DEMAND = "asks, and insists"


@dataclass(frozen=True, slots=True, repr=False)
class Tlv(Body):
    """A TLV of any type; the type has the bit that makes it mandatory."""

    type: U16 = MANDATORY | RESULT
    length: Annotated[int | None, Length(2, of="value")] = None
    value: Rest = b""


@dataclass(frozen=True, slots=True, repr=False)
class Binding(Body):
    """Crypto-Binding."""

    type: U16 = CRYPTO_BINDING
    length: U16 = 56
    reserved: U8 = 0
    version: U8 = 0
    received_version: U8 = 0
    subtype: U8 = BINDING_REQUEST
    nonce: Annotated[bytes, Octets(32)] = bytes(32)
    mac: Annotated[bytes, Octets(20)] = bytes(20)


def read_tlv(data: bytes, offset: int) -> tuple[Body, int]:
    """The TLV that starts at an offset."""
    left = len(data) - offset
    if left < 4:
        raise WireError(offset, "", f"{left} bytes left, expected 4")
    end = offset + 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
    if end > len(data):
        raise WireError(offset + 2, "length", f"{end - offset - 4}, expected at most {left - 4}")
    kind = int.from_bytes(data[offset : offset + 2], "big") & 0x3FFF
    form = Binding if kind == CRYPTO_BINDING else Tlv
    try:
        return form.decode(data[offset:end]), end
    except WireError as error:
        raise error.within("", offset) from None


@dataclass(frozen=True, slots=True, repr=False)
class Extensions(Body):
    """A packet of type 33, header included."""

    code: U8 = EapCode.REQUEST
    identifier: U8 = 0
    length: Annotated[int | None, Length(2)] = None
    type: U8 = EapType.EXTENSIONS
    tlvs: Annotated[tuple[Body, ...], Items(read_tlv)] = ()

    @property
    def result(self) -> int | None:
        """What the Result TLV says; None without one."""
        found = [one for one in self.tlvs if isinstance(one, Tlv) and one.type & 0x3FFF == RESULT]
        return int.from_bytes(found[0].value, "big") if found and len(found[0].value) == 2 else None

    @property
    def binding(self) -> Binding | None:
        """The Crypto-Binding TLV."""
        return next((one for one in self.tlvs if isinstance(one, Binding)), None)


def result_tlv(status: int) -> Tlv:
    """A Result TLV."""
    return Tlv(value=status.to_bytes(2, "big"))


def prf_plus(key: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """PRF+ of PEAP version 0 (MS-PEAP section 3.1.5.5.2.1)."""
    found = block = b""
    count = 0
    while len(found) < size:
        count += 1
        block = hmac.digest(key, block + label + seed + bytes((count, 0, 0)), "sha1")
        found += block
    return found[:size]


class Peap(TunnelMethod):
    """Base of both sides."""

    kind = KIND
    version = 0
    expects: EapCode

    def inner_conversation(self) -> Conversation:
        """What runs in the tunnel."""
        raise NotImplementedError

    # --- packets in the tunnel ------------------------------------------------------------------------------------

    def carry(self, packet: bytes) -> bytes:
        """A packet for the tunnel, without its header."""
        return self.wrap(Raw(packet[4:]))

    def unwrap(self, data: bytes, identifier: int) -> EapPacket | Extensions:
        """The packet that came through the tunnel.

        Raises:
            Failed: it is empty, or TLVs are malformed.
        """
        if not data:
            raise Failed("nothing in the tunnel where EAP was due")
        if len(data) > 4 and data[0] == self.expects and data[4] == EapType.EXTENSIONS:
            try:
                return Extensions.decode(data)
            except WireError as error:
                raise Failed(f"TLVs in the tunnel: {error}") from None
        return EapPacket(self.expects, identifier, EapType(data[0]), data[1:])

    # --- binding --------------------------------------------------------------------------------------------------

    def compound_keys(self) -> tuple[bytes, bytes]:
        """40 octets for the session and 20 for the proof, both from the tunnel and the key of the inner method."""
        material = self.export(self.label, 128)
        both = prf_plus(material[:40], b"Inner Methods Compound Keys", self.inner_key(), 60)
        return both[:40], both[40:]

    def inner_key(self) -> bytes:
        """ISK: 32 octets of the inner method's key, zeros where it has none."""
        method = self.inner_conversation().method
        key = method.msk if method is not None and method.msk else b""
        return key[:32].ljust(32, b"\0")

    def proof(self, binding: Binding) -> Binding:
        """A Crypto-Binding TLV with its MAC."""
        blank = replace(binding, mac=bytes(20))
        mac = hmac.digest(self.compound_keys()[1], blank.encode() + bytes((self.kind.number,)), "sha1")
        return replace(binding, mac=mac)

    def is_proof(self, binding: Binding, subtype: int) -> bool:
        """Whether the other side was in the tunnel and in the inner method."""
        return binding.subtype == subtype and hmac.compare_digest(self.proof(binding).mac, binding.mac)

    def bind_keys(self) -> None:
        """The keys of the method, now from both."""
        keys = prf_plus(self.compound_keys()[0], b"Session Key Generating Function", b"\0", 128)
        self.msk, self.emsk = keys[:64], keys[64:]
