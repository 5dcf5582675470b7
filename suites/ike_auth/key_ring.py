"""A device with connections for several peers: who they are, and what comes of one."""

from dataclasses import replace

from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import SA, Message, TSi

PROVED = ("RFC7296-1.2-12", "RFC7296-1.2-18")


def peers_of(peer: Peer) -> tuple[Connection, ...]:
    """All that the device knows, as these see it."""
    return (replace(peer.connection, beside=()), *peer.connection.beside)


def comes(peer: Peer, one: Connection, **changes: object) -> ScriptedSa:
    """An IKE SA that is begun as one of them."""
    trust = tuple(dict.fromkeys(each for known in peers_of(peer) for each in known.trust))
    seen = {"local": one.local, "remote": one.remote, "children": one.children, "trust": trust, "beside": ()}
    sa = peer.sa(**{"initial_contact": False, **seen, **changes})
    sa.init()
    return sa


def must_give_nothing(peer: Peer, answer: Message, requirement: str = "RFC7296-2.9-3") -> None:
    """No Child SA comes of this."""
    given = answer.first(SA) is not None
    shown = answer.first(TSi) or answer
    peer.check(not given, "no Child SA for the network of another peer", shown, requirement, bypass=True)
