"""Accounting: what is kept, and what cannot be true."""

from random import Random

import pytest

from conformance.radius.packet import Attribute, Code
from conformance.radius.server import RadiusServer
from tests.radius.nas import SECRET, Nas


class Gateway(Nas):
    """Sends records of one session."""

    def __init__(self) -> None:
        super().__init__(RadiusServer(SECRET, random=Random(1).randbytes))

    def tell(self, status: str, octets: int = 0, packets: int = 0, lasted: int = 0, *more: Attribute) -> None:
        session: list[Attribute] = (
            [("Acct-Session-Id", "7")] if not any(one[0] == "Acct-Session-Id" for one in more) else []
        )
        given: list[Attribute] = [
            ("Acct-Status-Type", status),
            ("User-Name", "carol"),
            ("Class", b"gold"),
            ("Acct-Input-Octets", octets),
            ("Acct-Input-Packets", packets),
            ("Acct-Session-Time", lasted),
        ]
        answer = self.send(self.accounting(*session, *given, *more))
        assert answer.code == Code.ACCOUNTING_RESPONSE and answer.authenticated is None

    @property
    def faults(self) -> list[str]:
        return self.server.ledger.faults()


def test_a_session_from_start_to_stop() -> None:
    gateway = Gateway()
    gateway.tell("Start")
    assert gateway.server.ledger.running() == ["7"]
    gateway.now += 10
    gateway.tell("Interim-Update", 1000, 10, 10)
    gateway.now += 10
    gateway.tell("Stop", 500, 30, 20, ("Acct-Input-Gigawords", 1), ("Acct-Terminate-Cause", "User-Request"))
    assert gateway.faults == ["session 7: record 3: 4294967796 octets in 30 packets of input"]
    last = gateway.server.ledger.of("7")[-1]
    assert (last.counters[0], last.cause, last.classes) == ((1 << 32) + 500, "User-Request", (b"gold",))
    assert gateway.server.ledger.running() == []


def test_a_plausible_session_has_no_faults() -> None:
    gateway = Gateway()
    gateway.tell("Start")
    gateway.now += 10
    gateway.tell("Stop", 1000, 10, 10)
    assert gateway.faults == []


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([("Stop", 0, 0, 0)], "no Start before the first record"),
        ([("Start", 0, 0, 0), ("Start", 0, 0, 0)], "record 2 is a second Start"),
        ([("Start", 0, 0, 0), ("Stop", 0, 0, 0), ("Interim-Update", 0, 0, 0)], "record 3 comes after Stop"),
        ([("Start", 9, 1, 0), ("Stop", 8, 1, 0)], "record 2: input octets fell from 9 to 8"),
        ([("Start", 0, 0, 0), ("Stop", 0, 0, 100)], "record 2: session time 100 s, 0 s have passed since Start"),
        ([("Start", 0, 0, 0), ("Stop", 100, 0, 0)], "record 2: 100 octets in 0 packets of input"),
        ([("Start", 0, 0, 0), ("Stop", 0, 5, 0)], "record 2: 0 octets in 5 packets of input"),
        ([("Start", 0, 0, 0), ("Stop", 0, 0, 0, ("Class", b"x"))], "record 2 has another User-Name or Class"),
    ],
)
def test_what_cannot_be_true(records: list[tuple[str, int, int, int]], fault: str) -> None:
    gateway = Gateway()
    for one in records:
        gateway.tell(*one)
    assert len(gateway.faults) == 1 and gateway.faults[0].startswith(f"session 7: {fault}")


def test_a_repeated_request_is_no_second_record() -> None:
    gateway = Gateway()
    octets = gateway.accounting(("Acct-Status-Type", "Start"), ("Acct-Session-Id", "7"))
    assert gateway.raw(octets) == gateway.raw(octets)
    assert len(gateway.server.ledger.records) == 1
