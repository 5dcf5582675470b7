"""CPU of whole EAP-TLS conversations against that of their cryptography, both sides in this process.

Run with ``python -m tests.bench.bench_eap``. The floor is TLS alone: the same engines hand each other their flights in
pieces of any size. The share is what of the conversation's CPU that floor takes; the rest is ours: EAP, frames,
fragments. All figures of a line come from one run, the two kinds of round take turns.
"""

import time
from collections.abc import Callable
from random import Random
from statistics import median

from conformance.eap.conversation import Outcome
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.tls import EapTlsPeer, EapTlsServer
from conformance.tls import TlsConfig, TlsVersion, start
from tests.eap.talk import USERS, talk
from tests.eap.tunnels import peer_method, server_method
from tests.tls.pair import client, converse, server

ROUNDS = {"openssl": 100, "lite": 15}
Maker = Callable[[TlsConfig, TlsConfig], tuple[PeerMethod, ServerMethod]]
METHODS: dict[str, Maker] = {
    "EAP-TLS": lambda one, other: (EapTlsPeer(one), EapTlsServer(other)),
    "TTLS-MSCHAPv2": lambda one, other: (
        peer_method("TTLS auth=MSCHAPV2", one),
        server_method("TTLS auth=MSCHAPV2", other),
    ),
    "PEAP-MSCHAPv2": lambda one, other: (
        peer_method("PEAP auth=MSCHAPV2", one),
        server_method("PEAP auth=MSCHAPV2", other),
    ),
}


def conversation(peer_side: PeerMethod, server_side: ServerMethod) -> None:
    """One whole conversation of EAP."""
    peer = EapPeer(b"carol", [peer_side], random=Random(1).randbytes)
    eap_server = EapServer([server_side], random=Random(2).randbytes)
    talk(peer, eap_server)
    assert (peer.outcome, eap_server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS)


def floor(one: TlsConfig, other: TlsConfig) -> None:
    """The handshake alone, and the keys on both sides."""
    ours, theirs = start(one), start(other)
    converse(ours, theirs)
    assert ours.export(b"key", b"", 128) == theirs.export(b"key", b"", 128)


def cpu(work: Callable[[], None]) -> float:
    """Milliseconds of CPU."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


def main() -> None:
    """Prints a line for each method, version and engine."""
    plain = [
        cpu(lambda: conversation(Mschapv2Peer("eappassword"), Mschapv2Server(dict(USERS))))
        for _ in range(ROUNDS["openssl"])
    ]
    print(f"{'EAP-MSCHAPv2':34} {median(plain):7.2f} ms")
    for engine, rounds in ROUNDS.items():
        for version in TlsVersion:
            for name, make in METHODS.items():
                certified = name == "EAP-TLS"
                one = client(versions=(version,), engine=engine, **({} if certified else {"leaf": None}))
                other = server(engine=engine, **({} if certified else {"trust": None}))
                whole, bare = [], []
                for _ in range(rounds):
                    whole.append(cpu(lambda one=one, other=other, make=make: conversation(*make(one, other))))  # type: ignore[misc]
                    bare.append(cpu(lambda one=one, other=other: floor(one, other)))  # type: ignore[misc]
                share = median(bare) / median(whole)
                print(
                    f"{name + ', ' + str(version) + ', ' + engine:34} {median(whole):7.2f} ms, TLS alone {share:4.0%}"
                )


if __name__ == "__main__":
    main()
