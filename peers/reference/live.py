"""The reference device in this process, but with the time of day and the addresses of the real devices."""

import struct
import time
from ipaddress import ip_address, ip_network
from typing import Any, cast

from conformance.ike.core.connection import Connection
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.ip import ICMP, ICMPV6, checksum, header, parse, transport_checksum
from conformance.net import IpPacket, Link
from conformance.net.live import LiveEngine, LiveLink
from conformance.net.packets import udp_datagram
from peers.contract import DeviceError
from peers.places.netns import PIXIT
from peers.reference.device import ReferenceDevice
from peers.reference.engine import ReferenceEngine

_ECHO, _ECHO_REPLY, _ECHO6, _ECHO6_REPLY = 8, 0, 128, 129
_PATIENCE = 1.0
_RUNS = 1_000_000  # a seed has so many successors, one for each connection of either of a pair
_DATA = b"ikespec interop!" * 4


class LiveReference(ReferenceDevice):
    """The reference device as a peer of real ones. Orders and its link may belong to different threads."""

    def __init__(self, kind: str = "", swapped: bool = False, *, seed: int = 1) -> None:
        """A device that is not started yet; with ``swapped`` it has the tester's addresses."""
        # Two of a kind that are each other's peer must not choose the same SPIs and nonces.
        first = seed * _RUNS + (_RUNS // 2 if swapped else 0)
        super().__init__(kind, seed=first, pixit=PIXIT.swapped() if swapped else PIXIT)
        self.backend = "in this process, time of day"
        self._swapped = swapped
        self._live: LiveEngine | None = None
        self._pings = 0

    def start(self) -> None:
        """Make the engine and start its clock."""
        super().start()
        bare = super().engine
        if self._swapped:
            inner = tuple(str(ip_network(one)[1]) for one in self.pixit.device_networks)
            bare.host_class = type("SwappedHost", (bare.host_class,), {"inner_addresses": inner})
        self._live = LiveEngine(bare)

    def stop(self) -> None:
        """Nothing is left."""
        super().stop()
        self._live = None

    @property
    def engine(self) -> ReferenceEngine:
        """The engine, of which each use waits until it is nobody else's. Raises DeviceError before `start`."""
        bare = super().engine
        assert self._live is not None
        return cast(ReferenceEngine, _Ordered(bare, self._live))

    def open_link(self, *, ipv6: bool = False) -> Link:
        """One link serves both address families."""
        super().engine  # noqa: B018 - raises where it is not started
        assert self._live is not None
        return self.model.reached(LiveLink(self._live), self.seed)

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection, and with other random octets: the peer remembers the old ones."""
        super().engine.seed += 1
        super().apply(connection)

    def ping(self, source: str, destination: str) -> bool:
        """Send an echo request from an inner address; whether the answer comes within a second."""
        engine, live = super().engine, self._live
        assert live is not None
        self._pings += 1
        with live.ordered():
            if engine.host is None:
                raise DeviceError(self.name, "no connection is loaded", "apply one first")
            for packet in engine.host.send(_echo_request(source, destination, self._pings), live.now()):
                engine.host.outbox.append(udp_datagram(packet) or IpPacket(packet))
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with live.ordered():
                if engine.host is not None and any(_answers(one, self._pings) for one in engine.host.delivered):
                    return True
            time.sleep(0.002)
        return False

    def ike_sas(self) -> list[IkeSa]:
        """Every IKE SA since the last `apply`, with its keys, those that have ended included."""
        endpoint = super().engine.endpoint
        if endpoint is None:
            return []
        found = {id(event.sa): event.sa for event in endpoint.events if isinstance(event.sa, IkeSa)}
        found |= {id(sa): sa for sa in endpoint.sas.values()}
        return list(found.values())


def _echo_request(source: str, destination: str, sequence: int) -> bytes:
    ends = ip_address(source).packed, ip_address(destination).packed
    old = len(ends[0]) == 4
    body = struct.pack("!BBHHH", _ECHO if old else _ECHO6, 0, 0, 1, sequence & 0xFFFF) + _DATA
    value = checksum(body) if old else transport_checksum(*ends, ICMPV6, body)
    body = body[:2] + struct.pack("!H", value) + body[4:]
    return header(*ends, ICMP if old else ICMPV6, len(body)) + body


def _answers(packet: bytes, sequence: int) -> bool:
    """Whether it is the echo reply of this number."""
    head = parse(packet)
    body = packet[head.payload_at : head.length]
    kinds = {ICMP: _ECHO_REPLY, ICMPV6: _ECHO6_REPLY}
    return body[:1] == bytes((kinds.get(head.protocol, 255),)) and body[6:8] == struct.pack("!H", sequence & 0xFFFF)


class _Ordered:
    """An engine of which every method runs with the lock held and the clock set."""

    def __init__(self, engine: ReferenceEngine, live: LiveEngine) -> None:
        self._engine, self._live = engine, live

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not callable(found):
            return found

        def ordered(*arguments: Any) -> Any:
            with self._live.ordered():
                return found(*arguments)

        return ordered
