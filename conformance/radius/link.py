"""Sockets for a `RadiusServer`: a thread that answers on the ports of authentication and accounting, as long as wanted.

Made inside a network namespace if wanted. Used with ``with``; what went wrong in the thread is raised at the end.
"""

from __future__ import annotations

import heapq
import select
import socket
import time
from collections.abc import Callable
from itertools import count
from threading import Lock, Thread
from typing import Self

from conformance.net.link import Address
from conformance.net.sockets import bind
from conformance.radius.dynamic import Asked, DynamicClient, Told
from conformance.radius.packet import LARGEST
from conformance.radius.server import RadiusServer

_POLL = 0.1
_Due = tuple[float, int, socket.socket, bytes, tuple[str, int]]


class RadiusLink:
    """A running server.

    Attributes:
        server: look at its ledger and events; set its bends under ``lock``.
        authentication, accounting: the addresses with their ports, which are chosen where 0 was given.
    """

    def __init__(
        self,
        server: RadiusServer,
        host: str = "127.0.0.1",
        *,
        ports: tuple[int, int] = (0, 0),
        netns: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server, self.host, self.netns, self.clock = server, host, netns, clock
        self.lock = Lock()
        self.sockets = bind([Address(host, ports[0]), Address(host, ports[1]), Address(host, 0)], netns)
        self.authentication, self.accounting = (Address(host, one.getsockname()[1]) for one in self.sockets[:2])
        self.error: BaseException | None = None
        self._due: list[_Due] = []
        self._order = count()
        self._ended = False
        self._thread = Thread(target=self._run, name="radius", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended = True
        self._thread.join(5)
        for one in self.sockets:
            one.close()
        if self.error is not None and kind is None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._ended:
                self._serve()
        except Exception as error:  # told by whoever waits for the end
            self.error = error

    def _serve(self) -> None:
        wait = min(_POLL, max(0.0, self._due[0][0] - self.clock())) if self._due else _POLL
        ready, _, _ = select.select(self.sockets[:2], [], [], wait)
        for one in ready:
            try:
                octets, origin = one.recvfrom(2 * LARGEST)
            except OSError:
                continue
            with self.lock:
                answers = self.server.receive(octets, origin[:2], self.clock())
            for answer in answers:
                where = self.sockets[2] if answer.elsewhere else one
                heapq.heappush(
                    self._due, (self.clock() + answer.delay, next(self._order), where, answer.octets, origin)
                )
        while self._due and self._due[0][0] <= self.clock():
            _, _, where, octets, origin = heapq.heappop(self._due)
            _send(where, octets, origin)

    def until(self, found: Callable[[RadiusServer], bool], timeout: float) -> bool:
        """Waits until something is true of the server; whether it was within that many seconds."""
        end = self.clock() + timeout
        while self.clock() < end and self.error is None:
            with self.lock:
                if found(self.server):
                    return True
            time.sleep(0.01)
        return False

    def ask(self, client: DynamicClient, asked: Asked, device: Address, timeout: float = 3.0) -> Told | None:
        """Sends a request of dynamic authorization from this host; the answer, or None within that many seconds."""
        [one] = bind([Address(self.host, 0)], self.netns)
        with one:
            return exchange(one, client, asked, device, timeout)


def exchange(one: socket.socket, client: DynamicClient, asked: Asked, device: Address, timeout: float) -> Told | None:
    """Sends a request through a socket, and waits for its answer."""
    end = time.monotonic() + timeout
    due = sorted(((time.monotonic() + answer.delay, answer) for answer in asked.datagrams), key=lambda pair: pair[0])
    while (left := end - time.monotonic()) > 0:
        while due and due[0][0] <= time.monotonic():
            _send(one, due.pop(0)[1].octets, device)
        wait = min([left, *(max(0.0, at - time.monotonic()) for at, _ in due[:1])])
        if not select.select([one], [], [], wait)[0]:
            continue
        try:
            octets, origin = one.recvfrom(2 * LARGEST)
        except OSError:
            continue
        told = client.receive(octets, asked) if origin[:2] == tuple(device) else None
        if told is not None:
            return told
    return None


def _send(one: socket.socket, octets: bytes, where: tuple[str, int] | Address) -> None:
    """Sends, if somebody can be reached; who cannot has not been answered."""
    try:
        one.sendto(octets, where)
    except OSError:
        return
