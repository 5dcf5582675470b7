"""What follows from errors: in IKE_SA_INIT, in IKE_AUTH, right after it, and in responses that cannot be taken."""

import pytest

from conformance.ike.core.child import ChildOffer
from conformance.ike.core.events import Closed, ExchangeFailed, Refusal
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    SA,
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TSi,
    UnknownPayload,
    encode_message,
)
from suites.connections import psk
from tests.ike.pair import Pair


def informational(pair: Pair, sa: IkeSa, *payloads: Payload) -> None:
    sa.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: payloads, sa.ignore)
    (pair.initiator if sa.initiator else pair.responder).collect(sa)
    pair.run()


# --- IKE_SA_INIT: nobody vouches for what it says (RFC 7296, section 2.21.1) ------------------------------------------


def forged(request: Datagram, sa: IkeSa, *payloads: Payload) -> Datagram:
    answer = Message(sa.spi_i, b"forgedby", ExchangeType.IKE_SA_INIT, 0x20, 0, payloads)
    return Datagram(request.destination, request.source, encode_message(answer))


@pytest.mark.parametrize(
    "payloads",
    [
        [Notify(NotifyType.NO_PROPOSAL_CHOSEN)],
        [Notify(NotifyType.INVALID_SYNTAX)],
        [Notify(NotifyType.COOKIE, bytes(65))],
        [Notify(NotifyType.INVALID_KE_PAYLOAD, b"\x00\x63")],
        [SA(())],
        [UnknownPayload(200, b"", critical=True)],
    ],
)
def test_a_forged_response_to_ike_sa_init_does_no_harm(payloads: list[Payload]) -> None:
    pair = Pair()
    sa = pair.initiator.initiate()
    (request,) = pair.initiator.drain()
    pair.initiator.receive(forged(request, sa, *payloads), pair.now)
    pair.responder.receive(request, pair.now)
    pair.run()
    ours, _ = pair.sas()
    assert ours is sa and ours.children


def test_a_refused_ike_sa_init_ends_when_no_better_response_has_come() -> None:
    pair = Pair()
    sa = pair.initiator.initiate()
    (request,) = pair.initiator.drain()
    pair.initiator.receive(forged(request, sa, Notify(NotifyType.NO_PROPOSAL_CHOSEN)), pair.now)
    begin = pair.now
    while sa.state != State.CLOSED:
        timer = pair.initiator.next_timer()
        assert timer is not None
        pair.initiator.tick(timer)
    assert sa.now == pytest.approx(begin + sa.connection.patience())
    (failure,) = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failure.notify == NotifyType.NO_PROPOSAL_CHOSEN


# --- IKE_AUTH and the INFORMATIONAL exchange after it (section 2.21.2) ------------------------------------------------


@pytest.mark.parametrize(
    "kind", [NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD]
)
def test_an_initiator_that_refuses_the_ike_auth_response_ends_the_ike_sa(kind: NotifyType) -> None:
    pair = Pair()
    ours, _ = pair.establish()
    informational(pair, ours, Notify(kind))
    assert ours.pending is None and not pair.responder.sas


def test_the_same_notify_at_any_other_time_changes_nothing() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    informational(pair, ours)
    informational(pair, ours, Notify(NotifyType.AUTHENTICATION_FAILED))
    informational(pair, theirs, Notify(NotifyType.AUTHENTICATION_FAILED))
    assert pair.sas() == (ours, theirs)


def test_another_notify_after_ike_auth_changes_nothing() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    informational(pair, ours, Notify(NotifyType.INVALID_SPI), Notify(NotifyType.TS_UNACCEPTABLE))
    assert pair.sas() == (ours, theirs)


class WithCritical(IkeSa):
    def auth_request(self) -> list[Payload]:
        return [*super().auth_request(), UnknownPayload(200, b"", critical=True)]


def test_an_ike_auth_request_with_an_unknown_critical_payload_makes_no_ike_sa() -> None:
    pair = Pair()
    pair.initiator.sa_class = WithCritical  # type: ignore[misc]
    sa = pair.initiator.initiate()
    pair.run()
    assert not pair.responder.sas and sa.state == State.CLOSED
    (failure,) = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failure.notify == NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD


def test_half_open_ike_sas_do_not_stay() -> None:
    pair = Pair()
    pair.initiator.initiate()
    (request,) = pair.initiator.drain()
    pair.responder.receive(request, pair.now)
    (half_open,) = pair.responder.sas.values()
    pair.responder.tick(pair.now + half_open.half_open_timeout - 0.1)
    assert pair.responder.half_open() == 1
    pair.responder.tick(pair.now + half_open.half_open_timeout)
    assert not pair.responder.sas and isinstance(pair.responder.events[-1], Closed)


# --- responses that cannot be taken (section 2.21) --------------------------------------------------------------------


class Widens(IkeSa):
    """Answers with a selector that nobody asked for."""

    def first_child_response(self, message: Message) -> list[Payload]:
        return [TSi(()) if isinstance(one, TSi) else one for one in super().first_child_response(message)]

    def handle_child(self, message: Message) -> list[Payload]:
        return [TSi(()) if isinstance(one, TSi) else one for one in super().handle_child(message)]


def test_a_child_sa_without_selectors_is_not_installed_and_deleted_at_the_peer() -> None:
    pair = Pair()
    pair.responder.sa_class = Widens  # type: ignore[misc]
    ours, theirs = pair.establish()
    assert not ours.children and not theirs.children
    (failure,) = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert "to nothing" in failure.reason


def test_the_same_in_create_child_sa() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    theirs.__class__ = Widens
    (child,) = ours.children
    ours.start_child("net")
    pair.initiator.collect(ours)
    pair.run()
    assert ours.children == [child] and len(theirs.children) == 1


class Deletes(IkeSa):
    """Remembers what the peer deletes."""

    seen: tuple[Delete, ...] = ()

    def handle_informational(self, message: Message) -> list[Payload]:
        Deletes.seen = tuple(message.all(Delete))
        return list(super().handle_informational(message))


def test_the_delete_names_the_spi_of_the_offer() -> None:
    offers: list[ChildOffer] = []

    class Watched(IkeSa):
        def disown(self, offer: ChildOffer, problem: Exception) -> None:
            offers.append(offer)
            super().disown(offer, problem)  # type: ignore[arg-type]

    pair = Pair()
    pair.initiator.sa_class = Watched  # type: ignore[misc]
    pair.responder.sa_class = type("Both", (Widens, Deletes), {})  # type: ignore[misc]
    pair.establish()
    assert Deletes.seen == (Delete(ProtocolID.ESP, (offers[0].spi,)),)


# --- two groups in turn (section 2.4: no endless repetition) ----------------------------------------------------------


class NeverContent(IkeSa):
    """Asks for another group each time."""

    asked: int = 0

    def handle_child(self, message: Message) -> list[Payload]:
        NeverContent.asked += 1
        assert NeverContent.asked < 10
        group = (KeMethod.CURVE25519, KeMethod.ECP_256)[NeverContent.asked % 2]
        raise Refusal(NotifyType.INVALID_KE_PAYLOAD, "another", int(group).to_bytes(2, "big"))

    def handle_rekey(self, message: Message) -> list[Payload]:
        return self.handle_child(message)


@pytest.mark.parametrize("start", ["start_child_rekey", "start_rekey"])
def test_no_group_is_tried_twice(start: str) -> None:
    NeverContent.asked = 0
    proposals = ("aes128gcm16-prfsha256-x25519-ecp256-ecp384",)
    pair = Pair(psk(proposals=proposals, esp=("aes128gcm16-x25519-ecp256-ecp384",)))
    ours, theirs = pair.establish()
    theirs.__class__ = NeverContent
    NeverContent.asked = 0
    getattr(ours, start)(*([ours.children[0]] if start == "start_child_rekey" else []))
    pair.initiator.collect(ours)
    pair.run()
    assert NeverContent.asked == 2 and ours.state == State.ESTABLISHED and ours.pending is None
