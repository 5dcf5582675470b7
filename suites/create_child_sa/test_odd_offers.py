"""Offers of Child SAs with alternatives or reserved SPIs, the device's own, and odd answers (RFC 7296, section 1.3)."""

from dataclasses import replace

from conformance.ike.core.selectors import selectors
from conformance.ipsec.ip import ESP, UDP, parse
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import (
    SA,
    Delete,
    ExchangeType,
    Integ,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
    TSi,
    TSr,
)
from peers.capabilities import Capability
from suites.connections import two_children
from suites.create_child_sa.answers import carries, connected, deletes_child, granted, kept
from suites.create_child_sa.device_rekeys import child_rekey, made, unused_if_kept
from suites.dut import Dut
from suites.purpose import purpose

REKEY, MANY = Capability.REKEY_CHILD, Capability.MULTIPLE_CHILDREN
OTHERS = "RFC7296-3.3.6-9"
SHA1 = Transform.of(Integ.HMAC_SHA1_96)
NEVER = NotifyType(8190)
"""An error type that IANA has not assigned."""


def alternatives(one: SA) -> SA:
    """AH with the integrity algorithm HMAC-SHA1-96 as number 1, and then the offer as it is."""
    esp = one.proposals[0]
    kept_ones = tuple(each for each in esp.transforms if each.type == TransformType.ESN)
    ah = Proposal(1, ProtocolID.AH, (SHA1, *kept_ones), esp.spi)
    return replace(one, proposals=(ah, *(replace(each, number=each.number + 1) for each in one.proposals)))


def spi(octets: bytes) -> Bend:
    """Another SPI in our offer."""
    return bend.replace(
        SA, lambda one: replace(one, proposals=tuple(replace(each, spi=octets) for each in one.proposals)),
        f"SPI {octets.hex()}",
    )  # fmt: skip


def spi_of(wire: bytes) -> bytes:
    """The SPI of an ESP packet, or of ESP in UDP, and nothing of any other packet."""
    outer = parse(wire)
    if outer.protocol not in (ESP, UDP):
        return b""
    at = outer.payload_at + 8 * (outer.protocol == UDP)
    return wire[at : at + 4]


@purpose("child-ah-or-esp", OTHERS, "RFC7296-3.3.1-6", role="responder", needs=(REKEY,))
def test_alternatives(peer: Peer, dut: Dut) -> None:
    """A rekey offers AH, which the device is not configured for, and then ESP: it takes ESP, by its number."""
    sa = connected(peer, dut)
    answer = sa.rekey_child(bend=bend.replace(SA, alternatives, "AH in front of ESP"))
    found = granted(peer, dut, answer, REKEY, OTHERS)
    peer.check(found.protocol == ProtocolID.ESP, "ESP", answer, OTHERS)
    peer.check(found.number == 2, "proposal number 2", found.number, "RFC7296-3.3.1-6")


@purpose(
    "child-spi-zero", "RFC4303-2.1-1", "RFC4301-4.4.1-2", role="responder", needs=(REKEY, Capability.DATA_PLANE)
)  # fmt: skip
def test_spi_zero(peer: Peer, dut: Dut) -> None:
    """A rekey names 0 as the SPI on which we receive: a device that agrees must not send with that all the same.

    It must not send without ESP either.
    """
    sa = connected(peer, dut)
    carries(peer, dut)
    answer = sa.rekey_child(bend=spi(bytes(4)))
    if answer.first(SA) is not None:
        sa.finish()
        peer.traffic.send(peer.traffic.echo_request())
        peer.idle(peer.response_timeout / 2)
    zero = [one for one in peer.traffic.arrived if spi_of(one.wire) == bytes(4)]
    peer.check(not zero, "no ESP with an SPI of zero", "; ".join(map(str, zero)), "RFC4303-2.1-1")
    peer.traffic.must_not_leak("RFC4301-4.4.1-2")


@purpose(
    "child-new-by-device", "RFC7296-1.3.1-1", "RFC7296-3.3.1-9", role="initiator", needs=(MANY,),
    connection=two_children(),
)  # fmt: skip
def test_new_by_device(peer: Peer, dut: Dut) -> None:
    """The device asks for a second Child SA: SA with SPIs of its own, Ni, TSi, TSr, and no N(REKEY_SA)."""
    dut.initiate()
    sa = peer.accept()
    first = sa.child
    dut.initiate("other")
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    message = request.message
    spis = {one.spi for one in peer.expect(message, SA, "RFC7296-1.3.1-1").proposals}
    for kind in (Nonce, TSi, TSr):
        peer.expect(message, kind, "RFC7296-1.3.1-1")
    peer.check(all(len(one) == 4 for one in spis), "SPIs of 4 octets", message, "RFC7296-3.3.1-9")
    peer.check(first.spi_out not in spis, "a new SPI", message, "RFC7296-1.3.1-1")
    peer.check(not message.notify(NotifyType.REKEY_SA), "no N(REKEY_SA)", message, "RFC7296-1.3.1-1")
    sa.answer(request)
    sa.must_be_up()
    peer.check(len(sa.children) == 2, "two Child SAs", len(sa.children), "RFC7296-1.3.1-1")
    carries(peer, dut, sa.children[-1])


@purpose("child-response-other-selectors", "RFC7296-2.9-3", "RFC7296-1.3.1-5", role="initiator", needs=(REKEY,))
def test_other_selectors(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey has selectors that were not offered: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    foreign = selectors(("192.0.2.128/25",))
    new = made(sa, request, bend.change(TSi, selectors=foreign) | bend.change(TSr, selectors=foreign))
    unused_if_kept(peer, sa, new, "RFC7296-2.9-3")


def oddly(message: Message) -> tuple[Delete | Notify, ...]:
    """An answer to a Delete that names what never was, and an error that nobody knows."""
    protocol = next(one.protocol for one in message.all(Delete))
    return Delete(protocol, (b"\x7f\x12\x34\x56",)), Notify(NEVER, b"ikespec")


@purpose(
    "info-delete-answered-oddly", "RFC7296-2.21-4", "RFC7296-3.10.1-3", role="initiator",
    needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_answered_oddly(peer: Peer, dut: Dut) -> None:
    """Our answer to the device's Delete names an SPI that never was, and an error that nobody knows.

    The Child SA is gone all the same. The device keeps the IKE SA, or deletes it with a Delete payload.
    """
    sa = connected(peer, dut)
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    sa.answer(request, *oddly(request.message))
    kept(peer, sa)
