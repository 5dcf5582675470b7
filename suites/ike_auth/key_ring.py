"""A device with connections for several peers: who they are, and what comes of one."""

from dataclasses import replace

from conformance.ike.core.connection import Connection, Identity, Psk
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import SA, Message, TSi
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import psk

NEEDS = (Capability.PSK, Capability.SEVERAL_CONNECTIONS)
KEYS = {
    "second": b"the key of the second peer of the ikespec suites",
    "third": b"the key of the third peer of the ikespec suites",
}
PROVED = ("RFC7296-1.2-12", "RFC7296-1.2-18")


def ring(pixit: Pixit) -> Connection:
    """We are one of three peers from one address, each with a name, a key and a network of its own."""
    first = psk()(pixit)
    network = pixit.tester_networks[0].rpartition(".")[0]
    nets = iter((f"{network}.0/28", f"{network}.16/28", f"{network}.32/28"))
    ours = replace(first, children=tuple(replace(one, local_ts=(next(nets),)) for one in first.children))
    others = tuple(
        replace(
            ours,
            name=name,
            local=replace(ours.local, identity=Identity.of(f"{name}.ikespec.example"), auth=Psk(key)),
            remote=replace(ours.remote, auth=Psk(key)),
            children=tuple(replace(one, name=name, local_ts=(next(nets),)) for one in ours.children),
        )
        for name, key in KEYS.items()
    )
    return replace(ours, beside=others)


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
