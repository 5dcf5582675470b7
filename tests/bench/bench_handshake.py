"""CPU of one handshake as initiator against the bare cost of its cryptography, and against charon's.

Run with ``python -m tests.bench.bench_handshake``. One handshake is IKE_SA_INIT and IKE_AUTH with a shared key, X25519,
AES-GCM-128 and SHA-256, one Child SA; nothing is captured. The floor does the same operations directly with the
``cryptography`` package. The scripted peer keeps a trace and has a link of UDP sockets, opened and closed for each
handshake; what the responder at the other end costs is not counted, waiting costs nothing. With root and strongSwan
charon's CPU per handshake as responder is measured, too. EAP-MSCHAPv2 is the same with the responder's certificate, the
method and a key from it, against the handshake with a shared key: at most three times its CPU for the scripted peer.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.net.udp import UdpLink
from conformance.script.peer import Peer
from peers.contract import DeviceError
from peers.reference.device import PIXIT
from suites.connections import Setup, eap, psk

ROUNDS = 300
OURS, DEVICE = "127.0.0.1", "127.0.0.2"
_PEER_PUBLIC = X25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _mac(key: bytes, data: bytes) -> bytes:
    context = hmac.HMAC(key, hashes.SHA256())
    context.update(data)
    return context.finalize()


def _sha1(data: bytes) -> bytes:
    context = hashes.Hash(hashes.SHA1())
    context.update(data)
    return context.finalize()


def floor() -> None:
    """The cryptographic operations of an initiator, with inputs of the real sizes and nothing around them."""
    private = X25519PrivateKey.generate()
    private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    nonces = os.urandom(32) + bytes(32)
    for _ in range(4):
        _sha1(bytes(22))
    shared = private.exchange(X25519PublicKey.from_public_bytes(_PEER_PUBLIC))
    seed = _mac(nonces, shared)
    block = b""
    for number in range(1, 6):  # 136 octets: SK_d, two SK_e with salt, SK_pi, SK_pr
        block = _mac(seed, block + nonces + bytes(16) + bytes((number,)))
    forward, backward = AESGCM(seed[:16]), AESGCM(seed[16:])
    for _ in range(2):  # AUTH of either side
        _mac(_mac(b"secret", b"Key Pad for IKEv2"), bytes(232 + 32) + _mac(seed, bytes(28)))
    sealed = forward.encrypt(os.urandom(12), bytes(220), bytes(32))
    backward.decrypt(bytes(12), backward.encrypt(bytes(12), bytes(180), bytes(32)), bytes(32))
    block = b""
    for number in range(1, 3):  # 40 octets of KEYMAT
        block = _mac(seed, block + nonces + bytes((number,)))
    assert sealed


def ours(responder: Endpoint, random: Callable[[int], bytes]) -> float:
    """CPU seconds of one handshake as initiator; the responder's are not counted."""
    connection = responder.connection.mirrored()
    local = Address(PIXIT.tester_address, 500)
    remote = Address(PIXIT.device_address, 500)
    spent, begin = 0.0, time.process_time()
    sa = IkeSa(connection, initiator=True, local=local, remote=remote, random=random, now=1.79e9)
    sa.first_child = "net"
    sa.start_init()
    while sa.outbox:
        spent += time.process_time() - begin
        responder.receive(sa.outbox.pop(), 1.79e9)
        (answer,) = responder.drain()
        begin = time.process_time()
        sa.receive(answer.payload, answer.source, answer.destination, 1.79e9)
    spent += time.process_time() - begin
    assert sa.state == State.ESTABLISHED and sa.children
    return spent


class ServedLink(UdpLink):
    """A link to a responder in the same process, which gets its turn when we would wait. ``spent`` is its CPU time."""

    def __init__(self, ports: tuple[int, ...], responder: Endpoint, device: UdpLink) -> None:
        """Our end; ``device`` are the responder's sockets."""
        super().__init__(OURS, ports)
        self.responder, self.device = responder, device
        self.spent = 0.0

    def receive(self, until: float) -> Datagram | None:
        """Serve, then wait."""
        begin = time.process_time()
        while (asked := self.device.receive(0)) is not None:
            self.responder.receive(asked, self.now())
            for answer in self.responder.drain():
                self.device.send(answer)
        self.spent += time.process_time() - begin
        return super().receive(until)


class Scripted:
    """Handshakes of scripted peers over loopback."""

    def __init__(self, setup: Setup) -> None:
        """Find four free ports."""
        self.device = UdpLink(DEVICE, (0, 0))
        with UdpLink(OURS, (0, 0)) as free:
            self.ports = free.ports[0], free.ports[1]
        pixit = replace(PIXIT, tester_address=OURS, device_address=DEVICE)
        self.connection = replace(
            setup(pixit), local_ports=self.ports, remote_ports=(self.device.ports[0], self.device.ports[1])
        )
        self.responder = Endpoint(self.connection.mirrored(), Random(2).randbytes, time.time())

    def handshake(self, number: int) -> float:
        """CPU seconds of one."""
        begin = time.process_time()
        link = ServedLink(self.ports, self.responder, self.device)
        Peer(link, self.connection, Random(number).randbytes).establish()
        link.close()
        spent = time.process_time() - begin - link.spent
        self.responder.sas.clear()
        self.responder.requests.clear()
        return spent


def timed(work: Callable[[], None]) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def charon() -> tuple[float, float] | str:
    """CPU seconds per handshake of (charon as responder, our whole scripted peer), or why they cannot be measured."""
    from peers.registry import open_device

    try:
        with open_device("strongswan") as device:
            connection = psk()(device.pixit)
            device.apply(connection.mirrored())
            pid = _child("charon")
            before, mine = _cpu(pid), time.process_time()
            for number in range(ROUNDS):
                link = device.open_link()
                Peer(link, connection, Random(number).randbytes).establish()
                link.close()
            return (_cpu(pid) - before) / ROUNDS, (time.process_time() - mine) / ROUNDS
    except DeviceError as error:
        return str(error)


def _child(name: str) -> int:
    """The process id of our child process of that name."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        head, _, rest = stat.read_text().rpartition(")")
        if name in head and int(rest.split()[1]) == os.getpid():
            return int(stat.parent.name)
    raise RuntimeError(f"no child process {name}")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the table."""
    random = Random(1).randbytes
    responder = Endpoint(psk()(PIXIT).mirrored(), random, 1.79e9)
    by_eap = Endpoint(eap("mschapv2")(PIXIT).mirrored(), random, 1.79e9)
    bare, full, scripted, with_eap, scripted_eap = [], [], [], [], []
    script, eap_script = Scripted(psk()), Scripted(eap("mschapv2"))
    for number in range(ROUNDS):  # in turn, so that a change of the machine's speed meets all
        bare.append(timed(floor))
        full.append(ours(responder, random))
        responder.sas.clear()
        responder.requests.clear()
        scripted.append(script.handshake(number))
        with_eap.append(ours(by_eap, random))
        by_eap.sas.clear()
        by_eap.requests.clear()
        scripted_eap.append(eap_script.handshake(number))
    low, high, whole = median(bare), median(full), median(scripted)
    print(f"{'bare cryptography':<44}{low * 1e6:9.0f} us")
    print(f"{'handshake as initiator':<44}{high * 1e6:9.0f} us")
    print(f"{'ratio (at most 3)':<44}{high / low:9.2f}")
    print(f"{'scripted peer with trace and sockets':<44}{whole * 1e6:9.0f} us")
    print(f"{'ratio to the handshake (at most 2)':<44}{whole / high:9.2f}")
    print(f"{'EAP-MSCHAPv2 as initiator':<44}{median(with_eap) * 1e6:9.0f} us")
    print(f"{'ratio to the shared key':<44}{median(with_eap) / high:9.2f}")
    print(f"{'EAP-MSCHAPv2, scripted peer':<44}{median(scripted_eap) * 1e6:9.0f} us")
    print(f"{'ratio to the shared key (at most 3)':<44}{median(scripted_eap) / whole:9.2f}")
    found = charon()
    if isinstance(found, str):
        print(f"charon was not measured: {found}")
        return
    print(f"{'charon, CPU per handshake as responder':<44}{found[0] * 1e6:9.0f} us")
    print(f"{'ratio of our handshake to it (at most 1)':<44}{high / found[0]:9.2f}")
    print(f"{'scripted peer in a network namespace':<44}{found[1] * 1e6:9.0f} us")


if __name__ == "__main__":
    main()
