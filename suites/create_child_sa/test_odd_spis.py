"""Rekeys and new Child SAs whose SPIs, protocols, key lengths or selectors cannot be (RFC 7296, 1.3, 3.3, 3.13)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from conformance.ike.core.selectors import selector
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import (
    SA,
    Attribute,
    AttributeType,
    Nonce,
    Notify,
    NotifyType,
    Proposal,
    ProtocolID,
    TrafficSelector,
    Transform,
    TSi,
)
from peers.capabilities import Capability
from peers.contract import SaState
from suites.choices import ENCR, NO_BITS
from suites.create_child_sa.answers import connected, deletes_ike, granted, kept, refused, requests
from suites.create_child_sa.device_rekeys import ike_rekey
from suites.dut import Dut
from suites.purpose import purpose

CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
ERROR, SPI, OTHERS = "RFC7296-2.21.3-1", "RFC7296-3.3.1-9", "RFC7296-3.3.6-9"
TCP = 6


@purpose("child-rekey-other-protocol", ERROR, "RFC7296-2.25-6", role="responder", needs=(CHILD,))
def test_other_protocol(peer: Peer, dut: Dut) -> None:
    """REKEY_SA has the SPI of our Child SA under the protocol AH: there is no such AH SA, and the ESP SA stays.

    Under the protocols 0, IKE and 200, which no REKEY_SA has, it may be read as it likes, and gets an answer.
    """
    for protocol in (ProtocolID(0), ProtocolID.IKE, ProtocolID(200)):
        sa = connected(peer, dut)
        answer = sa.create_child(bend=_named(protocol, sa.child.spi_in))
        peer.note(f"protocol {int(protocol)}: {'an SA' if answer.first(SA) else 'none'}")
    sa = connected(peer, dut)
    child = sa.child
    refused(peer, sa.create_child(bend=_named(ProtocolID.AH, child.spi_in)))
    kept(peer, sa)
    if any(map(deletes_ike, requests(peer, sa))):
        return
    granted(peer, dut, sa.rekey_child(child), CHILD, "RFC7296-1.3.1-14")


def _named(protocol: ProtocolID, spi: bytes) -> Bend:
    """REKEY_SA with this SPI."""
    return bend.insert(Notify(NotifyType.REKEY_SA, b"", protocol, spi))


@purpose("ike-rekey-without-nonce", "RFC7296-1.3.2-1", ERROR, role="responder")
def test_without_nonce(peer: Peer, dut: Dut) -> None:
    """A request to rekey the IKE SA without Ni: an error, no IKE SA."""
    refused(peer, connected(peer, dut).rekey(bend=bend.drop(Nonce)), requirement="RFC7296-1.3.2-1")


def with_spi(spi: bytes) -> Bend:
    """Our proposals with another SPI."""

    def change(sa: SA) -> SA:
        return SA(tuple(replace(one, spi=spi) for one in sa.proposals))

    return bend.replace(SA, change, f"an SPI of {len(spi)} octets" if any(spi) or not spi else "an SPI of zero")


@purpose("ike-rekey-spi", SPI, "RFC7296-1.3.2-3", ERROR, role="responder")
def test_ike_spi(peer: Peer, dut: Dut) -> None:
    """Requests to rekey the IKE SA have no SPI in their proposals, or one of 4 octets: an error, no IKE SA."""
    for spi in (b"", b"\x71\x72\x73\x74"):
        refused(peer, connected(peer, dut).rekey(bend=with_spi(spi)), requirement=SPI)


@purpose("ike-rekey-response-spi", SPI, "RFC7296-1.3.2-6", role="initiator", needs=(IKE, Capability.LIST_SAS))
def test_ike_response_spi(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey of the IKE SA has no SPI, or one of 4 octets: it does not use that IKE SA.

    It may drop the old one as well, for a malformed message.
    """
    for spi in (b"", b"\x71\x72\x73\x74"):
        sa, request = ike_rekey(peer, dut)
        sa.answer(request, bend=with_spi(spi))
        new = sa.rekeyed
        with suppress(Unexpected):  # whoever takes messages in order has dealt with our response then
            sa.liveness()
        peer.idle(peer.response_timeout / 4)
        state = dut.state(new.spi_i)
        expected = f"no IKE SA of a response with an SPI of {len(spi)} octets"
        peer.check(state != SaState.ESTABLISHED, expected, f"it is {state}", SPI)


def odd_first(alter: Callable[[Proposal], Proposal], why: str) -> Bend:
    """An altered proposal as number 1, and behind it what we offer."""

    def change(sa: SA) -> SA:
        good = sa.proposals[0]
        return SA((replace(alter(good), number=1), replace(good, number=2)))

    return bend.replace(SA, change, f"in front {why}")


def second_of(peer: Peer, dut: Dut, alter: Callable[[Proposal], Proposal], why: str, requirement: str) -> None:
    """Ask to rekey the Child SA; the device passes over the first proposal, or refuses a malformed request."""
    answer = connected(peer, dut).rekey_child(bend=odd_first(alter, why))
    if answer.notify(NotifyType.INVALID_SYNTAX):
        refused(peer, answer)
        return
    number = granted(peer, dut, answer, CHILD, OTHERS).number
    peer.check(number == 2, f"proposal 2, not {why}", f"proposal {number}", requirement)


@purpose("child-spi-size", SPI, OTHERS, role="responder", needs=(CHILD,))
def test_spi_size(peer: Peer, dut: Dut) -> None:
    """Rekeys offer ESP with an SPI of no, 3 or 8 octets, and then with a right one: only that can be chosen."""
    for size in (0, 3, 8):
        spi = bytes(range(0x71, 0x71 + size))
        second_of(peer, dut, lambda one, spi=spi: replace(one, spi=spi), f"an SPI of {size} octets", SPI)  # type: ignore[misc]


def with_bits(bits: int | None) -> Callable[[Proposal], Proposal]:
    """The proposal with another key length, or none (None)."""
    attributes = () if bits is None else (Attribute(AttributeType.KEY_LENGTH, bits),)

    def alter(one: Proposal) -> Proposal:
        changed = (replace(each, attributes=attributes) if each.type == ENCR else each for each in one.transforms)
        return replace(one, transforms=tuple(changed))

    return alter


def cipher(peer: Peer) -> Transform:
    """The cipher of our Child SA, whose key length is not fixed. Raises NotApplicable."""
    offer = peer.sa().make_offer(peer.connection.children[0], with_ke=False)
    found = next(one for one in offer.proposals[0].transforms if one.type == ENCR)
    if found.key_length is None:
        raise NotApplicable("the keys of the cipher have one length")
    return found


@purpose("child-key-length-missing", "RFC7296-3.3.5-7", "RFC7296-3.3.5-6", OTHERS, role="responder", needs=(CHILD,))
def test_key_length_missing(peer: Peer, dut: Dut) -> None:
    """A rekey offers ESP with a cipher without its Key Length, and then with it: the second one is chosen."""
    cipher(peer)
    second_of(peer, dut, with_bits(None), "a cipher without Key Length", "RFC7296-3.3.5-7")


@purpose("child-key-length-odd", "RFC7296-3.3.6-10", OTHERS, role="responder", needs=(CHILD,))
def test_key_length_odd(peer: Peer, dut: Dut) -> None:
    """Rekeys offer ESP with keys of 0, 1, 100 and 65535 bits, and then of a right length: that is chosen."""
    cipher(peer)
    for bits in NO_BITS:
        second_of(peer, dut, with_bits(bits), f"keys of {bits} bits", "RFC7296-3.3.6-10")


def backwards(one: TrafficSelector) -> TrafficSelector:
    """The addresses of a selector, the last one first."""
    return replace(one, start=one.end, end=one.start)


def ports_backwards(one: TrafficSelector) -> TrafficSelector:
    """TCP ports that end before they begin, which is not how OPAQUE is said."""
    return replace(one, protocol=TCP, start_port=2000, end_port=1000)


@purpose("child-ts-backwards", "RFC7296-2.9-3", "RFC7296-1.3.1-5", role="responder", needs=(CHILD,))
def test_backwards(peer: Peer, dut: Dut) -> None:
    """Rekeys whose TSi has nothing but addresses, then ports, that end before they begin: no Child SA for anything.

    There is no part of such a selector that the response could have.
    """
    for change, why in ((backwards, "addresses"), (ports_backwards, "ports")):
        sa = connected(peer, dut)
        ours = selector(dut.connection.children[0].remote_ts[0])
        bent = bend.change(TSi, f"{why} that end before they begin", selectors=(change(ours),))
        answer = sa.rekey_child(bend=bent)
        peer.check(answer.first(SA) is None, "no Child SA", answer, "RFC7296-2.9-3")
        refused(peer, answer, requirement=ERROR)
