"""One client's address: as long as it is there, over a rekey, when it comes back (RFC 7296, section 3.15.1)."""

from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import AUTH, SA, NotifyType
from peers.capabilities import Capability
from suites.configuration.clients import ALIKE, LEASED, again, served
from suites.configuration.steps import ASSIGNED, INNER, VALID, assigned, narrowed, serving
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose
from suites.several import side_by_side


@purpose("cp-unique", VALID, ASSIGNED, role="responder", needs=INNER, connection=serving(), canary=False)
def test_unique(peer: Peer) -> None:
    """Five IKE SAs that are up at the same time, none with a wish, have five addresses.

    They have one identity. A device that keeps one IKE SA for each identity, or gives one address to all of them, is
    not asked.
    """
    found = [served(peer, by=again)]
    for _ in range(4):
        found.append(served(peer, *found, by=again))
    with side_by_side(*found):
        for one in found:
            one.must_be_up(VALID)
        addresses = [one.virtual_address for one in found]
        if len(set(addresses)) == 1:
            raise NotApplicable(ALIKE)
        peer.check(len(set(addresses)) == 5, "five addresses", addresses, VALID)


@purpose(
    "cp-lease-again", LEASED, "RFC7296-3.15.1-14",
    role="responder", needs=INNER, connection=serving(), canary=False,
)  # fmt: skip
def test_again(peer: Peer) -> None:
    """A client goes, comes back and suggests the address that it had: it gets that one, or another one."""
    sa = peer.establish(initial_contact=False)
    had = sa.virtual_address
    assert had is not None
    sa.delete()
    back, answer = again(peer, had)
    peer.expect(answer, AUTH, LEASED)
    [address] = assigned(peer, answer)
    peer.note(f"it has {'the same address again' if address == had else 'another address now'}")
    narrowed(peer, answer, address)
    must_succeed(peer, back, LEASED)


@purpose(
    "cp-rekey-ike", VALID, "RFC7296-2.19-11", role="responder", needs=(*INNER, Capability.REKEY_IKE),
    connection=serving(), canary=False,
)  # fmt: skip
def test_rekey_ike(peer: Peer) -> None:
    """The IKE SA is rekeyed, twice: its client keeps the address, and gets further Child SAs for that."""
    sa = peer.establish(initial_contact=False)
    had = sa.virtual_address
    assert had is not None
    for _ in range(2):
        answer = sa.rekey()
        peer.expect(answer, SA)
        sa = sa.rekeyed
        sa.finish()
    later = sa.create_child()
    if later.first(SA) is not None:
        narrowed(peer, later, had)
    lost = later.notify(NotifyType.TS_UNACCEPTABLE) is not None
    peer.check(not lost, f"a Child SA for {had.hex()}, or none at all", later, VALID)
    sa.must_be_up(VALID)
