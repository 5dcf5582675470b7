"""Whatever a hostile peer sends, an endpoint neither raises nor loses its SAs."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import ExchangeType, Message, Notify, NotifyType, Payload, UnknownPayload
from tests.ike.pair import Pair
from tests.wire import strategies


@given(st.binary(max_size=600), st.sampled_from([500, 4500]))
def test_any_octets(data: bytes, port: int) -> None:
    pair = Pair()
    pair.establish()
    sample = pair.wire[-1]
    pair.responder.receive(Datagram(sample.source, sample.destination._replace(port=port), data), pair.now)
    assert len(pair.responder.established()) == 1


@given(st.integers(0, 3), st.integers(0, 500), st.integers(0, 255))
def test_recorded_messages_with_one_octet_changed(number: int, at: int, value: int) -> None:
    pair = Pair()
    pair.establish()
    recorded = pair.wire[number]
    raw = bytearray(recorded.payload)
    raw[at % len(raw)] = value
    end = pair.responder if number % 2 == 0 else pair.initiator
    end.receive(Datagram(recorded.source, recorded.destination, bytes(raw)), pair.now)
    assert pair.sas()


def test_an_ike_sa_init_response_turned_into_a_request_ends_nothing() -> None:
    pair = Pair()
    pair.establish()
    recorded = pair.wire[1]
    raw = bytearray(recorded.payload)
    raw[19] = 0
    pair.initiator.receive(Datagram(recorded.source, recorded.destination, bytes(raw)), pair.now)
    assert pair.sas()


@settings(max_examples=200)
@given(
    st.sampled_from(
        [ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL, ExchangeType.IKE_AUTH, ExchangeType(77)]
    ),
    st.lists(strategies.inner_payloads, max_size=5),
)
def test_authentic_requests_with_any_payloads(exchange: ExchangeType, payloads: list[object]) -> None:
    pair = Pair()
    ours, _ = pair.establish()
    ours.open_exchange(exchange, lambda sa: payloads, ours.ignore)  # type: ignore[arg-type,return-value]
    pair.initiator.collect(ours)
    pair.run()
    answered = ours.pending is None
    assert answered or not payloads or exchange == ExchangeType.IKE_AUTH or ours.state == State.ESTABLISHED


class Talkative(IkeSa):
    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        extra = UnknownPayload(211, b"anything"), Notify(NotifyType(40999), b"private")
        super().respond(request, [*payloads, *extra])


def test_unknown_payloads_in_responses_are_passed_over() -> None:
    pair = Pair()
    pair.responder.sa_class = Talkative  # type: ignore[misc]
    pair.establish()
