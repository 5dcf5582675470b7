"""CPU of our side of EAP handshakes with charon as the responder, against the handshake with a shared key.

Run with ``python -m tests.bench.bench_charon [DEVICE]`` as root, with strongSwan (default: ``strongswan``). One
handshake is what a purpose begins with: a link, the scripted peer with its trace, IKE_SA_INIT, IKE_AUTH until a Child
SA is up, and the link's end. Only the CPU of this process counts, not charon's, and waiting costs nothing. The kinds of
handshake take turns, so that a change of the machine's speed meets all.

The cryptography of EAP-TLS is measured in turns with it: our client of TLS alone, in the version that charon speaks,
with a server in this process whose CPU does not count; the signatures of the responder; and the operations of an
initiator with a shared key, which every handshake has.
"""

import sys
import time
from os import times
from random import Random
from statistics import mean, median
from typing import NamedTuple

from conformance.crypto.pki import Leaf
from conformance.eap.tls import EapTlsPeer
from conformance.ike.core.connection import Connection, PublicKey
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.tls import TlsConfig, Trust, start
from peers.contract import Device, DeviceError
from peers.registry import open_device
from suites.connections import Setup, eap, psk
from tests.bench.bench_handshake import floor, timed

TURNS, ROUNDS = 6, 25
KINDS: dict[str, Setup] = {"shared key": psk(), "EAP-MSCHAPv2": eap("mschapv2"), "EAP-TLS": eap("tls")}


class Round(NamedTuple):
    """CPU seconds of one handshake, of the kernel's part in it (packets, sockets), and of its cryptography.

    The last is zero unless the handshake is one with EAP-TLS.
    """

    whole: float
    kernel: float
    bare: float = 0.0


def handshake(device: Device, connection: Connection, number: int) -> ScriptedSa:
    """One handshake; its IKE SA, whose link is closed."""
    link = device.open_link()
    try:
        return Peer(link, connection, Random(number).randbytes).establish()
    finally:
        link.close()


def rounds(device: Device, kind: str, turn: int) -> list[Round]:
    """One turn of handshakes of a kind. The first one after the device was set up does not count."""
    connection = KINDS[kind](device.pixit)
    device.apply(connection.mirrored())
    found = []
    for number in range(turn * (ROUNDS + 1), (turn + 1) * (ROUNDS + 1)):
        begin, kernel = time.process_time(), times().system
        sa = handshake(device, connection, number)
        whole, kernel = time.process_time() - begin, times().system - kernel
        found.append(Round(whole, kernel, cryptography(sa) if kind == "EAP-TLS" else 0.0))
    return found[1:]


def cryptography(sa: ScriptedSa) -> float:
    """CPU seconds of an initiator's operations, the signatures of the responder and our client of TLS."""
    (anchor,), shown = sa.connection.trust, sa.connection.remote.auth
    assert isinstance(shown, PublicKey)
    signatures = timed(lambda: shown.chain[0].verify_directly_issued_by(anchor))
    return timed(floor) + 2 * signatures + tls_alone(sa)  # its certificate, and as much for AUTH


def tls_alone(sa: ScriptedSa) -> float:
    """CPU seconds of our client from its start to its keys, in the version that it spoke within EAP-TLS."""
    assert sa.as_peer is not None and isinstance(sa.as_peer.method, EapTlsPeer)
    spoken, shown = sa.as_peer.method, sa.connection.remote.auth
    assert spoken.engine is not None and spoken.engine.version is not None and isinstance(shown, PublicKey)
    assert shown.key is not None
    theirs = Leaf(shown.key, shown.chain[0], shown.chain)  # type: ignore[arg-type]
    trust = Trust(spoken.config.trust.anchors) if spoken.config.trust else None
    server = start(TlsConfig(False, spoken.config.now, theirs, trust, (spoken.engine.version,)))
    begin = time.process_time()
    client = start(spoken.config)
    flight, spent = client.step(), time.process_time() - begin
    while flight:
        answer = server.step(flight)
        begin = time.process_time()
        flight = client.step(answer)
        spent += time.process_time() - begin
    begin = time.process_time()
    client.export(b"client EAP encryption", None, 128)
    return spent + time.process_time() - begin


def main() -> None:
    """Print the table."""
    found: dict[str, list[Round]] = {kind: [] for kind in KINDS}
    try:
        with open_device(sys.argv[1] if sys.argv[1:] else "strongswan") as device:
            for turn in range(TURNS):
                for kind, each in found.items():
                    each += rounds(device, kind, turn)
    except DeviceError as error:
        sys.exit(f"charon was not measured: {error}")
    whole = {kind: median(one.whole for one in each) for kind, each in found.items()}
    for kind, seconds in whole.items():
        print(f"{kind + ' against charon, our side':<52}{seconds * 1e6:9.0f} us")
    low = whole["shared key"]
    print(f"{'EAP-MSCHAPv2 to the shared key (at most 3)':<52}{whole['EAP-MSCHAPv2'] / low:9.2f}")
    print(f"{'EAP-TLS to the shared key':<52}{whole['EAP-TLS'] / low:9.2f}")
    bare = median(one.bare for one in found["EAP-TLS"]) / whole["EAP-TLS"]
    kernel = mean(one.kernel for one in found["EAP-TLS"]) / mean(one.whole for one in found["EAP-TLS"])
    print(f"{'EAP-TLS: share of its cryptography':<52}{bare:9.0%}")
    print(f"{'EAP-TLS: share of the kernel (packets and sockets)':<52}{kernel:9.0%}")


if __name__ == "__main__":
    main()
