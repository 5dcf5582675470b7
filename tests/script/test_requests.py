"""Requests and responses of the scripted peer on a path and with a device that are correct but not obliging."""

from conformance.net.link import Datagram
from conformance.net.memory import MemoryLink
from conformance.script.message import says_nothing
from conformance.script.peer import Peer
from conformance.wire import FLAG_RESPONSE, Delete, ExchangeType, Message, Notify, NotifyType, encode_message
from peers.reference.engine import ReferenceEngine
from tests.script.test_peer import START, conversation


class Path(MemoryLink):
    """A path that loses the first datagrams after `lose`, and to which anybody may add one of the device's."""

    losses = count = 0

    def lose(self, losses: int) -> None:
        self.losses, self.count = losses, 0

    def send(self, datagram: Datagram) -> None:
        self.count += 1
        if self.count > self.losses:
            super().send(datagram)

    def inject(self, datagram: Datagram) -> None:
        self._arriving.append((self.clock, next(self._order), datagram))


def on_a_path() -> tuple[Peer, Path, ReferenceEngine]:
    peer, engine = conversation()
    peer.link = path = Path(engine, START)
    return peer, path, engine


def test_a_request_beside_the_exchanges_is_repeated_until_it_is_answered() -> None:
    peer, path, _ = on_a_path()
    sa = peer.establish()
    path.lose(2)
    sent = sa.send(ExchangeType.INFORMATIONAL)
    assert sa.response(sent).message.message_id == sent.message.message_id
    assert path.count == 3


def test_the_second_copy_of_a_response_is_no_answer_to_what_follows() -> None:
    peer, path, _ = on_a_path()
    sa = peer.establish()
    path.latency = 0.4
    first = sa.response(sa.begin(sa.start_liveness))
    path.latency = 0.001
    with sa.silence():
        peer.idle(1)
    assert sum(one.raw == first.raw for one in peer.inbox) > 1


def test_a_repetition_that_gets_lost_is_repeated() -> None:
    peer, path, _ = on_a_path()
    sa = peer.establish()
    sa.liveness()
    path.lose(1)
    again = sa.repeat()
    assert again.message.message_id == sa.next_id - 1


def test_what_is_not_protected_is_no_response_to_a_protected_request() -> None:
    peer, path, _ = on_a_path()
    sa = peer.establish()
    sent = sa.begin(sa.start_liveness)
    number, notify = sent.message.message_id, Notify(NotifyType.INVALID_SYNTAX)
    clear = Message(sa.spi_i, sa.spi_r, ExchangeType.INFORMATIONAL, FLAG_RESPONSE, number, (notify,))
    path._arriving.clear()
    path.inject(Datagram(sa.remote, sa.local, encode_message(clear)))
    assert sa.response(sent).protected
    assert any(one.message.notify(NotifyType.INVALID_SYNTAX) for one in peer.inbox)


def test_liveness_checks_of_the_device_are_answered_while_its_deletion_is_held() -> None:
    peer, _, engine = on_a_path()
    sa = peer.establish()
    sa.hold(ExchangeType.INFORMATIONAL)
    assert engine.endpoint is not None
    theirs = engine.endpoint.established()[0]
    theirs.start_liveness()
    theirs.start_child_delete(theirs.children[0])
    found = sa.expect_request(ExchangeType.INFORMATIONAL)
    assert found.message.first(Delete) and not found.answered
    checks = [one for one in peer.inbox if not one.message.is_response and says_nothing(one.message)]
    assert checks and all(one.answered for one in checks)
    reply = sa.answer(found)
    assert reply.message.is_response and sa.last_sent is not None and not sa.last_sent.message.is_response
