"""Containers with nothing in them: where a parser trusts that there is at least one of everything (RFC 7296, 2.21, 3).

A datagram of 28 octets has ended daemons, and an SA payload without proposals those that had authenticated its sender.
Nobody needs to answer what comes outside of an IKE SA; inside, what is malformed or offers nothing is refused, and
what is merely empty is no error.
"""

from collections.abc import Iterator
from contextlib import suppress

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unexpected
from conformance.wire import (
    CERTREQ,
    CP,
    SA,
    CertEncoding,
    CfgType,
    Delete,
    ExchangeType,
    Payload,
    Proposal,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
)
from peers.capabilities import Capability
from suites.create_child_sa.answers import kept, refused
from suites.create_child_sa.device_rekeys import child_rekey
from suites.dut import Dut
from suites.format.steps import BUSY, attempt, must_be_refused, rejects, serves_others
from suites.ike_auth.initiating import answered, children, described
from suites.ike_auth.refusal import answer_of
from suites.ike_sa_init.steps import finish
from suites.purpose import purpose

SURVIVES = "RFC7296-5-1"
PAYLOAD_TYPES = range(33, 55)
"""The payload types of RFC 7296 and its extensions up to the last one that is assigned (RFC 7296, section 3.2)."""


def no_proposals() -> Bend:
    """SA without proposals."""
    return bend.change(SA, "SA without proposals", proposals=())


def no_transforms() -> Bend:
    """A proposal without transforms."""

    def bare(sa: SA) -> SA:
        one = sa.proposals[0]
        return SA((Proposal(one.number, one.protocol, (), one.spi),))

    return bend.replace(SA, bare, "a proposal without transforms")


def no_selectors(kind: type[TSi | TSr]) -> Bend:
    """TSi or TSr without selectors."""
    return bend.change(kind, f"{kind.__name__} without selectors", selectors=())


def header_only(peer: Peer, next_payload: int) -> bytes:
    """28 octets that claim to be an IKE_SA_INIT request, with the right length."""
    return b"".join(
        (peer.random(8), bytes(8), bytes((next_payload, 0x20, ExchangeType.IKE_SA_INIT, 0x08)), bytes(4), b"\0\0\0\x1c")
    )


def bare(kind: int) -> UnknownPayload:
    """A payload of this type that is its generic header alone."""
    return UnknownPayload(kind, b"")


@purpose("format-header-only", SURVIVES, "RFC7296-2.21-1", role="responder")
def test_header_only(peer: Peer) -> None:
    """A header with the right Length of 28 and nothing behind it, whatever Next Payload says: no harm is done."""
    for following in (*PAYLOAD_TYPES, 0, 255):
        peer.send_raw(header_only(peer, following))
        peer.pause()
    serves_others(peer, BUSY)


@purpose("format-init-empty", "RFC7296-2.7-3", SURVIVES, role="responder")
def test_init_empty(peer: Peer) -> None:
    """IKE_SA_INIT requests with an SA payload without proposals, and a proposal without transforms: no IKE SA."""
    rejects(peer, "RFC7296-2.7-3", no_proposals(), no_transforms())


@purpose("format-init-bare-payloads", SURVIVES, "RFC7296-2.21-1", role="responder")
def test_init_bare(peer: Peer) -> None:
    """IKE_SA_INIT requests with a payload of length 4 of each type in front: what comes of them is up to the device."""
    for kind in PAYLOAD_TYPES:
        sa = peer.sa(initial_contact=False)
        sa.obeying = False
        sent = sa.begin(sa.start_init, bend.insert(bare(kind)))
        with suppress(Unexpected):
            sa.response(sent, peer.response_timeout / 10)
        if sa.keys is not None:
            finish(sa)
    serves_others(peer, BUSY)


def settled(peer: Peer, sa: ScriptedSa) -> None:
    """Wait until the device has dealt with a response of ours. It may remove the IKE SA, as for a malformed message."""
    with suppress(Unexpected):
        kept(peer, sa)


def ready(peer: Peer) -> ScriptedSa:
    """An IKE SA before IKE_AUTH."""
    sa = peer.sa(initial_contact=False)
    with peer.preamble("IKE_SA_INIT"):
        sa.init()
    return sa


def nothing_to_choose() -> Iterator[Bend]:
    """What makes a Child SA impossible."""
    yield no_proposals()
    yield no_transforms()
    yield no_selectors(TSi)
    yield no_selectors(TSr)


@purpose("format-auth-empty", "RFC7296-2.7-3", "RFC7296-2.9-3", "RFC7296-2.21.2-1", SURVIVES, role="responder")
def test_auth_empty(peer: Peer) -> None:
    """IKE_AUTH without proposals, transforms or selectors: no Child SA, with whatever error; others are served.

    A device that takes it for malformed has authenticated nobody: it should say so, and may be silent.
    """
    silent: Unexpected | None = None
    for bent in nothing_to_choose():
        try:
            answer = answer_of(peer, ready(peer), bent)
        except Unexpected as unanswered:
            if unanswered.requirement != "RFC7296-2.21.2-1":
                raise
            silent = unanswered
            continue
        peer.check(answer.first(SA) is None, "no SA payload", answer, "RFC7296-2.7-3")
        peer.check(fatal(answer), "an error notify", answer, "RFC7296-2.7-3")
    serves_others(peer)
    if silent is not None:
        raise silent


@purpose("format-auth-empty-is-no-error", "RFC7296-1.2-10", SURVIVES, role="responder")
def test_auth_harmless(peer: Peer) -> None:
    """IKE_AUTH with a Vendor ID of no octets and a CERTREQ of no hashes: neither keeps the IKE SA from being set up."""
    for payload in (VendorID(b""), CERTREQ(CertEncoding.X509_SIGNATURE, b"")):
        sa = ready(peer)
        sa.auth(bend.append(payload))
        sa.must_be_established("RFC7296-1.2-10")
    serves_others(peer)


@purpose("format-child-empty", "RFC7296-2.7-3", "RFC7296-2.21.3-1", SURVIVES, role="responder")
def test_child_empty(peer: Peer) -> None:
    """CREATE_CHILD_SA without proposals, transforms or selectors is refused; others are served."""
    for bent in nothing_to_choose():
        refused(peer, peer.establish(initial_contact=False).create_child(bend=bent))
    serves_others(peer)


def empty_requests() -> Iterator[tuple[Payload, ...]]:
    """INFORMATIONAL requests with containers that are empty and well-formed."""
    yield (Delete(ProtocolID.ESP, ()),)
    yield (CP(CfgType.REQUEST, ()),)
    yield (CERTREQ(CertEncoding.X509_SIGNATURE, b""),)
    yield (VendorID(b""),)


@purpose("format-info-empty", "RFC7296-1.4-4", SURVIVES, role="responder")
def test_info_empty(peer: Peer) -> None:
    """INFORMATIONAL with a Delete of no SPIs, a CP of no attributes, an empty CERTREQ and Vendor ID is answered."""
    for payloads in empty_requests():
        sa = peer.establish(initial_contact=False)
        sa.informational(*payloads)
    serves_others(peer)


@purpose("format-info-bare-payloads", "RFC7296-1.4-4", SURVIVES, role="responder")
def test_info_bare(peer: Peer) -> None:
    """Authentic INFORMATIONAL requests with a payload of length 4 of each type: each is answered somehow."""
    for kind in PAYLOAD_TYPES:
        peer.establish(initial_contact=False).informational(bare(kind))
    serves_others(peer)


@purpose("format-only-padding", "RFC7296-2.21.3-1", SURVIVES, role="responder")
def test_only_padding(peer: Peer) -> None:
    """An Encrypted payload with nothing but padding whose Next Payload names a Delete is refused or ignored."""
    sa = peer.establish()
    cut = bend.plaintext(lambda _: b"", "nothing but padding")
    must_be_refused(sa, attempt(sa, Delete(ProtocolID.IKE), bend=cut), "RFC7296-2.21.3-1")
    serves_others(peer)


@purpose(
    "format-response-auth-empty", "RFC7296-3.3.6-6", "RFC7296-2.9-3", SURVIVES, role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_auth_response_empty(peer: Peer, dut: Dut) -> None:
    """Our IKE_AUTH response has SA without proposals: the device makes no Child SA of it, and does not die of it."""
    sa, spis = answered(peer, dut, no_proposals())
    settled(peer, sa)
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6")


@purpose("format-response-auth-no-selectors", "RFC7296-2.9-3", SURVIVES, role="initiator", needs=(Capability.LIST_SAS,))
def test_auth_response_no_selectors(peer: Peer, dut: Dut) -> None:
    """Our IKE_AUTH response has TSi and TSr without selectors: the device makes no Child SA for nothing."""
    sa, spis = answered(peer, dut, no_selectors(TSi) | no_selectors(TSr))
    settled(peer, sa)
    found = children(peer, dut, spis)
    peer.check(not found, "no such Child SA", described(found), "RFC7296-2.9-3")


@purpose("format-response-child-empty", "RFC7296-3.3.6-6", SURVIVES, role="initiator", needs=(Capability.REKEY_CHILD,))
def test_child_response_empty(peer: Peer, dut: Dut) -> None:
    """Our response to the device's rekey has SA without proposals: it makes no Child SA of it."""
    sa, request = child_rekey(peer, dut)
    sa.answer(request, bend=no_proposals())
    settled(peer, sa)
    offered = peer.expect(request.message, SA).proposals
    found = children(peer, dut, frozenset(one.spi for one in offered))
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6")
