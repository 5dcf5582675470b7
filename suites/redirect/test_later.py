"""The device as initiator is sent away in IKE_AUTH or in the middle of a session (RFC 5685, sections 5 and 6)."""

from dataclasses import replace
from typing import Any

from conformance.ike.core.connection import Identity, Redirection, RedirectWhen
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.wire import (
    AUTH,
    EAP,
    FLAG_RESPONSE,
    SA,
    ExchangeType,
    IDr,
    Message,
    Notify,
    NotifyType,
    TSi,
    TSr,
)
from conformance.wire.gateway import Gateway
from peers.capabilities import Capability
from suites.connections import eap
from suites.create_child_sa.answers import deletes_ike, deletion, successor
from suites.dut import Dut
from suites.ike_auth.initiating import Attempt
from suites.ike_auth.refusal import must_be_refused_by
from suites.purpose import purpose
from suites.redirect.steps import arrival, asked, first, following, must_stay, redirect, second, served

FOLLOWS = (Capability.REDIRECT,)
CLIENT = (Capability.REDIRECT, Capability.EAP_PEER)
BY_EAP = eap("mschapv2", "tls", device="initiator", follows_redirects=True)
ACCEPTS, PROVED, LATER = "RFC5685-6-8", "RFC5685-6-3", "RFC5685-5-7"


def away(gateway: str) -> Bend:
    """An IKE_AUTH response that redirects in place of making a Child SA."""
    return bend.drop(SA, TSi, TSr) | bend.append(redirect(gateway))


def arrived(peer: Peer, dut: Dut, old: ScriptedSa, requirement: str, leaves: str) -> None:
    """The device is served by the second gateway, and deletes what it has at the first one."""
    served(peer, dut, arrival(peer, second(peer, dut), first(dut), requirement), requirement)
    deletion(old, deletes_ike, leaves)


# --- in IKE_AUTH ------------------------------------------------------------------------------------------------------


@purpose(
    "redirect-auth", "RFC5685-3-9", ACCEPTS, "RFC5685-6-4", role="initiator", needs=FOLLOWS, connection=following()
)
def test_auth(peer: Peer, dut: Dut) -> None:
    """Sent away in IKE_AUTH by a gateway that has proved who it is, the device goes, and deletes the IKE SA."""
    sent_in_auth(peer, dut)


@purpose(
    "redirect-auth-ipv6", "RFC5685-3-9", ACCEPTS, "RFC5685-6-4", role="initiator", needs=(*FOLLOWS, Capability.IPV6),
    connection=following(ipv6=True),
)  # fmt: skip
def test_auth6(peer: Peer, dut: Dut) -> None:
    """The same over IPv6."""
    sent_in_auth(peer, dut)


def sent_in_auth(peer: Peer, dut: Dut) -> None:
    """Sent to the second gateway in IKE_AUTH, the device is served there, and deletes what it has here."""
    there = second(peer, dut)
    sa = peer.respond_init(asked(peer, dut))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=away(there))
    arrived(peer, dut, sa, ACCEPTS, "RFC5685-6-4")


def unproved(peer: Peer, dut: Dut, bent: Bend = bend.STRAIGHT, **changes: Any) -> None:
    """A REDIRECT in a response that does not prove who sends it leads nowhere, and makes no IKE SA.

    ``changes`` are those of our connection.
    """
    there = second(peer, dut)
    sa = peer.respond_init(asked(peer, dut), **changes)
    request = sa.expect_request(ExchangeType.IKE_AUTH)
    sa.answer(request, bend=away(there) | bent)
    must_be_refused_by(dut, peer, Attempt(sa, request, None))
    must_stay(peer, there, PROVED, peer.response_timeout / 2, bypass=True)


@purpose(
    "redirect-auth-wrong-proof", PROVED, role="initiator", needs=FOLLOWS, connection=following(),
)  # fmt: skip
def test_wrong_proof(peer: Peer, dut: Dut) -> None:
    """A REDIRECT beside an AUTH payload that is wrong comes from nobody knows whom."""
    wrong = bend.replace(AUTH, lambda one: AUTH(one.method, bytes((one.data[0] ^ 1,)) + one.data[1:]), "a wrong AUTH")
    unproved(peer, dut, wrong)


@purpose("redirect-auth-no-proof", PROVED, role="initiator", needs=FOLLOWS, connection=following())
def test_no_proof(peer: Peer, dut: Dut) -> None:
    """The same without any AUTH payload."""
    unproved(peer, dut, bend.drop(AUTH))


@purpose("redirect-auth-alone", PROVED, role="initiator", needs=FOLLOWS, connection=following())
def test_alone(peer: Peer, dut: Dut) -> None:
    """The same with nothing but the REDIRECT."""
    unproved(peer, dut, bend.drop(AUTH, IDr))


@purpose("redirect-auth-stranger", PROVED, "RFC7296-1.2-12", role="initiator", needs=FOLLOWS, connection=following())
def test_stranger(peer: Peer, dut: Dut) -> None:
    """The same beside an AUTH payload that is right, with the right secret, for somebody else than the gateway."""
    dut.looks_at_identities()
    unproved(peer, dut, local=replace(peer.connection.local, identity=Identity.of("gateway.other.example")))


@purpose("redirect-eap-last", ACCEPTS, "RFC5685-6-4", role="initiator", needs=CLIENT, connection=BY_EAP)
def test_eap_last(peer: Peer, dut: Dut) -> None:
    """After EAP the last response sends the device away, beside the AUTH payload."""
    sa = peer.respond_init(asked(peer, dut), redirect=Redirection(second(peer, dut), RedirectWhen.AUTH))
    sa.answer_auth()
    arrived(peer, dut, sa, ACCEPTS, "RFC5685-6-4")


@purpose("redirect-eap-first", ACCEPTS, role="initiator", needs=CLIENT, connection=BY_EAP)
def test_eap_first(peer: Peer, dut: Dut) -> None:
    """The first response sends the device away before EAP has begun, beside the AUTH payload of the gateway."""
    there = second(peer, dut)
    sa = peer.respond_init(asked(peer, dut))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.drop(EAP) | bend.append(redirect(there)))
    arrival(peer, there, first(dut), ACCEPTS)


@purpose("redirect-eap-between", "RFC5685-6-7", role="initiator", needs=CLIENT, connection=BY_EAP)
def test_eap_between(peer: Peer, dut: Dut) -> None:
    """A REDIRECT in a response between the first and the last is not accepted."""
    there = second(peer, dut)
    sa = peer.respond_init(asked(peer, dut))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.append(redirect(there)))
    must_stay(peer, there, "RFC5685-6-7", peer.response_timeout / 2)


# --- later ------------------------------------------------------------------------------------------------------------


def up(peer: Peer, dut: Dut) -> ScriptedSa:
    """The device has an IKE SA with us, and has said that it follows."""
    with peer.preamble("the device initiates"):
        sa = peer.respond_init(asked(peer, dut))
        sa.answer_auth()
        sa.must_be_established()
        peer.pause()
        sa.liveness()
    return sa


@purpose(
    "redirect-later", "RFC5685-5-3", LATER, "RFC5685-5-5", "RFC5685-3-9", role="initiator", needs=FOLLOWS,
    connection=following(),
)  # fmt: skip
def test_later(peer: Peer, dut: Dut) -> None:
    """Sent away in the middle of a session the device answers, opens its SAs with the new gateway, deletes the old."""
    sent_later(peer, dut)


@purpose(
    "redirect-later-ipv6", "RFC5685-5-3", LATER, "RFC5685-5-5", role="initiator", needs=(*FOLLOWS, Capability.IPV6),
    connection=following(ipv6=True),
)  # fmt: skip
def test_later6(peer: Peer, dut: Dut) -> None:
    """The same over IPv6."""
    sent_later(peer, dut)


def sent_later(peer: Peer, dut: Dut) -> None:
    """Sent to the second gateway in the middle of a session, the device answers, goes and deletes what it has here."""
    sa = up(peer, dut)
    answer = sa.informational(redirect(second(peer, dut)))
    peer.check(fatal(answer) is None, "a response without an error", answer, "RFC5685-5-3")
    arrived(peer, dut, sa, LATER, "RFC5685-5-5")


@purpose(
    "redirect-later-rekeyed", LATER, "RFC5685-5-5", role="initiator", needs=(*FOLLOWS, Capability.REKEY_IKE),
    connection=following(),
)  # fmt: skip
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """The same on an IKE SA that has been rekeyed."""
    sa = up(peer, dut)
    with peer.preamble("our rekey of the IKE SA"):
        new = successor(peer, sa)
    new.informational(redirect(second(peer, dut)))
    arrived(peer, dut, new, LATER, "RFC5685-5-5")


@purpose("redirect-later-in-clear", "RFC7296-2.4-7", role="initiator", needs=FOLLOWS, connection=following())
def test_in_clear(peer: Peer, dut: Dut) -> None:
    """A REDIRECT that is not protected changes nothing, be it a request or a response."""
    there, sa = second(peer, dut), up(peer, dut)
    for flags in (0, FLAG_RESPONSE):
        forged = Message(sa.spi_i, sa.spi_r, ExchangeType.INFORMATIONAL, flags, sa.next_id, (redirect(there),))
        peer.send_message(forged, sa.local, sa.remote)
        peer.pause()
    must_stay(peer, there, "RFC7296-2.4-7", peer.response_timeout / 2, bypass=True)
    sa.must_be_up("RFC7296-2.4-7", "the IKE SA survives forged redirects")


@purpose("redirect-later-malformed", "RFC5685-5-3", role="initiator", needs=FOLLOWS, connection=following())
def test_later_malformed(peer: Peer, dut: Dut) -> None:
    """A gateway that is cut short, of a wrong size or of no known type leads nowhere.

    Whether the device refuses the request, and with it the IKE SA, or passes over the notify is its own affair.
    """
    there = second(peer, dut)
    identity = Gateway.of(there).identity
    datas = (
        b"", bytes((1,)), bytes((1, 4)) + identity[:3], bytes((1, 0)), bytes((1, 3)) + identity[:3],
        bytes((0, 4)) + identity, bytes((4, 4)) + identity, bytes((2, 4)) + identity,
        bytes((3, 0)),
    )  # fmt: skip
    sa = up(peer, dut)
    for data in datas:
        answer = sa.informational(Notify(NotifyType.REDIRECT, data))
        if fatal(answer) is not None:
            break
    must_stay(peer, there, "RFC5685-5-3", peer.response_timeout / 4)
