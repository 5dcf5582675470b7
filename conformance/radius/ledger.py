"""What accounting has told (RFC 2866), by session, and what in it cannot be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from conformance.radius.packet import Packet

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
COUNTERS = ("input octets", "output octets", "input packets", "output packets", "session time")
SLACK = 2
"""Seconds by which clocks and roundings may differ."""
_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Record:
    """One Accounting-Request.

    Attributes:
        at: when it came, in seconds of the server's clock.
        status: Start, Stop, Interim-Update ... as a number.
        counters: in the order of `COUNTERS`.
        cause: Acct-Terminate-Cause in words, empty where there is none.
        classes: the values of Class.
    """

    at: float
    status: int
    session: str
    user: str
    address: str
    counters: tuple[int, ...]
    cause: str
    classes: tuple[bytes, ...]
    delay: int


def record(request: Packet, now: float) -> Record:
    """What an Accounting-Request tells."""

    def octets(way: str) -> int:
        return request.number(f"Acct-{way}-Octets") + (request.number(f"Acct-{way}-Gigawords") << 32)

    return Record(
        at=now,
        status=request.number("Acct-Status-Type"),
        session=request.text("Acct-Session-Id"),
        user=request.text("User-Name"),
        address=request.text("Framed-IP-Address"),
        counters=(
            octets("Input"),
            octets("Output"),
            request.number("Acct-Input-Packets"),
            request.number("Acct-Output-Packets"),
            request.number("Acct-Session-Time"),
        ),
        cause=request.text("Acct-Terminate-Cause"),
        classes=tuple(request.raw(25)),
        delay=request.number("Acct-Delay-Time"),
    )


@dataclass(slots=True)
class Ledger:
    """All records, in the order in which they came; repetitions of a request are none."""

    records: list[Record] = field(default_factory=list)

    def add(self, request: Packet, now: float) -> Record:
        """Keeps a request; of very many only the newest.

        One that says no more than how late it is, is an earlier record once more (RFC 2866 section 5.2).
        """
        new = record(request, now)
        for one in self.of(new.session):
            if new.delay > one.delay and new == replace(one, at=new.at, delay=new.delay):
                return one
        self.records.append(new)
        del self.records[:-_LARGEST]
        return new

    def of(self, session: str) -> list[Record]:
        """The records of a session."""
        return [one for one in self.records if one.session == session]

    @property
    def sessions(self) -> list[str]:
        """Their identifiers, in the order of their first records."""
        return list(dict.fromkeys(one.session for one in self.records if one.status not in (ON, OFF)))

    def running(self) -> list[str]:
        """The sessions that have not been stopped."""
        stopped = {one.session for one in self.records if one.status == STOP}
        return [one for one in self.sessions if one not in stopped]

    def faults(self) -> list[str]:
        """What cannot be true, a line each."""
        return [
            f"session {name or 'without Acct-Session-Id'}: {fault}"
            for name in self.sessions
            for fault in faults(self.of(name), named=bool(name))
        ]


def faults(records: Sequence[Record], *, named: bool = True) -> list[str]:
    """What cannot be true of one session, a line each."""
    found = [] if named else ["a record without Acct-Session-Id"]
    first = records[0]
    if first.status != START:
        found.append("no Start before the first record")
    started = first.at - first.delay
    for number, (before, now) in enumerate(pairwise(records), 2):
        if before.status == STOP:
            found.append(f"record {number} comes after Stop")
        if now.status == START:
            found.append(f"record {number} is a second Start")
        if (now.user, now.classes) != (first.user, first.classes):
            found.append(f"record {number} has another User-Name or Class than the first one")
        found += [
            f"record {number}: {name} fell from {old} to {new}"
            for name, old, new in zip(COUNTERS, before.counters, now.counters, strict=True)
            if new < old
        ]
        lasted = now.at - now.delay - started
        if now.counters[-1] > lasted + SLACK:
            found.append(f"record {number}: session time {now.counters[-1]} s, {lasted:.0f} s have passed since Start")
    for number, one in enumerate(records, 1):
        for way, octets, packets in zip(("input", "output"), one.counters[:2], one.counters[2:4], strict=True):
            if bool(octets) != bool(packets) or octets > packets * 65535:
                found.append(f"record {number}: {octets} octets in {packets} packets of {way}")
    return found
