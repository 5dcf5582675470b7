"""Responses to the device's rekeys that it must not accept (RFC 7296, sections 2.21.3 and 3.3.6; RFC 6989)."""

from contextlib import suppress
from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import KE, SA, ExchangeType, Message, Nonce, TransformType
from peers.capabilities import Capability
from peers.contract import SaState
from suites.choices import ECP, including, pfs_ecp
from suites.connections import usual
from suites.create_child_sa.answers import carries, connected, deleted, deletes_ike, kept
from suites.create_child_sa.device_rekeys import child_rekey, ike_rekey, made, put_off, unused, unused_if_kept
from suites.dut import Dut
from suites.foreign import unoffered
from suites.ike_sa_init.steps import OFF_CURVE
from suites.purpose import purpose

CHILD, IKE = Capability.REKEY_CHILD, Capability.REKEY_IKE
LIFETIME, LATEST = 3.0, 12.0
"""Seconds after which the device must rekey, and within which any device has done so."""


def other_cipher(offer: SA | None) -> Bend:
    """The choice with a cipher that was not offered."""
    other = unoffered(offer, TransformType.ENCR)

    def change(sa: SA) -> SA:
        kept_ones = tuple(one for one in sa.proposals[0].transforms if one.type != TransformType.ENCR)
        return SA((replace(sa.proposals[0], transforms=(other, *kept_ones)),))

    return bend.replace(SA, change, f"{keyword(other)}, which was not offered")


def second_prf(offer: SA | None) -> Bend:
    """The choice with one transform more, of a type that it has already."""
    other = unoffered(offer, TransformType.PRF)

    def change(sa: SA) -> SA:
        chosen = sa.proposals[0]
        return SA((replace(chosen, transforms=(*chosen.transforms, other)),))

    return bend.replace(SA, change, f"a second PRF, {keyword(other)}")


@purpose("child-response-not-offered", "RFC7296-3.3.6-6", "RFC7296-3.3.6-5", role="initiator", needs=(CHILD,))
def test_not_offered(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey chooses a cipher that was not offered: it does not use that Child SA."""
    sa, request = child_rekey(peer, dut)
    new = made(sa, request, other_cipher(request.message.first(SA)))
    unused(peer, sa, new, "RFC7296-3.3.6-6")


@purpose("child-response-cleaned", "RFC7296-2.21-3", role="initiator", needs=(CHILD,))
def test_cleaned(peer: Peer, dut: Dut) -> None:
    """A cipher that was not offered is chosen for the device's rekey: it deletes the Child SA that we have now made.

    It may delete the IKE SA as well. Nothing that it does not want is left at our side.
    """
    sa, request = child_rekey(peer, dut)
    new = made(sa, request, other_cipher(request.message.first(SA)))

    def cleans(message: Message) -> bool:
        return deletes_ike(message) or new.spi_out in deleted(message)

    try:
        sa.answer(sa.expect_request(ExchangeType.INFORMATIONAL, where=cleans))
    except Unexpected as nothing:
        raise Unexpected("a Delete for what our response has made", nothing.got, "RFC7296-2.21-3") from None


@purpose("child-response-without-nonce", "RFC7296-1.3.3-7", "RFC7296-2.17-1", role="initiator", needs=(CHILD,))
def test_without_nonce(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey has no Nonce, so there are no keys: it does not use that Child SA.

    It may take the response for malformed, and a malformed message may end the IKE SA without a Delete payload.
    """
    sa, request = child_rekey(peer, dut)
    new = made(sa, request, bend.drop(Nonce))
    unused_if_kept(peer, sa, new, "RFC7296-2.17-1")


@purpose(
    "child-response-public-value",
    "RFC6989-2.5-7",
    "RFC6989-2.3-1",
    "RFC6989-2-1",
    role="initiator",
    needs=(CHILD, Capability.PFS),
    connection=usual(proposals=including(ECP), esp=pfs_ecp),  # some rekey with the group of the IKE SA only
)
def test_public_value(peer: Peer, dut: Dut) -> None:
    """KEr in the response to the device's rekey is a point off the curve: no Child SA, and the IKE SA is deleted.

    The test is a SHOULD. Who makes it deletes the IKE SA at once by an exchange of its own.
    """
    sa, request = child_rekey(peer, dut)
    new = made(sa, request, OFF_CURVE)
    try:
        sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike)
    except Unexpected as nothing:
        unused(peer, sa, new, "RFC6989-2.3-1")
        raise Unexpected("the device deletes the IKE SA at once", nothing.got, "RFC6989-2.5-7") from None


@purpose(
    "ike-rekey-response-two-prfs",
    "RFC7296-3.3.6-6",
    "RFC7296-3.3.6-5",
    role="initiator",
    needs=(IKE,),
)
def test_ike_two_prfs(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey of the IKE SA has two PRFs, one not offered: it does not use that IKE SA.

    The keys are those of the PRF that was offered, so that a device which overlooks the other one would be found.
    """
    sa, request = ike_rekey(peer, dut)
    sa.answer(request, bend=second_prf(request.message.first(SA)))
    new = sa.rekeyed
    new.begin(new.start_liveness)
    kept(peer, sa)
    with suppress(Unexpected):  # the old IKE SA says nothing of how soon the new one answers
        peer.wait(lambda one: one.sa is new and one.protected, "nothing on the new IKE SA")
    used = [one for one in peer.inbox if one.sa is new and one.protected]
    peer.check(not used, "nothing under the keys of the new IKE SA", used[0] if used else "", "RFC7296-3.3.6-6")


@purpose(
    "ike-rekey-response-incomplete", "RFC7296-1.3.2-5", "RFC7296-2.21-2", role="initiator",
    needs=(IKE, Capability.LIST_SAS),
)  # fmt: skip
def test_ike_incomplete(peer: Peer, dut: Dut) -> None:
    """The response to the device's rekey of the IKE SA lacks SA, then KE, then Nonce: it does not use that IKE SA.

    It may drop the old one as well, for a malformed message.
    """
    for lacking in (SA, KE, Nonce):
        sa, request = ike_rekey(peer, dut)
        sa.answer(request, bend=bend.drop(lacking))
        new = sa.rekeyed
        peer.idle(peer.response_timeout / 4)
        state, expected = dut.state(new.spi_i), f"no IKE SA of a response without {lacking.__name__}"
        peer.check(state != SaState.ESTABLISHED, expected, f"it is {state}", "RFC7296-1.3.2-5")


@purpose(
    "ike-rekey-lifetime",
    "RFC7296-2.8-11",
    "RFC7296-2.8-7",
    role="initiator",
    needs=(Capability.LIFETIME,),
    device={"lifetime": LIFETIME},
    waits=2 * LIFETIME,
)
def test_ike_lifetime(peer: Peer, dut: Dut) -> None:
    """The device is configured to rekey its IKE SA every three seconds: it does, and the new one works.

    Lifetimes are not negotiated; each end looks after its own.
    """
    sa = connected(peer, dut)
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=LATEST, where=rekeys_ike)
    peer.expect(request.message, KE, "RFC7296-1.3.2-2")
    sa.answer(request)
    sa.rekeyed.must_be_up("RFC7296-2.8-7")
    carries(peer, dut, requirement="RFC7296-2.8-7")


@purpose(
    "ike-rekey-lifetime-put-off",
    "RFC7296-2.25-2",
    "RFC7296-2.25-3",
    role="initiator",
    needs=(Capability.LIFETIME,),
    device={"lifetime": LIFETIME},
    waits=2 * LIFETIME,
)
def test_ike_lifetime_put_off(peer: Peer, dut: Dut) -> None:
    """The device rekeys as its lifetime demands, and gets TEMPORARY_FAILURE: it waits all the same."""
    sa = connected(peer, dut)
    with peer.preamble("the device rekeys by itself"):
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=LATEST, where=rekeys_ike)
    put_off(peer, sa, request)
