"""A peer and a server of ours in conversation."""

from random import Random

from conformance.eap.conversation import Outcome
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer

USERS = {b"carol": "eappassword"}


def peer_of(*methods: PeerMethod, identity: bytes = b"carol", seed: int = 1) -> EapPeer:
    return EapPeer(identity, methods, random=Random(seed).randbytes)


def server_of(*methods: ServerMethod, seed: int = 2, identity: bytes | None = None) -> EapServer:
    return EapServer(methods, random=Random(seed).randbytes, identity=identity)


def talk(peer: EapPeer, server: EapServer, rounds: int = 50) -> list[bytes]:
    """Lets both talk until one has nothing to say; all packets, the server's first."""
    packets: list[bytes] = []
    packet: bytes | None = server.start()
    for number in range(2 * rounds):
        if packet is None:
            return packets
        packets.append(packet)
        packet = (server if number % 2 else peer).receive(packet)
    raise AssertionError("endless")


def agree(peer: EapPeer, server: EapServer) -> None:
    """Both succeeded, with the same keys."""
    assert (peer.outcome, server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS), (peer.why, server.why, peer.notes)
    assert peer.msk == server.msk
    assert peer.emsk == server.emsk
