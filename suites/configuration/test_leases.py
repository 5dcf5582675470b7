"""Pools that run dry, and addresses that come back (RFC 7296, sections 3.15.1 and 3.15.4)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, CP, SA, CfgAttr, CfgType, Message, NotifyType, TrafficSelector, TSr
from peers.contract import Capability, Pixit
from suites.configuration.steps import (
    A4,
    ASSIGNED,
    INNER,
    VALID,
    assigned,
    narrowed,
    refused_address,
    requested,
    serving,
    values,
    wanting,
)
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose
from suites.several import deleted_by_device, side_by_side

SMALL = "10.77.0.0/30"
"""Two addresses."""
LEASED = "RFC7296-4-13"
DRY = "RFC7296-3.15.4-1"
ALIKE = "it gives one address to all clients of one identity"


def small(pixit: Pixit) -> Connection:
    """The device has two addresses to assign. Raises NotApplicable where its pool has been made by somebody else."""
    if pixit.device_pool is not None:
        raise NotApplicable("its pool is what it is")
    return serving(remote_pool=SMALL)(pixit)


def client(peer: Peer, wish: bytes = b"") -> tuple[ScriptedSa, Message]:
    """One more client, with the identity of the others."""
    return requested(peer, wanting(CfgAttr(A4, wish)), initial_contact=False)


def served(peer: Peer, *others: ScriptedSa) -> ScriptedSa:
    """One more client that gets an address beside ``others``."""
    sa, answer = client(peer)
    peer.expect(answer, AUTH)
    with side_by_side(*others):
        narrowed(peer, answer, *assigned(peer, answer))
    return sa


@contextmanager
def all_leased(peer: Peer) -> Iterator[list[ScriptedSa]]:
    """As many clients as there are addresses; afterwards all are deleted, so that there are addresses for others again.

    Raises NotApplicable where the device has one IKE SA for an identity.
    """
    try:
        yield _every_address(peer)
    finally:
        for sa in [one for one in peer.sas.values() if isinstance(one, ScriptedSa) and one.state == State.ESTABLISHED]:
            with suppress(Unexpected):
                sa.delete()


def _every_address(peer: Peer) -> list[ScriptedSa]:
    size = ip_network(SMALL).num_addresses - 2
    found: list[ScriptedSa] = []
    for _ in range(size):
        found.append(served(peer, *found))
    addresses = {one.virtual_address for one in found}
    if len(addresses) < size:
        raise NotApplicable(ALIKE)
    if any(map(deleted_by_device, found)):
        raise NotApplicable("the device keeps one IKE SA for each identity, and deletes the older one")
    return found


@purpose("cp-unique", VALID, ASSIGNED, role="responder", needs=INNER, connection=serving(), canary=False)
def test_unique(peer: Peer) -> None:
    """Five IKE SAs that are up at the same time, none with a wish, have five addresses.

    They have one identity. A device that keeps one IKE SA for each identity, or gives one address to all of them, is
    not asked.
    """
    found: list[ScriptedSa] = []
    for _ in range(5):
        found.append(served(peer, *found))
    with side_by_side(*found):
        for one in found:
            one.must_be_up(VALID)
        addresses = [one.virtual_address for one in found]
        if len(set(addresses)) == 1:
            raise NotApplicable(ALIKE)
        peer.check(len(set(addresses)) == 5, "five addresses", addresses, VALID)


@purpose(
    "cp-dry", DRY, "RFC7296-3.15.4-2", "RFC7296-3.15.4-3", role="responder", needs=INNER, connection=small, canary=False
)
def test_dry(peer: Peer) -> None:
    """The pool has two addresses, and a third client comes: N(INTERNAL_ADDRESS_FAILURE), no Child SA, and an IKE SA."""
    with all_leased(peer) as clients:
        sa, answer = client(peer)
        with side_by_side(*clients):
            refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, DRY)
            for one in clients:
                one.must_be_up(VALID)


@purpose("cp-dry-wish", DRY, VALID, role="responder", needs=INNER, connection=small, canary=False)
def test_dry_wish(peer: Peer) -> None:
    """The pool is dry, and the third client suggests an address: none is invented.

    With the address of another IKE SA of its identity it may be taken for that one, come back.
    """
    with all_leased(peer) as clients:
        sa, answer = client(peer, bytes((10, 77, 0, 9)))
        with side_by_side(*clients):
            refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, DRY)


@purpose("cp-dry-returns", LEASED, DRY, role="responder", needs=INNER, connection=small, canary=False, ordinary=True)
def test_returns(peer: Peer) -> None:
    """The pool is dry until one of its clients goes: then its address is there for the next one."""
    with all_leased(peer) as clients:
        clients[0].delete()
        peer.idle(peer.response_timeout / 4)
        sa = served(peer, clients[1])
        free = sa.virtual_address == clients[0].virtual_address
        peer.check(free, "the address that has come back", sa.virtual_address, LEASED)
        sa.must_be_up(LEASED)


@purpose("cp-dry-retry", "RFC7296-3.15.4-2", VALID, role="responder", needs=INNER, connection=small, canary=False)
def test_retry(peer: Peer) -> None:
    """Who got no address asks again in an INFORMATIONAL exchange once there is one: it gets that, or none."""
    with all_leased(peer) as clients:
        sa, answer = client(peer)
        with side_by_side(*clients):
            refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, "RFC7296-3.15.4-2")
        clients[0].delete()
        if deleted_by_device(sa):
            return
        later = sa.informational(CP(CfgType.REQUEST, (CfgAttr(A4),)))
        other = [one.hex() for one in values(later, A4) if one and one != clients[0].virtual_address]
        peer.check(not other, "the address that has come back, or none", ", ".join(other), VALID)
        sa.must_be_up("RFC7296-3.15.4-2")


@purpose("cp-lease-failures", LEASED, role="responder", needs=INNER, connection=small, canary=False, ordinary=True)
def test_failures(peer: Peer) -> None:
    """Four clients are refused, for a wrong AUTH or another Child SA than allowed: none of them has cost an address."""
    for _ in range(2):
        sa = peer.sa(initial_contact=False)
        sa.init()
        _with_wrong_key(sa)
    for _ in range(2):
        sa, _ = requested(peer, _not_allowed(), initial_contact=False)
        if not sa.problem and sa.children:
            raise NotApplicable("the device allows any selectors")
        sa.delete()
    with all_leased(peer) as clients, side_by_side(*clients):
        clients[0].must_be_up(LEASED)


@purpose("cp-lease-many", LEASED, role="responder", needs=INNER, connection=small, canary=False, ordinary=True)
def test_many(peer: Peer) -> None:
    """Four clients, one after the other, ask for two addresses each and go: all addresses come back each time."""
    for _ in range(4):
        sa, answer = requested(peer, wanting(CfgAttr(A4), CfgAttr(A4)), initial_contact=False)
        peer.expect(answer, AUTH, LEASED)
        assigned(peer, answer, at_most=2)
        sa.delete()
        peer.idle(peer.response_timeout / 10)
    with all_leased(peer) as clients, side_by_side(*clients):
        for sa in clients:
            sa.must_be_up(LEASED)


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
    again, answer = client(peer, had)
    peer.expect(answer, AUTH, LEASED)
    [address] = assigned(peer, answer)
    peer.note(f"it has {'the same address again' if address == had else 'another address now'}")
    narrowed(peer, answer, address)
    must_succeed(peer, again, LEASED)


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


def _with_wrong_key(sa: ScriptedSa) -> None:
    """IKE_AUTH with a proof that is wrong; a device may be silent about it."""
    wrong = bend.replace(AUTH, lambda one: replace(one, data=bytes(len(one.data))), "a proof of zeros")
    try:
        sa.auth(wrong)
    except Unexpected:
        sa.pending = None


def _not_allowed() -> Bend:
    """Our selectors are for a network that no policy of ours or of the device names."""
    return bend.change(TSr, selectors=(TrafficSelector.net("203.0.113.0/24"),))
