"""Conversations on one link: an answer that comes late is for who has asked, not for who happens to listen."""

from typing import Any
from unittest import mock

import pytest

from conformance.net.link import Address, Datagram
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, ExchangeType, Message, PayloadType, encode_message
from suites.campaign.lanes import Lanes

HERE, THERE = Address("192.0.2.1", 500), Address("192.0.2.2", 500)


class Wire:
    """A link that gives what stands in ``come``."""

    def __init__(self) -> None:
        self.come: list[Datagram] = []

    def now(self) -> float:
        return 0.0

    def send(self, datagram: Datagram) -> None:
        message = Message(datagram.payload[:8], b"r" * 8, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0)
        self.come.append(Datagram(THERE, HERE, encode_message(message)))

    def receive(self, until: float) -> Datagram | None:
        return self.come.pop(0) if self.come else None


def request(spi: bytes) -> Datagram:
    return Datagram(HERE, THERE, encode_message(Message(spi, bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0)))


@pytest.mark.parametrize("over", [False, True])
def test_a_late_answer_is_for_who_has_asked(over: bool) -> None:
    wire: Any = Wire()
    lanes = Lanes(wire)
    one, other = lanes.lane(), lanes.lane()
    one.send(request(b"a" * 8))
    other.send(request(b"b" * 8))
    if over:
        one.close()
    first = other.receive(1.0)
    assert isinstance(first, Datagram) and first.payload[:8] == b"b" * 8 and other.receive(1.0) is None
    waiting = one.receive(1.0)
    assert waiting is None if over else isinstance(waiting, Datagram) and waiting.payload[:8] == b"a" * 8


def test_an_answer_to_a_request_that_names_another_conversation_is_for_who_has_sent_it() -> None:
    """The other one has asked with the same message ID, in another exchange, and would take it for a wrong response."""
    wire: Any = Wire()
    lanes = Lanes(wire)
    one, other = lanes.lane(), lanes.lane()
    other.peer = mock.Mock(sas={b"a" * 8: None})
    wire.send, send = mock.Mock(), wire.send
    other.send(Datagram(HERE, THERE, encode_message(Message(b"a" * 8, bytes(8), ExchangeType.INFORMATIONAL, 0, 0))))
    wire.send = send
    one.send(request(b"a" * 8))
    assert other.receive(1.0) is None
    assert isinstance(one.receive(1.0), Datagram)


def test_an_answer_from_before_the_connection_was_loaded_anew_is_for_nobody() -> None:
    wire: Any = Wire()
    before = Lanes(wire)
    before.lane().send(request(b"a" * 8))
    lane = Lanes(wire, asked=before.asked).lane()
    lane.send(request(b"b" * 8))
    first = lane.receive(1.0)
    assert isinstance(first, Datagram) and first.payload[:8] == b"b" * 8 and lane.receive(1.0) is None


@pytest.mark.parametrize("over", [False, True])
def test_who_has_asked_the_same_in_a_conversation_of_his_own_gets_what_is_protected(over: bool) -> None:
    wire: Any = Wire()
    lanes = Lanes(wire)
    one, other = lanes.lane(), lanes.lane()
    other.peer = mock.Mock(sas={b"a" * 8: None})
    wire.send = mock.Mock()
    one.send(request(b"a" * 8))
    if over:
        one.close()
    other.send(request(b"a" * 8))
    for first, owner in ((PayloadType.NOTIFY, one), (PayloadType.SK, other), (PayloadType.SKF, other)):
        answer = bytearray(encode_message(Message(b"a" * 8, b"r" * 8, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0)))
        answer[16] = first
        assert lanes.owner(Datagram(THERE, HERE, bytes(answer))) is owner


def test_an_spi_that_begins_as_the_marker_does_is_none_where_there_is_no_marker() -> None:
    wire: Any = Wire()
    lanes = Lanes(wire)
    one, other = lanes.lane(), lanes.lane()
    one.send(request(bytes(7) + b"a"))
    assert other.receive(1.0) is None and isinstance(one.receive(1.0), Datagram)


def test_what_nobody_has_asked_for_is_for_who_listens() -> None:
    wire: Any = Wire()
    lanes = Lanes(wire)
    lane = lanes.lane()
    wire.send(request(b"c" * 8))
    assert isinstance(lane.receive(1.0), Datagram)
