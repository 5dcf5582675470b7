"""A link over real UDP sockets: any number of source ports and addresses, IPv4 and IPv6, in any network namespace."""

import errno
import select
import selectors
import socket
import time
from collections import deque
from types import TracebackType
from typing import Self

from conformance.net.link import Address, Datagram, LinkError
from conformance.net.sockets import bind

_LARGEST = 65535  # octets a UDP datagram can have, so that nothing is cut off
_SEND_PATIENCE = 1.0  # seconds to wait for room in the socket's send buffer
_LONGEST_WAIT = 3600.0  # seconds of one wait; keeps an infinite deadline within what select takes


class UdpLink:
    """Sockets bound to one ``host`` and each of ``ports``; sending from another address or port opens that too.

    A port of 0 is an ephemeral one; ``ports`` and ``addresses`` tell what it became. Wildcard addresses are refused:
    with them nobody knows to which address a datagram came. ``netns`` names the network namespace of the sockets.
    Raises `LinkError`.
    """

    def __init__(self, host: str, ports: tuple[int, ...] = (500, 4500), *, netns: str | None = None) -> None:
        """Bind the ports."""
        if host in ("", "0.0.0.0", "::"):
            raise LinkError(f"cannot bind {host!r}: name one address, not all of them")
        self.netns = netns
        self._sockets: dict[Address, socket.socket] = {}
        self._selector = selectors.PollSelector()  # for a few sockets cheaper than epoll
        self._arrived: deque[Datagram] = deque()
        self._epoch = time.time() - time.monotonic()
        self._closed = False
        try:
            self.addresses = tuple(self._open([Address(host, port) for port in ports]))
        except BaseException:
            self._selector.close()
            raise

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that were bound when the link was opened, in the order given."""
        return tuple(address.port for address in self.addresses)

    def now(self) -> float:
        """UNIX time in seconds when the link was opened, carried on by the monotonic clock."""
        return self._epoch + time.monotonic()

    def open(self, address: Address) -> Address:
        """Receive on a further address or port; port 0 asks for an ephemeral one. Returns what was bound."""
        self._check_open()
        return address if address in self._sockets else self._open([address])[0]

    def close_port(self, address: Address) -> None:
        """Stop listening on one address: from now on datagrams to it are answered with ICMP port unreachable."""
        if address in self._sockets:
            gone = self._sockets.pop(address)
            self._selector.unregister(gone)
            gone.close()

    def send(self, datagram: Datagram) -> None:
        """Send from the datagram's source, opening that port if need be. Raises `LinkError`."""
        source = self._sockets[self.open(datagram.source)]
        deadline = time.monotonic() + _SEND_PATIENCE
        while True:
            try:
                source.sendto(datagram.payload, self._target(source, datagram.destination))
                return
            except BlockingIOError:
                if not select.select([], [source], [], max(0.0, deadline - time.monotonic()))[1]:
                    raise LinkError(f"cannot send to {datagram.destination}: the send buffer stays full") from None
            except (OSError, OverflowError) as error:
                raise _send_error(error, datagram) from error

    def receive(self, until: float) -> Datagram | None:
        """The next datagram to any open port; None if none has come at ``until``.

        With an ``until`` in the past it only takes what is there already.
        """
        self._check_open()
        while not self._arrived:
            remaining = until - self.now()
            for key, _ in self._selector.select(min(max(remaining, 0.0), _LONGEST_WAIT)):
                self._take(key.data)
            if remaining <= 0:
                break
        return self._arrived.popleft() if self._arrived else None

    def close(self) -> None:
        """Close all sockets."""
        if not self._closed:
            self._closed = True
            for one in self._sockets.values():
                one.close()
            self._sockets.clear()
            self._selector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, addresses: list[Address]) -> list[Address]:
        opened = []
        for new in bind(addresses, self.netns):
            address = _address(new.getsockname())
            self._sockets[address] = new
            self._selector.register(new, selectors.EVENT_READ, address)
            opened.append(address)
        return opened

    def _take(self, local: Address) -> None:
        try:
            payload, sender = self._sockets[local].recvfrom(_LARGEST)
        except OSError:
            return  # an ICMP error of the past or a datagram with a wrong checksum: no datagram has come
        self._arrived.append(Datagram(_address(sender), local, payload))

    def _target(self, source: socket.socket, destination: Address) -> tuple[str, int] | tuple[str, int, int, int]:
        if source.family != socket.AF_INET6:
            return destination
        # A link-local destination is on the link of the socket's own address; a zone has no name outside its namespace.
        return (destination.host, destination.port, 0, source.getsockname()[3])

    def _check_open(self) -> None:
        if self._closed:
            raise LinkError("the link is closed")


def _address(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    return Address(name[0].partition("%")[0], name[1])


def _send_error(error: Exception, datagram: Datagram) -> LinkError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMSGSIZE:
        why = f"{len(datagram.payload)} octets are too many for one datagram"
    elif number in (errno.EPERM, errno.EACCES):
        why = "a firewall rule or policy of this host forbids it"
    elif isinstance(error, socket.gaierror | OverflowError):
        why = f"{datagram.destination.host!r} port {datagram.destination.port} is no address of the source's family"
    else:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return LinkError(f"cannot send from {datagram.source} to {datagram.destination}: {why}")
