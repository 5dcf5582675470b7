"""Devices that die or hang of a malformed message: a plugin for pytest that adds ``--dut mortal:HOW``.

``dies`` and ``dies-late`` end by a signal, ``hangs`` goes on answering orders but no IKE, ``stops`` is stopped,
``ends`` does so a little after any IKE_AUTH. ``spins`` computes for ever beside its work, ``grows`` keeps a little of
every datagram and 4 MiB of what is malformed; both are judged sooner than others, so that a test takes seconds. A
device that is not to come back is ``HOW:once``.
"""

import os
import signal
import sys
import threading
import time
from typing import Any, ClassVar

from conformance.net import UdpLink
from conformance.net.link import NON_ESP_MARKER, Datagram
from conformance.wire import ExchangeType, WireError, decode_header, decode_message
from peers import registry
from peers.contract import Device, DeviceError, Vitals
from peers.places.process import process_vitals
from peers.reference import channel
from peers.reference.engine import ReferenceEngine
from peers.reference.model import model
from peers.reference.process import ReferenceProcess
from peers.reference.server import Server
from peers.word import DeviceWord
from suites import pulse

LATER = 0.5


class Mortal(ReferenceProcess):
    """The reference device in a process that dies in one of these ways."""

    name = "mortal"
    program = "tests.suites.mortal"

    def __init__(self, how: str) -> None:
        super().__init__()
        how, _, once = how.partition(":")
        self.kind, self.once, self.starts = how, bool(once), 0

    def start(self) -> None:
        self.starts += 1
        if self.once and self.starts > 1:
            raise DeviceError(self.name, "its licence is used up")
        super().start()

    def condition(self) -> str:
        return "it waits"

    def vitals(self) -> Vitals | None:
        return process_vitals(self._process.pid) if self._process is not None else None


def _open(word: DeviceWord, options: dict[str, Any]) -> Device:
    return Mortal(word.where)


vars(registry)["_OPENERS"]["mortal"] = _open
vars(pulse).update(QUIET=0.6, SAMPLES=3, LEAST={"memory": 256 << 10})


class Engine(ReferenceEngine):
    """Falls ill at what is malformed."""

    how: str = ""
    hung: bool = False
    hoard: ClassVar[list[bytes]] = []

    def receive(self, datagram: Datagram, now: float) -> None:
        raw = datagram.payload.removeprefix(NON_ESP_MARKER)
        if self.hung:
            return
        super().receive(datagram, now)
        if self.how == "grows":
            self.hoard.append(b"x" * (256 << 10))  # so much that no memory which is free already serves
        if self.how == "ends":
            if decode_header(raw).exchange == ExchangeType.IKE_AUTH:
                threading.Timer(0.05, os._exit, (3,)).start()
            return
        try:
            decode_message(raw)
        except WireError:
            self.fall_ill()

    def fall_ill(self) -> None:
        if self.how == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self.how == "dies-late":
            threading.Timer(LATER, os.abort).start()
        elif self.how == "stops":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.how == "hangs":
            self.hung = True
        elif self.how == "spins" and not self.hoard:
            self.hoard.append(b"")
            threading.Thread(target=_spin, daemon=True).start()
        elif self.how == "grows":
            self.hoard.append(b"x" * (4 << 20))


def _spin() -> None:
    while True:
        pass


def main() -> None:
    host, seed, how = sys.argv[1:]
    with UdpLink(host, (0, 0)) as link:
        channel.write(sys.stdout.buffer, link.ports)
        correct = model("")
        engine = Engine(correct.endpoint_class, int(seed), time.time(), correct.host_class)
        engine.how = how
        Server(engine, link).run(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
