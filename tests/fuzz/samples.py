"""Messages of real conversations as they are before encryption, for what works on messages."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding

from conformance.crypto.pki import Authority
from conformance.eap.mschapv2 import Challenge
from conformance.eap.simaka import AkaChallenge
from conformance.eap.simaka_attributes import AtMac, AtRand
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    CERT,
    EAP,
    CertEncoding,
    Delete,
    EapCode,
    EapPacket,
    EapType,
    ExchangeType,
    Message,
    ProtocolID,
    VendorID,
)
from tests.ike.pair import Pair


class Telling(IkeSa):
    """Keeps each message that it sends."""

    said: list[Message]

    def prepare(self) -> None:
        super().prepare()
        self.said = []

    def encode(self, message: Message) -> list[bytes]:
        self.said.append(message)
        return super().encode(message)


@cache
def conversation() -> tuple[Message, ...]:
    """IKE_SA_INIT, IKE_AUTH, a rekey of the Child SA and of the IKE SA, both directions."""
    pair = Pair()
    for end in (pair.initiator, pair.responder):
        end.sa_class = Telling  # type: ignore[misc]
    ours, theirs = pair.establish()
    assert isinstance(ours, Telling) and isinstance(theirs, Telling)
    ours.start_child_rekey(ours.children[0])
    pair.initiator.collect(ours)
    pair.run()
    ours.start_rekey()
    pair.initiator.collect(ours)
    pair.run()
    return (*ours.said, *theirs.said)


@cache
def others() -> tuple[Message, ...]:
    """IKE_AUTH with EAP packets and a certificate, a Delete payload, a message without payloads."""
    certificate = Authority.create("Root").certificate.public_bytes(Encoding.DER)
    aka = AkaChallenge(attributes=(AtRand(rands=bytes(16)), AtMac()))
    packets = (
        EapPacket(EapCode.REQUEST, 1, EapType.AKA, aka.encode()),
        EapPacket(EapCode.REQUEST, 2, EapType.MSCHAPV2, Challenge(name=b"server").encode()),
        EapPacket(EapCode.SUCCESS, 3),
    )
    inside = (
        *((EAP(one),) for one in packets),
        (CERT(CertEncoding.X509_SIGNATURE, certificate), VendorID(b"ikespec")),
        (Delete(ProtocolID.ESP, (b"abcd", b"efgh")),),
        (),
    )
    return tuple(
        Message(b"initiato", b"responde", ExchangeType.INFORMATIONAL if not one else ExchangeType.IKE_AUTH, 8, 2, one)
        for one in inside
    )


def messages() -> tuple[Message, ...]:
    """All of them."""
    return conversation() + others()
