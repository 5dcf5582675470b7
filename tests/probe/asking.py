"""Probes of the reference device in memory, and of things that are none."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import Any

from conformance.crypto.keywords import keyword
from conformance.crypto.suite import proposal
from conformance.ike.core.connection import Connection
from conformance.ike.core.proposals import LONGER_KEYS, is_longer
from conformance.net.link import Address, Datagram, IpPacket, Link
from conformance.probe.findings import Findings
from conformance.probe.meter import MeteredLink
from conformance.probe.survey import Plan, Survey
from conformance.wire import Encr, Transform, TransformType
from peers.algorithms import written
from peers.reference.device import ReferenceDevice
from suites.connections import psk

US, IT = Address("192.0.2.1", 500), Address("192.0.2.2", 500)
US_NAT, IT_NAT = Address("192.0.2.1", 4500), Address("192.0.2.2", 4500)


def plan(link: Link, *, rate: float = 100, most_sent: int = 3000, most_taken: int = 6000, **changes: Any) -> Plan:
    """A plan with the usual addresses and a seed."""
    metered = MeteredLink(link, IT.host, rate, most_sent, most_taken, 58.0)
    return replace(Plan(metered, US, IT, random.Random(1).randbytes, 2.0, US_NAT, IT_NAT), **changes)


def device(kind: str = "", **changes: Any) -> tuple[ReferenceDevice, Connection]:
    """A reference device with a connection, and our view of that."""
    found = ReferenceDevice(kind)
    found.start()
    ours = psk(**changes)(found.profile)
    found.apply(ours.mirrored())
    return found, ours


def probed(kind: str = "", path: Callable[[Link], Link] = lambda link: link, **changes: Any) -> Findings:
    """What a probe finds out about a reference device; ``path`` goes around the link to it."""
    found, _ = device(kind, **changes)
    return Survey(plan(path(found.open_link()))).run()


def suites(found: Findings) -> list[str]:
    """Its suites in keywords."""
    return [written(box.transforms) for box in found.boxes]


def accepted(texts: Iterable[str]) -> set[frozenset[str]]:
    """Every single suite of some proposals."""
    kinds = (TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE)
    whole = set()
    for text in texts:
        made = [[keyword(one) for one in proposal(text).transforms if one.type == kind] for kind in kinds]
        whole |= {frozenset(one) for one in product(*filter(None, made))}
    return whole


def taken(texts: Iterable[str]) -> set[frozenset[str]]:
    """Those that a device of ours takes which has these: with longer keys, too (RFC 7296, section 3.3.5)."""
    longer = {
        keyword(mine): {
            keyword(one) for bits in LONGER_KEYS if is_longer(one := Transform.of(Encr(mine.id), bits), mine)
        }
        for text in texts
        for mine in proposal(text).transforms
        if mine.type == TransformType.ENCR
    }
    whole = accepted(texts)
    return whole | {
        one - {short} | {long} for one in whole for short, more in longer.items() if short in one for long in more
    }


class Path:
    """A link that does something to what comes from the device."""

    def __init__(self, link: Link) -> None:
        """Around another link."""
        self.link = link

    def now(self) -> float:
        """The clock of the link."""
        return self.link.now()

    def send(self, datagram: Datagram) -> None:
        """As the link does."""
        self.link.send(datagram)

    def receive(self, until: float) -> Datagram | IpPacket | None:
        """What is left of the next datagram."""
        while True:
            came = self.link.receive(until)
            if came is None or (found := self.changed(came)) is not None:
                return came if came is None else found

    def changed(self, came: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """A datagram as it arrives, None: it is lost."""
        return came

    def close(self) -> None:
        """Close the link."""
        self.link.close()
