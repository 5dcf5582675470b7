"""What extensions will need: an exchange before IKE_AUTH that changes the keys, and several rounds of IKE_AUTH."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from conformance.ike.core.events import ExchangeFailed, Refusal, Violation
from conformance.ike.core.keys import derive_ike_keys
from conformance.ike.core.receiving import Answer
from conformance.ike.core.sending import State
from conformance.ike.core.spine import Spine
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    VendorID,
    decode_header,
)
from peers.reference.device import PIXIT
from suites.connections import certificates, psk
from tests.ike.pair import Pair

MIDDLE = ExchangeType.IKE_INTERMEDIATE


class Between(Spine):
    """One exchange between IKE_SA_INIT and IKE_AUTH; what it says is signed, and goes into the keys."""

    between: bool = False
    signed: bytes = b""

    def init_notifies(self) -> list[Notify]:
        return [*super().init_notifies(), Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)]

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        self.between = message.notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED) is not None

    def after_init(self) -> None:
        if self.between:
            said = self.random(16)
            self.open_exchange(MIDDLE, lambda sa: [Nonce(said)], lambda sa, message: sa.done(said, message))
        else:
            super().after_init()

    def done(self, said: bytes, message: Message) -> None:
        self.change_keys(said + self.heard_in(message))
        super().after_init()

    def answers(self) -> dict[tuple[State, ExchangeType], Answer]:
        return {**super().answers(), (State.HALF_OPEN, MIDDLE): self.handle_middle}

    def handle_middle(self, message: Message) -> Sequence[Payload]:
        self.said = self.random(16)
        return [Nonce(self.said)]

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, payloads)
        if request.exchange == MIDDLE:
            self.change_keys(self.heard_in(request) + self.said)

    def heard_in(self, message: Message) -> bytes:
        nonce = message.first(Nonce)
        assert nonce is not None
        return nonce.data

    def change_keys(self, both: bytes) -> None:
        assert self.keys is not None
        self.signed = both
        seed = self.keys.suite.prf_function(self.keys.sk_d, both)
        self.keys = derive_ike_keys(self.keys.suite, seed, self.nonce_i + self.nonce_r, self.spi_i, self.spi_r)

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        return super().signed_octets(identity) + (sha256(self.signed).digest() if self.between else b"")


class MoreRounds(Spine):
    """Two more rounds before the initiator proves who it is, as with EAP; the responder does so in the first."""

    taken: int = 0
    proving: bool = False

    def own_proof(self) -> list[Payload]:
        return super().own_proof() if not self.initiator or self.proving else []

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        self.taken += 1
        if self.taken == 1:
            return [*self.introduction(), *self.own_proof(), VendorID(b"question 1")]
        return [VendorID(b"question 2")] if self.taken == 2 else None

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        if message.first(VendorID) is None:
            return super().next_round(message)
        self.taken += 1
        if self.taken == 1:
            identity = message.first(IDr)
            assert identity is not None
            self.check_peer(identity, message)
            return [VendorID(b"answer 1")]
        self.proving = True
        return self.own_proof()


class WithExchange(Between, IkeSa):
    """An exchange in between."""


class WithRounds(MoreRounds, IkeSa):
    """Several rounds."""


class WithBoth(MoreRounds, Between, IkeSa):
    """Both."""


def pair_of(cls: type[IkeSa], responder: type[IkeSa] | None = None, **named: object) -> Pair:
    pair = Pair(certificates("ecdsa", **named))
    pair.initiator.sa_class, pair.responder.sa_class = cls, responder or cls  # type: ignore[misc]
    return pair


def exchanges(pair: Pair) -> list[tuple[ExchangeType, int]]:
    found = [decode_header(one.payload) for one in pair.wire]
    return list(dict.fromkeys((one.exchange, one.message_id) for one in found))


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (WithExchange, [(MIDDLE, 1), (ExchangeType.IKE_AUTH, 2)]),
        (WithRounds, [(ExchangeType.IKE_AUTH, 1), (ExchangeType.IKE_AUTH, 2), (ExchangeType.IKE_AUTH, 3)]),
        (WithBoth, [(MIDDLE, 1), *((ExchangeType.IKE_AUTH, number) for number in (2, 3, 4))]),
    ],
)
def test_all_comes_in_its_order(cls: type[IkeSa], expected: list[tuple[ExchangeType, int]]) -> None:
    pair = pair_of(cls)
    ours, theirs = pair.establish()
    assert exchanges(pair) == [(ExchangeType.IKE_SA_INIT, 0), *expected]
    (one,), (other,) = ours.children, theirs.children
    assert one.keys == other.keys and (one.spi_in, one.spi_out) == (other.spi_out, other.spi_in)
    assert isinstance(ours.peer_identity, IDr) and isinstance(theirs.peer_identity, IDi)


def test_both_survive_a_rekey_of_the_ike_sa() -> None:
    pair = pair_of(WithBoth)
    ours, _ = pair.establish()
    ours.start_rekey()
    pair.initiator.collect(ours)
    pair.run()
    pair.sas()


def test_without_the_peer_it_goes_on_as_ever() -> None:
    pair = pair_of(WithExchange, IkeSa)
    pair.establish()
    assert exchanges(pair) == [(ExchangeType.IKE_SA_INIT, 0), (ExchangeType.IKE_AUTH, 1)]


def test_what_is_signed_must_be_the_same_for_both() -> None:
    class Liar(WithExchange):
        def signed_octets(self, identity: IDi | IDr) -> bytes:
            return super().signed_octets(identity) + b"!"

    pair = pair_of(Liar, WithExchange)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_a_wrong_proof_in_the_last_round_is_refused() -> None:
    class Liar(WithRounds):
        def own_proof(self) -> list[Payload]:
            return [replace(one, data=bytes(64)) if isinstance(one, AUTH) else one for one in super().own_proof()]

    pair = pair_of(Liar, WithRounds)
    sa = pair.initiator.initiate()
    pair.run()
    failures = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert failures[-1].notify == NotifyType.AUTHENTICATION_FAILED
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_a_wrong_proof_of_the_responder_ends_the_rounds() -> None:
    class Liar(WithRounds):
        def own_proof(self) -> list[Payload]:
            return [replace(one, data=bytes(64)) if isinstance(one, AUTH) else one for one in super().own_proof()]

    pair = pair_of(WithRounds, Liar)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and exchanges(pair)[-1] == (ExchangeType.IKE_AUTH, 1)


def test_a_refusal_in_between_ends_the_ike_sa() -> None:
    class Refuses(WithRounds):
        def answer_round(self, message: Message) -> Sequence[Payload] | None:
            if self.taken:
                raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no")
            return super().answer_round(message)

    pair = pair_of(WithRounds, Refuses)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_a_violation_in_between_ends_the_ike_sa() -> None:
    class Objects(WithRounds):
        def next_round(self, message: Message) -> Sequence[Payload] | None:
            raise Violation("no")

    pair = pair_of(Objects, WithRounds)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED


def test_who_stops_half_way_does_not_stay() -> None:
    pair = pair_of(WithRounds)
    pair.initiator.initiate()
    pair.run(keep=lambda datagram: decode_header(datagram.payload).message_id < 3)
    (half_open,) = pair.responder.sas.values()
    assert half_open.state == State.HALF_OPEN
    pair.responder.tick(pair.now + half_open.half_open_timeout)
    assert not pair.responder.sas


def test_nobody_is_authenticated_before_the_last_round() -> None:
    pair = pair_of(WithRounds)
    pair.initiator.initiate()
    pair.run(keep=lambda datagram: decode_header(datagram.payload).message_id < 3)
    for end in (pair.initiator, pair.responder):
        (sa,) = end.sas.values()
        assert sa.state == State.HALF_OPEN and sa.peer_identity is None and not sa.children


def test_shared_keys_and_fragments_go_through_all_of_it() -> None:
    for setup in (psk(), certificates("rsa", fragment_size=576)):
        pair = Pair(setup)
        pair.initiator.sa_class = pair.responder.sa_class = WithBoth  # type: ignore[misc]
        pair.establish()
    assert setup(PIXIT).fragment_size == 576
