"""A trace has an end, whatever the device sends, and says where."""

from random import Random

import pytest

from conformance.ike.endpoint import Endpoint
from conformance.net.link import Address, Datagram, IpPacket
from conformance.net.memory import MemoryLink
from conformance.script import inner, mailbox
from conformance.script.peer import Peer
from conformance.script.trace import Entry, Trace
from conformance.script.verdict import Inconclusive
from peers.reference.device import PIXIT
from peers.reference.engine import ReferenceEngine
from suites.connections import psk

ENDS = Address("192.0.2.2", 500), Address("192.0.2.1", 500)
START = 1_790_000_000.0


def test_a_trace_keeps_what_fits_and_counts_the_rest() -> None:
    trace = Trace(limit=20_000)
    for number in range(50):
        trace.add(Entry(START + number, "message", datagram=Datagram(*ENDS, bytes(1000))))
        trace.note(START + number, f"remark {number}")
    trace.add(Entry(START + 60, "message", packet=IpPacket(inner.ping("10.1.0.1", "10.2.0.1", size=12))))
    kept = [one for one in trace.written() if one.datagram]
    assert len(kept) == 3
    assert sum(one.text.startswith("remark") for one in trace.written()) == 50, "what the script says is kept"
    assert sum(one.text == "" for one in trace.entries) == 51, "what is judged is not what is written"
    told = trace.transcript()
    assert "evidence is cut here: 48 datagrams (47040 octets) from now on are left out" in told
    assert told.index("remark 2") < told.index("evidence is cut here") < told.index("remark 3\n")


def test_what_is_written_keeps_to_the_limit() -> None:
    trace = Trace(limit=1 << 20)
    for number in range(200):
        trace.add(Entry(START + number, "message", datagram=Datagram(*ENDS, bytes(20_000))))
    written = str(trace.to_json("a", "b"))
    assert len(written) < trace.limit


class Flooding(Endpoint):
    """Answers with a hundred datagrams to each one that comes."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        for _ in range(100):
            self.outbox.append(Datagram(datagram.destination, datagram.source, b"\xff" * 5000))


@pytest.mark.parametrize(("name", "most"), [("MAX_DATAGRAMS", 150), ("MAX_OCTETS", 600_000), ("MAX_IKE", 600_000)])
def test_a_flood_ends_the_purpose(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(mailbox, name, most)
    ours = psk()(PIXIT)
    engine = ReferenceEngine(Flooding, 1, START)
    engine.apply(ours.mirrored())
    peer = Peer(MemoryLink(engine, START), ours, Random(7).randbytes)
    with pytest.raises(Inconclusive, match=r"got \d+ datagrams of \d+ octets"):
        for _ in range(5):
            peer.establish()
