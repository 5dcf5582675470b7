"""Reauthentication: a new IKE SA from scratch takes the place of the old one (RFC 7296, section 2.8.3)."""

from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import ExchangeType, Message, Nonce, NotifyType
from peers.capabilities import Capability
from suites.connections import two_children
from suites.create_child_sa.answers import carries, deletes_ike, requests
from suites.dut import Dut
from suites.purpose import purpose
from suites.session_life.steps import (
    EARLY,
    FROM_SCRATCH,
    LIFETIME,
    SOON,
    answered,
    expect_new,
    must_go,
    opened_by,
    renewed,
)
from suites.session_life.test_unique import must_be_beside

AGAIN = Capability.REAUTH
MAKE = (AGAIN, Capability.MAKE_BEFORE_BREAK)
BREAK = (AGAIN, Capability.BREAK_BEFORE_MAKE)
MAKES, BREAKS = {"make_before_break": True}, {"make_before_break": False}
FRESH = "RFC7296-2.8.3-1"
ALL_CHILDREN = "RFC7296-2.8.3-2"
ALONE = "RFC7296-2.4-22"


def said(peer: Peer, sa: ScriptedSa, exchange: ExchangeType) -> Message:
    """The first request of the device on an IKE SA in this exchange."""
    return next(
        one.message
        for one in peer.inbox
        if one.sa is sa and not one.message.is_response and one.message.exchange == exchange
    )


def begun_again(peer: Peer, dut: Dut) -> tuple[ScriptedSa, ScriptedSa]:
    """The device has opened an IKE SA and is told to authenticate again; that one and the new one."""
    old = opened_by(peer, dut)
    dut.reauthenticate()
    new = answered(peer, expect_new(peer, SOON, FROM_SCRATCH), FROM_SCRATCH)
    return old, new


@purpose("reauth-make-before-break", FROM_SCRATCH, ALL_CHILDREN, role="initiator", needs=MAKE, device=MAKES)
def test_make_before_break(peer: Peer, dut: Dut) -> None:
    """The device has a new IKE SA with a Child SA before it deletes the old one, and packets pass all the time."""
    old = opened_by(peer, dut)
    carries(peer, dut, old.child)
    dut.reauthenticate()
    request = expect_new(peer, SOON, FROM_SCRATCH)
    gone = any(deletes_ike(one) for one in requests(peer, old))
    peer.check(not gone, "the old IKE SA lives until the new one does", "a Delete of it", FROM_SCRATCH)
    new = answered(peer, request, FROM_SCRATCH)
    must_go(peer, old, FROM_SCRATCH)
    carries(peer, dut, new.child, FROM_SCRATCH)
    new.must_be_up(FROM_SCRATCH)


@purpose("reauth-break-before-make", FROM_SCRATCH, ALL_CHILDREN, role="initiator", needs=BREAK, device=BREAKS)
def test_break_before_make(peer: Peer, dut: Dut) -> None:
    """The device deletes the old IKE SA, and once we have answered opens a new one with a Child SA."""
    old = opened_by(peer, dut)
    dut.reauthenticate()
    must_go(peer, old, FROM_SCRATCH)
    new = renewed(peer, dut, SOON, FROM_SCRATCH)
    new.must_be_up(FROM_SCRATCH)


@purpose("reauth-fresh", FRESH, role="initiator", needs=(AGAIN,))
def test_fresh(peer: Peer, dut: Dut) -> None:
    """Nothing of the old IKE SA is in the new one: other SPIs and nonces, and no N(REKEY_SA).

    A device may have used its public value before (RFC 7296, section 2.12).
    """
    old, new = begun_again(peer, dut)
    before, after = (said(peer, one, ExchangeType.IKE_SA_INIT) for one in (old, new))
    nonces = [peer.expect(one, Nonce).data for one in (before, after)]
    peer.check(nonces[0] != nonces[1], "another nonce than before", nonces[1].hex(), FRESH)
    peer.check(old.spi_i != new.spi_i, "another IKE SPI than before", new.spi_i.hex(), FRESH)
    rekeys = said(peer, new, ExchangeType.IKE_AUTH).notify(NotifyType.REKEY_SA)
    peer.check(rekeys is None, "no N(REKEY_SA)", rekeys or "", FRESH)
    must_go(peer, old, FROM_SCRATCH)


@purpose("reauth-no-contact", ALONE, role="initiator", needs=MAKE, device=MAKES)
def test_no_contact(peer: Peer, dut: Dut) -> None:
    """The old IKE SA is up while the new one is made, so the device does not say that there is none."""
    old, new = begun_again(peer, dut)
    request = said(peer, new, ExchangeType.IKE_AUTH)
    contact = request.notify(NotifyType.INITIAL_CONTACT)
    peer.check(contact is None, "no N(INITIAL_CONTACT) beside an IKE SA that is up", request, ALONE)
    must_go(peer, old, FROM_SCRATCH)


@purpose(
    "reauth-children", ALL_CHILDREN, FROM_SCRATCH, role="initiator", needs=(AGAIN, Capability.MULTIPLE_CHILDREN),
    connection=two_children(),
)  # fmt: skip
def test_children(peer: Peer, dut: Dut) -> None:
    """There were two Child SAs: the new IKE SA has both again, in one exchange each, without N(REKEY_SA)."""
    old = opened_by(peer, dut)
    with peer.preamble("the device makes another Child SA"):
        dut.initiate("other")
        old.answer(old.expect_request(ExchangeType.CREATE_CHILD_SA))
    peer.pause()
    old.liveness()
    dut.reauthenticate()
    new = answered(peer, expect_new(peer, SOON, FROM_SCRATCH), FROM_SCRATCH)
    for _ in range(10):
        if len(new.children) == 2:
            break
        peer.idle(peer.response_timeout / 4)
    names = sorted(child.config.name for child in new.children)
    peer.check(names == ["net", "other"], "both Child SAs on the new IKE SA", ", ".join(names), ALL_CHILDREN)
    asked = [one for one in requests(peer, new) if one.exchange == ExchangeType.CREATE_CHILD_SA]
    rekeys = [one for one in asked if one.notify(NotifyType.REKEY_SA)]
    peer.check(not rekeys, "no N(REKEY_SA)", rekeys[0] if rekeys else "", FRESH)
    must_go(peer, old, FROM_SCRATCH)
    new.liveness()  # it has taken our responses, so both are installed: a packet that comes sooner asks for another one
    for child in new.children:
        carries(peer, dut, child, ALL_CHILDREN)


@purpose("reauth-rekeyed", FROM_SCRATCH, role="initiator", needs=(AGAIN, Capability.REKEY_IKE))
def test_rekeyed(peer: Peer, dut: Dut) -> None:
    """The device has rekeyed its IKE SA before: it is the rekeyed one that a new one replaces."""
    first = opened_by(peer, dut)
    with peer.preamble("the device rekeys the IKE SA"):
        dut.rekey_ike()
        first.answer(first.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        old = first.rekeyed
        must_go(peer, first, "RFC7296-2.8-8")
    dut.reauthenticate()
    new = answered(peer, expect_new(peer, SOON, FROM_SCRATCH), FROM_SCRATCH)
    must_go(peer, old, FROM_SCRATCH)
    carries(peer, dut, new.child, FROM_SCRATCH)


@purpose(
    "reauth-lifetime", FROM_SCRATCH, role="initiator", needs=(Capability.REAUTH_LIFETIME,),
    device={"reauth_lifetime": LIFETIME}, waits=LIFETIME,
)  # fmt: skip
def test_lifetime(peer: Peer, dut: Dut) -> None:
    """The device is configured to authenticate again after some seconds: it does, without being told."""
    old = opened_by(peer, dut)
    new = renewed(peer, dut, LIFETIME + EARLY, FROM_SCRATCH)
    must_go(peer, old, FROM_SCRATCH)
    new.must_be_up(FROM_SCRATCH)


# --- as responder -----------------------------------------------------------------------------------------------------


@purpose("reauth-by-us-make", FROM_SCRATCH, "RFC7296-2.4-18", role="responder", canary=False)
def test_by_us_make(peer: Peer, dut: Dut) -> None:
    """We authenticate again: two IKE SAs of one identity with the same selectors are there for a while.

    The device deletes neither. When we delete the old one, its Child SA goes and that of the new one stays.
    """
    old = peer.establish()
    carries(peer, dut, old.child)
    new = peer.establish(initial_contact=False)
    must_be_beside(peer, old)
    new.must_be_up(FROM_SCRATCH, "the new IKE SA lives beside the old one")
    old.delete()
    old.must_be_gone(FROM_SCRATCH)
    new.must_be_up(FROM_SCRATCH, "the new IKE SA outlives the old one")
    carries(peer, dut, new.child, FROM_SCRATCH)


@purpose("reauth-by-us-break", FROM_SCRATCH, "RFC7296-2.4-18", role="responder", canary=False)
def test_by_us_break(peer: Peer, dut: Dut) -> None:
    """We delete the IKE SA and open a new one at once, three times: each one carries packets."""
    for _ in range(3):
        sa = peer.establish()
        carries(peer, dut, sa.child, FROM_SCRATCH)
        sa.delete()
    last = peer.establish()
    last.must_be_up(FROM_SCRATCH)
    carries(peer, dut, last.child, FROM_SCRATCH)


@purpose(
    "reauth-by-responder", FROM_SCRATCH, ALL_CHILDREN, role="responder", needs=(AGAIN, Capability.INITIATOR),
    canary=False,
)  # fmt: skip
def test_by_responder(peer: Peer, dut: Dut) -> None:
    """We have opened the IKE SA, and the device is told to authenticate again: it is the initiator of the new one."""
    old = peer.establish()
    dut.reauthenticate()
    new = renewed(peer, dut, SOON, FROM_SCRATCH)
    must_go(peer, old, FROM_SCRATCH)
    new.must_be_up(FROM_SCRATCH)
