"""The scripted peer against the reference device, and against devices that misbehave towards it."""

from collections.abc import Iterator
from random import Random

import pytest

from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.net.memory import MemoryLink
from conformance.script import bend
from conformance.script.message import rekeys_child
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    AUTH,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SA,
    SK,
    ExchangeType,
    Message,
    Nonce,
    Notify,
    NotifyType,
    PayloadType,
    UnknownPayload,
    encode_message,
)
from peers.reference.device import PIXIT
from peers.reference.engine import ReferenceEngine
from peers.reference.variants.pace import ALittleSlow
from suites.connections import psk
from suites.create_child_sa.answers import kept
from suites.invariants.watch import Watch

START = 1_790_000_000.0


def conversation(endpoint: type[Endpoint] = Endpoint, **changes: object) -> tuple[Peer, ReferenceEngine]:
    ours = psk(**changes)(PIXIT)  # type: ignore[arg-type]
    engine = ReferenceEngine(endpoint, 1, START)
    engine.apply(ours.mirrored())
    return Peer(MemoryLink(engine, START), ours, Random(7).randbytes), engine


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield conversation()[0]


def test_waiting_costs_no_real_time(peer: Peer) -> None:
    with pytest.raises(Unexpected, match=r"an IKE_SA_INIT request from the device within 3600 s"):
        peer.expect_init(timeout=3600)
    assert peer.link.now() >= START + 3600


def test_each_place_can_be_bent(peer: Peer) -> None:
    sa = peer.establish()
    assert sa.informational(UnknownPayload(99, b"", critical=True)).notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)
    with sa.silence():
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.flip_icv())
    with sa.silence():
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.header(message_id=77))
    with sa.silence():
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.truncate(1))
    with sa.silence():
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.datagrams(lambda found: [], "lost"))
    garbage = bend.plaintext(lambda data: b"\x00\x00\x00\x03", "a payload of length 3")
    answer = sa.informational(Notify(NotifyType(16999)), bend=garbage)
    assert answer.notify(NotifyType.INVALID_SYNTAX)


def test_the_trace_says_what_was_bent(peer: Peer) -> None:
    sa = peer.sa()
    with pytest.raises(Unexpected, match="SA in the message"):
        peer.expect(sa.init(bend.drop(KE) | bend.header(version=0x21), follow=False), SA)
    entry = next(one for one in peer.trace.entries if one.sent)
    assert entry.bent == "without KE; header with version=33"
    assert entry.message is not None and entry.message.first(KE) is None
    assert "bent: without KE" in peer.trace.transcript()
    json = peer.trace.to_json("192.0.2.1", "192.0.2.2")["entries"]
    assert json[0]["exchange"] == "IKE_SA_INIT" and json[0]["bent"] and json[0]["sent"]


def test_a_device_that_answers_is_not_silent(peer: Peer) -> None:
    sa = peer.establish()
    with pytest.raises(Unexpected, match="expected no answer, got INFORMATIONAL response"), sa.silence():
        sa.send(ExchangeType.INFORMATIONAL)
        sa.next_id += 1


def test_a_device_that_died_is_not_silent_either(peer: Peer) -> None:
    sa = peer.establish()
    engine = peer.link.engine  # type: ignore[attr-defined]
    with pytest.raises(Unexpected, match="silence, then the usual answer"), sa.silence():
        engine.clear()


def test_a_failed_preamble_is_inconclusive() -> None:
    peer, engine = conversation()
    engine.clear()
    with pytest.raises(Inconclusive, match="IKE_SA_INIT and IKE_AUTH did not work"):
        peer.establish()


def test_requests_of_the_device_are_answered_or_held() -> None:
    peer, engine = conversation()
    sa = peer.establish()
    peer.ordered.append(rekeys_child)
    engine.rekey_child("net")
    sa.liveness()
    peer.idle(1)
    assert len(sa.children) == 1 and sa.child.initiator is False
    peer.forget()
    engine.rekey_child("net")
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    assert not request.answered and sa.expected_id == request.message.message_id
    peer.idle(1.5)
    assert request.copies == 3  # repeated after 0.5 s and after 0.75 s more
    sa.answer(request, Notify(NotifyType.TEMPORARY_FAILURE))
    assert request.answered
    with pytest.raises(ValueError, match="answered already"):
        sa.answer(request)


def test_accepting_an_ike_sa_of_the_device() -> None:
    peer, engine = conversation()
    engine.initiate()
    sa = peer.accept()
    assert sa.child.spi_out == engine.list_sas()[0].children[0].spi_in
    engine.initiate()
    request = peer.expect_init()
    peer.refuse_init(request, Notify(NotifyType.NO_PROPOSAL_CHOSEN))
    peer.idle(peer.connection.patience())
    assert len(engine.list_sas()) == 1


def test_a_rekeyed_ike_sa_goes_on(peer: Peer) -> None:
    sa = peer.establish()
    child = sa.child
    sa.rekey()
    new = sa.rekeyed
    new.must_be_up()
    assert new.child is child
    new.delete()


def test_rekeying_without_deleting(peer: Peer) -> None:
    sa = peer.establish()
    sa.tidy = False
    sa.rekey_child()
    assert len(sa.children) == 2
    sa.rekey()
    sa.must_be_up()


class Babbling(Endpoint):
    """Sends garbage beside everything."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        junk = [b"", b"\x00" * 27, bytes(28), b"\xff" * 600, datagram.payload[::-1], datagram.payload]
        self.outbox += [Datagram(datagram.destination, datagram.source, one) for one in junk]


class Forging(IkeSa):
    """Proves itself with a wrong secret."""

    def shared_key_mic(self, secret: bytes, octets: bytes) -> bytes:
        return super().shared_key_mic(secret + b"!", octets)


def endpoint_of(sa: type[IkeSa]) -> type[Endpoint]:
    return type("Special", (Endpoint,), {"sa_class": sa})


def test_garbage_beside_the_answers_disturbs_nothing() -> None:
    peer, _ = conversation(Babbling)
    sa = peer.establish()
    sa.must_be_up()
    peer.trace.transcript()
    peer.trace.to_json("a", "b")


class Lingering(Endpoint):
    """Says something on an IKE SA of a conversation that nobody remembers, beside everything."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        stray = Message(
            b"before-i", b"before-r", ExchangeType.INFORMATIONAL, 0, 0, (SK(PayloadType.NO_NEXT_PAYLOAD, bytes(40)),)
        )
        self.outbox.append(Datagram(datagram.destination, datagram.source, encode_message(stray)))


def test_what_is_left_of_another_conversation_is_not_what_came_instead() -> None:
    peer, _ = conversation(Lingering)
    sa = peer.establish()
    stray = [one for one in peer.trace.entries if one.message is not None and one.message.spi_i == b"before-i"]
    assert stray and all(one.problem for one in stray)
    with pytest.raises(Unexpected) as none:
        sa.expect_request(ExchangeType.INFORMATIONAL)
    assert none.value.got == "nothing"


class Late(Endpoint):
    """Answers something that a conversation before this one has asked, as soon as it hears anything."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        kind = Notify(NotifyType.INVALID_SYNTAX)
        late = Message(b"before-i", b"before-r", ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, (kind,))
        self.outbox.append(Datagram(datagram.destination, datagram.source, encode_message(late)))


@pytest.mark.parametrize("known", [True, False])
def test_an_answer_to_the_conversation_before_is_none_to_this_one(*, known: bool) -> None:
    peer, _ = conversation(Late)
    peer.earlier = frozenset({b"before-i"} if known else ())
    sa = peer.establish()
    late = [one for one in peer.inbox if one.message.spi_i == b"before-i"]
    assert bool(late) != known
    broken = [one.name for one in Watch(peer).look(peer.trace.entries)]
    assert ("response" in broken) != known
    assert not peer.is_late(Message(sa.spi_i, sa.spi_r, ExchangeType.IKE_SA_INIT, FLAG_RESPONSE, 0, ()))


def test_what_is_sent_here_is_answered_here_though_the_conversation_before_had_the_same_spis() -> None:
    peer, _ = conversation(Late)
    peer.earlier = frozenset({b"before-i"})
    peer.send_message(Message(b"before-i", bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, ()))
    peer.wait(lambda one: one.message.spi_i == b"before-i", "an answer")


@pytest.mark.parametrize(("took", "longest"), [([], 0.003), ([0.0001], 0.003), ([0.5, 0.01, 0.02], 0.03), ([1.0], 0.2)])
def test_a_pause_is_as_long_as_a_few_answers_but_not_for_ever(took: list[float], longest: float) -> None:
    peer, _ = conversation(Endpoint)
    peer.answered_in.extend(took)
    before = peer.link.now()
    peer.pause()
    assert peer.link.now() - before == pytest.approx(longest, abs=1e-4)


def test_how_long_answers_take_is_measured() -> None:
    ours = psk()(PIXIT)
    engine = ALittleSlow(Endpoint, 1, START)
    engine.apply(ours.mirrored())
    peer = Peer(MemoryLink(engine, START), ours, Random(7).randbytes)
    peer.establish().liveness()
    assert list(peer.answered_in) == pytest.approx([0.02] * 3, abs=0.002)


def test_a_request_is_not_repeated_at_once_though_nobody_has_looked_for_long() -> None:
    ours = psk()(PIXIT)
    engine = ALittleSlow(Endpoint, 1, START)
    engine.apply(ours.mirrored())
    peer = Peer(MemoryLink(engine, START), ours, Random(7).randbytes)
    sa = peer.establish()
    peer.link.receive(peer.link.now() + 60)  # somebody else has the link
    sa.response(sent := sa.begin(sa.start_liveness))
    assert peer.times(sent) == 1


class AtWork(IkeSa):
    """Hears no request as long as it does something else."""

    busy = False

    def deliver(self, message: Message) -> None:
        if not self.busy:
            super().deliver(message)


@pytest.mark.parametrize(
    ("seconds", "times", "answered"), [(1.0, 1, True), (1.0, 2, True), (1.0, 3, False), (0.0, 1, False)]
)
def test_a_device_that_was_at_work_is_asked_again_twice_at_most(
    seconds: float, times: int, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, _ = conversation(endpoint_of(AtWork))
    sa = peer.establish()
    looks = iter(range(1, 9))

    def glance() -> None:
        peer.idle(seconds)
        monkeypatch.setattr(AtWork, "busy", next(looks) < times)

    monkeypatch.setattr(AtWork, "busy", True)
    peer.glance = glance
    if answered:
        sa.must_be_up()
    else:
        with pytest.raises(Unexpected):
            sa.must_be_up()


@pytest.mark.parametrize("early", [True, False])
def test_a_device_that_answers_while_it_is_asked_was_at_work(early: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    peer, _ = conversation(endpoint_of(AtWork))
    sa = peer.establish()

    def glance() -> None:
        monkeypatch.setattr(AtWork, "busy", False)
        if early:
            sa.resend()
        peer.idle(peer.response_timeout / 50)
        if not early:
            sa.resend()

    monkeypatch.setattr(AtWork, "busy", True)
    peer.glance = glance
    sa.must_be_up()


def test_a_device_at_work_has_not_forgotten_an_ike_sa(monkeypatch: pytest.MonkeyPatch) -> None:
    peer, _ = conversation(endpoint_of(AtWork))
    sa = peer.establish()
    monkeypatch.setattr(AtWork, "busy", True)
    with pytest.raises(Unexpected, match="kept"):
        kept(peer, sa)
    monkeypatch.setattr(AtWork, "busy", False)
    sa = peer.establish()
    looks = iter((False,))

    def glance() -> None:
        peer.idle(1.0)
        monkeypatch.setattr(AtWork, "busy", next(looks))

    monkeypatch.setattr(AtWork, "busy", True)
    peer.glance = glance
    kept(peer, sa)


def test_our_side_does_not_give_up_a_device_that_stays_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    peer, _ = conversation(endpoint_of(AtWork))
    sa = peer.establish()
    monkeypatch.setattr(AtWork, "busy", True)
    peer.glance = lambda: peer.idle(1.0)
    with pytest.raises(Unexpected):
        sa.must_be_up()
    assert sa.state == State.ESTABLISHED and not sa.closed_for


def test_what_comes_again_after_its_answer_is_no_new_request() -> None:
    peer, engine = conversation()
    engine.initiate(None)
    sa = peer.accept()
    engine.rekey_child("net")
    peer.ordered.append(rekeys_child)
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA)
    sa.answer(request, bend=bend.datagrams(lambda found: [], "lost"))
    with pytest.raises(Unexpected):
        sa.expect_request(ExchangeType.CREATE_CHILD_SA)


def test_a_forged_proof_is_noticed() -> None:
    peer, _ = conversation(endpoint_of(Forging))
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    assert answer.notify(NotifyType.AUTHENTICATION_FAILED) or answer.first(AUTH)
    with pytest.raises(Unexpected, match="IKE_AUTH succeeds"):
        sa.must_be_established()


def test_bends_add_up() -> None:
    both = bend.double(Nonce) | bend.order(lambda found: list(reversed(found)), "reversed")
    message = Message(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 8, 0, (Nonce(b"a" * 16), KE(31, b"b")))  # type: ignore[arg-type]
    assert [type(one) for one in both.payloads(message).payloads] == [KE, Nonce, Nonce]
    assert both.text == "Nonce twice; reversed"
    assert bend.only(2, 1).datagrams([b"1", b"2", b"3"]) == [b"2", b"1"]
    assert bend.change(KE, length=3).payloads(message).payloads[1].length == 3


def test_the_same_seed_gives_the_same_conversation() -> None:
    def run() -> list[bytes]:
        peer, _ = conversation()
        peer.establish().rekey()
        return [one.datagram.payload for one in peer.trace.entries if one.datagram]

    assert run() == run()
