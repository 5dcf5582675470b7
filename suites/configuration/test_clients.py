"""Clients of different identities: each has its own address, pools run dry, addresses come back (3.15.1, 3.15.4)."""

from dataclasses import replace

from conformance.ike.core.sending import State
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, CP, SA, CfgAttr, CfgType, ExchangeType, NotifyType, TrafficSelector, TSr
from peers.capabilities import Capability
from suites.configuration.clients import LEASED, MANY, all_leased, leaving, named, served, small, stranger, unless_kept
from suites.configuration.steps import (
    A4,
    A6,
    ASSIGNED,
    INNER,
    INNER6,
    VALID,
    assigned,
    narrowed,
    refused_address,
    requested,
    serving,
    serving6,
    values,
    wanting,
)
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.purpose import purpose
from suites.several import deleted_by_device

DRY = "RFC7296-3.15.4-1"

# --- side by side -----------------------------------------------------------------------------------------------------


@purpose(
    "cp-clients", VALID, ASSIGNED, "RFC7296-2.9-13",
    role="responder", needs=INNER, connection=serving(), device=MANY, canary=False,
)  # fmt: skip
def test_clients(peer: Peer) -> None:
    """Five clients with five names, one beside the other: each has an address of its own, and keeps it."""
    with leaving(peer):
        found = [served(peer) for _ in range(5)]
        addresses = [one.virtual_address for one in found]
        peer.check(len(set(addresses)) == 5, "five addresses", addresses, VALID)
        for one in found:
            one.must_be_up(VALID)


@purpose(
    "cp-clients6", VALID, ASSIGNED, "RFC7296-2.9-13",
    role="responder", needs=INNER6, connection=serving6, device=MANY, canary=False,
)  # fmt: skip
def test_clients6(peer: Peer) -> None:
    """The same with three clients that ask for IPv6 addresses."""
    with leaving(peer):
        found = []
        for _ in range(3):
            sa, answer = stranger(peer, kind=A6)
            peer.expect(answer, AUTH)
            found += assigned(peer, answer, A6)
            narrowed(peer, answer, found[-1])
            sa.must_be_up(VALID)
        peer.check(len(set(found)) == 3, "three addresses", [one.hex() for one in found], VALID)


@purpose(
    "cp-clients-wish", VALID, "RFC7296-2.9-13",
    role="responder", needs=INNER, connection=serving(), device=MANY, canary=False,
)  # fmt: skip
def test_clients_wish(peer: Peer) -> None:
    """A client suggests the address that another one has: it gets another one, and nobody loses anything."""
    with leaving(peer):
        first = served(peer)
        taken = first.virtual_address
        assert taken is not None
        second, answer = stranger(peer, taken)
        peer.expect(answer, AUTH, VALID)
        [address] = assigned(peer, answer)
        peer.check(address != taken, "another address than that of the first client", address.hex(), VALID)
        for one in (first, second):
            one.must_be_up(VALID)


# --- dry pools --------------------------------------------------------------------------------------------------------


@purpose(
    "cp-dry", DRY, "RFC7296-3.15.4-2", "RFC7296-3.15.4-3",
    role="responder", needs=INNER, connection=small, device=MANY, canary=False,
)  # fmt: skip
def test_dry(peer: Peer) -> None:
    """The pool has two addresses, and a third client comes: N(INTERNAL_ADDRESS_FAILURE), no Child SA, and an IKE SA."""
    with all_leased(peer) as clients:
        sa, answer = stranger(peer)
        refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, DRY)
        for one in clients:
            one.must_be_up(VALID)


@purpose("cp-dry-wish", DRY, VALID, role="responder", needs=INNER, connection=small, device=MANY, canary=False)
def test_dry_wish(peer: Peer) -> None:
    """The pool is dry, and two more clients suggest an address outside of it and that of another: neither is given."""
    with all_leased(peer) as clients:
        for wish in (bytes((10, 77, 0, 9)), clients[0].virtual_address or b""):
            sa, answer = stranger(peer, wish)
            refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, DRY)
        clients[0].must_be_up(VALID)


@purpose(
    "cp-dry-returns",
    LEASED,
    DRY,
    role="responder",
    needs=INNER,
    connection=small,
    device=MANY,
    canary=False,
    ordinary=True,
)
def test_returns(peer: Peer) -> None:
    """The pool is dry until one of its clients goes: then its address is there for the next one."""
    with all_leased(peer) as clients:
        clients[0].delete()
        peer.idle(peer.response_timeout / 4)
        sa = served(peer)
        free = sa.virtual_address == clients[0].virtual_address
        peer.check(free, "the address that has come back", sa.virtual_address, LEASED)
        sa.must_be_up(LEASED)


@purpose(
    "cp-dry-retry",
    "RFC7296-3.15.4-2",
    VALID,
    role="responder",
    needs=INNER,
    connection=small,
    device=MANY,
    canary=False,
)
def test_retry(peer: Peer) -> None:
    """Who got no address asks again in an INFORMATIONAL exchange once there is one: it gets that, or none."""
    with all_leased(peer) as clients:
        sa, answer = stranger(peer)
        refused_address(peer, sa, answer, NotifyType.INTERNAL_ADDRESS_FAILURE, "RFC7296-3.15.4-2")
        clients[0].delete()
        if deleted_by_device(sa):
            return
        later = sa.informational(CP(CfgType.REQUEST, (CfgAttr(A4),)))
        other = [one.hex() for one in values(later, A4) if one and one != clients[0].virtual_address]
        peer.check(not other, "the address that has come back, or none", ", ".join(other), VALID)
        sa.must_be_up("RFC7296-3.15.4-2")


@purpose(
    "cp-lease-failures",
    LEASED,
    role="responder",
    needs=INNER,
    connection=small,
    device=MANY,
    canary=False,
    ordinary=True,
)
def test_failures(peer: Peer) -> None:
    """Four clients are refused, for a wrong AUTH or another Child SA than allowed: none of them has cost an address."""
    for _ in range(2):
        sa = peer.sa(initial_contact=False, local=named(peer, len(peer.sas)))
        sa.init()
        _with_wrong_key(sa)
    for _ in range(2):
        sa, _ = requested(peer, _not_allowed(), initial_contact=False, local=named(peer, len(peer.sas)))
        if not sa.problem and sa.children:
            raise NotApplicable("the device allows any selectors")
        sa.delete()
    with all_leased(peer) as clients:
        clients[0].must_be_up(LEASED)


@purpose(
    "cp-lease-many", LEASED, role="responder", needs=INNER, connection=small, device=MANY, canary=False, ordinary=True
)
def test_many(peer: Peer) -> None:
    """Four clients, one after the other, ask for two addresses each and go: all addresses come back each time."""
    twice = wanting(CfgAttr(A4), CfgAttr(A4))
    for _ in range(4):
        sa, answer = requested(peer, twice, initial_contact=False, local=named(peer, len(peer.sas)))
        peer.expect(answer, AUTH, LEASED)
        unless_kept(peer, answer)
        assigned(peer, answer, at_most=2)
        sa.delete()
        peer.idle(peer.response_timeout / 10)
    with all_leased(peer) as clients:
        for sa in clients:
            sa.must_be_up(LEASED)


# --- addresses that come back -----------------------------------------------------------------------------------------


@purpose(
    "cp-lease-dead", LEASED, "RFC7296-2.4-8", role="responder", needs=(*INNER, Capability.DPD), connection=small,
    device={**MANY, "dpd_delay": 1.0}, canary=False, ordinary=True, waits=12,
)  # fmt: skip
def test_dead(peer: Peer, dut: Dut) -> None:
    """A client dies without a word; once the device has found that out, its address is there for the next one."""
    own = dut.retransmission
    with all_leased(peer) as clients:
        dead = clients[0]
        peer.idle(0.5)
        peer.forget()
        dead.expect_request(ExchangeType.INFORMATIONAL, timeout=5, where=says_nothing)
        peer.idle(1.1 * own.patience + 1)
        dead.state = State.CLOSED
        sa = served(peer)
        free = sa.virtual_address == dead.virtual_address
        peer.check(free, "the address of the dead client", sa.virtual_address, LEASED)
        clients[1].must_be_up(VALID)


@purpose(
    "cp-lease-rekey", VALID, "RFC7296-2.19-11", LEASED, role="responder", needs=(*INNER, Capability.REKEY_IKE),
    connection=small, device=MANY, canary=False,
)  # fmt: skip
def test_rekeyed(peer: Peer) -> None:
    """The pool is dry, and a client rekeys its IKE SA: its address is free when the new one ends, not with the old."""
    with all_leased(peer) as clients:
        had = clients[0].virtual_address
        answer = clients[0].rekey()
        peer.expect(answer, SA)
        new = clients[0].rekeyed
        new.finish()
        sa, refusal = stranger(peer)
        refused_address(peer, sa, refusal, NotifyType.INTERNAL_ADDRESS_FAILURE, VALID)
        new.delete()
        peer.idle(peer.response_timeout / 4)
        last = served(peer)
        peer.check(last.virtual_address == had, "the address that has come back", last.virtual_address, LEASED)


@purpose("cp-reauth", VALID, LEASED, role="responder", needs=INNER, connection=small, device=MANY, canary=False)
def test_reauthentication(peer: Peer) -> None:
    """A client opens a second IKE SA, suggests its address, and deletes the first one: the address of the second stays.

    It may be the same one. Two more clients then ask: there is one address left, so one of them gets none.
    """
    with leaving(peer):
        old, _ = stranger(peer, number=1)
        old.must_be_established()
        new, answer = stranger(peer, old.virtual_address or b"", number=1)
        peer.expect(answer, AUTH, LEASED)
        unless_kept(peer, answer)
        [address] = assigned(peer, answer)
        same = address == old.virtual_address
        peer.note(f"it has {'the same address' if same else 'another address'} after reauthentication")
        if not deleted_by_device(old):
            old.delete()
        peer.idle(peer.response_timeout / 4)
        for number in (2, 3):
            sa, answer = stranger(peer, number=number)
            given = values(answer, A4)
            peer.check(address not in given, "another address than that of the client", answer, VALID)
            peer.check(number == 2 or not given, "no address for a third client", answer, VALID)
            kept(peer, sa, "RFC7296-3.15.4-2")
        new.must_be_up(VALID)


@purpose(
    "cp-required-later", "RFC7296-2.19-10", "RFC7296-2.9-13", role="responder", needs=INNER, connection=serving(),
    device=MANY, canary=False,
)  # fmt: skip
def test_later(peer: Peer) -> None:
    """Refused for want of a CFG_REQUEST, a client asks later, in CREATE_CHILD_SA: it is served, or refused once more.

    Where the device lets it in without an address there is nothing to try.
    """
    sa = peer.sa(initial_contact=False, local=named(peer, 1), remote_pool=None)
    sa.init()
    answer = sa.auth()
    peer.expect(answer, AUTH, "RFC7296-2.19-10")
    if answer.first(SA) is not None:
        raise NotApplicable("it demands no configuration payload")
    kept(peer, sa, "RFC7296-2.19-10")
    if deleted_by_device(sa):
        return
    later = sa.create_child(bend=bend.insert(CP(CfgType.REQUEST, (CfgAttr(A4),))))
    if later.first(SA) is not None and values(later, A4):
        narrowed(peer, later, *assigned(peer, later))
    sa.must_be_up("RFC7296-2.19-10")


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
