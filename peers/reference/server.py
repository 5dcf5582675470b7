"""The reference device as a process: IKE on two UDP ports of loopback, orders over standard input and output."""

import sys
import threading
import time
from typing import IO

from conformance.net import LinkError, UdpLink
from conformance.net.fetching import WebClient, over_sockets
from conformance.net.link import Datagram
from peers.contract import DeviceError
from peers.reference import channel
from peers.reference.engine import ReferenceEngine
from peers.reference.model import model

TICK = 0.05
"""A timer may be so many seconds late."""

ORDERS = frozenset(
    {
        "apply",
        "clear",
        "initiate",
        "rekey_ike",
        "rekey_child",
        "reauthenticate",
        "delete_ike",
        "delete_child",
        "list_sas",
        "log",
    }
)


class Server:
    """Serves one engine until its standard input ends."""

    def __init__(self, engine: ReferenceEngine, link: UdpLink) -> None:
        """Nothing is served before `run`."""
        self.engine, self.link = engine, link
        engine.web, engine.waits = WebClient(over_sockets), False
        self.lock = threading.Lock()
        self.done = False

    def run(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        """Carry datagrams until ``orders`` ends."""
        threading.Thread(target=self._obey, args=(orders, answers), daemon=True).start()
        while not self.done:
            datagram = self.link.receive(self.link.now() + TICK)
            with self.lock:
                now = self.link.now()
                if datagram is not None:
                    self.engine.receive(datagram, now)
                timer = self.engine.next_timer()
                if timer is not None and timer <= now:
                    self.engine.tick(now)
                self._flush()

    def _flush(self) -> None:
        for datagram in self.engine.drain():
            try:
                if isinstance(datagram, Datagram):  # ESP without UDP is not for these sockets
                    self.link.send(datagram)
            except LinkError as error:
                print(error, file=sys.stderr)

    def _obey(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        try:
            while True:
                name, arguments = channel.read(orders)
                with self.lock:
                    self.engine.now = self.link.now()
                    channel.write(answers, self._order(name, arguments))
                    self._flush()
        except (EOFError, OSError):
            self.done = True

    def _order(self, name: str, arguments: tuple[object, ...]) -> object:
        try:
            return getattr(self.engine, name)(*arguments) if name in ORDERS else None
        except DeviceError as error:
            return error.problem, error.mend


def main() -> None:
    """``python -m peers.reference.server HOST SEED KIND``: bind two free ports, tell which, serve."""
    host, seed, kind = sys.argv[1:]
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    with UdpLink(host, (0, 0)) as link:
        channel.write(answers, link.ports)
        Server(model(kind).engine(int(seed), time.time()), link).run(orders, answers)


if __name__ == "__main__":
    main()
