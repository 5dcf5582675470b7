"""The reference device without a link: an `Endpoint` that takes a device's orders."""

from collections import deque
from dataclasses import replace
from ipaddress import ip_address
from random import Random

from conformance.ike.core.child import ChildSa, ChildState
from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import host
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec import icmp
from conformance.ipsec.ip import AH, UDP, parse
from conformance.net.fetching import WebClient
from conformance.net.link import Address, Datagram, IpPacket
from conformance.net.packets import udp_datagram
from peers.contract import ChildStatus, DeviceError, SaState, SaStatus
from peers.reference.dataplane import DeviceHost
from peers.reference.nas.gateway import Nas

_STATES = {
    State.NEW: SaState.CONNECTING,
    State.HALF_OPEN: SaState.CONNECTING,
    State.ESTABLISHED: SaState.ESTABLISHED,
    State.REKEYED: SaState.REKEYED,
    State.CLOSED: SaState.DELETING,
}
_CHILD_STATES = {
    ChildState.INSTALLED: SaState.ESTABLISHED,
    ChildState.REKEYING: SaState.REKEYING,
    ChildState.DELETING: SaState.DELETING,
    ChildState.DELETED: SaState.DELETING,
}

_KNOWN = frozenset({"sas", "requests", "farewells", "log", "events", "outbox", "children", "neighbours", "redirects"})
_MANY = (list, dict, set, deque)


def _items(owner: object) -> dict[str, int]:
    """How many values are in each list and table of an object, but for those whose size is known."""
    return {name: len(one) for name, one in vars(owner).items() if isinstance(one, _MANY) and name not in _KNOWN}


class ReferenceEngine:
    """Holds one endpoint at a time; `apply` replaces it. Random octets come from ``seed``, so all is repeatable.

    ``names`` are those that it knows, with their addresses. ``web`` is with what it fetches what certificates name.
    With ``waits`` its clock does not go on by itself meanwhile, so it takes and sends no IKE message before that time
    has passed.
    """

    def __init__(
        self,
        endpoint_class: type[Endpoint],
        seed: int,
        now: float,
        host_class: type[DeviceHost] = DeviceHost,
        nas_class: type[Nas] = Nas,
    ) -> None:
        """An engine without a connection."""
        self.endpoint_class, self.seed, self.now = endpoint_class, seed, now
        self.host_class, self.nas_class = host_class, nas_class
        self.endpoint: Endpoint | None = None
        self.host: DeviceHost | None = None
        self.web: WebClient | None = None
        self.names: dict[str, str] = {}
        self.waits = True
        self._busy_until = 0.0
        self._unread: deque[Datagram] = deque()
        self.nas: Nas | None = None

    # --- orders -----------------------------------------------------------------------------------------------------

    def apply(self, connection: Connection) -> None:
        """Start anew with a connection."""
        self.endpoint = self.endpoint_class(connection, Random(self.seed).randbytes, self.now)
        self.endpoint.web, self.endpoint.names = self.web, self.names
        self.host = self.host_class(connection, Random(f"{self.seed}/data").randbytes)
        asks = connection.by_aaa
        self.nas = self.nas_class(connection, Random(f"{self.seed}/aaa").randbytes, self.now) if asks else None

    def clear(self) -> None:
        """Forget everything."""
        self.endpoint = self.host = self.nas = None
        self._busy_until = 0.0
        self._unread.clear()

    def initiate(self, child: str | None = None) -> None:
        """Open an IKE SA, or the named Child SA where there is an IKE SA already."""
        established = self._endpoint().established()
        if child is not None and established:
            established[-1].start_child(child)
            self._endpoint().collect(established[-1])
        else:
            self._endpoint().initiate(child)

    def provoke(self, source: str, target: str) -> None:
        """A host behind the device pings another: what needs a Child SA that is not there makes one."""
        assert self.host is not None
        ends = ip_address(source).packed, ip_address(target).packed
        kind = icmp.ECHO_REQUEST if len(ends[0]) == 4 else icmp.ECHO_REQUEST6
        packet = icmp.message(*ends, kind, 0, bytes(8))
        sent = self.host.send(packet, self.now)
        self.host.outbox += [udp_datagram(one) or IpPacket(one) for one in sent]
        if not sent and self._endpoint().opens_for_packets():
            port = kind << 8  # type and code (RFC 7296, section 3.13.1)
            protocol = parse(packet).protocol
            local, remote = (replace(host(one), protocol=protocol, start_port=port, end_port=port) for one in ends)
            self._endpoint().initiate().provoked_by = (local, remote)

    def rekey_ike(self) -> None:
        """Rekey the newest IKE SA."""
        sa = self._sa()
        sa.start_rekey()
        self._endpoint().collect(sa)

    def rekey_child(self, name: str) -> None:
        """Rekey a Child SA."""
        sa = self._sa()
        sa.start_child_rekey(self._child(name))
        self._endpoint().collect(sa)

    def reauthenticate(self) -> None:
        """Have a new IKE SA in place of the newest one (RFC 7296, section 2.8.3)."""
        self._endpoint().reauthenticate(self._sa())

    def limit_authentication(self, seconds: float) -> None:
        """Demand of the peer of the newest IKE SA that it authenticates again."""
        sa = self._sa()
        sa.start_auth_lifetime(seconds)
        self._endpoint().collect(sa)

    def redirect(self, gateway: str) -> None:
        """Send the peer of the newest IKE SA to another gateway."""
        sa = self._sa()
        sa.start_redirect(gateway)
        self._endpoint().collect(sa)

    def delete_ike(self) -> None:
        """Delete the newest IKE SA."""
        sa = self._sa()
        sa.start_delete()
        self._endpoint().collect(sa)

    def delete_child(self, name: str) -> None:
        """Delete a Child SA."""
        sa = self._sa()
        sa.start_child_delete(self._child(name))
        self._endpoint().collect(sa)

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        sas = self.endpoint.sas.values() if self.endpoint else ()
        return [
            SaStatus(sa.spi_i, sa.spi_r, _STATES[sa.state], tuple(self._child_status(child) for child in sa.children))
            for sa in sas
        ]

    def count_from(self, name: str, sequence: int) -> None:
        """Give the next packet on a Child SA this sequence number."""
        assert self.host is not None
        self.host.carried[self._child(name)].outbound.sequence = sequence - 1

    def drops(self) -> int:
        """How many packets its IPsec has dropped since `apply`."""
        return self.host.dropped() if self.host else 0

    def log(self, since: int = 0) -> str:
        """The log since `apply`, from a line on."""
        return "".join(f"{time:.6f} {text}\n" for time, text in self.endpoint.log[since:]) if self.endpoint else ""

    def lines(self) -> int:
        """How many lines the log has."""
        return len(self.endpoint.log) if self.endpoint else 0

    def kept(self) -> dict[str, int]:
        """How many values each list and table has: those of the endpoint, and of the IKE SA that has the most there.

        IKE and Child SAs, the last responses, the log and events do not count: how many there may be is known.
        """
        if self.endpoint is None:
            return {}
        found = {f"{name} of the device": count for name, count in _items(self.endpoint).items()}
        for sa in self.endpoint.sas.values():
            for name, count in _items(sa).items():
                place = f"{name} of an IKE SA"
                found[place] = max(count, found.get(place, 0))
        return found

    def _endpoint(self) -> Endpoint:
        if self.endpoint is None:
            raise DeviceError("reference", "no connection is loaded", "apply one first")
        return self.endpoint

    def _sa(self) -> IkeSa:
        found = self._endpoint().established()
        if not found:
            raise DeviceError("reference", "there is no established IKE SA")
        return found[-1]

    def _child(self, name: str) -> ChildSa:
        found = [child for child in self._sa().children if child.config.name == name]
        if not found:
            raise DeviceError("reference", f"there is no Child SA {name!r}")
        return found[-1]

    # --- `conformance.net.memory.Engine` ----------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram."""
        self.now = now
        if self.endpoint is None or self.host is None:
            return
        if self.nas is not None and self.nas.receive(datagram, self.endpoint, now):
            self._follow()
            return
        if self.host.is_esp(datagram):
            self.host.take_datagram(datagram, now)
        elif now < self._busy_until:
            self._unread.append(datagram)
            return
        # The endpoint tells by itself what is IKE, and ignores the rest.
        self.endpoint.receive(datagram, now)
        self._wait_for_the_web(now)
        self._follow()

    def receive_packet(self, packet: bytes, now: float) -> None:
        """Take an IP packet: ESP, AH, or what is in the clear."""
        self.now = now
        if self.host is not None:
            self._told_path_mtu(packet)
            self.host.take(packet, now)
            self._follow()

    def _told_path_mtu(self, packet: bytes) -> None:
        """Let an IKE SA know what a router says about one of its datagrams."""
        report = icmp.path_mtu(packet, parse(packet))
        if self.endpoint is None or report is None or report.header.protocol != UDP:
            return
        at = report.header.payload_at
        quoted = report.quoted[at : at + 4]
        for sa in self.endpoint.sas.values():
            ports = sa.local.port.to_bytes(2, "big") + sa.remote.port.to_bytes(2, "big")
            if quoted == ports and report.header.destination == ip_address(sa.remote.host).packed:
                sa.now = self.now
                sa.told_path_mtu(report.mtu)
                self.endpoint.collect(sa)

    def drain(self) -> list[Datagram | IpPacket]:
        """What is to be sent."""
        if self.endpoint is None or self.host is None:
            return []
        self._follow()
        said = self.endpoint.drain() if self.now >= self._busy_until else []
        asked = self.nas.drain() if self.nas is not None else []
        return [*said, *self.host.drain(), *asked]

    def _wait_for_the_web(self, now: float) -> None:
        """What it has fetched has taken its time."""
        if self.web is not None and self.waits and self.web.spent:
            self._busy_until, self.web.spent = max(now, self._busy_until) + self.web.spent, 0.0

    def _follow(self) -> None:
        """Let the data plane and the client of AAA see which SAs there are."""
        if self.endpoint is not None and self.host is not None:
            self.host.follow(self.endpoint.sas.values(), self.now)
            for sa in self.host.attend(self.now):
                sa.now = self.now
                self.endpoint.collect(sa)
            strays, self.host.strays = self.host.strays, []
            for packet in strays:
                self._report(packet)
            if self.nas is not None:
                self.nas.step(self.endpoint, self.host, self.now)
                self.host.follow(self.endpoint.sas.values(), self.now)

    def _report(self, packet: bytes) -> None:
        """Tell the sender of ESP or AH that nobody knows its SPI (RFC 7296, sections 1.5 and 2.21.4)."""
        endpoint, outer, datagram = self._endpoint(), parse(packet), udp_datagram(packet)
        endpoint.now = self.now
        port = endpoint.connection.local_ports[0]
        source, destination = (Address(str(ip_address(one)), port) for one in (outer.source, outer.destination))
        if datagram is not None:
            source, destination = datagram.source, datagram.destination
        at = outer.payload_at + (8 if datagram is not None else 4 if outer.protocol == AH else 0)
        endpoint.stray_esp(source, destination, packet[at : at + 4], marked=datagram is not None)

    def next_timer(self) -> float | None:
        """When there is something to do."""
        found = [one.next_timer() for one in (self.endpoint, self.host, self.nas) if one is not None]
        busy = self._busy_until if self._busy_until > self.now else None
        return min((one for one in (*found, busy) if one is not None), default=None)

    def tick(self, now: float) -> None:
        """See the time."""
        self.now = now
        if self.endpoint is not None:
            while self._unread and self._busy_until <= now:
                self.receive(self._unread.popleft(), now)
            self.endpoint.tick(now)
            self._wait_for_the_web(now)
            if self.nas is not None:
                self.nas.watch(list(self.endpoint.sas.values()), now)
            self._follow()

    def _child_status(self, child: ChildSa) -> ChildStatus:
        carried = self.host.octets(child) if self.host else None
        return ChildStatus(
            child.config.name,
            child.spi_in,
            child.spi_out,
            tuple(map(str, child.local_ts)),
            tuple(map(str, child.remote_ts)),
            child.mode,
            _CHILD_STATES[child.state],
            *(carried or (None, None)),
        )
