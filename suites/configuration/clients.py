"""Several clients of a gateway that has few addresses: who they are, and how they come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection, Identity, Party, Psk
from conformance.ike.core.sending import State
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, CfgAttr, CfgAttribute, Message, NotifyType
from peers.contract import Pixit
from suites.configuration.steps import A4, VALID, assigned, narrowed, requested, serving, values, wanting
from suites.several import side_by_side

SMALL = "10.77.0.0/30"
"""Two addresses."""
LEASED = "RFC7296-4-13"
MANY = {"any_identity": True}
"""The device's side of a connection that many clients use, each under its own name."""
ALIKE = "it gives one address to all clients of one identity"


def small(pixit: Pixit) -> Connection:
    """The device has two addresses to assign. Raises NotApplicable where its pool has been made by somebody else."""
    if pixit.device_pool is not None:
        raise NotApplicable("its pool is what it is")
    return serving(remote_pool=SMALL)(pixit)


def again(peer: Peer, wish: bytes = b"") -> tuple[ScriptedSa, Message]:
    """One more client, with the identity of the others."""
    return requested(peer, wanting(CfgAttr(A4, wish)), initial_contact=False)


def named(peer: Peer, number: int) -> Party:
    """The client of this number, with a name of its own and the secret of all. Raises NotApplicable without one."""
    ours = peer.connection.local
    if not isinstance(ours.auth, Psk):
        raise NotApplicable("our certificate names one client only")
    return replace(ours, identity=Identity.of(f"client{number}.ikespec.example"))


def stranger(
    peer: Peer, wish: bytes = b"", *, number: int | None = None, kind: CfgAttribute = A4
) -> tuple[ScriptedSa, Message]:
    """One more client that nobody has seen before, or the one of this number."""
    name = named(peer, len(peer.sas) if number is None else number)
    return requested(peer, wanting(CfgAttr(kind, wish)), initial_contact=False, local=name)


Coming = Callable[[Peer], tuple[ScriptedSa, Message]]


def served(peer: Peer, *others: ScriptedSa, by: Coming = stranger) -> ScriptedSa:
    """One more client that gets an address beside ``others``; ``by`` says who it is.

    Raises NotApplicable where there is none as the device keeps those of clients that have gone for these.
    """
    sa, answer = by(peer)
    peer.expect(answer, AUTH)
    unless_kept(peer, answer)
    with side_by_side(*others):
        narrowed(peer, answer, *assigned(peer, answer))
    return sa


def unless_kept(peer: Peer, answer: Message) -> None:
    """Where there is no address for a client, those who have gone come back.

    Nothing says when their addresses are for somebody else (RFC 7296, section 3.15.1). Raises NotApplicable where one
    of them has its address still.
    """
    if answer.notify(NotifyType.INTERNAL_ADDRESS_FAILURE) is None:
        return
    known = [one for one in peer.sas.values() if isinstance(one, ScriptedSa)]
    here = {one.connection.local.identity for one in known if one.state == State.ESTABLISHED}
    parties = {one.identity: one for one in (peer.connection.local, *(one.connection.local for one in known))}
    for party in (one for name, one in parties.items() if name not in here):
        _, back = requested(peer, wanting(CfgAttr(A4)), initial_contact=False, local=party)
        if any(values(back, A4)):
            raise NotApplicable(f"it keeps the address of {party.identity} for that client")


@contextmanager
def leaving(peer: Peer) -> Iterator[None]:
    """Afterwards all clients take their leave, so that there are addresses for others again."""
    try:
        yield
    finally:
        for sa in [one for one in peer.sas.values() if isinstance(one, ScriptedSa) and one.state == State.ESTABLISHED]:
            with suppress(Unexpected):
                sa.delete()


@contextmanager
def all_leased(peer: Peer) -> Iterator[list[ScriptedSa]]:
    """As many clients as there are addresses, which take their leave afterwards.

    Each has an identity of its own: what a device does with several IKE SAs of one is its own affair.
    """
    with leaving(peer):
        yield _every_address(peer)


def _every_address(peer: Peer) -> list[ScriptedSa]:
    size = ip_network(SMALL).num_addresses - 2
    found = [served(peer) for _ in range(size)]
    addresses = {one.virtual_address for one in found}
    peer.check(len(addresses) == size, f"{size} clients, {size} addresses", addresses, VALID)
    return found
