"""Impaired paths: what they do, on a virtual clock and a real one, and that a seed repeats it."""

import heapq

import pytest

from conformance.net import Address, Datagram, UdpLink
from conformance.net.impaired import HOLD, ImpairedLink, Impairment

HERE, THERE = Address("192.0.2.1", 500), Address("192.0.2.2", 500)


class Echo:
    """A link with a virtual clock to somebody who sends everything back at once."""

    def __init__(self) -> None:
        self.clock = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.arriving: list[tuple[float, int, Datagram]] = []

    def now(self) -> float:
        return self.clock

    def send(self, datagram: Datagram) -> None:
        self.sent.append((self.clock, datagram.payload))
        back = Datagram(datagram.destination, datagram.source, datagram.payload)
        heapq.heappush(self.arriving, (self.clock, len(self.sent), back))

    def receive(self, until: float) -> Datagram | None:
        if self.arriving and self.arriving[0][0] <= until:
            self.clock = max(self.clock, self.arriving[0][0])
            return heapq.heappop(self.arriving)[2]
        self.clock = max(self.clock, until)
        return None

    def close(self) -> None:
        pass


def conversation(seed: int, impairment: Impairment, count: int = 40) -> tuple[list[str], list[bytes], ImpairedLink]:
    """What was noted, what came back, and the link, after ``count`` datagrams in one burst."""
    notes: list[str] = []
    link = ImpairedLink(Echo(), seed, impairment, notes.append)
    for number in range(count):
        link.send(Datagram(HERE, THERE, bytes((number,))))
    found = []
    while (datagram := link.receive(10.0)) is not None:
        assert isinstance(datagram, Datagram)
        found.append(datagram.payload)
    assert link.now() == 10.0
    return notes, found, link


def test_a_path_without_impairment_changes_nothing() -> None:
    notes, found, _ = conversation(1, Impairment())
    assert found == [bytes((number,)) for number in range(40)]
    assert not notes


def test_a_seed_repeats_everything_and_another_does_not() -> None:
    rough = Impairment(loss=0.3, duplicate=0.3, reorder=0.3, delay=0.1, jitter=0.05)
    assert conversation(1, rough)[:2] == conversation(1, rough)[:2]
    assert conversation(1, rough)[1] != conversation(2, rough)[1]


def test_losses_are_counted_and_noted() -> None:
    notes, found, link = conversation(3, Impairment(loss=0.5))
    assert min(link.lost) > 0 and sum(link.lost) == len(notes) == 40 - len(found)
    assert all("is lost" in note for note in notes)


def test_losses_in_a_row_are_limited() -> None:
    echo = Echo()
    link = ImpairedLink(echo, 1, Impairment(loss=1.0, in_a_row=2))
    for number in range(9):
        link.send(Datagram(HERE, THERE, bytes((number,))))
    assert [payload for _, payload in echo.sent] == [b"\x02", b"\x05", b"\x08"]


def test_duplicates_come_twice() -> None:
    _, found, link = conversation(1, Impairment(duplicate=1.0), count=3)
    assert found == [bytes((number,)) for number in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)]
    assert link.doubled == 3 + 6


def test_what_is_reordered_comes_after_the_burst_and_is_complete() -> None:
    _, found, link = conversation(5, Impairment(reorder=0.3))
    assert sorted(found) == [bytes((number,)) for number in range(40)] != found
    assert link.late > 0


def test_delay_takes_time_in_both_directions() -> None:
    echo = Echo()
    link = ImpairedLink(echo, 1, Impairment(delay=0.25))
    link.send(Datagram(HERE, THERE, b"x"))
    assert link.receive(0.4) is None
    assert echo.sent == [(0.25, b"x")]
    assert link.receive(1.0) is not None
    assert link.now() == pytest.approx(0.5)


def test_it_works_on_a_real_clock() -> None:
    with UdpLink("127.0.0.1", (0,)) as one, UdpLink("127.0.0.1", (0,)) as other:
        link = ImpairedLink(one, 1, Impairment(reorder=1.0))
        start = link.now()
        link.send(Datagram(one.addresses[0], other.addresses[0], b"x"))
        assert link.receive(start + 2 * HOLD) is None
        found = other.receive(other.now() + 1.0)
        assert found is not None and found.payload == b"x"
        assert HOLD <= link.now() - start < 10 * HOLD
