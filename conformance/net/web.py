"""Sockets for a `WebServer`: it is reached over TCP as long as wanted, from whoever fetches what certificates name.

Made inside a network namespace if wanted. Bounded in connections, and in octets and seconds for each.
"""

from __future__ import annotations

import select
import socket
import time
from math import inf
from threading import Event, Lock, Thread
from typing import Self

from conformance.net.http import WebServer
from conformance.net.sockets import bind

MOST_CONNECTIONS = 64
"""What comes while there are so many is closed at once."""
MOST_OCTETS = 256 << 20
"""An endless answer ends after so many."""
LONGEST = 300.0
"""Seconds after which a connection ends that nobody else has ended."""
_POLL = 0.05


class WebLink:
    """A running server; used with ``with``. The pages of ``server`` may be changed at any time."""

    def __init__(self, server: WebServer, netns: str | None = None) -> None:
        """Bind its address. Raises LinkError."""
        self.server = server
        self.socket = bind([server.address], netns, kind=socket.SOCK_STREAM)[0]
        self._ended, self._lock = Event(), Lock()
        self._thread = Thread(target=self._accept, name="web", daemon=True)
        self._talking: list[Thread] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for one in (self._thread, *self._talking):
            one.join(5)
        self.socket.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if not select.select([self.socket], [], [], _POLL)[0]:
                continue
            try:
                one, _ = self.socket.accept()
            except OSError:
                continue
            self._talking = [thread for thread in self._talking if thread.is_alive()]
            if len(self._talking) >= MOST_CONNECTIONS:
                one.close()
                continue
            self._talking.append(Thread(target=self._talk, args=(one,), name="web connection", daemon=True))
            self._talking[-1].start()

    def _talk(self, one: socket.socket) -> None:
        with one:
            try:
                one.settimeout(_POLL)
                self._answer(one, time.monotonic() + LONGEST)
            except OSError:
                return  # it has closed the connection

    def _answer(self, one: socket.socket, end: float) -> None:
        octets, page = b"", None
        while page is None:
            piece = self._received(one, end)
            if not piece:
                return
            octets += piece
            with self._lock:
                page = self.server.answer(octets)
        sent = 0
        for wait, piece in page.steps():
            if self._gone(one, wait, end) or sent > MOST_OCTETS:
                return
            sent += len(piece)
            while piece:
                try:
                    piece = piece[one.send(piece) :]
                except TimeoutError:
                    if self._ended.is_set() or time.monotonic() > end:
                        return

    def _received(self, one: socket.socket, end: float) -> bytes:
        while not self._ended.is_set() and time.monotonic() < end:
            try:
                return one.recv(65536)
            except TimeoutError:
                continue
        return b""

    def _gone(self, one: socket.socket, wait: float, end: float) -> bool:
        """Wait; whether there is nobody left then to talk with."""
        due = time.monotonic() + wait if wait < inf else inf
        while (now := time.monotonic()) < min(due, end) and not self._ended.is_set():
            if select.select([one], [], [], min(_POLL, due - now))[0] and not one.recv(65536):
                return True
        return self._ended.is_set() or time.monotonic() >= end
