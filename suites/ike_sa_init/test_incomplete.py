"""IKE_SA_INIT requests that lack what an IKE SA is made of, and public values that give no secret.

RFC 7296, sections 1.2 and 3.3.3; RFC 6989, section 2. Of Curve25519 and Curve448 no value is refused (RFC 8031).
"""

from dataclasses import replace

from conformance.crypto.modp import modp_group
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import KE, SA, KeMethod, Nonce, Transform, TransformType
from suites.dut import Dut
from suites.ike_sa_init.steps import (
    OFF_CURVE,
    ZEROS,
    ask_for_group,
    group_of,
    no_auth,
    no_sa_for,
    offer_only,
    our_groups,
)
from suites.ike_sa_init.test_key_exchange import ECP, MODP
from suites.purpose import purpose

NEEDED, GROUP = "RFC7296-1.2-2", "RFC7296-3.3.3-1"
NOT_USED, EQUATION, RANGE = "RFC6989-2.5-2", "RFC6989-2.3-1", "RFC6989-2.1-1"
NONE = Transform.of(KeMethod.NONE)


@purpose("init-incomplete", NEEDED, "RFC7296-1.2-3", role="responder")
def test_incomplete(peer: Peer) -> None:
    """Requests without SA, without KE, without a nonce, and without any of them: no IKE SA comes of them.

    A device may ask for KE of its group where there is none.
    """
    for lacking in ((SA,), (KE,), (Nonce,), (SA, KE, Nonce)):
        no_sa_for(peer, bend.drop(*lacking), NEEDED, alone(peer))


def alone(peer: Peer) -> ScriptedSa:
    """An IKE SA whose first request is its last one, even if the device asks for another group."""
    sa = peer.sa()
    sa.obeying = False
    return sa


@purpose("init-group-none", GROUP, "RFC7296-3.3.6-8", role="responder")
def test_group_none(peer: Peer) -> None:
    """The only key exchange method in the offer is NONE, with KE and without it: no IKE SA can come of it."""

    def none(one: Transform) -> Transform:
        return NONE if one.type == TransformType.KE else one

    bent = offer_only(peer.connection.proposals[0], none, why="the group NONE alone")
    empty = bend.replace(KE, lambda one: KE(KeMethod.NONE, b""), "an empty KE of the group NONE")
    for each in (bent, bent | bend.drop(KE), bent | empty):
        no_sa_for(peer, each, GROUP, alone(peer))


@purpose("init-ecp-zeros", NOT_USED, "RFC6989-2.5-1", EQUATION, role="responder", connection=ECP)
def test_ecp_zeros(peer: Peer) -> None:
    """Both coordinates are zero, which is on no curve, though some take it for the point at infinity: no IKE SA."""
    no_sa_for(peer, ZEROS, EQUATION)


def asked(peer: Peer, dut: Dut) -> Received:
    """The device's request with KE of a group of our connection, to which it is led if it begins with another one."""
    dut.initiate()
    first = peer.expect_init()
    if group_of(first) not in our_groups(peer):
        peer.refuse_init(first, ask_for_group(our_groups(peer)[0]))
        first = peer.expect_init()
    return first


def stops(peer: Peer, dut: Dut, how: Bend, requirement: str) -> None:
    """The device initiates, and does not go on to IKE_AUTH with this public value in our response."""
    first = asked(peer, dut)
    peer.respond_init(first, how)
    no_auth(peer, dut, first, requirement)


@purpose("init-response-off-curve", NOT_USED, EQUATION, "RFC7296-3.3.2-7", role="initiator", connection=ECP)
def test_response_off_curve(peer: Peer, dut: Dut) -> None:
    """KEr of our response is a point beside the curve: the device does not go on with it."""
    stops(peer, dut, OFF_CURVE, EQUATION)


@purpose("init-response-ecp-zeros", NOT_USED, EQUATION, role="initiator", connection=ECP)
def test_response_zeros(peer: Peer, dut: Dut) -> None:
    """Both coordinates of KEr in our response are zero: the device does not go on with it."""
    stops(peer, dut, ZEROS, EQUATION)


def small(value: int) -> Bend:
    """A public value of a MODP group that leaves everybody one or two secrets: 1, or p-1 (-1)."""

    def change(ke: KE) -> KE:
        group = modp_group(ke.method)
        return replace(ke, data=(value % group.p).to_bytes(group.size, "big"))

    return bend.replace(KE, change, "the public value " + ("1" if value == 1 else "p-1"))


@purpose("init-response-modp-one", NOT_USED, RANGE, role="initiator", connection=MODP)
def test_response_one(peer: Peer, dut: Dut) -> None:
    """KEr of our response is 1, and so is the secret, as everybody knows: the device does not go on with it."""
    stops(peer, dut, small(1), RANGE)


@purpose("init-response-modp-last", NOT_USED, RANGE, role="initiator", connection=MODP)
def test_response_last(peer: Peer, dut: Dut) -> None:
    """KEr of our response is p-1, which leaves two secrets to choose from: the device does not go on with it."""
    stops(peer, dut, small(-1), RANGE)
